"""Degenerate repetition: planted loops count, honest lists, poems, tables and code do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.config.paths import bundled
from aligntui.score.answers.repetition import (
    COMPRESSION,
    Repetition,
    Sign,
    compare_repetition,
    repetition,
    summarise,
)

OPENING = "Bees keep warm in winter by huddling, and they take turns on the cold outer side of the ball."
BLOCK = "I am here to help you"  # 6 words
PARAGRAPH = (
    "the garden in the morning is quiet and the gate is wet with dew so the keeper walks slowly along the wall "
    "and counts the pots that the wind has turned over in the night"
)  # 34 words


def said(times: int, block: str = BLOCK, end: str = ". ") -> str:
    return f"{OPENING} " + (block + end) * times


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        (said(4), Sign.LOOP),
        (said(6) + "I am here", Sign.LOOP),
        (said(8).upper(), Sign.LOOP),
        ("no " * 24, Sign.LOOP),
        (OPENING + " never, never; " * 12, Sign.LOOP),
        ("\n".join([OPENING, PARAGRAPH, PARAGRAPH, PARAGRAPH]), Sign.LOOP),
        (f"{OPENING} " + "0 " * 120, Sign.LOOP),
        ("我会帮助你。" * 6, Sign.LOOP),
        ("はい、わかりました。" * 4, Sign.LOOP),
        ("หมาแมว" * 6, Sign.LOOP),
        (OPENING + "!" * 200, Sign.LOOP),
        (OPENING + " ha" + "ha" * 120, Sign.LOOP),
        (OPENING + " 🙂" * 220, Sign.LOOP),
        ("Tips:\n" + "\n".join(f"{i}. Drink enough water" for i in range(1, 5)) + "\nSleep well.", Sign.LINES),
        ("Be kind to him.\nHello.\n" * 5 + "Goodbye for now, said the fox to the hen in the barn.", Sign.LINES),
        (f"{PARAGRAPH}. " * 12 + "Then at last something else happened and the day began anew.", Sign.COMPRESSION),
    ],
)
def test_a_planted_loop_is_found(text: str, sign: Sign) -> None:
    assert sign in repetition(text).signs


REFRAIN = """The tide goes out, the tide comes in,
the ropes are old, the sails are thin,
and home is where the lamps begin.
    Pull, boys, pull for the shore.

The cook has burnt the soup again,
the cat has counted up to ten,
and no one saw the moon since when.
    Pull, boys, pull for the shore.

