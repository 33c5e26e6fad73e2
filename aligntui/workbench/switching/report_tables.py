"""The tables of a switch report: every measure with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from aligntui.score.reporting.document import (
    NONE,
    Table,
    Value,
    count,
    coverage_text,
    estimate_cells,
    number,
    p_cell,
    percent,
    points_cells,
    rate_cells,
)
from aligntui.score.switching.length import LengthSuite

if TYPE_CHECKING:
    from aligntui.score.results import Rate
    from aligntui.score.switching.rates import Confusion
    from aligntui.score.switching.report import Column, SwitchReport
    from aligntui.score.switching.suites import Suite

_NONE = Value(NONE, (None,))
DRAWN_CELLS = 25
"""Of a rate that is drawn as text."""


def drawn_rate(rate: Rate) -> Value:
    """A rate on an axis from 0 to 100% as text: `┈┈┊┈├──●──┤┈┈`, where `┊` is chance."""
    cells = ["┈"] * DRAWN_CELLS
    if rate.chance is not None:
        cells[_cell(rate.chance)] = "┊"
    if rate.rate is not None and rate.low is not None and rate.high is not None:
        low, high = _cell(rate.low), _cell(rate.high)
        for place in range(low, high + 1):
            cells[place] = "┼" if cells[place] == "┊" else "─"
        cells[low], cells[high] = "├", "┤"
        cells[_cell(rate.rate)] = "●"
    return Value("".join(cells), (rate.rate,))


def _cell(share: float) -> int:
    return min(DRAWN_CELLS - 1, max(0, round(share * (DRAWN_CELLS - 1))))


def _with_axis(table: Table, rates: Iterable[Rate]) -> Table:
    """A table with one more column: each row's rate drawn."""
    rows = tuple((*row, drawn_rate(rate)) for row, rate in zip(table.rows, rates, strict=True))
    return replace(table, head=(*table.head, "0 to 100%, ┊ chance"), rows=rows)


def detectable_cell(value: float | None) -> Value:
    """A detectable difference in points; with so few prompts that none could be found, that is said."""
    if value is not None and value > 1:
        return Value("none", (100 * value,))
    return number(None if value is None else 100 * value, 1)


def rate_parts(column: Column, mark: str = "", *, drawn: bool = False) -> Iterator[str | Table]:
    """The switch rate of every side, and of each against the base.

    Args:
        column: one recogniser's.
        mark: at the end of the tables' names.
        drawn: whether rates are drawn as text beside their numbers.
    """
    rates = Table(
        f"switch-rate{mark}",
        ("side", "rate", "95% interval", "answers", "chance", "dealt at random", "empty"),
        tuple(
            (side.side, *rate_cells(side.rate), percent(side.rate.chance), percent(side.dealt), count(side.empty))
            for side in column.sides
        ),
        f"Recogniser: {column.recogniser}. Plainly worded instructions only (direct and paraphrase).",
    )
    yield _with_axis(rates, (side.rate for side in column.sides)) if drawn else rates
    for side in column.sides:
        if side.coverage.left_out:
            yield f"{side.side}: {coverage_text(side.coverage, 'cells')}"
    if column.comparisons:
        yield Table(
            f"comparison{mark}",
            ("side", "against", "points", "95% interval", "p", "detectable", "gained", "lost"),
            tuple(
                (
                    one.side, one.against, *points_cells(one.paired.difference), p_cell(one.paired.p),
                    detectable_cell(one.paired.detectable), count(one.paired.gained), count(one.paired.lost),
                )
                for one in column.comparisons
            ),
            "Paired by prompt, instruction, phrasing and seed; p by sign flips over whole prompts. "
            "Detectable: the smallest difference found with power 0.8 at level 0.05, in points; none where there are too few prompts.",
        )  # fmt: skip


def instruction_parts(column: Column, mark: str = "", *, drawn: bool = False) -> Iterator[Table]:
    """The switch rate under each instruction, with how often it is named elsewhere, and each side against the base."""
    order = {name: place for place, name in enumerate(dict.fromkeys(one.instruction for one in column.instructions))}
    rows = sorted(column.instructions, key=lambda one: order[one.instruction])
    found = Table(
        f"by-instruction{mark}",
        ("instruction", "side", "rate", "95% interval", "named elsewhere"),
        tuple((one.instruction, one.side, *rate_cells(one.rate)[:2], percent(one.elsewhere.rate)) for one in rows),
        "Named elsewhere: share of the answers under other instructions that were taken for this one. An instruction is "
        "followed where its rate lies above that.",
    )
    yield _with_axis(found, (one.rate for one in rows)) if drawn else found
    for one in column.comparisons:
        yield Table(
            f"by-instruction-{slug(one.side)}{mark}",
            ("instruction", "points", "95% interval", "p corrected"),
            tuple(
                (row.instruction, *points_cells(row.paired.difference), p_cell(row.p_corrected))
                for row in one.instructions
            ),
            f"{one.side} against {one.against}, in points; p corrected (Holm) over the instructions.",
        )


def group_parts(column: Column) -> Iterator[str | Table]:
    """The switch rate by domain and by source of the prompts, where the prompts say theirs."""
    if not (column.domains or column.sources):
        yield "The prompts say nothing of their domain or source."
    for name, groups in (("domain", column.domains), ("source", column.sources)):
        if any(one.group for one in groups):
            yield Table(
                f"by-{name}",
                (name, "side", "rate", "95% interval", "answers"),
                tuple((one.group, one.side, *rate_cells(one.rate)) for one in sorted(groups, key=lambda g: g.group)),
            )


def confusion_parts(column: Column, mark: str = "") -> Iterator[Table]:
    """Intended against recognised instruction, for each side."""
    for one in column.confusion:
        yield confusion_table(one, mark)


