"""The report over verdicts: who counts as what, and which comparisons are made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.pair import Verdict
from aligntui.store import PairFilter, Store, open_store
from aligntui.workbench.curation.statistics import MOST_ANNOTATORS, judgement_of, verdict_report
from aligntui.workbench.curation.tokens import counter_for
from tests.store.builders import ask, import_all, make_answer, make_conditions, make_pair, make_record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "sessions" / "aligntui.db") as opened:
        yield opened


def judge(
    store: Store, sides: tuple[str | None, str | None], *annotators: str, verdict: Verdict = Verdict.LEFT
) -> list[str]:
    session = store.create_session("s")
    [prompt] = ask(store, session)
    answers = store.add_answers(
        [
            make_answer(prompt, f"Text {column}", column, conditions=make_conditions(adapter=side))
            for column, side in enumerate(sides)
        ]
    )
    return [store.add_pair(make_pair(*answers, verdict=verdict, annotator=name)).id for name in annotators]


def test_a_row_becomes_a_judgement_with_everything_it_has(store: Store) -> None:
    judge(store, (None, "demo"), "ann", verdict=Verdict.RIGHT)
    [row] = store.judgements()
    made = judgement_of(row)
    assert (made.left.side, made.right.side, made.verdict) == ("base", "demo", Verdict.RIGHT)
    assert made.instruction == "Be concise." and made.left.chars == 6 and made.left.tokens == 3
    assert made.chosen is made.right and made.prompt == row.prompt_key


def test_judges_are_no_people(store: Store) -> None:
    judge(store, (None, "demo"), "ann", "bob", "judge:a", "judge:b")
    report = verdict_report(store.judgements())
    assert [one.name for one in report.annotators] == ["ann", "bob", "judge:a", "judge:b"]
    assert [(one.first, one.second) for one in report.agreement] == [("ann", "bob")]
    assert report.group is not None and report.group.annotators == ("ann", "bob")
    assert {(one.judge, one.human) for one in report.judges} == {
        (judge, human) for judge in ("judge:a", "judge:b") for human in ("ann", "bob")
    }
    [side] = report.sides
    assert side.overall.losses == 2, "what a judge says is no win"


def test_sides_that_only_a_judge_met_are_not_rated(store: Store) -> None:
    judge(store, (None, "demo"), "ann")
    judge(store, ("demo", "kind"), "judge:a")
    report = verdict_report(store.judgements())
    assert report.ratings is None
    judge(store, ("demo", "kind"), "ann")
    ratings = verdict_report(store.judgements()).ratings
    assert ratings is not None and {one.side for one in ratings.ratings} == {"base", "demo", "kind"}


def test_only_so_many_annotators_are_compared(store: Store) -> None:
    names = [f"a{n:02}" for n in range(MOST_ANNOTATORS + 2)]
    judge(store, (None, "demo"), *names)
    report = verdict_report(store.judgements())
    assert len(report.annotators) == len(names)
    assert len(report.agreement) == MOST_ANNOTATORS * (MOST_ANNOTATORS - 1) // 2


def test_imported_pairs_say_nothing_of_anybody(store: Store) -> None:
    import_all(store, make_record(), make_record("Who?"), make_record("What?", rejected=None))
    report = verdict_report(store.judgements())
    assert (report.verdicts, report.imported, report.annotators, report.sides) == (0, 2, (), ())
    assert report.as_dict()["imported"] == 2


def test_deleted_verdicts_do_not_count(store: Store) -> None:
    [first] = judge(store, (None, "demo"), "ann")
    judge(store, (None, "demo"), "ann")
    store.undo_pairs([first])
    assert verdict_report(store.judgements()).verdicts == 1
    assert verdict_report(store.judgements(PairFilter(deleted=True))).verdicts == 1


def test_progress_is_told(store: Store) -> None:
    seen: list[int] = []
    judge(store, (None, "demo"), "ann")
    verdict_report(list(store.judgements()) * 2500, seen.append)
    assert seen == [1000, 2000]


def test_a_tokenizer_that_is_not_here_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert counter_for(str(tmp_path)) is None
    assert counter_for("nobody/has-this") is None
    assert counter_for("no model at all!") is None
