"""Training runs as text: a line of the list, the head of a run, its samples, its log, its set-up.

Pinned in tests/tui/test_train_text.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from textual.content import Content

from aligntui.core.errors import AligntuiError
from aligntui.core.printable import one_line, printable
from aligntui.jobs.state import RunState
from aligntui.jobs.story import Story
from aligntui.tui.bars import share_bar
from aligntui.tui.cells import column
from aligntui.tui.help_text import help_content
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import bar
from aligntui.wire.run_events import Failed, Sample
from aligntui.workbench.training.screen_runs import Row

SIGNS: Mapping[RunState, tuple[str, str]] = {
    RunState.QUEUED: ("○", "$text-secondary"),
    RunState.STARTING: ("◌", "$text-warning"),
    RunState.RUNNING: ("◉", "$text-success"),
    RunState.STOPPING: ("◎", "$text-warning"),
    RunState.STOPPED: ("◐", "$text-warning"),
    RunState.FINISHED: ("●", "$text-success"),
    RunState.FAILED: ("✖", "$text-error"),
    RunState.INTERRUPTED: ("!", "bold $text-error"),
}
VIEWS = ("curves", "says", "samples", "log", "setup")
VIEW_NAMES = ("Curves", "Says", "Samples", "Log", "Set-up")
LOSS_CELLS = 6
AGE_CELLS = 5


def sign_of(row: Row) -> tuple[str, str]:
    """One character for where a run stands, and its style."""
    return ("?", "bold $text-error") if row.problem else SIGNS[row.run.state]


def span(seconds: float) -> str:
    """A time that passed, in at most `AGE_CELLS` cells: `42s`, `12m`, `3h05`, `4d`."""
    minutes = int(seconds // 60)
    if seconds < 100:
        return f"{max(0, int(seconds))}s"
    if minutes < 100:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}" if hours < 48 else f"{hours // 24}d"


def left(seconds: float) -> str:
    """A time that is still to pass, in words."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {minutes // 60} h {minutes % 60:02d} min left"


