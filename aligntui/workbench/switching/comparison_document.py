"""The comparison of several switch runs as a document."""

from __future__ import annotations

from collections.abc import Iterator

from aligntui.score.reporting.document import (
    Document,
    Section,
    Table,
    count,
    coverage_text,
    estimate_cells,
    number,
    p_cell,
    percent,
    points_cells,
    rate_cells,
)
from aligntui.workbench.switching.comparing import RunsCompared
from aligntui.workbench.switching.report_tables import detectable_cell


def comparison_document(found: RunsCompared) -> Document:
    """Each side beside the others, the differences, and the relative efficiency."""
    return Document(
        f"Switch runs compared: {len(found.entries)} sides of {len(found.runs)} run{'s' * (len(found.runs) != 1)}",
        (
            Section("Result", tuple(_result(found))),
            Section("Side by side", tuple(_entries(found))),
            Section("Paired differences", tuple(_differences(found))),
            Section("Relative instruction-alignment efficiency", tuple(_efficiency(found))),
        ),
        commands=(f"aligntui switch compare {' '.join(run.id for run in found.runs)}",),
    )


def _result(found: RunsCompared) -> Iterator[str]:
    for one in found.comparisons:
        yield one.wording.sentence
    if found.unpaired:
        yield f"No difference is tested: {found.unpaired}."
    if found.differs:
        yield f"The runs differ besides their sides in {'; '.join(found.differs)}."
    for run in found.runs:
        if run.done < run.cells:
            yield f"{run.name} is not whole: {run.done:,} of {run.cells:,} answers are there."


def _entries(found: RunsCompared) -> Iterator[str | Table]:
    yield Table(
        "switch-rate",
        ("side", "rate", "95% interval", "answers", "chance"),
        tuple((one.name, *rate_cells(one.rate.rate), percent(one.rate.rate.chance)) for one in found.entries),
        "Recogniser: nearest prototype. Plainly worded instructions only.",
    )
    yield Table(
        "shift",
        ("side", "fidelity", "M1", "interval of M1", "shift above noise", "interval of shift"),
        tuple(
            (
                one.name, number(one.shift.fidelity.value), *estimate_cells(one.shift.m1),
                *estimate_cells(one.shift.above_noise),
            )
            for one in found.entries
        ),
    )  # fmt: skip


def _differences(found: RunsCompared) -> Iterator[str | Table]:
    if found.unpaired:
        yield f"Nothing is paired: {found.unpaired}."
        return
    yield Table(
        "comparison",
        ("side", "against", "points", "95% interval", "p", "detectable", "cells"),
        tuple(
            (
                one.side, one.against, *points_cells(one.paired.difference), p_cell(one.paired.p),
                detectable_cell(one.paired.detectable),
                count(one.paired.coverage.used),
            )
            for one in found.comparisons
        ),
        "Switch rate in points against the first side, paired by prompt, instruction, phrasing and seed; p by sign flips over "
        "whole prompts. Detectable: the smallest difference found with power 0.8 at level 0.05.",
    )  # fmt: skip
    for one in found.comparisons:
        if one.paired.coverage.left_out:
            yield f"{one.side}: {coverage_text(one.paired.coverage, 'cells')}"
    yield Table(
        "shift-comparison",
        ("side", "against", "measure", "difference", "95% interval", "p"),
        tuple(
            (one.side, one.against, name, *estimate_cells(value), p_cell(p))
            for one in found.shifts
            for name, value, p in (
                ("M1", one.m1, None),
                ("shift above noise", one.above_noise.difference, one.above_noise.p),
            )
        ),
    )


def _efficiency(found: RunsCompared) -> Iterator[str | Table]:
    efficiency = found.efficiency
    yield efficiency.note
    yield Table(
        "efficiency",
        ("side", "efficiency"),
        tuple((run.run, number(run.efficiency, 1)) for run in efficiency.runs),
        "100 x the mean radius over the measures: 10 is the worst of those compared in every measure, 100 the best in every one.",
    )
    yield Table(
        "efficiency-measures",
        ("measure", "side", "without instruction", "with it", "gain", "radius"),
        tuple(
            (
                one.measure, run.run, number(one.no_instruct), number(one.instruct), number(one.gain),
                number(one.radius, 2),
            )
            for measure in efficiency.measures
            for run in efficiency.runs
            for one in run.radii
            if one.measure == measure
        ),
        "Radius: 0.1 for the smallest gain of those compared, 1 for the largest, in between in proportion.",
    )  # fmt: skip
    yield (
        "Without an instruction the answers under all of them would be one answer, so the switch rate without is chance, a "
        "difference between opposed instructions 0, a ratio of lengths 1."
    )
    for measure, why in efficiency.left_out:
        more = "; `switch run --without-instruction` measures it" if measure == "fidelity" else ""
        yield f"Left out: {measure}, since {why}{more}."
