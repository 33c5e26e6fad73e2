"""The part of a switch report about its second recogniser: a model judge beside the nearest prototype."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase
from typing import TYPE_CHECKING

from aligntui.score.reporting.document import (
    Figure,
    Table,
    count,
    coverage_text,
    estimate_cells,
    interval,
    percent,
    rate_cells,
)
from aligntui.workbench.switching.report_tables import confusion_parts, instruction_parts, rate_parts

if TYPE_CHECKING:
    from aligntui.score.switching.judge_naming import Judging
    from aligntui.score.switching.report import Column, SwitchReport

MARK = "-judge"
"""At the end of the names of the judge's tables and figures."""
TOO_ALIKE = 0.8
"""Share of the answers at one place from which on a judge follows the place more than the answer."""


def judge_parts(report: SwitchReport, figures: tuple[Figure, ...] = ()) -> Iterator[str | Table | Figure]:
    """Both recognisers side by side, how far they agree, and how the judge came to its names."""
    column, judging = report.judge, report.judging
    if column is None or judging is None:
        return
    yield _how(judging)
    yield Table(
        "recognisers",
        ("side", "recogniser", "rate", "95% interval", "answers", "chance"),
        tuple(
            (one.side, name, *rate_cells(rate), percent(rate.chance))
            for one in judging.agreement
            for name, rate in (
                (report.nearest.recogniser, one.paired.first), (judging.judge, one.paired.second),
            )
        ),
        "The switch rate by either recogniser, on the answers that both of them count.",
    )  # fmt: skip
    yield from _agreement(judging)
    yield from _places(judging)
    yield from _column(column)
    yield from figures


def _how(judging: Judging) -> str:
    said = (
        f"{judging.judge}: it sees an answer and the instructions in an order drawn for it, and neither the prompt nor what was "
        f"asked for. It names {judging.how}. Of {judging.wanted:,} answers it named an instruction for {judging.named:,}"
    )
    unread = f"; {judging.unread:,} replies name none and count as not switched" if judging.unread else ""
    missing = f"; {judging.missing:,} have no reply yet and are left out" if judging.missing else ""
    return f"{said}{unread}{missing}."


def _agreement(judging: Judging) -> Iterator[str | Table]:
    yield Table(
        "recogniser-agreement",
        ("side", "same name", "95% interval", "answers", "by chance", "kappa", "interval of kappa"),
        tuple(
            (
                one.side, *rate_cells(one.agreement.share), percent(one.agreement.share.chance),
                *estimate_cells(one.agreement.kappa, 2),
            )
            for one in judging.agreement
        ),
        "How often both name the same for an answer. Kappa (Cohen): 1 full agreement, 0 no more than by chance.",
    )  # fmt: skip
    for one in judging.agreement:
        if one.coverage.left_out:
            yield f"{one.side}: {coverage_text(one.coverage, 'answers')}"


def _places(judging: Judging) -> Iterator[str | Table]:
    m = len(judging.places)
    yield Table(
        "judge-places",
        ("place", "stood highest", "95% interval", "answers", "named in the end", "interval of named"),
        tuple(
            (
                ascii_uppercase[one.place - 1], *rate_cells(one.rate), percent(one.named.rate),
                interval(one.named.low, one.named.high),
            )
            for one in judging.places
        ),
        f"Position bias: the order of the options is drawn anew for each answer, so a judge that follows the answer is at "
        f"{1 / m:.1%} everywhere.",
    )  # fmt: skip
    worst = max(judging.places, key=lambda one: one.rate.rate or 0)
    if (worst.rate.rate or 0) >= TOO_ALIKE:
        eased = (worst.named.rate or 0) < (worst.rate.rate or 0)
        yield (
            f"Place {ascii_uppercase[worst.place - 1]} stood highest for {worst.rate.rate:.0%} of the answers whatever stood "
            f"there: this judge follows the place more than the answer{', which its names are rid of' if eased else ''}. "
            "A larger model makes a better judge."
        )


def _column(column: Column) -> Iterator[str | Table]:
    yield from rate_parts(column, MARK)
    yield from instruction_parts(column, MARK)
    yield from confusion_parts(column, MARK)


def judge_cells(column: Column) -> Table:
    """Answers that did not switch by the judge, for those who go on with them."""
    return Table(
        f"not-switched{MARK}",
        ("prompt id", "side", "intended", "taken for", "wording", "seed", "why"),
        tuple(
            (
                one.prompt, one.side, f"{one.instruction}/{one.phrasing}", one.recognised or "-", one.wording,
                count(one.seed), one.reason,
            )
            for one in column.not_switched
        ),
    )  # fmt: skip
