"""From the answers of a run to its measures: what is embedded, what counts where, what is said when it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.generation import GenerationRun, RunKind
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Answer, Prompt
from aligntui.data.switch_suites import load_suites
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.measuring import Measured, cells_of, measure
from aligntui.workbench.switching.plan import GRID, NOISE, Place, SwitchPlan, make_plan
from tests.store.builders import make_answer
from tests.workbench.switch_bench import BASE, DEMO, data_set

SIDES = (Side("base"), Side("demo", DEMO, "a" * 64))
PROMPT = Prompt("turn_p", "session_1", None, "exchange_1", "Why?", "2026-01-01T00:00:00.000Z")
WARM = Asking(Sampling(temperature=0.7))
WORDS = ("concise", "vivid", "formal")


class Words:
    """Embeds a text as the direction of the type that it names, and remembers what it was asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += texts
        rows = np.array([[text.count(word) for word in WORDS] for text in texts], np.float32) + 0.01
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def run_of(plan: SwitchPlan) -> GenerationRun:
    stored = json.loads(json.dumps(plan.as_dict()))
    return GenerationRun("switch_1", RunKind.SWITCH, "try", "session_1", stored, "2026-01-01", len(plan.cells))


def answered(plan: SwitchPlan, text: Callable[[Place], str | None]) -> dict[str, Answer]:
    texts = {key: text(place) for key, place in plan.places.items()}
    return {key: make_answer(PROMPT, found) for key, found in texts.items() if found is not None}


async def measured(
    plan: SwitchPlan, text: Callable[[Place], str | None], embed: Words | None = None
) -> tuple[Measured, Mapping]:
    found = await measure(run_of(plan), answered(plan, text), embed or Words())
    return found, json.loads(json.dumps(found.report.as_dict(), allow_nan=False))


def follows(place: Place) -> str:
    """The demo adapter does as it is told; the base is always concise."""
    return f"{place.prompt.id}: {place.wording.type if place.side else 'concise'}"


async def test_an_adapter_that_follows_against_a_base_that_never_does() -> None:
    plan = make_plan(data_set(4, *WORDS), BASE, SIDES, WARM, noise=False)
    found, plain = await measured(plan, follows)
    base, demo = plain["sides"]
    assert list(demo)[:7] == ["side", "k", "n", "rate", "low", "high", "chance"]
    assert (demo["side"], demo["k"], demo["n"], demo["rate"]) == ("demo", 12, 12, 1.0)
    assert (base["side"], base["n"], base["chance"]) == ("base", 12, pytest.approx(1 / 3))
    assert base["rate"] == pytest.approx(1 / 3), "the same answer to everything is at chance"
    assert plain["types"] == list(WORDS) and plain["base"] == "base"
    (comparison,) = plain["comparisons"]
    assert comparison["paired"]["difference"]["value"] == pytest.approx(2 / 3)
    assert {row["group"] for row in plain["domains"]} == {"even", "odd"}
    assert {row["group"] for row in plain["sources"]} == {"task"}
    assert found.plan == plan and len(found.answers) == 24
    assert plain["suites"] == []


async def test_each_text_is_embedded_once_and_only_where_it_is_compared() -> None:
    suites = load_suites(["concise-detailed"], 2)
    plan = make_plan(data_set(2, *WORDS), BASE, SIDES, WARM, suites=suites)
    embed = Words()

    def text(place: Place) -> str:
        if place.group == NOISE:
            return f"noise {place.seed} concise"
        return " " if place.prompt.id == "q1" and place.side else follows(place)

    await measured(plan, text, embed)
    assert len(embed.texts) == len(set(embed.texts))
    expected = {f"It answers {word} {word} {word}." for word in WORDS}
    noise = {f"noise {seed} concise" for seed in range(3)}
    assert set(embed.texts) == expected | noise | {"q0: concise", "q0: vivid", "q0: formal", "q1: concise"}


async def test_an_unfinished_run_is_measured_and_says_what_it_lacks() -> None:
    plan = make_plan(data_set(4, *WORDS), BASE, SIDES, WARM, noise=False)
    _, plain = await measured(plan, lambda place: None if place.prompt.id in ("q2", "q3") else follows(place))
    for row in plain["sides"]:
        assert row["n"] == 6 and row["coverage"]["total"] == 12 and row["coverage"]["used"] == 6
    _, plain = await measured(plan, lambda place: follows(place) if place.side and place.prompt.id == "q0" else None)
    assert [(row["side"], row["n"]) for row in plain["sides"]] == [("base", 0), ("demo", 3)]


