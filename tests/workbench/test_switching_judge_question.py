"""What a judge is shown, and how its reply is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from string import ascii_uppercase

import pytest

from aligntui.core.errors import UserError
from aligntui.core.turn import Answer, Prompt
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.judge_question import (
    HEAD,
    MOST_CHARACTERS,
    MOST_OPTIONS,
    letter_cell,
    option_cells,
    option_logprobs,
    options_for,
    question,
    read_letter,
)
from tests.store.builders import make_answer

TYPES = ("concise", "vivid", "formal", "warm")
LIKE = {name: (f"It is {name}.", f"It stays {name}.") for name in TYPES}


def test_the_question_holds_the_answer_and_every_instruction_in_the_order_drawn() -> None:
    asked = question("  Bread rises.\n", LIKE)
    places = [asked.index(f"{letter}) {name}: It is {name}. It stays {name}.") for letter, name in zip("ABCD", options_for("  Bread rises.\n", TYPES), strict=True)]  # fmt: skip
    assert places == sorted(places) and "[Answer]\nBread rises.\n[End of the answer]" in asked
    assert "one of 4 instructions" in asked and "A, B, C or D." in asked


def test_the_order_is_drawn_from_the_answer_and_from_nothing_else() -> None:
    assert options_for("x", TYPES) == options_for("x", TYPES[::-1]), "the order of the types says nothing"
    first = Counter(options_for(f"answer {n}", TYPES)[0] for n in range(400))
    assert set(first) == set(TYPES) and all(70 <= count <= 130 for count in first.values()), first


def test_a_long_answer_is_cut_and_too_many_instructions_are_refused() -> None:
    assert len(question("x" * 50_000, LIKE)) < MOST_CHARACTERS + 1000
    many = {f"type-{n}": ("It is so.",) for n in range(MOST_OPTIONS + 1)}
    with pytest.raises(UserError, match="at most 26"):
        question("x", many)
    many.popitem()
    assert f"{ascii_uppercase[-1]}) " in question("x", many)


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("Answer: B", 1),
        ("Answer: (C)", 2),
        ("Answer: **A**", 0),
        ("Answer: D) warm", 3),
        ("Answer: E", None),
        ("Answer: a", None),
        ("Answer: Concise", None),
        ("Answer: A's", None),
        ("Answer: I cannot tell", None),
        ("Answer:", None),
        ("C", 2),
    ],
)
def test_a_reply_is_read_by_its_letter(reply: str, place: int | None) -> None:
    assert read_letter(reply, 4) == place


def test_every_option_is_a_reply_of_its_own_and_none_is_taken_for_another() -> None:
    cells = option_cells("grid|p|concise/1|base|0", "Which?", 4)
    rows = [cell.row(Side("judge"), Asking()) for cell in cells]
    assert [row.prefix_text for row in rows] == [f"{HEAD} {letter}" for letter in "ABCD"]
    assert len({cell.key for cell in cells}) == len({(row.seed, row.temperature) for row in rows}) == 4
    assert all(row.temperature > 0 for row in rows), "in greedy decoding the cache would not look at the seed"
    written = letter_cell("key", "Which?").row(Side("judge"), Asking())
    assert (written.temperature, written.prefix_text, written.history) == (0, HEAD, (("user", "Which?"),))


def reply(ids: tuple[int, ...], logprobs: tuple[float, ...]) -> Answer:
    prompt = Prompt("turn_p", "session_1", None, "exchange_1", "Why?", "2026-01-01T00:00:00.000Z")
    return replace(make_answer(prompt, "x"), token_ids=ids, logprobs=logprobs)


def test_the_letter_is_where_the_replies_first_differ() -> None:
    replies = [
        reply((7, 8, 1, 5), (-1, -2, -0.5, -9)),
        reply((7, 8, 2), (-1, -2, -3)),
        reply((7, 8, 3, 6), (-1, -2, -4, -9)),
    ]
    assert option_logprobs(replies) == [-0.5, -3, -4]
    assert option_logprobs([replies[0], replies[0]]) is None, "one token for two letters says nothing"
    assert option_logprobs([reply((7, 1), (-1,)), reply((7, 2), (-1, -2))]) is None
