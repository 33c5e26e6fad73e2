"""Tables of a score report: rates with intervals, comparisons, deliveries, side effects, seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from aligntui.score.battery.delivery import Delivery
from aligntui.score.reporting.document import (
    NONE,
    Cell,
    Table,
    Value,
    count,
    coverage_text,
    estimate_cells,
    interval,
    number,
    p_cell,
    percent,
    points_cells,
)
from aligntui.score.results import Estimate, Rate
from aligntui.score.suites.general_suite import WORDS
from aligntui.score.suites.table import CATEGORY, OVERALL, SIDE_EFFECT, TIER, Row, ScoreTable
from aligntui.score.suites.versus import Versus
from aligntui.workbench.scoring.result_rows import SIGNS
from aligntui.workbench.scoring.scored import Scored

WIDE = 3
"""Columns up to which they stand side by side."""


def result_lines(scored: Scored) -> Iterator[str]:
    """What is said first: the headline of each column with its interval, then every comparison in words."""
    headline, covers = scored.table.headline, scored.table.coverage
    for name, value in zip(scored.table.columns, headline.values, strict=True):
        yield f"{name}: {value_text(value, headline.unit)}, {headline.name}."
    if any(cover.used < cover.total for cover in covers):
        judged = dict.fromkeys(f"{cover.used:,} of {cover.total:,}" for cover in covers)
        yield f"This is a part and no score of the whole suite: {' and '.join(judged)} answers are judged."
    yield from (one.sentence for one in headline.versus)
    words = scored.table.row(WORDS, SIDE_EFFECT)
    if words is not None and words is not headline:
        yield from (one.sentence for one in words.versus)


def coverage_parts(scored: Scored) -> Iterator[str | Table]:
    """How much of the suite every column covers."""
    for name, cover in zip(scored.table.columns, scored.table.coverage, strict=True):
        yield f"{name}: {coverage_text(cover, 'answers of the whole suite')}"
    if any(scored.table.empty):
        yield "Empty answers, which count as failures: " + ", ".join(
            f"{name} {empty:,}" for name, empty in zip(scored.table.columns, scored.table.empty, strict=True)
        )


def overall_parts(table: ScoreTable) -> Iterator[Table]:
    """The rates that the suite is known by."""
    rows = table.group(OVERALL)
    if rows:
        yield _rates("overall", table, rows, "Share that passes, with 95% intervals that count whole prompts.")
        yield from _comparisons("overall-compared", table, rows)


def tier_parts(table: ScoreTable) -> Iterator[Table]:
    """Means over the types of each tier."""
    rows = table.group(TIER)
    if rows:
        caption = "Mean of the rates of a tier's types, each type weighing the same; intervals resample whole prompts."
        yield _rates("tiers", table, rows, caption, with_reading=True)


def category_parts(table: ScoreTable, noun: str, *, narrow: bool = False) -> Iterator[Table]:
    """One row for each category, read strictly; `narrow` leaves out the groups of their names, and the tests."""
    rows = table.group(CATEGORY, "strict")
    if narrow:
        rows = tuple(replace(row, name=row.name.rpartition(":")[2]) for row in rows)
    if not rows:
        return
    corrected = f"Read strictly; p-values are corrected over {table.family} of them (Holm)." if table.pairs else ""
    yield _rates("categories", table, rows, corrected, noun)
    if table.pairs and not narrow:
        yield from _comparisons("categories-compared", table, rows)


def delivery_parts(scored: Scored) -> Iterator[str | Table]:
    """With and without the system prompt, and the other deliveries, of one side."""
    if scored.deliveries:
        bare = {column.name for column in scored.columns if column.delivery == str(Delivery.NONE)}
        yield from (one.sentence for one in scored.deliveries if one.first in bare)
        yield _versus_table(
            "deliveries",
            [(scored.table.headline.name, one) for one in scored.deliveries],
            "Each side under two deliveries; p-values are corrected over these comparisons (Holm).",
            words=scored.table.headline.unit == "words",
        )


def side_effect_parts(table: ScoreTable) -> Iterator[Table]:
    """Length, loops and doctrine in the answers."""
    rows = table.group(SIDE_EFFECT)
    words = [row for row in rows if row.unit == "words"]
    for row in words:
        cells: list[tuple[Cell, ...]] = []
        for name, value in zip(table.columns, row.values, strict=True):
            assert isinstance(value, Estimate), "a mean"
            mean, bounds = estimate_cells(value, 1)
            cells.append((name, mean, bounds, count(value.n)))
        yield Table(
            "verbosity", ("column", "words per answer", "95% interval", "answers"), tuple(cells),
            "Words between white space; characters of scripts without spaces count one each.",
        )  # fmt: skip
        if row.versus:
            yield _words_table("verbosity-compared", row.versus)
    signs = [row for row in rows if row.unit != "words"]
    if signs:
        yield _rates("signs", table, signs, "Share of the answers; less is better, and there is no chance level.")
        yield from _comparisons("signs-compared", table, signs)


def seed_parts(table: ScoreTable) -> Iterator[Table]:
    """How much the headline varies between seeds."""
    if table.seeds:
        words = table.headline.unit == "words"

        def cell(value: float | None) -> Value:
            return number(value, 1) if words else percent(value)

        yield Table(
            "seeds",
            ("column", "seeds", "mean", "sd", "lowest", "highest"),
            tuple(
                (row.column, count(len(row.rates)), cell(row.mean), cell(row.sd), cell(row.lowest), cell(row.highest))
                for row in table.seeds
            ),
            f"{table.headline.name}, under each seed by itself.",
        )


def explained_parts(scored: Scored) -> Iterator[Table]:
    """Of the failures, those that speak of the doctrine."""
    if scored.explained:
        yield Table(
            "explained",
            ("column", "category", "failures", "with doctrine", "share", "95% interval"),
            tuple(
                (
                    name,
                    one.category,
                    count(one.share.n),
                    count(one.share.k),
                    percent(one.share.rate),
                    interval(one.share.low, one.share.high),
                )
                for name, one in scored.explained
            ),
            "The most that bleed can explain: an answer may speak of the rules and have failed for another reason.",
        )


def value_text(value: Rate | Estimate, unit: str) -> str:
    """`62.5% (95% interval 58.2 to 66.6)`, or words."""
    if isinstance(value, Rate):
        if value.rate is None:
            return "nothing to judge"
        chance = "" if value.chance is None else f", chance {value.chance:.0%}"
        return f"{percent(value.rate)} (95% interval {interval(value.low, value.high)}{chance})"
    if value.value is None:
        return "nothing to measure"
    shown, bounds = (
        estimate_cells(value, 1) if unit == "words" else (percent(value.value), interval(value.low, value.high))
    )
    return f"{shown}{' words' if unit == 'words' else ''} (95% interval {bounds})"


def value_cells(value: Rate | Estimate) -> tuple[Value, Value]:
    """Share and interval."""
    if isinstance(value, Rate):
        return percent(value.rate), interval(value.low, value.high)
    return percent(value.value), interval(value.low, value.high)


def _rates(
    name: str, table: ScoreTable, rows: Sequence[Row], caption: str, noun: str = "measure", with_reading: bool = False
) -> Table:
    """Every column with its interval; where there is one pair, what separates it beside them."""
    has_tier = any(row.tier for row in rows) and not with_reading
    if len(table.columns) > WIDE:
        return _long_rates(name, table, rows, caption, noun)
    head = [noun, *(["reading"] if with_reading else []), *(["tier"] if has_tier else [])]
    for column in table.columns:
        head += [column, f"{column}: 95%"]
    one_pair = len(table.pairs) == 1
    if not with_reading:
        head.append("n")
    if one_pair:
        head += ["delta pp", "delta 95%", *([] if with_reading else ["p"]), "finding"]
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        line: list[Cell] = [row.name, *([row.reading] if with_reading else []), *([row.tier] if has_tier else [])]
        for value in row.values:
            line += value_cells(value)
        if not with_reading:
            line.append(_counts(row))
        if one_pair:
            versus = row.versus[0]
            line += [
                *points_cells(versus.difference),
                *([] if with_reading else [p_cell(versus.p_corrected)]),
                _finding(versus),
            ]
        cells.append(tuple(line))
    return Table(name, tuple(head), tuple(cells), caption)


def _long_rates(name: str, table: ScoreTable, rows: Sequence[Row], caption: str, noun: str) -> Table:
    """The same with a line for each column, where there are many."""
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        label = f"{row.name}, {row.reading}" if row.group == TIER and row.reading else row.name
        cells += [
            (label, column, *value_cells(value), count(value.n))
            for column, value in zip(table.columns, row.values, strict=True)
        ]
    return Table(name, (noun, "column", "share", "95% interval", "n"), tuple(cells), caption)


def _counts(row: Row) -> Value:
    """Verdicts of each column; one number where they agree."""
    found = [value.n for value in row.values]
    return Value(" / ".join(f"{n:,}" for n in dict.fromkeys(found)) or NONE, (found[0] if found else None,))


def _comparisons(name: str, table: ScoreTable, rows: Sequence[Row]) -> Iterator[Table]:
    """What the tests say; the differences themselves stand beside the rates where there is one pair."""
    if len(table.pairs) == 1:
        first, second = table.pairs[0]
        yield Table(
            name,
            ("measure", "compared", "gained", "lost", "p", "p corrected", "detectable pp", "test"),
            tuple(
                (
                    row.name,
                    count(row.versus[0].coverage.used),
                    count(row.versus[0].gained),
                    count(row.versus[0].lost),
                    p_cell(row.versus[0].p),
                    p_cell(row.versus[0].p_corrected),
                    _points(row.versus[0].detectable),
                    row.versus[0].p_method,
                )
                for row in rows
            ),
            f"{table.columns[second]} against {table.columns[first]}, paired over what both have a verdict on. Gained: only "
            f"{table.columns[second]} passes. Detectable: the smallest difference found with power 0.8 at level 0.05.",
        )
    elif table.pairs:
        pairs = [(row.name, one) for row in rows for one in row.versus]
        yield _versus_table(name, pairs, "Paired over what both columns have a verdict on; second minus first.")


def _points(value: float | None) -> Value:
    return Value(NONE if value is None else f"{100 * value:.1f}", (value,))


def _versus_table(name: str, pairs: Sequence[tuple[str, Versus]], caption: str, *, words: bool = False) -> Table:
    if words:
        return _words_table(name, [one for _, one in pairs])
    several = len({label for label, _ in pairs}) > 1
    head = (
        "column",
        "against",
        "delta pp",
        "delta 95%",
        "p",
        "p corrected",
        "gained",
        "lost",
        "detectable pp",
        "finding",
    )
    rows: list[tuple[Cell, ...]] = []
    for label, one in pairs:
        cells: tuple[Cell, ...] = (
            one.second,
            one.first,
            *points_cells(one.difference),
            p_cell(one.p),
            p_cell(one.p_corrected),
            count(one.gained),
            count(one.lost),
            _points(one.detectable),
            _finding(one),
        )
        rows.append((label, *cells) if several else cells)
    return Table(name, ("measure", *head) if several else head, tuple(rows), caption)


def _words_table(name: str, versus: Sequence[Versus]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in versus:
        change = one.percent
        shown = (
            Value(NONE, (None,))
            if change is None or change.value is None
            else Value(f"{change.value:+.1f}", (change.value,))
        )
        bounds = (
            Value(NONE, (None, None))
            if change is None or change.low is None or change.high is None
            else Value(f"{change.low:+.1f} to {change.high:+.1f}", (change.low, change.high))
        )
        delta, delta_bounds = estimate_cells(one.difference, 1)
        rows.append((one.second, one.first, delta, delta_bounds, shown, bounds, p_cell(one.p), _finding(one)))
    head = ("column", "against", "delta words", "delta 95%", "delta %", "delta % 95%", "p", "finding")
    return Table(name, head, tuple(rows))


def _finding(one: Versus) -> str:
    return f"{SIGNS.get(one.finding, '?')} {one.finding}"