async def test_suites_are_measured_by_their_own_measures() -> None:
    suites = load_suites(sample=3)
    plan = make_plan(data_set(2, *WORDS), BASE, SIDES, WARM, noise=False, suites=suites)

    def text(place: Place) -> str:
        match place.wording.type:
            case "detailed":
                return "many words " * (10 if place.side else 5)
            case "strict" if place.side:
                return "I'm sorry, but I can't help with that."
            case "honest" if place.side:
                return "It might perhaps be so, but I am not sure."
            case "concise" if place.group != GRID:
                return "few words"
        return follows(place) if place.group == GRID else "It is so."

    _, plain = await measured(plan, text)
    length = next(row for row in plain["suites"] if "concise" in json.dumps(row))
    assert len(plain["suites"]) == 3
    assert [side["side"] for side in length["sides"]] == ["base", "demo"]
    text_of_all = json.dumps(plain["suites"])
    assert all(word in text_of_all for word in ("honest", "strict", "concise"))


async def test_a_noise_floor_is_told_from_shifts() -> None:
    plan = make_plan(data_set(10, *WORDS), BASE, SIDES, WARM)
    _, plain = await measured(plan, lambda place: "one concise" if place.group == NOISE else follows(place))
    assert [(row["side"], row["noise"]["value"]) for row in plain["shifts"]] == [
        ("base", pytest.approx(0)), ("demo", pytest.approx(0))
    ]  # fmt: skip
    _, without = await measured(plan, lambda place: None if place.group == NOISE else follows(place))
    assert [row["noise"]["value"] for row in without["shifts"]] == [None, None]


def test_every_planned_cell_is_there_with_its_place() -> None:
    plan = make_plan(data_set(2, *WORDS, both=True), BASE, SIDES, WARM, seeds=2, noise=False)
    answers = answered(plan, lambda place: follows(place) if place.seed else None)
    cells = cells_of(plan, answers, GRID)
    assert len(cells) == len({cell.key for cell in cells}) == len(plan.cells)
    assert {cell.answered for cell in cells if cell.seed == 0} == {False}
    one = next(cell for cell in cells if cell.phrasing == "2" and cell.side == "demo" and cell.seed == 1)
    assert (one.wording.value, one.domain, one.source) == ("paraphrase", "even", "task")
    assert cells_of(plan, answers, NOISE) == []


async def test_a_run_without_an_answer_says_how_to_go_on() -> None:
    plan = make_plan(data_set(10, *WORDS), BASE, SIDES, WARM)
    for text in (lambda place: None, lambda place: "x" if place.group == NOISE else None):
        with pytest.raises(UserError, match="No case of the run try") as refused:
            await measured(plan, text)
        assert "--resume switch_1" in refused.value.hint


async def test_types_of_which_nothing_is_expected_cannot_be_recognised() -> None:
    plan = make_plan(data_set(2, *WORDS, characteristics=False), BASE, SIDES, WARM)
    with pytest.raises(UserError, match="concise, vivid, formal") as refused:
        await measured(plan, follows)
    assert "answers work without" in refused.value.hint


@pytest.mark.parametrize("error", [UserError("There is no model.", "Name one."), EnvironmentProblem("No network.")])
async def test_without_embeddings_it_says_what_still_works(error: UserError | EnvironmentProblem) -> None:
    async def embed(texts: Sequence[str]) -> np.ndarray:
        raise error

    plan = make_plan(data_set(2, *WORDS), BASE, SIDES, WARM)
    with pytest.raises(type(error)) as refused:
        await measure(run_of(plan), answered(plan, follows), embed)
    assert refused.value.message == error.message
    assert refused.value.hint.startswith(error.hint) and "sessions show session_1" in refused.value.hint


async def test_the_first_side_is_what_the_others_are_held_against() -> None:
    plan = make_plan(
        data_set(3, *WORDS), BASE, (replace(SIDES[1], name="a"), replace(SIDES[1], name="b")), WARM, noise=False
    )
    _, plain = await measured(plan, follows)
    assert plain["base"] == "a" and [row["against"] for row in plain["comparisons"]] == ["a"]
