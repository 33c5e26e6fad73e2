"""Score runs as text: a line of the list, what is known of a run, partial scores while it goes on.

Pinned in tests/tui/test_score_text.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from aligntui.core.generation import GenerationRun
from aligntui.core.printable import one_line
from aligntui.tui.bars import Axis, interval_bar, share_bar
from aligntui.tui.cells import column, fit
from aligntui.tui.help_text import help_content
from aligntui.tui.rate_rows import NEUTRAL, Columns, Lines, heading
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import bar
from aligntui.workbench.generation.progress import RunProgress
from aligntui.workbench.scoring.live import LiveRate
from aligntui.workbench.scoring.plan import ScorePlan

SIGNS: Mapping[str, tuple[str, str]] = {
    "running": ("◉", "$text-success"),
    "elsewhere": ("◎", "$text-success"),
    "waiting": ("○", "$text-secondary"),
    "failed": ("✖", "$text-error"),
    "whole": ("●", "$text-success"),
    "part": ("◐", "$text-warning"),
    "unreadable": ("?", "bold $text-error"),
}
"""Where a run stands, with one character for those who see no colour."""
SUITE_CELLS = 11
FACT_CELLS = 10


@dataclass(frozen=True)
class Standing:
    """Where a run stands at this moment."""

    state: str
    """A key of `SIGNS`."""
    done: int
    progress: RunProgress | None = None
    """Of the sitting under way, or of the last one of this console."""
    live: tuple[LiveRate, ...] = ()
    """Partial scores of the run under way."""
    failure: str = ""
    place: int = 0
    """In the queue, from 1; 0 where it does not wait."""


def suite_of(run: GenerationRun) -> str:
    """Word of the suite that a run asks."""
    return str(run.plan.get("suite", {}).get("suite", "?"))


def left(seconds: float) -> str:
    """A time that is still to pass, in words."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {minutes // 60} h {minutes % 60:02d} min left"


def list_line(run: GenerationRun, at: Standing, width: int, *, mark: int) -> Content:
    """A run on one line: mark, state, share answered, suite, name, time.

    Args:
        run: the run.
        at: where it stands.
        width: cells of the line.
        mark: its place among the marked ones, from 1; 0 where it is not marked.
    """
    sign, style = SIGNS[at.state]
    share = at.done / run.cells if run.cells else 0.0
    bar_cells = 8 if width >= 60 else 5
    head = Content.assemble(
        (f"{min(mark, 9)}" if mark else " ", "bold $text-accent"),
        (f"{sign} ", style),
        (f"▕{share_bar(share, bar_cells)}▏", "$text-success" if at.state == "running" else "$text-secondary"),
        (f"{int(100 * share):>3}% ", "$text-secondary"),
        (column(suite_of(run), SUITE_CELLS), "bold" if at.state == "running" else ""),
    )
    when = run.created_at[5:16].replace("T", " ") if width >= 62 else ""
    room = max(6, width - head.cell_length - len(when) - bool(when))
    return Content.assemble(head, column(run.name, room + 1) if when else fit(run.name, room), (when, MUTED))


def title(done: int, total: int, progress: RunProgress, waiting: int) -> Content:
    """The run under way, for the line on top."""
    parts = [Content.styled(f"◉ {bar(done, total, 12)}", "$text-success")]
    if progress.tokens:
        parts.append(Content(f"{progress.tokens_per_s:,.0f} tok/s"))
    if progress.eta_s is not None:
        parts.append(Content.styled(left(progress.eta_s), "$text-secondary"))
    if waiting:
        parts.append(Content(f"{waiting} more wait{'s' * (waiting == 1)}"))
    return Content(" · ").join(parts)


def about(run: GenerationRun, plan: ScorePlan | None, at: Standing, width: int, keys: Mapping[str, str]) -> Lines:
    """What is known of a run before it is judged.

    Args:
        run: the run.
        plan: of it; None where it cannot be read, which `at.failure` says.
        at: where it stands.
        width: cells.
        keys: that the user moved.
    """
    lines = [Content.styled(one_line(run.name, 200), "bold"), _standing(run, at)]
    if at.failure:
        lines += Content.styled(f"✖ {one_line(at.failure)}", "$text-error").wrap(max(20, width))
    lines += _left_out(at)
    hint = _hint(run, at)
    if hint:
        lines.append(help_content(hint, keys))
    if plan is None:
        return lines
    for note in (*plan.format_notes(), *plan.warnings):
        lines += Content.styled(f"! {one_line(note)}", "$text-warning").wrap(max(20, width))
    if at.live:
        lines += [Content(""), *live_lines(at.live, plan.suite.headline, width)]
    return [*lines, Content(""), *facts(run, plan, width)]


