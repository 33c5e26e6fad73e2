"""Statistics over verdicts to read: one line a figure, always with interval, chance, count and what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aligntui.cli.output import counted
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.score.results import Coverage, Estimate, Rate
    from aligntui.score.verdicts.agreement import AnnotatorAgreement
    from aligntui.score.verdicts.bradley_terry import Rating, Ratings
    from aligntui.score.verdicts.judge import JudgeAgreement
    from aligntui.score.verdicts.win_rates import GroupedWinRates, WinRate
    from aligntui.workbench.curation.statistics import OfAnnotator, OfSide, VerdictReport

BAR_CELLS = 20
_NAME_CELLS = 28
_ALWAYS = {"first": "side A", "second": "side B", "bad": "both bad", "": "?"}
"""The commonest verdict as a label; A is the side that comes first by name."""
_BLOCKS = " ▏▎▍▌▋▊▉█"


def report_lines(report: VerdictReport) -> list[str]:
    """The whole report."""
    lines = [counted(report.verdicts, "verdict")]
    for one in report.annotators:
        lines += ["", *_annotator(one)]
    for pair in report.agreement:
        lines += ["", *_agreement(pair)]
    if report.group and len(report.group.annotators) > 2:
        lines += ["", f"all {len(report.group.annotators)} annotators"]
        lines += [_estimate("Krippendorff's alpha", report.group.alpha), *_left_out(report.group.coverage)]
    for judge in report.judges:
        lines += ["", *_judge(judge)]
    for side in report.sides:
        lines += ["", *_side(side)]
    if report.ratings:
        lines += ["", *_ratings(report.ratings)]
    return lines


def rate_text(rate: Rate) -> str:
    """`62.5% [41.0, 80.1] of 24, chance 50%`, and where prompts repeat, of how many."""
    if rate.rate is None or rate.low is None or rate.high is None:
        return "nothing to count"
    chance = "" if rate.chance is None else f", chance {rate.chance:.0%}"
    clusters = "" if rate.clusters in (None, rate.n) else f" on {counted(rate.clusters or 0, 'prompt')}"
    return f"{rate.rate:6.1%} [{100 * rate.low:.1f}, {100 * rate.high:.1f}] of {rate.n:,}{clusters}{chance}"


def bar(share: float, cells: int = BAR_CELLS) -> str:
    """A bar of eighths of cells."""
    eighths = round(share * cells * 8)
    full, part = divmod(eighths, 8)
    return (_BLOCKS[8] * full + (_BLOCKS[part] if part else "")).ljust(cells, "·")


def _rate(name: str, rate: Rate, p: float | None = None, *, drawn: bool = False) -> str:
    picture = f"  {bar(rate.rate)}" if drawn and rate.rate is not None else ""
    test = "" if p is None else f", p = {p:.2g}"
    return f"  {name:<{_NAME_CELLS}}{rate_text(rate)}{test}{picture}"


def _estimate(name: str, one: Estimate) -> str:
    if one.value is None:
        told = f"cannot be told: {one.note or 'there is no data'}"
    elif one.low is None or one.high is None:
        told = f"{one.value:6.2f} without an interval{f': {one.note}' if one.note else ''}"
    else:
        told = f"{one.value:6.2f} [{one.low:.2f}, {one.high:.2f}] of {one.n:,}, {one.null:g} is none"
    return f"  {name:<{_NAME_CELLS}}{told}"


def _left_out(cover: Coverage) -> Iterator[str]:
    if cover.left_out:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in cover.left_out)
        yield f"  {'':<{_NAME_CELLS - 1}}({cover.used:,} of {cover.total:,}; left out: {reasons})"


def _annotator(one: OfAnnotator) -> Iterator[str]:
    yield f"{one_line(one.name)}: {counted(one.verdicts, 'verdict')}"
    itself = one.itself
    if itself.coverage.total:
        yield _rate("says the same twice", itself.same)
        yield _rate("  where both decide", itself.decided)
        yield _estimate("  Cohen's kappa", itself.kappa)
        yield _rate("  flips, sides swapped", itself.flipped_swapped)
        yield _rate("  flips, sides in place", itself.flipped_in_place)
        yield from _left_out(itself.coverage)
    else:
        yield f"  {'says the same twice':<{_NAME_CELLS}}not known: no verdict was asked again"
    yield _rate("takes the left answer", one.position.left, one.position.p)
    yield from _left_out(one.position.coverage)
    length = one.length
    yield _rate("takes the longer answer", length.longer, length.p)
    if length.mean_chosen is not None and length.mean_rejected is not None:
        means = f"{length.mean_chosen:.0f} against {length.mean_rejected:.0f} {length.unit}"
        yield f"  {'  mean chosen, rejected':<{_NAME_CELLS}}{means}"
    yield from _left_out(length.coverage)
    if one.together.left.n:
        yield _estimate("log-odds of left alone", one.together.left)
        yield _estimate("log-odds of double length", one.together.doubling)


def _agreement(one: AnnotatorAgreement) -> Iterator[str]:
    yield f"{one_line(one.first)} and {one_line(one.second)}"
    yield _rate("same verdict", one.same)
    yield _rate("  where both decide", one.decided)
    yield _estimate("Cohen's kappa", one.kappa)
    yield _estimate("Krippendorff's alpha", one.alpha)
    yield from _left_out(one.coverage)


def _judge(one: JudgeAgreement) -> Iterator[str]:
    yield f"{one_line(one.judge)} against {one_line(one.human)}"
    yield _rate("same verdict", one.accuracy)
    yield _rate(f"  base rate: always {_ALWAYS.get(one.majority, one.majority)}", one.base_rate)
    yield _rate("  always left", one.always_left)
    yield _rate("  always the longer", one.always_longer)
    yield _rate("  where both decide", one.decided)
    yield _estimate("Cohen's kappa", one.kappa)
    yield _rate("same in both orders", one.same_in_both_orders)
    yield _rate("left when torn", one.left_when_torn)
    yield from _left_out(one.coverage)


def _side(one: OfSide) -> Iterator[str]:
    from aligntui.score.wording import word_rate

    overall = one.overall
    yield f"{one_line(overall.side)} against {one_line(overall.against)}: {_tally(overall)}"
    yield _rate("wins, decided verdicts", overall.decided, overall.p, drawn=True)
    yield _rate("wins, ties as half", overall.ties_half, drawn=True)
    words = word_rate(overall.decided, one_line(overall.side), one_line(overall.against), detectable=overall.detectable)
    yield f"  {words.sentence}"
    yield from _left_out(overall.coverage)
    yield from _groups("by instruction", one.by_instruction)
    yield from _groups("by tag", one.by_tag)


def _tally(rate: WinRate) -> str:
    return f"{rate.wins} won, {rate.losses} lost, {counted(rate.ties, 'tie')}, {rate.bad} both bad"


def _groups(heading: str, grouped: GroupedWinRates) -> Iterator[str]:
    if not grouped.groups:
        return
    yield f"  {heading}, p corrected by {grouped.correction} over {grouped.family}"
    for group in grouped.groups:
        name = one_line(group.group, _NAME_CELLS - 4) or "none"
        yield f"  {_rate(name, group.win_rate.decided, group.p_corrected)}; {_tally(group.win_rate)}"
    yield from _left_out(grouped.coverage)


def _ratings(ratings: Ratings) -> Iterator[str]:
    yield f"Bradley-Terry ratings, log-odds [interval], points (400 are odds of 10 to 1); {counted(ratings.clusters, 'prompt')}"
    for one in ratings.ratings:
        yield f"  {one_line(one.side, _NAME_CELLS - 2):<{_NAME_CELLS}}{_rating(one, ratings.components)}"
    if ratings.note:
        yield f"  {one_line(ratings.note)}"
    yield from _left_out(ratings.coverage)


def _rating(one: Rating, components: int) -> str:
    low = f"{one.low:.2f}" if one.low is not None else "-inf" if one.unbounded in ("below", "both") else "?"
    high = f"{one.high:.2f}" if one.high is not None else "inf" if one.unbounded in ("above", "both") else "?"
    place = f"place {one.rank_low}" if one.rank_low == one.rank_high else f"places {one.rank_low} to {one.rank_high}"
    group = f", group {one.component + 1}" if components > 1 else ""
    tally = f"{one.wins} won, {one.losses} lost, {one.ties} even"
    return f"{one.rating:6.2f} [{low}, {high}], {one.points:+.0f} points, {place}{group}; {tally}"
