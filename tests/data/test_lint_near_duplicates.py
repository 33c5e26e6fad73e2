"""Near-duplicate prompts: against all pairs, and what is kept of them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aligntui.data.lint import LintRecord
from aligntui.data.lint.normal import jaccard, normal, shingles, words
from aligntui.data.lint.rules.near_duplicates import LEAST_RECALL, bands_and_rows
from tests.data.lint_builders import Maker, found, record, run

RULE = "near-duplicate-prompts"


def similarity(one: str, other: str) -> float:
    return jaccard(*(set(shingles(words(normal(text)), 3)) for text in (one, other)))


def changed(text: str, maker: Maker, times: int) -> str:
    parts = text.split()
    for _ in range(times):
        parts[maker.random.randrange(len(parts))] = maker.word()
    return " ".join(parts)


def test_hardly_any_pair_is_missed_and_none_is_wrong() -> None:
    maker = Maker(1)
    originals = [maker.text(12, 60) for _ in range(1500)]
    copies = [changed(text, maker, maker.random.choice((1, 1, 2, 3))) for text in originals]
    near = {f"c{i}" for i, pair in enumerate(zip(originals, copies, strict=True)) if similarity(*pair) >= 0.7}
    records = [record(f"o{i}", prompt=text) for i, text in enumerate(originals)]
    records += [record(f"c{i}", prompt=text) for i, text in enumerate(copies)]
    findings = found(records, RULE)
    assert all(set(finding.pair_ids) == {f"o{finding.pair_ids[0][1:]}", finding.affected[0]} for finding in findings)
    named = {one for finding in findings for one in finding.affected}
    assert 800 < len(near) < 1400
    assert named <= near
    assert len(named) >= LEAST_RECALL * len(near)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_what_is_left_out_is_near_to_what_is_kept(seed: int, count: int) -> None:
    maker = Maker(seed)
    texts = [maker.text(25, 30)]
    for _ in range(count):
        texts.append(changed(texts[-1], maker, 1))
    records = [record(f"p{i}", prompt=text) for i, text in enumerate(texts)]
    findings = found(records, RULE)
    by_id = dict(zip((one.id for one in records), texts, strict=True))
    for finding in findings:
        assert all(similarity(by_id[finding.pair_ids[0]], by_id[one]) >= 0.7 for one in finding.affected)


def test_a_long_series_is_one_finding() -> None:
    maker = Maker(3)
    stem = maker.text(40, 40)
    findings = found([record(f"p{i}", prompt=f"{stem} {maker.word()}") for i in range(300)], RULE)
    assert [len(finding.pair_ids) for finding in findings] == [300]
    assert findings[0].pair_ids[0] == "p0"


def test_a_crowd_is_said_not_to_be_compared_in_full() -> None:
    maker = Maker(4)
    stem = maker.text(25, 25)
    records = [record(f"p{i}", prompt=f"{stem} {maker.text(10, 10)}") for i in range(60)]
    report = run(records, RULE, duplicates={"compare_at_most": 5})
    assert report.findings == ()
    (note,) = report.coverage[RULE].notes
    assert "more than 5 others" in note
    assert not run(records, RULE).coverage[RULE].notes


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (
            "Explain to a ten-year-old why the sea is salty, and name two lakes that are salty too, please.",
            "Explain to a ten-year-old why the sea is salty, and name two lakes that are salty too, thanks.",
            True,
        ),
        ("Name a river in Spain.", "Name a river in France.", False),
        (
            "请用简单的话解释为什么海水是咸的并举两个咸水湖的例子给小学生听",
            "请用简单的话解释为什么海水是咸的并举三个咸水湖的例子给小学生听",
            True,
        ),
        ("Is it?", "IS IT", True),
        ("Is it?", "is  IT?", False),
    ],
)
def test_examples(one: str, other: str, near: bool) -> None:
    assert bool(found([record("a", prompt=one), record("b", prompt=other)], RULE)) is near


def test_two_turns_of_one_conversation_are_no_copies() -> None:
    asked = "Tell me more about the harbour and the old fish market behind the church, with dates."
    first = (("user", asked),)
    second = (*first, ("assistant", "It dates from 1820."), ("user", f"{asked} Really?"))
    assert not found([record("a", prompt=first), record("b", prompt=second)], RULE)
    again = (*first, ("assistant", "It dates from 1820."), ("user", f"{asked} Truly?"))
    assert found([record("a", prompt=second), record("b", prompt=again)], RULE)


def under(name: str, prompt: str, instruction: str) -> LintRecord:
    return record(name, prompt=prompt, instruction=instruction)


def test_prompts_are_held_against_each_other_within_one_instruction() -> None:
    one = "Describe the harbour of a small town on a grey morning in late November for a travel magazine."
    other, third = one.replace("grey", "bright"), one.replace("small", "quiet")
    assert not found([under("a", one, "Be brief."), under("b", other, "Be warm.")], RULE)
    records = [under("a", one, "Be brief."), under("b", other, "Be warm."), under("c", third, "Be warm.")]
    records += [under("d", other, "Be brief."), under("e", one, "be  BRIEF.")]
    findings = found(records, RULE, duplicates={"near": 0.4})
    assert [(finding.pair_ids, finding.affected) for finding in findings] == [
        (("a", "e", "d"), ("d",)),
        (("b", "c"), ("c",)),
    ]


@given(st.floats(0.2, 1.0), st.integers(16, 512))
def test_bands_find_what_lies_at_the_threshold(near: float, permutations: int) -> None:
    bands, rows = bands_and_rows(near, permutations)
    assert rows * bands <= permutations < rows * (bands + 1)
    assert 1 - (1 - near**rows) ** bands >= LEAST_RECALL or rows == 1
    assume(rows < permutations)
    assert 1 - (1 - near ** (rows + 1)) ** (permutations // (rows + 1)) < LEAST_RECALL


def test_the_bands_of_the_defaults() -> None:
    assert bands_and_rows(0.7, 128) == (25, 5)
