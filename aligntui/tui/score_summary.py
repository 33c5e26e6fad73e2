"""Results as pages to read: what the scores say, a progression of versions, models across suites.

Pinned in tests/tui/test_score_text.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from aligntui.core.printable import one_line
from aligntui.score.reporting.document import NONE, coverage_text, estimate_cells, p_cell, points_cells
from aligntui.score.results import Coverage, Estimate, Rate
from aligntui.score.suites.versus import Versus
from aligntui.tui.bars import Axis, interval_bar, share_bar
from aligntui.tui.cells import column
from aligntui.tui.rate_rows import NEUTRAL, Columns, Lines, heading
from aligntui.tui.score_rows import FINDINGS
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.scoring.comparing import ModelSummary, Version
from aligntui.workbench.scoring.result_rows import SIGNS
from aligntui.workbench.scoring.scored import Scored


def covered_line(scored: Scored) -> Content:
    """How much of the whole suite every column covers, on one line; a part is called one."""
    names, covers = scored.table.columns, scored.table.coverage
    counts = dict.fromkeys((cover.used, cover.total) for cover in covers)
    if len(counts) == 1:
        text = ", ".join(f"{used:,} of {total:,} answers of the whole suite judged" for used, total in counts)
    else:
        each = (
            f"{one_line(name, 24)} {cover.used:,} of {cover.total:,}" for name, cover in zip(names, covers, strict=True)
        )
        text = f"{', '.join(each)} answers judged"
    if any(cover.used < cover.total for cover in covers):
        return Content.styled(f"◐ A part: {text}", "$text-warning")
    return Content.styled(f"● {text}", MUTED)


def summary(scored: Scored, width: int) -> Content:
    """The headline of each column, every comparison in words, coverage, notes, deliveries, seeds."""
    columns, table = Columns(width), scored.table
    lines: Lines = [heading(table.headline.name, f"  {scored.suite.title}")]
    lines += headline_lines(scored, columns)
    said = [*table.headline.versus]
    words = table.row("words per answer")
    if words is not None and words is not table.headline:
        said += words.versus
    if said:
        lines += [Content(""), heading("Compared")]
        for one in said:
            lines += _sentence(one, columns)
    if scored.deliveries:
        lines += [Content(""), heading("With and without the instruction", f"  {table.headline.name}")]
        lines += _deliveries(scored, columns)
    lines += [Content(""), heading("Coverage")]
    for name, cover in zip(table.columns, table.coverage, strict=True):
        lines += _covered(name, cover, columns)
    if any(table.empty):
        counts = zip(table.columns, table.empty, strict=True)
        lines += columns.text(
            "empty answers, which count as failures: " + ", ".join(f"{name} {empty:,}" for name, empty in counts)
        )
    if scored.notes:
        lines += [Content(""), heading("Notes")]
        for note in scored.notes:
            lines += _wrapped(f"! {one_line(note)}", "$text-warning", columns)
    if table.seeds:
        lines += [Content(""), heading("Between seeds")]
        for row in table.seeds:
            shown = ", ".join(NONE if one is None else _value(one, table.headline.unit) for one in row.rates)
            lines += columns.text(f"{row.column}: {shown}")
    if scored.explained:
        lines += [Content(""), heading("Failures that speak of the doctrine")]
        lines += [columns.rate(f"{name}: {one.category}", one.share) for name, one in scored.explained]
    return Content("\n").join(lines)


def headline_lines(scored: Scored, columns: Columns) -> Lines:
    """A bar with its interval for each column."""
    headline = scored.table.headline
    longest = max((one.high or one.value or 0.0 for one in headline.values if isinstance(one, Estimate)), default=0.0)
    lines: Lines = []
    for name, value in zip(scored.table.columns, headline.values, strict=True):
        if isinstance(value, Rate):
            lines.append(columns.rate(name, value))
        else:
            axis = Axis(0.0, max(1.0, longest))
            drawn = interval_bar(value.value, value.low, value.high, columns.bar, axis, NEUTRAL)
            mean, bounds = estimate_cells(value, 1)
            lines.append(columns.row(name, drawn, f"{mean} words ({bounds}) n {value.n:,}"))
    return [columns.scale(), *lines] if headline.unit == "rate" else lines


def _value(value: float, unit: str) -> str:
    return f"{value:.1f} words" if unit == "words" else f"{value:.1%}"


def _wrapped(text: str, style: str, columns: Columns) -> Lines:
    return [Content.assemble("  ", piece) for piece in Content.styled(text, style).wrap(max(20, columns.width - 2))]


def _sentence(one: Versus, columns: Columns) -> Lines:
    return _wrapped(f"{SIGNS.get(one.finding, '?')} {one_line(one.sentence)}", FINDINGS.get(one.finding, ""), columns)


def _covered(name: str, cover: Coverage, columns: Columns) -> Lines:
    style = "$text-warning" if cover.used < cover.total else MUTED
    return columns.text(f"{name}: {coverage_text(cover, 'answers of the whole suite')}", style)


def versus_row(label: str, one: Versus, columns: Columns, span: float) -> Content:
    """A difference of rates on an axis that has zero in its middle."""
    difference, style = one.difference, FINDINGS.get(one.finding, "")
    axis = Axis(-span, span, 0.0)
    drawn = interval_bar(difference.value, difference.low, difference.high, columns.bar, axis, style or NEUTRAL)
    value, bounds = points_cells(difference)
    p = f" p {p_cell(one.p_corrected)}" if columns.wide and one.p_corrected is not None else ""
    return columns.row(label, drawn, f"{SIGNS.get(one.finding, '?')} {value} pp ({bounds}){p}", style)


def span_of(some: Sequence[Versus]) -> float:
    """Half of an axis on which all of these fit."""
    ends = [abs(end) for one in some for end in (one.difference.low, one.difference.high, one.difference.value) if end]
    return max([0.05, *ends])


def _deliveries(scored: Scored, columns: Columns) -> Lines:
    some = scored.deliveries
    if scored.table.headline.unit == "words":
        return [line for one in some for line in _sentence(one, columns)]
    span = span_of(some)
    sides = {column.name: column.side for column in scored.columns}
    several = len({sides[one.first] for one in some}) > 1
    ways = {column.name: column.delivery for column in scored.columns}
    lines: Lines = []
    for one in some:
        label = f"{ways[one.second]} − {ways[one.first]}"
        lines.append(versus_row(f"{sides[one.first]}: {label}" if several else label, one, columns, span))
    note = f"axis from -{100 * span:.0f} to +{100 * span:.0f} pp; p corrected over these comparisons (Holm)"
    return [*lines, *columns.text(note)]


def progression(versions: Sequence[Version], width: int) -> Content:
    """Failures of each version, the reduction since the first and since the one before."""
    columns = Columns(width)
    lines: Lines = [heading("Progression", f"  failures on the {versions[0].n:,} answers that every version has")]
    most = max((one.failures for one in versions), default=0)
    name = max(14, columns.width - 62) if columns.width >= 76 else 14
    bar = max(6, columns.width - name - 41)
    lines.append(
        Content.styled(
            f"{'version':<{name}}{'failures':>9}  {'':<{bar}}{'passed':>8}{'reduction':>12}{'step':>10}", MUTED
        )
    )
    for one in versions:
        style = FINDINGS.get(one.versus_first.finding, "") if one.versus_first else ""
        share = one.failures / most if most else 0.0
        passed = f"{1 - one.failures / one.n:.1%}" if one.n else NONE
        lines.append(
            Content.assemble(
                column(one.name, name),
                f"{one.failures:>9,}  ",
                (share_bar(share, bar), style or NEUTRAL),
                f"{passed:>8}",
                (f"{_percent(one.reduction):>12}", style),
                f"{_percent(one.step):>10}",
            )
        )
    lines.append(Content(""))
    for one in versions:
        if one.versus_first is not None:
            lines += _sentence(one.versus_first, columns)
    lines += [
        Content(""),
        *columns.text(
            "Reduction: failures fewer than the first version has, in per cent of its failures; step: the same against the "
            "version before. The interval of the difference, not the reduction, says whether it is real."
        ),
    ]
    return Content("\n").join(lines)


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:+.1f}%"


def models(some: Sequence[ModelSummary], width: int) -> Content:
    """A card for each adapter on each base: its battery, IFEval of base and adapter, Track A, length."""
    columns = Columns(width)
    compared = [one for model in some for one in (model.ifeval, model.tracka) if one is not None]
    span = span_of(compared)
    lines: Lines = []
    for one in some:
        size = f", {one.parameters / 1e9:.2f} bn parameters" if one.parameters else ""
        lines += [heading(one.adapter, f"  on {one_line(one.model, 60)}{size}")]
        if one.battery is not None:
            lines.append(columns.rate(f"battery, {one.battery_delivery}", one.battery))
        for label, value in (("IFEval base", one.base), ("IFEval adapter", one.tuned)):
            if value is not None:
                lines.append(columns.rate(label, value))
        for label, versus in (("IFEval delta", one.ifeval), ("Track A delta", one.tracka)):
            if versus is not None:
                lines.append(versus_row(label, versus, columns, span))
        if one.words is not None and one.words.value is not None:
            low, high = one.words.low, one.words.high
            bounds = f" ({low:+.1f}% to {high:+.1f}%)" if low is not None and high is not None else ""
            lines += columns.text(f"length {one.words.value:+.1f}%{bounds} of the base's, answers of {one.words_from}")
        missing = [
            name
            for name, value in (("battery", one.battery), ("IFEval", one.ifeval), ("Track A", one.tracka))
            if value is None
        ]
        if missing:
            lines += columns.text(f"not among what is compared: {', '.join(missing)}")
        lines.append(Content(""))
    lines += columns.text(
        f"Rates from 0% to 100%; deltas from -{100 * span:.0f} to +{100 * span:.0f} pp, adapter minus base. IFEval: strict at "
        "prompt level, adjusted. Battery: under the delivery that fits the adapter's training."
    )
    return Content("\n").join(lines)
