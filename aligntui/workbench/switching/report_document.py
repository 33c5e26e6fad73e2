"""The report on a switch run: what was asked, the measures with their intervals, and the answers themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from aligntui.core.instruction import CANONICAL_TYPES
from aligntui.core.printable import one_line
from aligntui.core.prompt_format import Mode
from aligntui.score.reporting.document import Document, Figure, Section, Table, count
from aligntui.workbench.generation.served import UNKNOWN
from aligntui.workbench.switching.grid import PROMPT_ID
from aligntui.workbench.switching.measuring import Measured
from aligntui.workbench.switching.plan import BARE, GRID, NOISE, SwitchPlan
from aligntui.workbench.switching.report_judge import MARK, judge_cells, judge_parts
from aligntui.workbench.switching.report_tables import (
    confusion_parts,
    group_parts,
    instruction_parts,
    rate_parts,
    shift_parts,
    suite_parts,
    wording_parts,
)

if TYPE_CHECKING:
    from aligntui.core.conditions import Conditions
    from aligntui.core.turn import Answer
    from aligntui.score.switching.rates import NotSwitched
    from aligntui.score.switching.report import SwitchReport
    from aligntui.workbench.switching.judging import Judgements
    from aligntui.workbench.switching.plan import Group

SHOWN_PROMPTS = 5
"""Prompts whose answers stand in the report; the CSV has all."""
SHOWN_CASES = 20
"""Answers that did not switch in the report; the CSV has all."""
RATES, CONFUSION, WORDINGS = "rates", "confusion", "wordings"
"""Files of the figures."""


def report_document(measured: Measured, *, figures: bool = False, whole: bool = False, drawn: bool = False) -> Document:
    """The report.

    Args:
        measured: the run.
        figures: whether the figures' files lie beside it.
        whole: whether tables of answers and cases have all rows, for CSV.
        drawn: whether rates are drawn as text, for a terminal.
    """
    report = measured.report
    column = report.nearest
    return Document(
        f"Instruction switching: {measured.run.name}",
        (
            Section("Result", tuple(_result(report))),
            Section("What was asked", tuple(_asked(measured))),
            Section(
                "Switch rate", (*rate_parts(column, drawn=drawn), *([Figure(RATES, _ALT_RATES)] if figures else []))
            ),
            Section("By instruction", tuple(instruction_parts(column, drawn=drawn))),
            Section("By domain and source", tuple(group_parts(column))),
            Section(
                "What was taken for what",
                (*confusion_parts(column), *([Figure(CONFUSION, _ALT_CONFUSION)] if figures else [])),
            ),
            *_judge_section(measured, figures, whole),
            Section(
                "Wordings",
                (*wording_parts(column, report), *([Figure(WORDINGS, _ALT_WORDINGS)] if figures else [])),
            ),
            Section("Shift, fidelity and noise", tuple(shift_parts(report))),
            *([Section("Suites of opposed instructions", tuple(suite_parts(report)))] if report.suites else []),
            Section("Answers", tuple(_answers(measured, whole))),
            Section("Answers that did not switch", tuple(_not_switched(measured, whole))),
            Section("How to read this", (_READING,)),
        ),
        commands=tuple(_commands(measured)),
    )


_ALT_RATES = "Switch rate of each side under each instruction with 95% intervals, chance as a dotted line"
_ALT_WORDINGS = "Switch rate of each side under each kind of wording with 95% intervals, chance as a dotted line"
_ALT_CONFUSION = "Confusion matrix of intended against recognised instruction, for each side"
_READING = (
    "The recogniser sees an answer alone. Each answer is embedded (all-MiniLM-L6-v2), the mean of the answers to its prompt "
    "is taken off, and the nearest of the instructions' prototypes is named; a prototype is the mean of the embedded "
    "sentences that describe such an answer. Chance is one in the number of instructions. Intervals are at 95% and "
    "count whole prompts. M1 is mean fidelity times mean shift; fidelity hardly depends on the prompt, so M1 is no "
    "evidence of switching by itself."
)


def _judge_section(measured: Measured, figures: bool, whole: bool) -> tuple[Section, ...]:
    """The second recogniser; nothing where no judge was asked."""
    column = measured.report.judge
    if column is None:
        return ()
    drawn = (
        Figure(f"{RATES}{MARK}", f"By {column.recogniser}: {_ALT_RATES}"),
        Figure(f"{CONFUSION}{MARK}", f"By {column.recogniser}: {_ALT_CONFUSION}"),
        Figure(f"{WORDINGS}{MARK}", f"By {column.recogniser}: {_ALT_WORDINGS}"),
    )
    parts = tuple(judge_parts(measured.report, drawn if figures else ()))
    return (Section("By a model judge", (*parts, judge_cells(column)) if whole else parts),)


def _result(report: SwitchReport) -> Iterator[str]:
    for column in (report.nearest, report.judge):
        if column is not None:
            named = f"By {column.recogniser}: " if report.judge is not None else ""
            yield from (f"{named}{side.wording.sentence}" for side in column.sides)
            yield from (f"{named}{one.wording.sentence}" for one in column.comparisons)


def _asked(measured: Measured) -> Iterator[str | Table]:
    plan, run = measured.plan, measured.run
    grid, noise = plan.group(GRID), plan.group(NOISE)
    assert grid is not None, "every plan has a grid"
    sampling = plan.asking.sampling
    yield (
        f"Run {run.id}, begun {run.created_at[:16].replace('T', ' ')} UTC. Data set {plan.dataset}: "
        f"{_counted(len(grid.prompts), 'prompt')}, {len(plan.types)} instruction types, {len(grid.wordings)} wordings, "
        f"{len(grid.cases):,} cases, {_counted(len(grid.seeds), 'answer')} to each by each side. "
        f"{len(measured.answers):,} of {run.cells:,} answers are there, {run.cached:,} of them from the cache."
    )
    yield (
        f"Temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, at most {sampling.max_new_tokens} new tokens, first seed "
        f"{sampling.seed}, mode {plan.asking.mode.value}."
    )
    if noise is not None:
        yield (
            f"Noise floor: {_counted(len(noise.prompts), 'prompt')} under {noise.wordings[0].label}, "
            f"{len(noise.seeds)} seeds each."
        )
    if plan.group(BARE) is not None:
        yield "Every prompt was also asked without an instruction, by every side."
    rows = [
        (
            side.name,
            side.place(plan.base.model),
            (side.adapter_sha256 or plan.base.weights_sha256)[:16],
        )
        for side in plan.sides
    ]
    yield Table("sides", ("side", "weights", "SHA-256"), tuple(rows))
    ends: dict[tuple[str, str], int] = {}
    for key, place in plan.places.items():
        answer = measured.answers.get(key)
        if answer is not None and place.group == GRID:
            at = (plan.sides[place.side].name, answer.finish.value)
            ends[at] = ends.get(at, 0) + 1
    yield Table(
        "finishes",
        ("side", "ended by", "answers"),
        tuple((side, finish, count(number)) for (side, finish), number in sorted(ends.items())),
        "stop: the model ended it; length: it was cut at the limit of new tokens.",
    )
    conditions = _shared_conditions(measured)
    yield f"Computed in {conditions}."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _shared_conditions(measured: Measured) -> str:
    """What every answer was computed with; more than one where answers of several machines are mixed."""
    return "; ".join(dict.fromkeys(_computed(answer.conditions) for answer in measured.answers.values()))


def _computed(c: Conditions) -> str:
    """Numbers, device and engine of an answer; a server tells the last alone."""
    if c.dtype == UNKNOWN:
        return f"a way that its maker does not tell, by {c.engine}"
    return f"{c.dtype}{f' {c.quantisation}' if c.quantisation else ''} on {c.device}, {c.engine}, torch {c.versions.get('torch', '?')}"


def _answers(measured: Measured, whole: bool) -> Iterator[Table]:
    """Prompt x instruction, one column a side, the first seed and the direct wordings; or everything."""
    plan = measured.plan
    names = tuple(side.name for side in plan.sides)
    rows: dict[tuple[str, str, str, int], list[str]] = {}
    prompts: dict[str, None] = {}
    for key, place in plan.places.items():
        if place.group != GRID or (not whole and (place.wording.kind != "direct" or place.seed != _first_seed(plan))):
            continue
        prompts.setdefault(place.prompt.text)
        if not whole and len(prompts) > SHOWN_PROMPTS:
            break
        row = rows.setdefault(
            (place.prompt.text, place.wording.label, place.wording.text, place.seed), [""] * len(names)
        )
        row[place.side] = _answer(measured.answers.get(key))
    yield Table(
        "answers",
        ("prompt", "wording", "instruction", "seed", *(f"answer of {name}" for name in names)),
        tuple((prompt, label, text, str(seed), *row) for (prompt, label, text, seed), row in rows.items()),
        "" if whole else f"The first {SHOWN_PROMPTS} prompts under the direct wordings; answers.csv has all.",
        prose=True,
    )


def _first_seed(plan: SwitchPlan) -> int:
    grid = plan.group(GRID)
    assert grid is not None, "every plan has a grid"
    return grid.seeds[0]


def _answer(answer: Answer | None) -> str:
    if answer is None:
        return "(not asked yet)"
    return answer.text.strip() or "(empty)"


def _not_switched(measured: Measured, whole: bool) -> Iterator[str | Table]:
    prompts = {place.prompt.id: place.prompt.text for place in measured.plan.places.values()}
    cases = measured.report.nearest.not_switched
    totals = dict.fromkeys((side.name for side in measured.plan.sides), 0)
    for one in measured.report.nearest.wordings:
        totals[one.side] += one.rate.n
    missed = {side: [one for one in cases if one.side == side] for side in totals}
    if not cases:
        yield "Every answer switched."
    else:
        counts = "; ".join(f"{side}: {len(missed[side]):,} of {total:,}" for side, total in totals.items())
        yield f"{counts} answers, under wordings of all kinds."
    shown = cases if whole else _dealt_out(list(missed.values()), SHOWN_CASES)
    yield Table(
        "not-switched",
        ("prompt", "side", "intended", "taken for", "wording", "seed", "why"),
        tuple(
            (prompts[one.prompt] if whole else one_line(prompts[one.prompt], 80), one.side, f"{one.instruction}/{one.phrasing}", one.recognised or "-", one.wording, str(one.seed), one.reason)
            for one in shown
        ),
        "" if whole or len(shown) == len(cases) else f"The first {SHOWN_CASES}, of every side alike; not-switched.csv has all.",
    )  # fmt: skip


def _dealt_out(lists: list[list[NotSwitched]], most: int) -> list[NotSwitched]:
    """The first so many of several lists, from each as many as from the others; in the lists' order."""
    turns = (one for turn in zip_longest(*lists) for one in turn if one is not None)
    kept = set(islice(turns, most))
    return [one for of_side in lists for one in of_side if one in kept]