def _standing(run: GenerationRun, at: Standing) -> Content:
    sign, style = SIGNS[at.state]
    words = {
        "running": "under way", "elsewhere": "answered by another process", "waiting": f"waits, number {at.place}", "failed": "broke off", "whole": "whole",
        "part": "stopped: a part is answered" if at.done else "nothing is answered yet", "unreadable": "cannot be read",
    }  # fmt: skip
    parts = [
        Content.styled(f"{sign} {words[at.state]}", style),
        Content(f"{at.done:,} of {run.cells:,} answers"),
    ]
    if run.cached:
        parts.append(Content.styled(f"{run.cached:,} from the cache", MUTED))
    if at.state == "running" and at.progress is not None and at.progress.eta_s is not None:
        parts.append(Content.styled(left(at.progress.eta_s), "$text-secondary"))
    return Content(" · ").join(parts)


def _left_out(at: Standing) -> Lines:
    """Answers that broke off or were refused in the last sitting, and why."""
    progress = at.progress
    if progress is None:
        return []
    lines: Lines = []
    if progress.failed:
        lines.append(
            Content.styled(f"{progress.failed:,} were not finished; going on asks them again.", "$text-warning")
        )
    if progress.refused:
        reason = f": {one_line(progress.refusal, 120)}" if progress.refusal else ""
        lines.append(Content.styled(f"✖ {progress.refused:,} were refused by the engine{reason}", "$text-error"))
    return [*lines, *(Content.styled(f"! {one_line(text, 160)}", "$text-warning") for text in progress.problems)]


def _hint(run: GenerationRun, at: Standing) -> str:
    match at.state:
        case "running":
            return "`Enter` shows the tables of what is there; {key:score.stop} stops."
        case "elsewhere":
            return "It goes on without this console; `Enter` shows the tables of what is there."
        case "waiting":
            return "It begins by itself when those before it are answered; {key:score.stop} takes it out of the queue."
        case "unreadable":
            return ""
    if at.done < run.cells:
        more = "; `Enter` shows the tables of what is there." if at.done else "."
        return f"{{key:score.resume}} goes on with it{more}"
    return "`Enter` judges it and shows the tables."


def live_lines(rates: Sequence[LiveRate], headline: str, width: int) -> Lines:
    """Partial scores: a bar with its interval for each column, and how much of the run it is of."""
    columns = Columns(width)
    longest = max((one.words or 0.0 for one in rates), default=0.0)
    part = any(one.answered < one.wanted for one in rates)
    lines = [heading("So far" if part else "Scores", f"  {headline}{', of a part of the answers' if part else ''}")]
    counted = any(one.passed.n for one in rates)
    if counted:
        lines.append(columns.scale())
    for one in rates:
        if one.passed.n:
            lines.append(columns.rate(one.column, one.passed))
        elif one.words is not None and not counted:
            drawn = interval_bar(one.words, None, None, columns.bar, Axis(0.0, max(longest, 1.0)), NEUTRAL)
            lines.append(columns.row(one.column, drawn, f"{one.words:.1f} words an answer"))
        else:
            lines.append(columns.row(one.column, Content.styled("┈" * columns.bar, MUTED), "no answer yet"))
    counts = (
        f"{one.column} {one.answered:,} of {one.wanted:,}"
        + (f", {one.words:.0f} words each" if counted and one.words is not None else "")
        for one in rates
    )
    return [*lines, *columns.text(f"answered: {'; '.join(counts)}")]


def facts(run: GenerationRun, plan: ScorePlan, width: int) -> Lines:
    """How a run was asked, a name and what is said of it each."""
    base, sampling, suite = plan.base, plan.asking.sampling, plan.suite
    seeds = f"seed {plan.seeds[0]}" if len(plan.seeds) == 1 else f"{len(plan.seeds)} seeds from {plan.seeds[0]}"
    of = "" if len(suite.items) == suite.total else f" of {suite.total:,}"
    rows = [
        ("suite", f"{suite.title}: {len(suite.items):,}{of} prompts of {suite.source}"),
        ("base", f"{base.model}, {base.dtype}{f' {base.quantisation}' if base.quantisation else ''}"),
        ("sides", ", ".join(_side(plan, side.name) for side in plan.sides)),
        ("delivery", ", ".join(one.label for one in plan.deliveries)),
    ]
    if plan.instruction.text.strip() and any(str(one) != "none" for one in plan.deliveries):
        rows.append(("delivered", one_line(plan.instruction.text, 200)))
    rows.append(("sampling", f"temperature {sampling.temperature:g}, {sampling.max_new_tokens:,} new tokens, {seeds}"))
    if plan.turn > 1:
        rows.append(("turn", f"{plan.turn}, after plain exchanges"))
    rows.append(("run", f"{run.id}, begun {run.created_at[:16].replace('T', ' ')} UTC"))
    return [line for name, text in rows for line in fact(name, text, width)]


def _side(plan: ScorePlan, name: str) -> str:
    mode = plan.trained.get(name)
    return f"{name} (trained with mode {mode})" if mode else name


def fact(name: str, text: str, width: int) -> Lines:
    """A name and what is said of it; what goes on stands under its beginning."""
    pieces = Content(one_line(text, 300)).wrap(max(20, width - FACT_CELLS))
    return [
        Content.assemble((f"{name if place == 0 else '':<{FACT_CELLS}}", MUTED), piece)
        for place, piece in enumerate(pieces)
    ]
