"""What the user should know of the data before a run starts; warnings, never refusals.

Prompts of evaluation suites that stand in them, and instructions between which nothing could learn to switch.
Pinned in tests/workbench/test_training_checks.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aligntui.config.paths import bundled
from aligntui.config.training import Method, TrainingConfig
from aligntui.data.lint import LintOptions, Report, lint
from aligntui.workbench.training.records import Item, numbered

SWITCHING = (Method.CONTRASTIVE_ITA, Method.DPO, Method.RRHF, Method.UNIFIED, Method.CITA)
"""Methods that learn from a contrast, and so learn to switch where the data oppose instructions."""


def bundled_suites() -> dict[str, tuple[str, ...]]:
    """Prompts of the suites that come with aligntui, by name.

    Raises:
        UserError: a bundled file is damaged.
    """
    from aligntui.data.prompt_bank import read_bank
    from aligntui.data.switch_suites import load_suites
    from aligntui.score.battery.reading import read_battery
    from aligntui.score.track_a.loading import load_prompts

    battery = read_battery(bundled("datasets", "four-laws", "battery.jsonl"))
    found = {
        "track-a": tuple(one.prompt for one in load_prompts()),
        "four-laws battery": tuple(one.question for one in battery.questions),
        "switch bank": tuple(one.text for one in read_bank()),
    }
    return found | {suite.name: tuple(one.text for one in suite.prompts) for suite in load_suites()}


def check_data(
    items: Sequence[Item], config: TrainingConfig, suites: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Warnings about the records that will be trained on, each a sentence or two.

    Args:
        items: what is trained on.
        config: of the run.
        suites: prompts of evaluation suites by name; None takes the bundled ones.
    """
    given = bundled_suites() if suites is None else suites
    rules = ("evaluation-overlap", "one-sided-instructions")
    records = [item.lint_record(id) for id, item in numbered(items, set())]
    report = lint(records, replace(LintOptions(), rules=rules), suites={name: tuple(of) for name, of in given.items()})
    return [*_overlap(report), *_switching(report, items, config)]


def _overlap(report: Report) -> Iterator[str]:
    hits: Mapping[str, int] = report.statistics["evaluation-overlap"].get("pairs_by_suite", {})
    found = {suite: count for suite, count in hits.items() if count}
    if found:
        shown = ", ".join(f"{count} of {suite}" for suite, count in found.items())
        yield (
            f"Records hold prompts of evaluation suites: {shown}. Scores on these suites would measure memory; "
            "`aligntui pairs lint` names the records."
        )


def _switching(report: Report, items: Sequence[Item], config: TrainingConfig) -> Iterator[str]:
    methods = {stage.method for stage in config.staged()}
    if methods.isdisjoint(SWITCHING) or not any(item.pair.rejected for item in items):
        return
    by_instruction: Mapping[str, Any] = report.statistics["one-sided-instructions"].get("by_instruction", {})
    if not by_instruction:
        if Method.CITA in methods or Method.CONTRASTIVE_ITA in methods:
            yield (
                f"No record has an alignment instruction, which {config.method} is there to follow: the adapter will "
                "prefer some answers whatever the instruction."
            )
        return
    opposed = sum(one["opposite_pair"]["count"] for one in by_instruction.values())
    if not opposed:
        yield (
            f"Switching between instructions cannot be learnt from these data: no prompt has pairs under two instructions "
            f"with opposite preferences ({len(by_instruction)} instructions in all). Add opposed pairs, or train on "
            "`opposed-demo`."
        )
