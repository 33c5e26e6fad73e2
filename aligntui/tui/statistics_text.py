"""How the statistics of verdicts look: one function for each section, from the report to styled text.

Every rate stands with its interval, its count and its chance level, printed and drawn; below it what was left out, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from aligntui.core.printable import one_line
from aligntui.score.verdicts.bradley_terry import Rating, Ratings
from aligntui.score.verdicts.win_rates import GroupedWinRates, WinRate
from aligntui.score.wording import Finding, word_rate
from aligntui.tui.bars import Axis, Part, interval_bar, stacked_bar
from aligntui.tui.rate_rows import NEUTRAL, Columns, Lines, heading
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.curation.statistics import JUDGE, OfAnnotator, OfSide, VerdictReport

_STYLES = {Finding.BETTER: "bold $text-success", Finding.WORSE: "bold $text-error"}
_MARKS = {Finding.BETTER: "▲", Finding.WORSE: "▼", Finding.NULL: "=", Finding.UNKNOWN: "?"}
_CHOICES = {"first": "1st", "second": "2nd", "tie": "tie", "bad": "bad"}
_OF_SIDE = (
    ("win", "█", "$text-success"),
    ("tie", "▒", "$text-warning"),
    ("bad", "×", MUTED),
    ("loss", "░", "$text-error"),
)


def _joined(lines: Iterable[Content]) -> Content:
    return Content("\n").join(list(lines))


# annotators -----------------------------------------------------------------------------------------


def annotators_content(report: VerdictReport, width: int) -> Content:
    """Every annotator: agreement with themselves, left against right, long against short."""
    if not report.annotators:
        return _nothing(report)
    columns = Columns(width)
    lines: Lines = [columns.scale()]
    for one in report.annotators:
        lines += [*_annotator(one, columns), Content("")]
    return _joined(lines)


def _annotator(one: OfAnnotator, columns: Columns) -> Lines:
    kind = "model judge · " if one.name.startswith(JUDGE) else ""
    itself, position, length, both = one.itself, one.position, one.length, one.together
    lines = [heading(one.name or "nobody", f" · {kind}{one.verdicts:,} verdicts")]
    if itself.coverage.total:
        lines += [
            columns.rate("same verdict twice", itself.same),
            columns.rate("same preferred", itself.decided),
            columns.estimate("kappa (−1…+1)", itself.kappa),
            columns.rate("flips when swapped", itself.flipped_swapped),
            columns.rate("flips in place", itself.flipped_in_place),
            *columns.covered(
                itself.coverage, f"{itself.pairs_repeated:,} of {itself.pairs_judged:,} pairs asked again; compared"
            ),
        ]
    else:
        lines += columns.text(
            "Self-agreement is not known: nothing was asked twice. The judging queue does that now and then."
        )
    lines += [columns.rate("took the left", position.left), *columns.covered(position.coverage)]
    lines.append(columns.rate("took the longer", length.longer))
    lines += columns.covered(length.coverage, f"{_means(one)}used")
    if both.left.value is not None and both.doubling.value is not None:
        lines += [
            columns.log_odds("left, length equal", both.left),
            columns.log_odds("twice as long", both.doubling),
            *columns.covered(both.coverage, "both at once, each with the other held still; used"),
        ]
    tested = [f"{name} p = {p:.2g}" for name, p in (("position", position.p), ("length", length.p)) if p is not None]
    if tested:
        lines += columns.text(f"against chance: {', '.join(tested)}")
    return lines


def _means(one: OfAnnotator) -> str:
    length = one.length
    if length.mean_chosen is None or length.mean_rejected is None:
        return ""
    return f"chosen {length.mean_chosen:,.0f} {length.unit} on average, rejected {length.mean_rejected:,.0f}; "


# agreement ------------------------------------------------------------------------------------------


def agreement_content(report: VerdictReport, width: int) -> Content:
    """All annotators together, then two by two."""
    if not report.annotators:
        return _nothing(report)
    columns = Columns(width)
    if report.group is None:
        return Content(
            "One person judged alone.\n\nAgreement needs two who judged the same pairs: put pairs into the judging queue and let "
            "somebody else judge them under their own name."
        )
    lines: Lines = [
        heading("All annotators", f" · {', '.join(one_line(name, 24) for name in report.group.annotators)}")
    ]
    lines.append(columns.estimate("alpha (−1…+1)", report.group.alpha))
    lines += columns.covered(report.group.coverage)
    lines += columns.text("kappa is Cohen's, alpha Krippendorff's; their axes go from −1 to +1, with 0 for chance.")
    lines += [Content(""), columns.scale()]
    for one in report.agreement:
        lines.append(heading(f"{one.first} and {one.second}"))
        lines += [
            columns.rate("same verdict", one.same),
            columns.rate("same preference", one.decided),
            columns.estimate("kappa (−1…+1)", one.kappa),
            columns.estimate("alpha (−1…+1)", one.alpha),
            *columns.covered(one.coverage),
            *_matrix(one.table, one.first, one.second, columns),
            Content(""),
        ]
    return _joined(lines)


def _matrix(table: Sequence[tuple[str, str, int]], rows: str, across: str, columns: Columns) -> Lines:
    """Who said what when the other said what; the more often the darker, also without colour."""
    if not table:
        return []
    counts = {(first, second): count for first, second, count in table}
    most = max(counts.values())
    names = list(_CHOICES)
    lines = [Content.styled(f"  {one_line(rows, 16):<16} ↓  {one_line(across, 24)} →", MUTED)]
    lines.append(Content.styled(" " * 12 + "".join(f"{_CHOICES[name]:>6}   " for name in names), MUTED))
    for first in names:
        cells: list[Content | tuple[str, str]] = [(f"{_CHOICES[first]:>12}", MUTED)]
        for second in names:
            count = counts.get((first, second), 0)
            shade = " ░▒▓█"[round(4 * count / most)] if count else " "
            style = "$text-success" if first == second else ""
            cells.append((f"{f'{count:,}' if count else '·':>6} {shade * 2}", style))
        lines.append(Content.assemble(*cells))
    lines += columns.text("1st and 2nd are the two sides by name, whichever stood left.")
    return lines


# judges ---------------------------------------------------------------------------------------------


def judges_content(report: VerdictReport, width: int) -> Content:
    """Each model judge against each person, next to what rules without understanding would score."""
    if not report.annotators:
        return _nothing(report)
    if not report.judges:
        return Content(
            "No model judge has judged here.\n\n"
            f"Verdicts of an annotator whose name begins with “{JUDGE}” are a judge's; they are held against each person's, "
            "and never count in win rates and ratings."
        )
    columns = Columns(width)
    lines: Lines = [columns.scale()]
    for one in report.judges:
        majority = {"first": "the 1st side by name", "second": "the 2nd side by name"}.get(one.majority, one.majority)
        lines.append(heading(f"{one.judge} against {one.human}"))
        lines += [
            columns.rate("same verdict", one.accuracy, "bold $text-primary"),
            columns.rate("same preference", one.decided),
            columns.estimate("kappa (−1…+1)", one.kappa),
            *columns.text("What needs no understanding scores on the same pairs:"),
            columns.rate("base rate", one.base_rate, MUTED),
            columns.rate("always the left", one.always_left, MUTED),
            columns.rate("always the longer", one.always_longer, MUTED),
            *columns.text(f"The base rate is that of always saying {majority or 'the most frequent verdict'}."),
            columns.rate("same in both orders", one.same_in_both_orders),
            columns.rate("left when torn", one.left_when_torn),
            *columns.covered(one.coverage),
            *_matrix(one.table, one.judge, one.human, columns),
            Content(""),
        ]
    return _joined(lines)


# win rates ------------------------------------------------------------------------------------------


def win_rates_content(report: VerdictReport, width: int) -> Content:
    """Each side against the base: overall, for each instruction, for each tag."""
    if not report.annotators:
        return _nothing(report)
    if not report.sides:
        return Content(
            "No adapter was judged against the base yet.\n\nPut an adapter beside it in the chat and judge there."
        )
    columns = Columns(width)
    lines: Lines = [columns.scale()]
    for one in report.sides:
        lines += [*_side(one, columns), Content("")]
    return _joined(lines)


def _side(one: OfSide, columns: Columns) -> Lines:
    overall = one.overall
    lines = [heading(f"{overall.side} over {overall.against}", f" · {overall.judged:,} verdicts")]
    counts = {"win": overall.wins, "tie": overall.ties, "bad": overall.bad, "loss": overall.losses}
    parts = [Part(counts[name], sign, style) for name, sign, style in _OF_SIDE]
    written = "  ".join(f"{sign} {counts[name]:,} {name}" for name, sign, _ in _OF_SIDE)
    if columns.wide:
        lines.append(columns.row("wins, ties, losses", stacked_bar(parts, columns.bar), written))
    else:
        lines += [columns.row("wins, ties, losses", stacked_bar(parts, columns.bar), ""), *columns.text(written)]
    wording = word_rate(overall.decided, overall.side, overall.against, detectable=overall.detectable)
    style = _STYLES.get(wording.finding, NEUTRAL)
    lines.append(columns.rate(f"{_MARKS[wording.finding]} of those decided", overall.decided, style))
    lines.append(columns.rate("ties as half", overall.ties_half))
    p = "" if overall.p is None else f" p = {overall.p:.2g}."
    lines += columns.text(f"{wording.sentence}{p}", "")
    lines += columns.covered(overall.coverage)
    for title, grouped in (("per instruction", one.by_instruction), ("per tag", one.by_tag)):
        lines += ["", *_groups(title, grouped, columns)]  # type: ignore[list-item]
    return [Content(line) if isinstance(line, str) else line for line in lines]


def _ties(count: int) -> str:
    return f"{count:,} tie{'s' * (count != 1)}"


def _groups(title: str, grouped: GroupedWinRates, columns: Columns) -> Lines:
    lines: Lines = [Content.styled(title, "bold")]
    for group in grouped.groups:
        rate: WinRate = group.win_rate
        finding = word_rate(rate.decided, rate.side, rate.against, p_corrected=group.p_corrected).finding
        style = _STYLES.get(finding, NEUTRAL)
        lines.append(columns.rate(f"{_MARKS[finding]} {one_line(group.group, 40)}", rate.decided, style))
        if columns.wide or rate.ties or rate.bad:
            corrected = "" if group.p_corrected is None else f"; p = {group.p_corrected:.2g} after correction"
            lines += columns.text(f"  {_ties(rate.ties)}, {rate.bad:,} both bad{corrected}")
    if grouped.family > 1:
        lines += columns.text(
            f"p-values corrected ({grouped.correction}) for {grouped.family} groups; ▲ ▼ hold after that."
        )
    return [*lines, *columns.covered(grouped.coverage)]


# ratings --------------------------------------------------------------------------------------------


def ratings_content(report: VerdictReport, width: int) -> Content:
    """Bradley-Terry ratings, best first, on the scale on which 400 points are odds of 10 to 1."""
    if not report.annotators:
        return _nothing(report)
    if report.ratings is None or not report.ratings.ratings:
        return Content(
            "Ratings need three sides or more that were judged against each other.\n\n"
            "With two sides the win rate says it all."
        )
    ratings, columns = report.ratings, Columns(width)
    lines: Lines = []
    for number in range(ratings.components):
        rated = [one for one in ratings.ratings if one.component == number]
        lines += [*_component(rated, ratings, columns), Content("")]
    if ratings.note:
        lines += columns.text(f"{ratings.note}.", "$text-warning")
    lines += columns.covered(ratings.coverage)
    lines += columns.text(
        f"{ratings.level:.0%} intervals from {ratings.resamples:,} draws of {ratings.clusters:,} whole prompts; "
        f"{ratings.prior:g} virtual tie for each further side. 400 points are odds of 10 to 1."
    )
    return _joined(lines)


def _component(rated: Sequence[Rating], ratings: Ratings, columns: Columns) -> Lines:
    per_unit = next((one.points / one.rating for one in rated if one.rating), 1.0)
    ends = [end * per_unit for one in rated for end in (one.low, one.high, one.rating) if end is not None]
    reach = max(abs(end) for end in (*ends, 50.0)) * 1.05
    axis = Axis(-reach, reach, 0.0)
    zero = next((one.side for one in rated if one.rating == 0 and one.low == one.high), "")
    about = f" · 0 is {one_line(zero, 30)}" if zero else " · 0 is the mean side"
    half = columns.bar // 2
    scale = f"{f'−{reach:,.0f}':<{half}}0{f'+{reach:,.0f}':>{columns.bar - half - 1}}"
    lines = [heading("Points", f"{about} · # is the place"), Content.styled(" " * columns.label + scale, MUTED)]
    for one in rated:
        low, high = (None if end is None else end * per_unit for end in (one.low, one.high))
        drawn = interval_bar(
            one.points, low, high, columns.bar, axis, "bold $text-accent" if one.rank_low == 1 else NEUTRAL
        )
        place = f"{one.rank_low}" if one.rank_low == one.rank_high else f"{one.rank_low}–{one.rank_high}"
        span = f"({'−∞' if low is None else f'{low:+.0f}'} to {'∞' if high is None else f'{high:+.0f}'})"
        text = f"{one.points:+.0f} {span} #{place}"
        text += f"  {one.wins} won {one.losses} lost {one.ties} tied" if columns.wide else ""
        lines.append(columns.row(one.side, drawn, text, "bold" if one.rank_low == 1 else ""))
    return lines


def _nothing(report: VerdictReport) -> Content:
    text = "No verdict over two answers yet.\n\nJudge two answers in the chat, or one pair after another in the judging queue."
    if report.imported:
        one = report.imported == 1
        text += f"\n\n{report.imported:,} imported pair{'s' * (not one)} {'is' if one else 'are'} left out: nobody here judged {'it' if one else 'them'}."
    return Content(text)


SECTIONS = (
    ("Annotators", annotators_content),
    ("Agreement", agreement_content),
    ("Judges", judges_content),
    ("Win rates", win_rates_content),
    ("Ratings", ratings_content),
)
"""Sections of the screen: name and how it is drawn."""
