"""Results in the shape that lm-evaluation-harness writes, for tools that read its files."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from aligntui.score.results import Rate
from aligntui.score.suites.columns import Column, parts, rate, whole
from aligntui.score.suites.suite import Suite

LM_EVAL = "0.4.13"
"""The version whose shape this is."""
_VERSION = {"ifeval": 4.0}
"""Version of the harness's own task where it has one; the other suites are ours."""


def lm_eval_results(suite: Suite, column: Column, made: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One column as the results file of the harness.

    Args:
        suite: that was asked.
        column: whose rates.
        made: what is known of the run: `model`, `date` (unix seconds), `gen_kwargs`, `system_instruction`, `limit`.

    Returns:
        JSON-ready, with `results`, `group_subtasks`, `configs`, `versions`, `n-shot`, `higher_is_better`, `n-samples` and
        `config`. Metrics of IFEval have the names that the harness gives them; standard errors are binomial ones, and `N/A`
        at instruction level, as there. `n-samples` says how many prompts there are (`original`) and how many were scored
        (`effective`), which tells a part from the whole. Pinned in tests/score/test_lm_eval_results.py.
    """
    made = made or {}
    metrics = _metrics(suite, column)
    task = suite.name
    results: dict[str, Any] = {"alias": task, "name": task, "sample_len": len(column.marks)}
    for name, (found, with_error) in metrics.items():
        results[f"{name},none"] = found.rate if found.rate is not None else "N/A"
        results[f"{name}_stderr,none"] = _error(found) if with_error else "N/A"
    config = {
        "task": task,
        "dataset_path": suite.source,
        "output_type": "generate_until",
        "num_fewshot": 0,
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in metrics],
        "generation_kwargs": made.get("gen_kwargs", {}),
        "metadata": {"version": _VERSION.get(task, 1.0), "fingerprint": suite.fingerprint},
    }
    return {
        "results": {task: results},
        "group_subtasks": {},
        "configs": {task: config},
        "versions": {task: _VERSION.get(task, 1.0)},
        "n-shot": {task: 0},
        "higher_is_better": {task: dict.fromkeys(metrics, True)},
        "n-samples": {task: {"original": suite.total, "effective": len(column.marks)}},
        "config": {
            "model": "aligntui",
            "model_args": {
                name: column.about[name]
                for name in ("adapter", "adapter_sha256", "weights_sha256")
                if name in column.about
            },
            "model_num_parameters": column.about.get("parameters") or None,
            "limit": made.get("limit"),
            "gen_kwargs": made.get("gen_kwargs"),
            "random_seed": column.seeds[0],
        },
        "date": made.get("date"),
        "lm_eval_version": f"{LM_EVAL} (shape; written by aligntui)",
        "model_source": "aligntui",
        "model_name": f"{made.get('model', '')} {column.name}".strip(),
        "model_name_sanitized": "".join(c if c.isalnum() or c in "-._" else "_" for c in column.name),
        "system_instruction": made.get("system_instruction") or None,
    }


def _metrics(suite: Suite, column: Column) -> dict[str, tuple[Rate, bool]]:
    """Rate by metric, and whether it has a binomial standard error."""
    if not suite.categories:
        return {}
    if not suite.has_loose:
        return {"acc": (rate(suite, column, whole(False)), True)}
    return {
        "prompt_level_strict_acc": (rate(suite, column, whole(False)), True),
        "inst_level_strict_acc": (rate(suite, column, parts(False)), False),
        "prompt_level_loose_acc": (rate(suite, column, whole(True)), True),
        "inst_level_loose_acc": (rate(suite, column, parts(True)), False),
    }


def _error(found: Rate) -> float | str:
    """Standard error of a mean of zeros and ones with n - 1, as the harness has it."""
    if found.rate is None or found.n < 2:
        return "N/A"
    return sqrt(found.rate * (1 - found.rate) / (found.n - 1))