def figure(value: float | None) -> str:
    """A value in at most six cells; empty where there is none."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 1000 or (0 < size < 0.001):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value:.3f}" if size < 10 else f"{value:.1f}"


def method_of(row: Row) -> str:
    """The methods of a run, in turn."""
    if row.config is None:
        return "?"
    return "→".join(stage.method.value for stage in row.config.stages) or row.config.method.value


def list_line(row: Row, width: int, *, marked: bool, now: float | None = None) -> Content:
    """A run on one line: mark, state, name, method, progress, loss, age.

    Args:
        row: the run.
        width: cells of the line.
        marked: whether its curves are laid over others.
        now: Unix seconds; None is the clock.
    """
    sign, style = sign_of(row)
    story = row.run.story
    moment = time.time() if now is None else now
    if row.lives:
        age = span(row.run.seconds or 0.0)
    else:
        age = f"№{row.place}" if row.place else span(max(0.0, moment - row.since))
    loss = figure(story.latest("loss"))
    bar_cells = 8 if width >= 56 else 5
    share = min(1.0, story.step / row.total) if row.total else 0.0
    tail_cells = bar_cells + 7 + LOSS_CELLS + 1 + AGE_CELLS + 1
    rest = width - 4 - tail_cells
    method_cells = min(16, max(8, rest // 3)) if rest >= 18 else 0
    name_cells = max(6, rest - method_cells)
    return Content.assemble(
        ("▪" if marked else " ", "bold $text-accent"),
        (f"{sign} ", style),
        (column(row.name, name_cells), "bold" if row.lives else ""),
        (column(method_of(row), method_cells) if method_cells else "", MUTED),
        (f"▕{share_bar(share, bar_cells)}▏", "$text-success" if row.lives else "$text-secondary"),
        (f"{share:>4.0%} " if row.total else "     ", "$text-secondary"),
        f"{loss:>{LOSS_CELLS}} ",
        (f"{age:>{AGE_CELLS}}", MUTED),
    )


def head(row: Row, width: int, keys: Mapping[str, str]) -> Content:
    """What a run is and how far it has come; of one that failed, why and what to do."""
    run, story = row.run, row.run.story
    sign, style = sign_of(row)
    state = "cannot be read" if row.problem else run.state.value
    parts = [Content.styled(row.name, "bold"), Content.styled(f"{sign} {state}", style), Content(method_of(row))]
    if row.config is not None:
        base = row.config.base.model
        parts += [Content.styled(f"preset {row.config.preset}", MUTED)] if row.config.preset else []
        parts += [Content.styled("SmolLM2 135M, embedded" if base == "embedded" else one_line(base, 40), MUTED)]
    lines = [_joined(parts, width)]
    if row.problem:
        return Content("\n").join([*lines, Content.styled(one_line(row.problem), "$text-error")])
    if story.total_steps or story.step:
        lines.append(_joined(_progress(row, width), width))
    lines += [Content.styled(text, colour) for text, colour in _note(row)]
    hint = _hint(row)
    if hint:
        lines.append(help_content(hint, keys))
    if isinstance(story.end, Failed) and story.end.where:
        lines.append(Content.assemble(("The step's batch: ", MUTED), str(run.folder.path / story.end.where)))
    return Content("\n").join(lines)


def _progress(row: Row, width: int) -> list[Content]:
    story = row.run.story
    parts = [Content(f"{bar(story.step, row.total, 20 if width >= 70 else 10)}".strip())]
    parts.append(Content(f"step {story.step:,} of {row.total:,}" if row.total else f"step {story.step:,}"))
    if row.lives and story.eta_s:
        parts.append(Content.styled(left(story.eta_s), "$text-secondary"))
    if story.epoch is not None:
        parts.append(Content(f"epoch {story.epoch:.2f}"))
    if row.lives and story.tokens_per_second:
        parts.append(Content(f"{story.tokens_per_second:,.0f} tok/s"))
    if not row.lives and row.run.seconds:
        parts.append(Content.styled(f"took {span(row.run.seconds)}", MUTED))
    return parts


def _note(row: Row) -> list[tuple[str, str]]:
    run, end = row.run, row.run.story.end
    if run.state is RunState.FAILED and isinstance(end, Failed):
        lines = [(f"✖ step {end.step:,}: {one_line(end.error)}", "bold $text-error")]
        lines += [(one_line(end.hint), "$text-warning")] if end.hint else []
        return lines
    if run.note:
        return [(f"{run.state.value}: {one_line(run.note)}", "$text-warning")]
    if run.asked_to_stop and row.lives:
        return [("It stops after the step at hand and writes a checkpoint first.", "$text-warning")]
    return []


def _hint(row: Row) -> str:
    match row.run.state:
        case RunState.QUEUED:
            return f"Number {row.place} of the queue; {{key:train.earlier}} {{key:train.later}} move it."
        case RunState.STARTING:
            return "Loading the libraries and the model; the run goes on when the console is closed."
        case RunState.STOPPED | RunState.FAILED | RunState.INTERRUPTED:
            return "{key:train.resume} goes on from the last checkpoint."
    return ""


def _joined(parts: Sequence[Content], width: int) -> Content:
    """Parts with dots between, as many from the left as fit."""
    kept: list[Content] = []
    for part in parts:
        if kept and sum(one.cell_length + 3 for one in kept) + part.cell_length > width:
            break
        kept.append(part)
    return Content(" · ").join(kept)


# views ----------------------------------------------------------------------------------------------


def readings(row: Row) -> list[str]:
    """What the curves say, a sentence or two each; the weightiest first."""
    from aligntui.workbench.training.reading import read_curves

    return [one.text for one in read_curves(row.run.story, row.config)]


def says_view(row: Row, keys: Mapping[str, str]) -> Content:
    """The reading of the curves, the last values, checkpoints, warnings."""
    story = row.run.story
    lines: list[Content] = [_heading("What the curves say")]
    found = readings(row)
    lines += [Content(f"• {printable(text)}") for text in found]
    if not found:
        lines.append(Content.styled("Too few steps to say anything.", MUTED))
    lines += [Content(""), _heading("Last values")]
    lines += [_fact(label, text) for label, text in _last_values(story)] or [Content.styled("None yet.", MUTED)]
    lines += [Content(""), _heading("Checkpoints")]
    if story.checkpoints:
        lines.append(Content(", ".join(f"{row.name}@{one.step}" for one in story.checkpoints)))
        lines.append(help_content("{key:train.column} opens one beside the base in the chat.", keys))
    else:
        lines.append(Content.styled("None yet.", MUTED))
    if story.warnings:
        lines += [Content(""), _heading("Warnings")]
        lines += [Content.styled(f"! {printable(text)}", "$text-warning") for text in story.warnings]
    return Content("\n").join(lines)


def _last_values(story: Story) -> list[tuple[str, str]]:
    names = {
        "loss": "loss", "sft": "sft part", "contrast": "contrast part", "kl": "kl", "kl_weight": "lambda",
        "margin": "reward margin", "accuracy": "reward accuracy", "chosen_logp": "chosen log-prob",
        "rejected_logp": "rejected log-prob", "lr": "learning rate", "grad_norm": "gradient norm",
    }  # fmt: skip
    found = [
        (label, story.latest(name), story.curves[name][0][1]) for name, label in names.items() if story.curves[name]
    ]
    rows = [(label, f"{value:.4g}, {first:.4g} at first") for label, value, first in found if value is not None]
    for label, name in (("memory", "memory_bytes"), ("GPU memory", "gpu_bytes")):
        if story.curves[name]:
            rows.append((label, f"{max(value for _, value in story.curves[name]) / (1 << 30):.2f} GiB at most"))
    return rows


def sample_steps(story: Story) -> list[int]:
    """Steps at which answers were sampled."""
    return sorted({one.step for one in story.samples})


def samples_view(row: Row, width: int, at: int, keys: Mapping[str, str]) -> Content:
    """Answers to each prompt, the first ones beside those of a later step.

    Args:
        row: the run.
        width: cells.
        at: which step, counted from the last one back: 0 is the last.
        keys: that the user moved.
    """
    story = row.run.story
    steps = sample_steps(story)
    if not steps:
        return Content.styled("No sample answers yet; they are written at every checkpoint.", MUTED)
    first = steps[0]
    later = steps[max(0, len(steps) - 1 - at)]
    cells = max(10, (width - 3) // 2)
    lines = [
        help_content(
            f"Step {first:,} and step {later:,}; sampled at {_counted(steps)}. "
            "{key:train.previous_panel} {key:train.next_panel} go to another step.",
            keys,
        )
    ]
    for sample in (one for one in story.samples if one.step == first):
        other = _same(story.samples, sample, later)
        lines += [Content(""), Content.styled(f"› {one_line(sample.prompt)}", "bold")]
        if sample.instruction:
            lines.append(Content.styled(f"  under: {one_line(sample.instruction)}", "$text-accent"))
        heads = Content.assemble(
            (column(f"step {first:,}", cells), MUTED), " │ ", (f"step {later:,}", "$text-secondary")
        )
        lines += [heads, *_beside(sample.answer, other.answer if other else "", cells)]
    return Content("\n").join(lines)


def _counted(steps: Sequence[int]) -> str:
    shown = [f"{step:,}" for step in (steps if len(steps) <= 8 else [*steps[:3], *steps[-4:]])]
    return ", ".join(shown if len(steps) <= 8 else [*shown[:3], "…", *shown[3:]])


def _same(samples: Sequence[Sample], wanted: Sample, step: int) -> Sample | None:
    same = (
        one for one in samples if (one.step, one.prompt, one.instruction) == (step, wanted.prompt, wanted.instruction)
    )
    return next(same, None)


def _beside(first: str, second: str, cells: int) -> list[Content]:
    left_lines, right_lines = (Content(printable(text)).wrap(cells) for text in (first or " ", second or " "))
    blank = Content("")
    lines = []
    for number in range(max(len(left_lines), len(right_lines))):
        begin = left_lines[number] if number < len(left_lines) else blank
        end = right_lines[number] if number < len(right_lines) else blank
        lines.append(Content.assemble(begin.pad_right(max(0, cells - begin.cell_length)), (" │ ", MUTED), end))
    return lines


def log_view(row: Row, lines: Sequence[str]) -> Content:
    """The end of what the process printed."""
    path = Content.styled(str(row.run.folder.console_log), MUTED)
    if not lines:
        return Content("\n").join([path, Content.styled("Nothing was printed yet.", MUTED)])
    return Content("\n").join([path, *(Content(line) for line in lines)])


def setup_view(row: Row) -> Content:
    """Facts, then the whole configuration."""
    from aligntui.workbench.training.summary import summary_lines

    lines = [_fact(name, text) for name, text in summary_lines(row.run, f"step {row.run.story.step:,}")]
    try:
        text = row.run.folder.config.read_text("utf-8")
    except (OSError, UnicodeDecodeError, AligntuiError) as error:
        text = f"{row.run.folder.config} cannot be read: {error}"
    lines += [Content(""), _heading("Configuration, frozen when the run was submitted")]
    lines += [Content(line) for line in printable(text).rstrip().splitlines()]
    return Content("\n").join(lines)


def _heading(text: str) -> Content:
    return Content.styled(text, "bold $text-accent")


def _fact(name: str, text: str) -> Content:
    return Content.assemble((f"{name:<19}", MUTED), one_line(text, 400))
