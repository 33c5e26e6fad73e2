"""All that is to be read before a run starts: what it trains on, whether it fits, who gives way, its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aligntui.core.printable import printable
from aligntui.tui.help_text import help_content
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.modals.reading import Block, Heading, Paragraph, ReadingText, Row
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.workbench.memory.referee import Ruling
from aligntui.workbench.training.desk import TrainDesk
from aligntui.workbench.training.screen_plan import Plan
from aligntui.workbench.training.summary import config_lines


class Start(Enum):
    """What the reader decided."""

    NOW = auto()
    QUEUE = auto()


class TrainReview(Dialog[Start]):
    """A plan to read, and to start.

    Args:
        desk: makes the preview.
        plan: what would be started.
        ruling: who gives way; None where nobody can say what the run needs.
    """

    HELP = (
        "**Before the start.** Nothing of the run is on disk yet. `Enter` freezes data and configuration and starts it as a process "
        "of its own, which goes on when the console is closed; where another run is under way it waits in the queue. `q` queues "
        "it in any case, `p` shows the first batch as the model is fed it, `Esc` goes back to the form."
    )
    HINT = "`Enter` starts it · `q` queues it · `p` first batch · {key:list.down} {key:list.up} scroll · `Esc` back to the form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", tooltip="Start it, or queue it where another run is under way."),
        Binding("q", "queue", "Queue", tooltip="Put it at the end of the queue."),
        Binding("p", "preview", "First batch", tooltip="The first batch as fed, trained and masked tokens told apart."),
    ]
    AUTO_FOCUS = "SectionScroll"
    CSS = """
    TrainReview > .dialog-box { width: 96%; max-width: 120; max-height: 96%; }
    TrainReview SectionScroll { height: auto; max-height: 76vh; scrollbar-size-vertical: 1; }
    """

    def __init__(self, desk: TrainDesk, plan: Plan, ruling: Ruling | None) -> None:
        super().__init__()
        self._desk = desk
        self._plan = plan
        self._ruling = ruling
        self._queues = bool(desk.ahead) or not (ruling is None or ruling.fits)

    def compose(self) -> ComposeResult:
        """The text in a scroll."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(f"Before {self._plan.wish.name} starts")
            with SectionScroll(can_focus=True):
                yield ReadingText(review_blocks(self._plan, self._ruling, self._desk.ahead))
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def hint(self) -> Static:
        """The line at the bottom; what Enter does depends on what runs."""
        text = (
            self.HINT.replace("`Enter` starts it · `q` queues it", "`Enter` queues it") if self._queues else self.HINT
        )
        return Static(help_content(text, self.keys), classes="dialog-hint", markup=False)

    def action_start(self) -> None:
        """Start it, or queue it behind what is under way."""
        self.dismiss(Start.QUEUE if self._queues else Start.NOW)

    def action_queue(self) -> None:
        """Put it at the end of the queue."""
        self.dismiss(Start.QUEUE)

    def action_preview(self) -> None:
        """Show the first batch as it is fed."""
        self.ask(self._preview)

    async def _preview(self) -> None:
        from aligntui.tui.modals.train_batch import BatchReader

        self.complain("")
        line = self.query_one(".dialog-hint", Static)
        line.update("◌ Reading the tokenizer ...")
        try:
            batch = await self._desk.first_batch(self._plan)
        finally:
            line.update(self.hint().content)
        self.app.push_screen(BatchReader(batch))


def review_blocks(plan: Plan, ruling: Ruling | None, ahead: Sequence[str]) -> list[Block]:
    """What is to be read, the weightiest first."""
    blocks: list[Block] = []
    if ahead:
        names = " and ".join(ahead[:3]) + (f" and {len(ahead) - 3} more" if len(ahead) > 3 else "")
        blocks.append(
            Paragraph(Content.styled(f"{names} come first: Enter puts this run behind them.", "$text-warning"))
        )
    blocks.append(Heading("Will it fit?"))
    if ruling is not None:
        style = "" if ruling.fits and not ruling.gives_way else "$text-warning" if ruling.fits else "$text-error"
        blocks.append(Paragraph(Content.styled(_capital(ruling.sentence()), style)))
        if not ruling.fits and plan.advice:
            blocks.append(Paragraph(Content.styled(printable(plan.advice), "$text-warning")))
    else:
        blocks.append(
            Paragraph(Content("What it needs cannot be told: the shape of its model is not on this machine."))
        )
    blocks += [Paragraph(Content(printable(text))) for text in plan.fit]
    if plan.warnings:
        blocks.append(Heading("Worth knowing"))
        blocks += [Paragraph(Content.styled(f"! {printable(text)}", "$text-warning")) for text in plan.warnings]
    counts = plan.submission.counts
    blocks += [
        Heading("The run"),
        _row("adapter", plan.wish.name),
        _row("data", f"{plan.wish.data}: {counts['train']:,} records to train on, {counts['held_out']:,} held out"),
        *(_row(name, text) for name, text in config_lines(plan.config)),
        Heading("The same on the command line"),
        Paragraph(Content(plan.wish.command(queued=bool(ahead)))),
        Heading("The whole configuration"),
        Paragraph(Content(printable(plan.configuration).rstrip())),
    ]
    return blocks


def _row(label: str, text: str) -> Row:
    return Row(Content.styled(label, "bold"), Content(printable(text)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
