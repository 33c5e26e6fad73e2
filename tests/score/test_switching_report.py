"""The report of a whole run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from aligntui.score.switching.cells import AnswerCell, AnswerTable, Prototypes, answer_table
from aligntui.score.switching.length import length_suite
from aligntui.score.switching.recogniser import judged
from aligntui.score.switching.report import SwitchReport, switch_report
from aligntui.score.switching.suites import hedge_suite
from tests.score.test_switching_cells import simulated

SIDES = {"base": 0.1, "tuned@1": 1.2}


def report_of(table: AnswerTable, candidates: Prototypes, **more: object) -> SwitchReport:
    return switch_report(table, candidates, resamples=100, **more)  # type: ignore[arg-type]


def plain(report: SwitchReport) -> dict:
    """Through JSON and back; a NaN or a number of numpy's would not get through."""
    return json.loads(json.dumps(report.as_dict(), allow_nan=False))


def test_the_shape_of_the_json() -> None:
    found = plain(report_of(*simulated(12, sides=SIDES, seeds=2)))
    assert list(found)[:5] == ["types", "base", "level", "chance", "recogniser"]
    assert [row["side"] for row in found["sides"]] == ["base", "tuned@1"]
    for row in found["sides"]:
        assert list(row)[:7] == ["side", "k", "n", "rate", "low", "high", "chance"]
        assert (row["n"], row["chance"]) == (96, 0.25)
        assert row["low"] <= row["rate"] <= row["high"]
        assert row["rate"] == row["k"] / row["n"]
        assert row["coverage"] == {"used": 96, "total": 96, "left_out": {}}
        assert row["wording"]["finding"] in ("better", "null", "worse")
    assert found["judge"] is None
    assert {(row["side"], row["instruction"]) for row in found["instructions"]} == {
        (side, name) for side in SIDES for name in found["types"]
    }
    assert [row["group"] for row in found["domains"]] == ["d0", "d1", "d2"] * 2
    assert found["sources"] == []
    assert len(found["confusion"][0]["rows"]) == 4 and len(found["confusion"][0]["rows"][0]) == 5
    (comparison,) = found["comparisons"]
    assert (comparison["side"], comparison["against"], comparison["family"]) == ("tuned@1", "base", 4)
    assert {"difference", "detectable", "p", "coverage"} <= comparison["paired"].keys()
    assert [row["side"] for row in found["shifts"]] == ["base", "tuned@1"]
    assert found["shifts"][0]["noise"]["n"] == 12
    assert list(found["shift_comparisons"][0]["wording"]) == ["fidelity", "shift", "above_noise", "m1"]
    assert [row["ratio"]["value"] for row in found["robustness"]] == [None, None]
    assert [row["wording"] for row in found["wordings"]] == ["direct", "direct"]
    assert found["suites"] == []


def test_counts_agree_with_each_other() -> None:
    table, candidates = simulated(10, sides=SIDES, seeds=2, seed=4)
    found = plain(report_of(table, candidates))
    for row, matrix in zip(found["sides"], found["confusion"], strict=True):
        missed = [case for case in found["not_switched"] if case["side"] == row["side"]]
        assert len(missed) == row["n"] - row["k"]
        assert sum(matrix["rows"][i][i] for i in range(4)) == row["k"]
    base, tuned = found["sides"]
    difference = found["comparisons"][0]["paired"]["difference"]["value"]
    assert difference == pytest.approx(tuned["rate"] - base["rate"])
    shifts = found["shift_comparisons"][0]["shift"]
    assert shifts["second"] == pytest.approx(found["shifts"][1]["shift"]["value"])


def test_a_judge_is_a_second_column_with_the_same_keys() -> None:
    table, candidates = simulated(8, sides=SIDES)
    verdicts = {cell.key: cell.instruction if cell.side == "tuned@1" else None for cell in table.cells}
    column = judged(table, candidates.types, verdicts, "judge/some-model")
    found = plain(report_of(table, candidates, judge=column))
    assert found["recogniser"] == "nearest prototype"
    assert found["judge"]["recogniser"] == "judge/some-model"
    assert found["judge"].keys() <= found.keys()
    base, tuned = found["judge"]["sides"]
    assert (base["k"], tuned["k"], tuned["rate"], tuned["chance"]) == (0, 32, 1, 0.25)
    assert base["recogniser"] == "judge/some-model"
    assert found["judge"]["comparisons"][0]["paired"]["difference"]["value"] == 1
    few = answer_table(table.cells[:4], table.vectors[:4])
    with pytest.raises(ValueError, match="not of the cells"):
        report_of(table, candidates, judge=judged(few, candidates.types, verdicts, "j"))
    with pytest.raises(ValueError, match="not of the cells"):
        report_of(table, candidates, judge=judged(table, [*candidates.types, "more"], verdicts, "j"))