def _commands(measured: Measured) -> Iterator[str]:
    """What makes the run and the report again; only the report where no one command asks the same."""
    plan = measured.plan
    grid = plan.group(GRID)
    assert grid is not None, "every plan has a grid"
    adapters = [side for side in plan.sides if side.adapter is not None]
    is_sheet = grid.prompts[0].id == PROMPT_ID
    name = measured.run.id
    if not is_sheet and plan.sides[0].adapter is None and len({side.strength for side in adapters}) <= 1:
        name = shlex.quote(measured.run.name)  # an id would be another one the next time
        yield f"aligntui switch run {shlex.join(_flags(plan))} --name {name}"
    if (said := measured.judgements) is not None:
        yield f"aligntui switch judge {name} {shlex.join(_judge_flags(said, grid))}"
    picked = f" --judge {said.run.id}" if said is not None and said.picked else ""
    yield f"aligntui switch report {name}{picked}"


def _judge_flags(said: Judgements, grid: Group) -> Iterator[str]:
    model = said.plan.model
    yield from ("--model", model.model, "--dtype", model.dtype)
    if model.quantisation:
        yield from ("--quantisation", model.quantisation)
    if said.plan.sample is not None and said.plan.sample < len(grid.prompts):
        yield from ("--sample", str(said.plan.sample))
    yield from ("--by", said.plan.by.value)