The mast has learnt a robin's song,
the night is short, the road is long,
we sang it right, we sang it wrong.
    Pull, boys, pull for the shore.
    Pull, boys, pull for the shore."""

GIFTS = ["a pear in a paper bag", "two grey gloves", "three wooden spoons", "four brass bells", "five fresh loaves"]
GIFTS += ["six cups of tea", "seven silver pins", "eight long letters", "nine kites on strings", "ten singing frogs"]
CUMULATIVE = "\n\n".join(
    f"On day number {n + 1} my neighbour brought to me:\n" + "\n".join(reversed(GIFTS[: n + 1]))
    for n in range(len(GIFTS))
)

CODE = '''```python
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def subtract(a: int, b: int) -> int:
    """Subtract two numbers."""
    return a - b


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b

grid = [
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
]
```'''

TABLE = "| day | open | close |\n|---|---|---|\n" + "\n".join(
    f"| {day} | 9:00 | 17:00 |" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
)
TIMES_TABLE = "\n".join(f"{a} x {b} = {a * b}" for a in range(1, 11) for b in range(1, 11))
SHOPPING = "\n".join(f"- {thing}" for thing in ("rice", "oil", "salt", "rice flour", "tea", "rice vinegar", "soap"))
STEPS = "\n".join(
    f"{i}. Turn {side}, walk to the {place} and wait there."
    for i, (side, place) in enumerate(
        [("left", "well"), ("right", "oak"), ("left", "mill"), ("left", "gate"), ("right", "pond")], 1
    )
)
HTML = "<ul>\n" + "\n".join(f"  <li>{name}</li>" for name in ("one", "two", "three")) + "\n</ul>\n" + "</div>\n" * 12
ANAPHORA = " ".join(
    f"I remember the {what}." for what in ["rain", "boats", "bread", "lamps", "snow", "stairs", "coins", "shoes"]
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "Yes.",
        "No, no, no, no, no!",
        "ha " * 23,
        OPENING,
        said(3),
        said(3, "and the quiet little boat came home again at night"),
        "0 " * 119,
        said(9) + " And then he stopped and told me about the price of eggs in town this week.",
        f"{PARAGRAPH}. {PARAGRAPH}.",
        REFRAIN,
        CUMULATIVE,
        CODE,
        TABLE,
        TIMES_TABLE,
        SHOPPING,
        STEPS,
        HTML,
        ANAPHORA,
        "=" * 80 + f"\n{OPENING}\n" + "=" * 80,
        "Count with me: " + " ".join(map(str, range(1, 201))),
        "[" + ", ".join(["0"] * 100) + "]",
        "木木木林，森森。山高水长，云淡风轻。",
        "row row row your boat " * 4,
    ],
)
def test_honest_repetition_does_not_count(text: str) -> None:
    assert repetition(text).signs == ()


def test_no_answer_written_for_the_bundled_data_counts() -> None:
    files = [bundled("datasets", "four-laws", "train.jsonl"), *bundled("datasets", "opposed-demo").glob("part-*.jsonl")]
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    answers = [row["completion"] for row in rows if "completion" in row]
    answers += [text for row in rows for text in row.get("answers", {}).values()]
    assert len(answers) > 600
    assert [text for text in answers if repetition(text).is_degenerate] == []


def test_no_page_of_our_own_code_counts() -> None:
    pages = []
    for file in sorted(Path(__file__).parents[2].joinpath("aligntui").rglob("*.py")):
        lines = file.read_text("utf-8").splitlines()
        pages += ["\n".join(lines[start : start + 50]) for start in range(0, len(lines), 50)]
    assert len(pages) > 300
    assert [page for page in pages if repetition(page).is_degenerate] == []


def test_what_repeats_is_shown() -> None:
    found = repetition(said(4) + "I am here")
    assert found.loop.split() == ["i", "am", "here", "to", "help", "you"] and found.loop_repeats == 4.5
    lines = repetition("Tips:\n" + "\n".join(f"{i}. Drink enough water" for i in range(1, 5)) + "\nSleep.")
    assert (lines.line, lines.line_times) == ("drink enough water", 4)
    assert repetition(OPENING) == Repetition((), "", 0.0, "", 0, 0.0)
    assert repetition(PARAGRAPH * 12).compression > COMPRESSION


@pytest.mark.parametrize(("times", "counts"), [(3, False), (4, True)])
def test_lines_in_a_row_count_from_their_threshold(times: int, counts: bool) -> None:
    text = (
        f"{OPENING}\n" + "Keep the door shut\n" * times + f"{PARAGRAPH}\n{OPENING} Indeed.\nOne.\nTwo.\nThree.\nFour."
    )
    assert (Sign.LINES in repetition(text).signs) is counts


@pytest.mark.parametrize(("others", "counts"), [(10, True), (11, False)])
def test_scattered_lines_count_by_their_share(others: int, counts: bool) -> None:
    # one third of all lines is enough, a line less is not
    rest = [f"line number {n} says something of its own" for n in range(others)]
    lines = [line for n, line in enumerate(rest) for line in ([line, "Keep the door shut"] if n < 5 else [line])]
    assert (Sign.LINES in repetition("\n".join(lines)).signs) is counts


@pytest.mark.parametrize(("times", "counts"), [(4, False), (5, True)])
def test_scattered_lines_count_by_their_number(times: int, counts: bool) -> None:
    text = "\n".join(f"line number {n} has its own words\nKeep the door shut" for n in range(times))
    assert (Sign.LINES in repetition(text).signs) is counts


def test_a_run_counted_by_hand() -> None:
    summary = summarise({"a": said(5), "b": OPENING, "c": None, "d": "", "e": "Keep it shut\n" * 20})
    assert (summary.share.k, summary.share.n, summary.share.chance) == (2, 4, None)
    assert summary.degenerate == ("a", "e")
    assert dict(summary.signs) == {Sign.LOOP: 2, Sign.LINES: 1, Sign.COMPRESSION: 0}
    assert summary.coverage.as_dict() == {"used": 4, "total": 5, "left_out": {"no answer": 1}}
    json.dumps(summary.as_dict())


def test_two_runs_are_paired_by_id() -> None:
    base = {"a": said(5), "b": OPENING, "c": said(5), "only base": "x"}
    adapter = {"c": OPENING, "b": OPENING, "a": said(5), "only adapter": said(5)}
    result = compare_repetition(base, adapter)
    assert (result.both, result.only_first, result.only_second, result.neither) == (1, 1, 0, 1)
    assert result.coverage.left_out == (("first could not be checked", 1), ("second could not be checked", 1))


@given(st.text(max_size=300), st.text(max_size=30), st.integers(1, 40))
def test_any_text_is_judged_the_same_twice(text: str, block: str, times: int) -> None:
    found = repetition(text + block * times)
    assert found == repetition(text + block * times)
    assert found.is_degenerate is bool(found.signs)
    assert bool(found.loop) is (Sign.LOOP in found.signs) and bool(found.line) is (Sign.LINES in found.signs)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=6, max_size=12).map(" ".join), st.integers(4, 10))
def test_any_block_of_words_said_four_times_at_the_end_is_a_loop(block: str, times: int) -> None:
    assert Sign.LOOP in repetition(OPENING + (" " + block) * times).signs


@pytest.mark.parametrize(
    "text", ["a " * 100_000, "ab" * 100_000, "x\n" * 100_000, "的" * 100_000, "".join(f"w{i} " for i in range(40_000))]
)
def test_long_texts_come_to_an_end(text: str) -> None:
    assert isinstance(repetition(text), Repetition)


def test_lone_surrogates_do_no_harm() -> None:
    assert repetition("\ud800 word " * 300).is_degenerate