def confusion_table(one: Confusion, mark: str = "") -> Table:
    """Counts by intended (rows) and recognised instruction (columns)."""
    rows = tuple((name, *map(count, row)) for name, row in zip(one.types, one.rows, strict=True))
    return Table(
        f"confusion-{slug(one.side)}{mark}",
        ("(intended)", *one.types, "(none)"),
        rows,
        f"{one.side}: answers by intended (rows) and recognised instruction (columns).",
        matrix=True,
    )


def wording_parts(column: Column, report: SwitchReport) -> Iterator[Table]:
    """The switch rate by kind of wording, and how much phrasings of one instruction differ."""
    yield Table(
        "by-wording",
        ("side", "wording", "rate", "95% interval", "answers", "chance", "dealt at random"),
        tuple(
            (one.side, one.wording, *rate_cells(one.rate), percent(one.rate.chance), percent(one.dealt))
            for one in column.wordings
        ),
        f"Recogniser: {column.recogniser}. Each kind of wording is recognised among answers under wordings of its own kind.",
    )
    drops = [(one, one.drop) for one in column.wordings if one.drop is not None]
    if drops:
        yield Table(
            "following-against-aligning",
            ("side", "wording", "points", "95% interval", "p corrected"),
            tuple(
                (one.side, one.wording, *points_cells(drop.difference), p_cell(one.p_corrected)) for one, drop in drops
            ),
            "Following against aligning: points against the direct wording of the same instruction to the same prompt; "
            "p corrected over the kinds of wording.",
        )
    yield Table(
        "robustness",
        ("side", "measure", "value", "95% interval"),
        tuple(
            (one.side, name, *estimate_cells(value))
            for one in report.robustness
            for name, value in (
                ("within phrasings", one.within), ("between instructions", one.between), ("ratio of the two", one.ratio),
            )
        ),
        "Robustness to paraphrase: the shift between phrasings of one instruction over that between instructions; 0 is "
        "robust, 1 is not.",
    )  # fmt: skip


def shift_parts(report: SwitchReport) -> Iterator[str | Table]:
    """Fidelity, semantic shift, M1 and the noise floor, of each side and against the base."""
    yield Table(
        "shift",
        ("side", "measure", "value", "95% interval"),
        tuple(
            (one.side, name, *estimate_cells(value))
            for one in report.shifts
            for name, value in (
                ("fidelity", one.fidelity), ("semantic shift", one.shift), ("M1", one.m1),
                ("noise floor", one.noise), ("shift above noise", one.above_noise),
            )
        ),
    )  # fmt: skip
    for one in report.shifts:
        if one.coverage.left_out:
            yield f"{one.side}: {coverage_text(one.coverage, 'prompts')}"
    if report.gains:
        yield Table(
            "fidelity-gain",
            ("side", "without instruction", "with it", "gain", "95% interval", "p"),
            tuple(
                (
                    one.side, number(one.paired.first), number(one.paired.second), *estimate_cells(one.paired.difference),
                    p_cell(one.paired.p),
                )
                for one in report.gains
            ),
            "What the instruction adds to fidelity, paired by prompt: an answer without one is held against every prototype.",
        )  # fmt: skip
    for one in report.shift_comparisons:
        compared = (("fidelity", one.fidelity), ("semantic shift", one.shift), ("shift above noise", one.above_noise))
        yield Table(
            f"shift-{slug(one.side)}",
            ("measure", "difference", "95% interval", "p"),
            (
                *((name, *estimate_cells(means.difference), p_cell(means.p)) for name, means in compared),
                ("M1", *estimate_cells(one.m1), _NONE),
            ),
            f"{one.side} against {one.against}, paired by prompt.",
        )
        for _, wording in one.wording:
            yield wording.sentence


def suite_parts(report: SwitchReport) -> Iterator[str | Table]:
    """The suites of opposed instructions: hedges, refusals, length."""
    for suite in report.suites:
        if isinstance(suite, LengthSuite):
            yield from _length(suite)
        else:
            yield from _opposed(suite)


def _opposed(suite: Suite) -> Iterator[str | Table]:
    more, less = (suite.sides[0].more, suite.sides[0].less) if suite.sides else ("more", "less")
    yield Table(
        f"suite-{slug(suite.name)}",
        ("side", f"under {more}", f"under {less}", "points", "interval of points", "p"),
        tuple(
            (
                one.side, percent(one.paired.second.rate), percent(one.paired.first.rate),
                *points_cells(one.paired.difference), p_cell(one.paired.p),
            )
            for one in suite.sides
        ),
        f"{suite.name}: {suite.measure}, signed difference.",
    )  # fmt: skip
    for one in suite.sides:
        yield f"{one.side}: {one.wording.sentence}"
    for one in suite.comparisons:
        yield f"{one.side} against {one.against}: {one.wording.sentence}"


def _length(suite: LengthSuite) -> Iterator[str | Table]:
    yield Table(
        f"suite-{slug(suite.name)}",
        ("side", "ratio", "95% interval", "target", "mean words concise", "mean words detailed", "within 50", "at least 200"),
        tuple(
            (
                one.side, *estimate_cells(one.ratio, 2), f"> {one.target:g}", number(one.concise_words.value, 1),
                number(one.detailed_words.value, 1), percent(one.concise_within.rate), percent(one.detailed_within.rate),
            )
            for one in suite.sides
        ),
        f"{suite.name}: {suite.measure}.",
    )  # fmt: skip
    for one in suite.comparisons:
        yield f"{one.side} against {one.against}: {one.wording.sentence}"


def slug(name: str) -> str:
    """A name as a part of a file's name."""
    return "".join(c if c.isalnum() else "-" for c in name).strip("-")[:60] or "side"