def _flags(plan: SwitchPlan) -> Iterator[str]:
    grid, sampling, base = plan.group(GRID), plan.asking.sampling, plan.base
    assert grid is not None, "every plan has a grid"
    yield from ("--dataset", plan.dataset, "--sample", str(len(grid.prompts)), "--seeds", str(len(grid.seeds)))
    if plan.types != CANONICAL_TYPES:
        yield from ("--instructions", ",".join(plan.types))
    if plan.suites:
        yield from ("--suites", ",".join(suite.name for suite in plan.suites))
    if plan.group(BARE) is not None:
        yield "--without-instruction"
    if plan.group(NOISE) is None and sampling.temperature > 0:
        yield "--no-noise"
    yield from ("--model", base.model, "--dtype", base.dtype)
    if base.quantisation:
        yield from ("--quantisation", base.quantisation)
    adapters = [side for side in plan.sides if side.adapter is not None]
    for side in adapters:
        yield from ("--adapter", side.adapter.name if side.adapter else "")
    if not adapters:
        yield from ("--adapter", "")
    if adapters and adapters[0].strength != 1:
        yield from ("--strength", f"{adapters[0].strength:g}")
    yield from ("--temperature", f"{sampling.temperature:g}", "--top-p", f"{sampling.top_p:g}")
    yield from ("--max-new-tokens", str(sampling.max_new_tokens), "--seed", str(sampling.seed))
    yield from ("--mode", plan.asking.mode.value)
    if plan.asking.mode is Mode.INJECTION:
        yield from ("--injection-every", str(plan.asking.injection_every))