def test_a_partial_run_counts_what_is_missing() -> None:
    """The last third of the cells has yet to be answered, which cuts one prompt's grid in the middle."""
    table, candidates = simulated(9, sides=SIDES)
    cells = [
        replace(cell, answer=None if i >= 46 else "" if i == 5 else cell.answer) for i, cell in enumerate(table.cells)
    ]
    found = plain(report_of(answer_table(cells, table.vectors), candidates))
    for row in found["sides"]:
        assert row["coverage"]["total"] == 36
        left = row["coverage"]["left_out"]
        assert row["n"] + sum(left.values()) == 36
    base, tuned = found["sides"]
    assert base["coverage"]["left_out"] == {"not answered": 12}
    assert tuned["coverage"]["left_out"] == {"another instruction to the prompt not answered": 2, "not answered": 14}
    assert (base["empty"], tuned["empty"]) == (0, 1)
    # a grid with an empty answer counts for the rate, and not for the means
    assert found["shifts"][0]["coverage"]["used"] == 6
    assert found["shifts"][1]["coverage"]["used"] == 4
    paired = found["comparisons"][0]["paired"]
    assert paired["coverage"]["used"] + sum(paired["coverage"]["left_out"].values()) == 36


def test_the_answers_that_are_there_score_as_they_would_by_themselves() -> None:
    table, candidates = simulated(6, sides=SIDES)
    half = len(table) // 2
    waiting = [replace(cell, answer=None) if i >= half else cell for i, cell in enumerate(table.cells)]
    partial = report_of(answer_table(waiting, table.vectors), candidates).nearest.sides[0]
    alone = report_of(answer_table(table.cells[:half], table.vectors[:half]), candidates).nearest.sides[0]
    assert partial.rate == alone.rate


def test_repeated_sampling_comes_from_a_table_of_its_own() -> None:
    table, candidates = simulated(5, sides=SIDES)
    rng = np.random.default_rng(0)
    cells = [AnswerCell(f"p{p}", "t0", side, "again", seed=s) for p in range(5) for side in SIDES for s in range(4)]
    noise = answer_table(cells, rng.normal(size=(len(cells), 6)))
    without, with_noise = report_of(table, candidates), report_of(table, candidates, noise=noise)
    assert without.shifts[0].noise.value is None
    assert with_noise.shifts[0].noise.value is not None and with_noise.shifts[0].above_noise.n == 5
    assert with_noise.nearest.sides == without.nearest.sides


def test_suites_are_carried_along() -> None:
    table, candidates = simulated(3)
    answers = [
        AnswerCell("p", kind, "base", f"It is {word} wet.")
        for kind, word in (("honest", "probably"), ("confident", ""))
    ]
    lengths = [AnswerCell("p", kind, "base", "wet " * n) for kind, n in (("concise", 10), ("detailed", 100))]
    found = plain(report_of(table, candidates, suites=(hedge_suite(answers), length_suite(lengths))))
    assert [suite["name"] for suite in found["suites"]] == ["honest/confident", "concise/detailed"]
    assert found["suites"][0]["sides"][0]["paired"]["difference"]["value"] == 1
    assert found["suites"][1]["sides"][0]["ratio"]["value"] == 10


def test_a_run_without_a_base_or_without_cells_is_reported_all_the_same() -> None:
    table, candidates = simulated(3, sides={"tuned@1": 1.0})
    found = plain(report_of(table, candidates))
    assert found["comparisons"] == found["shift_comparisons"] == []
    nothing = plain(report_of(answer_table([], np.zeros((0, 6))), candidates))
    assert nothing["sides"] == nothing["not_switched"] == []
    planned = [AnswerCell("p", name, "base", None) for name in candidates.types]
    waiting = plain(report_of(answer_table(planned, np.zeros((4, 6))), candidates))
    (row,) = waiting["sides"]
    assert (row["k"], row["n"], row["rate"], row["low"], row["chance"]) == (0, 0, None, None, 0.25)


def test_the_same_run_gives_the_same_report() -> None:
    table, candidates = simulated(8, sides=SIDES, seeds=2)
    assert plain(report_of(table, candidates)) == plain(report_of(table, candidates))


def test_a_run_of_full_size_has_every_part() -> None:
    """500 prompts x 10 instructions x 2 sides x 3 seeds: 30,000 answers."""
    table, candidates = simulated(500, types=10, sides=SIDES, seeds=3, d=24)
    found = switch_report(table, candidates)
    assert [side.rate.n for side in found.nearest.sides] == [15_000, 15_000]
    assert found.shifts[0].m1.resamples == 2000
    assert found.nearest.comparisons[0].paired.difference.clusters == 500
