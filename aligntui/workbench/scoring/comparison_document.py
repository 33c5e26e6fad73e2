"""The report on a comparison: paired tables, flips, progression of versions, models across suites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from aligntui.score.reporting.document import (
    NONE,
    Cell,
    Document,
    Section,
    Table,
    Value,
    count,
    interval,
    number,
    p_cell,
    percent,
    points_cells,
)
from aligntui.score.reporting.files import write_document
from aligntui.score.reporting.text import WIDTH, text_lines
from aligntui.score.results import Rate
from aligntui.workbench.scoring.comparing import Comparison, Flips, ModelSummary, SuiteComparison, Version
from aligntui.workbench.scoring.report_document import READING, flip_parts
from aligntui.workbench.scoring.report_tables import (
    category_parts,
    coverage_parts,
    overall_parts,
    result_lines,
    side_effect_parts,
    tier_parts,
)

SHOWN_IDS = 12
"""Items of a flip that are named on a terminal; the written report has all."""


def comparison_document(
    comparison: Comparison, command: str = "", *, whole: bool = False, brief: bool = False, narrow: bool = False
) -> Document:
    """The report.

    Args:
        comparison: what was compared.
        command: that makes it again.
        whole: whether tables of flips have all rows, for CSV.
        brief: with the ids of flips and not their answers.
        narrow: with short names, for a terminal.
    """
    sections: list[Section] = []
    if comparison.models:
        sections.append(Section("Models", (_models(comparison.models),)))
    several = len(comparison.groups) > 1
    for group in comparison.groups:
        sections += _sections(group, several, whole, brief, narrow)
    sections.append(Section("How to read this", (READING,)))
    kept = tuple(one for one in sections if one.parts)
    return Document("Comparison of scores", kept, commands=(command,) if command else ())


def comparison_lines(comparison: Comparison, width: int = WIDTH) -> list[str]:
    """The report for a terminal of so many cells a line."""
    return text_lines(comparison_document(comparison, brief=True, narrow=True), width)


def write_comparison(comparison: Comparison, folder: Path, command: str = "") -> list[Path]:
    """Write Markdown, HTML, JSON and CSV; returns the files.

    Raises:
        EnvironmentProblem: the disk is full or the folder cannot be written.
    """
    documents = comparison_document(comparison, command), comparison_document(comparison, command, whole=True)
    return write_document(folder, *documents, comparison.as_dict())


def _sections(group: SuiteComparison, several: bool, whole: bool, brief: bool, narrow: bool) -> Iterator[Section]:
    found, head = group.scored, f"{group.scored.suite.title}: " if several else ""
    table = found.table
    yield Section(f"{head}Result", (*result_lines(found), *(f"Note: {note}" for note in found.notes)))
    yield Section(f"{head}Progression", tuple(_progression(group.versions)))
    yield Section(f"{head}Coverage", tuple(coverage_parts(found)))
    yield Section(f"{head}Scores", tuple(overall_parts(table)))
    yield Section(f"{head}Tiers", tuple(tier_parts(table)))
    noun = found.suite.category_noun
    yield Section(f"{head}By {noun}", tuple(category_parts(table, noun, narrow=narrow)))
    yield Section(f"{head}Side effects", tuple(side_effect_parts(table)))
    yield Section(f"{head}Flips", tuple(_flips(group.flips) if brief else flip_parts(found, whole)))


def _flips(flips: Sequence[Flips]) -> Iterator[str]:
    """The items by id; the answers stand in the written report."""
    for one in flips:
        if one.lost or one.gained:
            yield f"{one.second} against {one.first}: lost {_ids(one.lost)}; gained {_ids(one.gained)}."


def _ids(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else ""
    shown = ", ".join(ids[:SHOWN_IDS])
    return f"{len(ids):,} ({shown}{more})" if ids else "0"


def _progression(versions: Sequence[Version]) -> Iterator[Table]:
    if not versions:
        return
    rows: list[tuple[Cell, ...]] = []
    for one in versions:
        versus = one.versus_first
        delta: tuple[Cell, ...] = (Value(NONE, (None,)), Value(NONE, (None, None)), Value(NONE, (None,)))
        if versus is not None:
            delta = (*points_cells(versus.difference), p_cell(versus.p))
        passed = percent(1 - one.failures / one.n if one.n else None)
        rows.append(
            (one.name, count(one.failures), count(one.n), passed, _signed(one.reduction), _signed(one.step), *delta)
        )
    yield Table(
        "progression",
        ("version", "failures", "of", "passed", "reduction %", "step %", "delta pp", "delta 95%", "p"),
        tuple(rows),
        "Failures over the items that every column has a verdict on. Reduction: failures fewer than the first version has, in "
        "per cent of its failures; step: likewise against the version before. Delta: paired, against the first column.",
    )


def _models(models: Sequence[ModelSummary]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in models:
        ifeval = (
            points_cells(one.ifeval.difference) if one.ifeval else (Value(NONE, (None,)), Value(NONE, (None, None)))
        )
        tracka = points_cells(one.tracka.difference)[0] if one.tracka else Value(NONE, (None,))
        change = one.words.value if one.words else None
        rows.append(
            (
                one.model,
                number(one.parameters / 1e9, 2) if one.parameters else Value(NONE, (None,)),
                one.adapter,
                *_battery(one),
                percent(one.base.rate if one.base else None),
                percent(one.tuned.rate if one.tuned else None),
                *ifeval,
                tracka,
                _signed(change),
            )
        )
    return Table(
        "models",
        (
            "model", "params, bn", "adapter", "battery", "battery 95%", "battery by", "IFEval base", "IFEval adapter",
            "IFEval delta pp", "IFEval delta 95%", "Track A delta pp", "words %",
        ),
        tuple(rows),
        "IFEval: strict at prompt level, adjusted (without prompts that forbid commas), base and adapter asked alike. Battery: "
        "under the delivery that fits the adapter's training. Words: change of the mean length of an answer.",
    )  # fmt: skip


def _battery(one: ModelSummary) -> tuple[Cell, Cell, Cell]:
    found = one.battery or Rate(0, 0, None, None, None, "none")
    return percent(found.rate), interval(found.low, found.high), one.battery_delivery or NONE


def _signed(value: float | None) -> Value:
    return Value(NONE if value is None else f"{value:+.1f}", (value,))
