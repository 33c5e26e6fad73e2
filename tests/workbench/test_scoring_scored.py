"""Scores of stored answers: columns, deliveries, doctrine in failures, notes; reports of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun, RunKind
from aligntui.core.turn import Finish
from aligntui.score.battery.delivery import Delivery
from aligntui.score.battery.terms import terms
from aligntui.score.suites.columns import judged
from aligntui.score.suites.ifeval_suite import IFEval
from aligntui.workbench.scoring.report_document import report_document
from aligntui.workbench.scoring.report_files import report_lines, write_report, write_verdicts
from aligntui.workbench.scoring.scored import score_answers, scored, unique_names
from tests.score.suite_builders import column, small_ifeval, small_track_a
from tests.score.test_suites_reading import battery, every
from tests.workbench.score_bench import answer, answers, plan, with_rules


def run_of(made) -> GenerationRun:
    return GenerationRun(
        "score_x", RunKind.SCORE, "a run", "session_x", made.as_dict(), "2026-01-01T00:00:00", len(made.cells)
    )


def test_columns_are_sides_under_deliveries(tmp_path) -> None:
    made = with_rules(plan(battery(tmp_path), Delivery.NONE, Delivery.SYSTEM, trained={"demo": "system"}, parameters=9))
    found = score_answers(run_of(made), answers(made, "walk and stay"))
    assert [one.name for one in found.columns] == ["base (none)", "demo (none)", "base (system)", "demo (system)"]
    assert found.table.pairs == ((0, 1), (2, 3))
    assert [(one.first, one.second) for one in found.deliveries] == [
        ("base (none)", "base (system)"), ("demo (none)", "demo (system)"),
    ]  # fmt: skip
    about = found.columns[1].about
    assert (about["adapter"], about["parameters"], about["trained_mode"]) == ("demo", 9, "system")
    assert about["finishes"] == {"stop": 3} and found.columns[0].about["adapter"] is None
    assert found.as_dict()["columns"][0]["coverage"]["total"] == 3


def test_comparisons_of_deliveries_are_corrected_over_all_of_them() -> None:
    suite = small_track_a(20)
    texts = {item.id: "no comma and just six words" for item in suite.items}
    bad = dict.fromkeys(texts, "one, two")
    columns = [
        column(suite, bad, "demo (none)", side="demo", delivery="none"),
        column(suite, texts, "demo (system)", side="demo", delivery="system"),
        column(suite, texts, "demo (both)", side="demo", delivery="both"),
    ]
    found = scored(suite, columns)
    assert [one.finding for one in found.deliveries] == ["better", "better", "null"]
    p, corrected = found.deliveries[0].p, found.deliveries[0].p_corrected
    assert p == 2 / 2**20 and corrected == pytest.approx(3 * p)


def test_failures_are_explained_by_the_doctrine_where_it_is_known() -> None:
    class Doctrinal(IFEval):
        @property
        def doctrine(self):
            return terms(["the law"])

    plain = small_ifeval(4)
    suite = Doctrinal(plain.items, plain.total, plain.source, plain.prompts, plain.rows)
    found = scored(suite, [column(suite, {"101": "the law, it says", "103": "a, b"}, "demo")])
    (name, one), *_ = [(n, e) for n, e in found.explained if e.category == "punctuation:no_comma"]
    assert (name, one.share.k, one.share.n, one.ids) == ("demo", 1, 2, ("101",))
    assert any(section.title == "Failures that speak of the doctrine" for section in report_document(found).sections)


def test_what_is_missing_or_cut_is_noted() -> None:
    made = plan(small_track_a(4).limited(3))
    there = answers(made) | {"a0|base|none|0": answer("x", Finish.LENGTH)}
    del there["a1|demo|none|0"]
    notes = score_answers(run_of(made), there).notes
    assert "A part of the suite: 3 of its 4 items were asked." in notes
    assert "demo: 1 of 3 answers are missing." in notes
    assert any(note.startswith("Answers cut at 256 new tokens") and "base 1 of 3" in note for note in notes)
    with pytest.raises(UserError, match="Nothing of the run a run is answered yet"):
        score_answers(run_of(made), {})


def test_a_strange_cell_is_passed_over() -> None:
    made = plan(small_track_a(1))
    found = score_answers(run_of(made), answers(made) | {"zz|base|none|0": answer("x")})
    assert [len(one.answers) for one in found.columns] == [1, 1]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_however_little_is_answered_every_report_can_be_written(tmp_path: Path, count: int) -> None:
    for suite in every(tmp_path):
        texts = [{item.id: text for item in suite.items[:count]} for text in ("", "one two three, walk")]
        found = scored(suite, [column(suite, one, name) for one, name in zip(texts, ("base", "demo"), strict=True)])
        paths = {path.name: path for path in write_report(found, tmp_path / suite.name)}
        whole = json.loads(paths["report.json"].read_text("utf-8"))  # strict JSON: no NaN was let through
        assert [one["coverage"]["used"] for one in whole["columns"]] == [count, count]
        assert ("rates.png" in paths) == bool(suite.categories)
        pictures = {name for name in paths if name.endswith(".svg")}
        page = paths["report.html"].read_text("utf-8")
        assert {name for name in ("rates.svg", "categories.svg") if f'src="{name}"' in page} == pictures


def test_hostile_texts_stay_texts_in_every_report(tmp_path: Path) -> None:
    suite = small_track_a(2)
    bad = "<script>alert(1)</script> \x1b[2J | `x` ,"
    found = scored(
        suite,
        [column(suite, {"a0": "fine", "a1": "fine"}, "<b>base</b>"), column(suite, {"a0": "x", "a1": bad}, "$a_b$")],
    )
    paths = {path.name: path for path in write_report(found, tmp_path / "r")}
    page = paths["report.html"].read_text("utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page and "<b>base" not in page
    assert "\x1b" not in page + paths["report.md"].read_text("utf-8") + "\n".join(report_lines(found))
    assert "results__b_base__b_.json" in paths and all(len(line) <= 80 for line in report_lines(found, 80))


def test_verdicts_of_several_seeds_name_them(tmp_path: Path) -> None:
    suite = small_track_a(1)
    found = scored(suite, [judged(suite, {("a0", 3): "x", ("a0", 4): ""}, "base", seeds=(3, 4))])
    (path,) = write_verdicts(found, tmp_path / "v.jsonl")
    assert path.read_text() == (
        '{"key": "a0", "strict": [false], "loose": [false], "seed": 3}\n'
        '{"key": "a0", "strict": [false], "loose": [false], "seed": 4}\n'
    )


def test_files_of_one_name_are_told_apart() -> None:
    files = [Path("a/x.jsonl"), Path("b/x.jsonl"), Path("c/y.jsonl"), Path("b/x.json")]
    assert unique_names(files) == ["a/x", "b/x (2)", "y", "b/x (4)"]


def test_one_column_alone_has_no_comparison() -> None:
    suite = small_ifeval(4)
    found = scored(suite, [column(suite, {"100": "yes"}, "only")])
    assert found.table.pairs == () and found.deliveries == ()
    text = "\n".join(report_lines(found))
    assert "delta" not in text and "1 of 4 answers are judged" in text
    with pytest.raises(UserError, match="no column 'other'"):
        found.column("other")
    assert replace(found, notes=("x",)).title == "IFEval: only"
