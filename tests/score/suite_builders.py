"""Small suites for tests, and columns over them."""

from __future__ import annotations

from collections.abc import Mapping

from aligntui.score.suites.columns import Column, judged
from aligntui.score.suites.general_suite import Verbosity, general_suite
from aligntui.score.suites.ifeval_suite import IFEval, ifeval_suite
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.track_a_suite import TrackA, track_a_suite
from aligntui.score.track_a.prompt import ConstraintType, Params, Prompt

NO_COMMA, LOWER, WORDS = "punctuation:no_comma", "change_case:english_lowercase", "length_constraints:number_words"


def ifeval_rows(count: int) -> list[dict]:
    """Prompts with two instructions each, by turns with and without one that forbids commas."""
    short = {"relation": "less than", "num_words": 5}
    return [
        {
            "key": 100 + n,
            "prompt": f"Say {n} things, please.",
            "instruction_id_list": [NO_COMMA, WORDS] if n % 2 else [LOWER, WORDS],
            "kwargs": [{"num_words": None}, {**short, "num_highlights": None}],
        }
        for n in range(count)
    ]


def small_ifeval(count: int = 8) -> IFEval:
    return ifeval_suite([(f"row {n}", row) for n, row in enumerate(ifeval_rows(count))], "small")


def small_track_a(count: int = 6) -> TrackA:
    prompts = [
        Prompt(f"a{n}", ConstraintType.NO_COMMA, f"Tell me about {n}, without commas.", Params(), "any")
        if n % 2
        else Prompt(f"a{n}", ConstraintType.WORD_COUNT, f"In three words: {n}?", Params(count=6), "any")
        for n in range(count)
    ]
    return track_a_suite(prompts, "small")


def questions(name: str = "verbosity", count: int = 6, doctrine: tuple[str, ...] = ()) -> Verbosity:
    rows = [(f"line {n}", {"id": f"g{n}", "question": f"What is {n}?"}) for n in range(count)]
    return general_suite(name, rows, "small", doctrine)


def column(suite: Suite, answers: Mapping[str, str], name: str, *, delivery: str = "", **more: object) -> Column:
    """A column of one seed."""
    return judged(suite, {(id_, 0): text for id_, text in answers.items()}, name, delivery=delivery, **more)  # type: ignore[arg-type]
