"""Two answers stand once in training data, however many verdicts there are over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import OPPOSED, Pair, Scope, Verdict
from aligntui.core.prompt_format import Message
from aligntui.store import ImportHead, ImportRecord, PairFilter, Store, open_store
from aligntui.workbench.curation.settled import ALIKE, BY_MODEL, CONTESTED, passed_over
from aligntui.workbench.curation.statistics import verdict_report
from aligntui.workbench.pair_export import ExportWish, export_pairs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "aligntui.db") as opened:
        records = [
            ImportRecord(
                f"f{n}",
                [Message("user", f"Q{n}?")],
                [Message("assistant", f"good {n}")],
                [Message("assistant", f"bad {n}")],
            )
            for n in range(4)
        ]
        opened.import_records(ImportHead("file", "file.jsonl", annotator="import"), records)
        yield opened


def judge(store: Store, pair: Pair, annotator: str, verdict: Verdict, swapped: bool = False) -> Pair:
    left, right = (pair.right_id, pair.left_id) if swapped else (pair.left_id, pair.right_id)
    made = Pair(
        new_id("pair"), pair.session_id, left, right, verdict, Scope.ANSWER, True, swapped, annotator, now_utc()
    )
    return store.add_pair(made)


def test_agreeing_verdicts_count_once_contested_ones_never_and_models_only_by_name(
    store: Store, tmp_path: Path
) -> None:
    alike, contested, tied, by_model = store.list_pairs(oldest_first=True)
    same = judge(store, alike, "me", Verdict.RIGHT, swapped=True)
    other = judge(store, contested, "me", Verdict.RIGHT)
    judge(store, tied, "me", Verdict.TIE)
    model = judge(store, by_model, "judge:base", Verdict.RIGHT)
    assert passed_over(store, PairFilter()) == {
        same.id: ALIKE,
        contested.id: CONTESTED,
        other.id: CONTESTED,
        model.id: BY_MODEL,
    }
    assert passed_over(store, PairFilter(annotator="judge:base")) == {}
    done = export_pairs(store, ExportWish("trl", tmp_path / "out.jsonl"))
    assert done.counts.written == 3 and done.counts.ties == 1
    assert done.counts.settled == {ALIKE: 1, CONTESTED: 2, BY_MODEL: 1}
    prompts = [
        json.loads(line)["prompt"][-1]["content"] for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    ]
    assert sorted(prompts) == ["Q0?", "Q2?", "Q3?"]


def test_what_a_file_says_is_held_against_verdicts_given_here(store: Store) -> None:
    first, second, third, _ = store.list_pairs(oldest_first=True)
    judge(store, first, "me", Verdict.LEFT)
    judge(store, second, "me", Verdict.RIGHT)
    judge(store, third, "judge:base", Verdict.LEFT)
    judge(store, third, "judge:base", Verdict.RIGHT, swapped=True)
    report = verdict_report(store.judgements())
    assert (report.verdicts, report.imported) == (4, 4)
    assert [one.name for one in report.annotators] == ["me", "judge:base"]
    (agreement,) = report.agreement
    assert {agreement.first, agreement.second} == {"me", "import"}
    assert (agreement.same.k, agreement.same.n) == (1, 2)
    against_file = next(one for one in report.judges if one.human == "import")
    assert (against_file.accuracy.k, against_file.accuracy.n) == (1, 1)
    assert against_file.same_in_both_orders.k == 1
    assert report.sides == () and report.ratings is None


def opposed(store: Store, pair: Pair, annotator: str) -> list[Pair]:
    """Both halves: each answer is wanted under its own instruction."""
    halves = [
        Pair(
            new_id("pair"), pair.session_id, pair.left_id, pair.right_id, verdict, Scope.ANSWER, False, False, annotator,
            now_utc(), tags=(OPPOSED,),
        )
        for verdict in (Verdict.LEFT, Verdict.RIGHT)
    ]  # fmt: skip
    return [store.add_pair(half) for half in halves]


def test_both_halves_of_opposed_pairs_survive(store: Store) -> None:
    first, second, third, _ = store.list_pairs(oldest_first=True)
    for pair in (first, second, third):
        store.undo_pair(pair.id)
    opposed(store, first, "me")
    once, again = opposed(store, second, "me"), opposed(store, second, "you")
    assert passed_over(store, PairFilter()) == dict.fromkeys((half.id for half in again), ALIKE)
    both_ways = [judge(store, third, "me", verdict) for verdict in (Verdict.LEFT, Verdict.RIGHT)]
    assert passed_over(store, PairFilter(tag=OPPOSED)).keys() == {half.id for half in again}
    assert {pair.id for pair in both_ways} <= passed_over(store, PairFilter()).keys(), (
        "plain ones contradict each other"
    )
    assert once[0].id not in passed_over(store, PairFilter())


def test_a_plain_verdict_over_opposed_answers_says_what_one_half_says(store: Store) -> None:
    first, second, *_ = store.list_pairs(oldest_first=True)
    opposed(store, first, "me")
    assert passed_over(store, PairFilter()) == {first.id: ALIKE}, "the halves stay, though they came later"
    other = judge(store, first, "you", Verdict.RIGHT)
    assert passed_over(store, PairFilter()) == dict.fromkeys((first.id, other.id), ALIKE), "and nothing contests them"
    left, _ = opposed(store, second, "me")
    store.undo_pair(left.id)
    assert second.id not in passed_over(store, PairFilter()), "what its half does not say any more, it says"


def test_opposed_pairs_tell_nothing_of_who_made_them(store: Store) -> None:
    first, second, *_ = store.list_pairs(oldest_first=True)
    judge(store, second, "me", Verdict.LEFT)
    before = verdict_report(store.judgements())
    opposed(store, first, "me")
    opposed(store, first, "you")
    assert verdict_report(store.judgements()) == before
