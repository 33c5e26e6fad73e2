"""Results files in the shape of lm-evaluation-harness 0.4.13 (lm_eval/result_schema.py)."""

from __future__ import annotations

import json
from math import sqrt

import pytest

from aligntui.score.lm_eval_results import lm_eval_results
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a


def test_ifeval_has_the_harness_metrics_and_says_how_much_was_scored() -> None:
    suite = small_ifeval(4)
    found = column(suite, {"100": "ONE two", "101": "one two", "102": ""}, "base")
    made = lm_eval_results(suite, found, {"model": "m", "limit": 3, "gen_kwargs": {"temperature": 0.0}})
    assert json.loads(json.dumps(made)) == made
    assert {
        "results",
        "group_subtasks",
        "configs",
        "versions",
        "n-shot",
        "higher_is_better",
        "n-samples",
    } <= made.keys()
    results = made["results"]["ifeval"]
    assert results["prompt_level_strict_acc,none"] == pytest.approx(1 / 3)
    assert results["prompt_level_strict_acc_stderr,none"] == pytest.approx(sqrt(1 / 3 * 2 / 3 / 2))
    assert results["inst_level_strict_acc,none"] == pytest.approx(3 / 6)
    assert results["inst_level_strict_acc_stderr,none"] == "N/A"
    assert {"prompt_level_loose_acc,none", "inst_level_loose_acc,none", "alias"} <= results.keys()
    assert made["n-samples"]["ifeval"] == {"original": 4, "effective": 3}
    assert made["configs"]["ifeval"]["metadata"]["version"] == 4.0 and made["n-shot"]["ifeval"] == 0
    assert made["configs"]["ifeval"]["generation_kwargs"] == {"temperature": 0.0}
    assert made["higher_is_better"]["ifeval"] == {
        "prompt_level_strict_acc": True,
        "inst_level_strict_acc": True,
        "prompt_level_loose_acc": True,
        "inst_level_loose_acc": True,
    }


def test_other_suites_have_one_accuracy_or_none() -> None:
    suite = small_track_a(2)
    results = lm_eval_results(suite, column(suite, {}, "x y/z"))
    assert results["results"]["tracka"]["acc,none"] == "N/A" and results["model_name_sanitized"] == "x_y_z"
    lengths = questions()
    assert "acc,none" not in lm_eval_results(lengths, column(lengths, {"g0": "x"}, "base"))["results"]["verbosity"]
