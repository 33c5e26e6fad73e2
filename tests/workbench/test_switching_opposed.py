"""Opposed pairs: two verdicts over the same two answers, each of which trains the answer under its own instruction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.pair import OPPOSED, Verdict
from aligntui.core.turn import Answer, Finish
from aligntui.store import PairFilter, Store, open_store
from aligntui.workbench.curation.linting import LintWish, fix_plan, lint_pairs
from aligntui.workbench.curation.settled import passed_over
from aligntui.workbench.curation.statistics import verdict_report
from aligntui.workbench.curation.versions import BuildWish, build_version
from aligntui.workbench.pair_export import ExportWish, export_pairs
from aligntui.workbench.switching.opposed import store_opposed
from tests.store.builders import ask, make_answer, make_conditions, make_pair

BRIEF, VIVID = "Be brief.", "Be vivid."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "sessions" / "aligntui.db") as opened:
        yield opened


def two_answers(
    store: Store, texts: tuple[str, str] = ("Short.", "Like a river of light."), **changes: Any
) -> list[Answer]:
    """Answers to one prompt, the first under one instruction and the second under another."""
    [prompt] = ask(store, store.create_session("grid"), "Why is the sky blue?")
    made = [
        make_answer(
            prompt, text, take_id=f"take_{number}", conditions=make_conditions(instruction=instruction), **changes
        )
        for number, (text, instruction) in enumerate(zip(texts, (BRIEF, VIVID), strict=True))
    ]
    return [store.add_answers([answer])[0] for answer in made]


def exported(store: Store, folder: Path, layout: str) -> list[dict[str, Any]]:
    out = folder / f"{layout}.jsonl"
    export_pairs(store, ExportWish(layout, out))
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_each_answer_is_chosen_once(store: Store) -> None:
    first, second = two_answers(store)
    halves = store_opposed(store, first, second, "ann", ("grid", OPPOSED))
    assert [(half.chosen_id, half.rejected_id) for half in halves] == [(first.id, second.id), (second.id, first.id)]
    assert [half.verdict for half in halves] == [Verdict.LEFT, Verdict.RIGHT]
    assert all(half.tags == (OPPOSED, "grid") and half.annotator == "ann" for half in halves)
    assert store.pairs_over(second.id, first.id) == halves


def test_an_export_holds_opposite_preferences_under_the_two_instructions(store: Store, tmp_path: Path) -> None:
    first, second = two_answers(store)
    store_opposed(store, first, second, "ann")
    records = exported(store, tmp_path, "trl")
    assert [
        (one["prompt"][0]["content"], one["chosen"][0]["content"], one["rejected"][0]["content"]) for one in records
    ] == [(BRIEF, "Short.", "Like a river of light."), (VIVID, "Like a river of light.", "Short.")]
    assert {one["prompt"][1]["content"] for one in records} == {"Why is the sky blue?"}


@pytest.mark.parametrize("layout", ["trl", "eba", "ita", "alpaca"])
def test_every_layout_takes_both_halves(store: Store, tmp_path: Path, layout: str) -> None:
    store_opposed(store, *two_answers(store), "ann")
    assert len({json.dumps(one) for one in exported(store, tmp_path, layout)}) == 2


def test_a_data_set_keeps_both_halves_on_one_side_of_its_split(store: Store, tmp_path: Path) -> None:
    for number in range(6):
        store_opposed(store, *two_answers(store, (f"Short {number}.", f"Long and winding {number}.")), "ann")
    built = build_version(store, Workspace(tmp_path), BuildWish("switching", validation_share=0.5))
    counts = built.written.manifest.counts
    assert (counts.records, built.left_out) == (12, {})
    assert (counts.train, counts.validation) in ((12, 0), (0, 12)), "one prompt"


def test_lint_does_not_call_them_contradictory(store: Store) -> None:
    rule = "contradictory-verdicts"

    def left_out() -> set[str]:
        found = lint_pairs(store, PairFilter(), LintWish(None, rules=(rule,)).options())
        return set(fix_plan(found, named=(rule,)).leave_out)

    store_opposed(store, *two_answers(store), "ann")
    assert left_out() == set()
    [prompt] = ask(store, store.create_session("one instruction"), "Why?")
    alike = store.add_answers([make_answer(prompt, "One.", 0), make_answer(prompt, "Two.", 1)])
    both_ways = [store.add_pair(make_pair(*alike, verdict=verdict)) for verdict in (Verdict.LEFT, Verdict.RIGHT)]
    assert left_out() == {pair.id for pair in both_ways}, "the rule is awake"


def test_they_are_nobodys_preference(store: Store) -> None:
    first, second = two_answers(store)
    store_opposed(store, first, second, "ann")
    other = two_answers(store)
    store.add_pair(make_pair(*other, verdict=Verdict.LEFT, annotator="ann"))
    report = verdict_report(store.judgements())
    assert report.verdicts == 1 and [(one.name, one.verdicts) for one in report.annotators] == [("ann", 1)]
    assert passed_over(store, PairFilter()) == {}


def test_two_answers_are_opposed_once_until_that_is_taken_back(store: Store) -> None:
    first, second = two_answers(store)
    halves = store_opposed(store, first, second, "ann")
    for pair in ((first, second), (second, first)):
        with pytest.raises(UserError, match="opposed pairs already"):
            store_opposed(store, *pair, "bob")
    assert len(store.list_pairs()) == 2
    for half in halves:
        store.undo_pair(half.id)
    assert len(store_opposed(store, second, first, "ann")) == 2


def test_a_plain_verdict_is_no_obstacle(store: Store) -> None:
    first, second = two_answers(store)
    store.add_pair(make_pair(first, second))
    assert len(store_opposed(store, first, second, "ann")) == 2


@pytest.mark.parametrize(
    ("texts", "changes", "says"),
    [
        (("Same.", " Same. "), {}, "say the same"),
        (("One.", "Two."), {"finish": Finish.CANCELLED}, "empty or broke off"),
        (("One.", "   "), {}, "empty or broke off"),
    ],
)
def test_answers_that_teach_nothing(store: Store, texts: tuple[str, str], changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        store_opposed(store, *two_answers(store, texts, **changes), "ann")
    assert store.list_pairs() == []


def test_answers_that_do_not_belong_together(store: Store) -> None:
    first, second = two_answers(store)
    elsewhere, _ = two_answers(store)
    with pytest.raises(UserError, match="one prompt in one run"):
        store_opposed(store, first, elsewhere, "ann")
    alike = replace(second, conditions=replace(second.conditions, instruction=f" {BRIEF}\n"))
    with pytest.raises(UserError, match="same instruction"):
        store_opposed(store, first, alike, "ann")
