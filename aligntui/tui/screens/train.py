"""Training runs: start one, watch it, compare it with others, open its checkpoints beside the base."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from aligntui.core.errors import UserError
from aligntui.jobs.state import RunState
from aligntui.tui import train_text
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.tui.screens.train_board import TrainBoard
from aligntui.tui.widgets.paged_list import PagedList
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.training.screen_runs import Row


class TrainScreen(TrainBoard):
    """The runs of a workspace."""

    HELP = (
        "**Training.** Each run is a process of its own: it goes on when the console is closed or the line is lost, and stands here "
        "again when one comes back. ○ waits in the queue, ◌ starts, ◉ trains, ◎ stops, ◐ was stopped, ● has finished, ✖ failed, "
        "! was killed, ? cannot be read; ▪ marks runs whose curves are laid over one another.\n\n"
        "**The run under the cursor.** {key:train.curves} to {key:train.setup} open its curves, what they say in words, sample "
        "answers, log and set-up; {key:train.previous_panel} {key:train.next_panel} walk through the curves. Each line of a panel "
        "has a sign of its own (● ▲ ■ ◆) and its name at its end.\n\n"
        "**Checkpoints.** {key:train.column} opens one as a column of the chat beside the base, also while the run trains on."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("train")

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        row = self.current if self.desk.rows else None
        if action_id in ("train.new", "train.back") or not action_id.startswith("train."):
            return True
        if row is None:
            return False
        match action_id:
            case "train.stop":
                return row.lives or bool(row.place)
            case "train.checkpoint":
                return row.run.state is RunState.RUNNING
            case "train.resume":
                return row.run.state.can_resume and not row.place and not row.problem
            case "train.column":
                return bool(row.run.story.checkpoints) or row.run.state is RunState.FINISHED
            case "train.earlier" | "train.later":
                return bool(row.place)
            case "train.next_panel":
                return self.view in ("curves", "samples")
            case "train.mark":
                return self.view == "curves" and len(self.desk.rows) > 1
        return True

    def key_label(self, action_id: str) -> str:
        """Another word for a key where it does something else now."""
        row = self.current if self.desk.rows else None
        if action_id == "train.stop" and row is not None and row.place:
            return "Remove"
        if action_id == "train.zoom" and self.has_class("-zoomed"):
            return "List"
        if action_id == "train.next_panel" and self.view == "samples":
            return "Next step"
        return ""

    def run_at_cursor(self) -> Row:
        """The run that keys act on.

        Raises:
            UserError: there is none.
        """
        row = self.current if self.desk.rows else None
        if row is None:
            raise UserError("There is no run here.", "{key:train.new} starts one.")
        return row

    # looking ------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back to the list, then to the chat; runs go on."""
        if self.has_class("-zoomed"):
            self.set_zoom(False)
        else:
            self.dismiss(None)

    @on(PagedList.Opened)
    def action_zoom(self) -> None:
        """The run alone, or the list beside it."""
        if self.desk.rows:
            self.set_zoom(not self.has_class("-zoomed"))

    def action_view(self, step: int) -> None:
        """The next view, or the one before."""
        self.open_view(self.desk.view + step)

    def action_look(self, view: str) -> None:
        """Open a view by name."""
        self.open_view(train_text.VIEWS.index(view))

    def action_walk(self, step: int) -> None:
        """Other curves; of samples another step."""
        row = self.current if self.desk.rows else None
        if row is None:
            return
        if self.view == "samples":
            last = len(train_text.sample_steps(row.run.story)) - 1
            self.sample = max(0, min(self.sample - step, last))
        else:
            self.desk.panel += step
        self.draw()

    def action_scroll(self, pages: int) -> None:
        """Scroll what is said of the run."""
        page = self.query_one("#page", SectionScroll)
        page.scroll_relative(y=pages * max(1, page.size.height - 1), animate=False)

    def action_mark(self) -> None:
        """Lay the curves of the run over others, or no longer; go to the next one."""
        row = self.current if self.desk.rows else None
        if row is not None:
            self.desk.mark(row.name)
            self.listing.action_cursor_down()
            self.draw()

    # asking -------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        """Fill in what is to be trained, read what it comes to, start it."""
        self.ask(self._new)

    async def _new(self) -> None:
        from aligntui.tui.modals.train_form import TrainForm
        from aligntui.tui.modals.train_review import Start, TrainReview
        from aligntui.workbench.training.screen_choices import choices_of

        choices = await asyncio.to_thread(choices_of, self.desk.workspace)
        while True:
            plan = await self.app.push_screen_wait(TrainForm(self.desk, choices))
            if plan is None:
                return
            ruling = await self.desk.ruling(plan)
            start = await self.app.push_screen_wait(TrainReview(self.desk, plan, ruling))
            if start is not None:
                break
        queued = start is Start.QUEUE
        after = await self.desk.begin(plan, queued=queued)
        self.console.work_beside(after(), "lend")
        self.draw()
        self.say(
            f"{plan.wish.name} {'waits in the queue' if queued else 'was started'}. It goes on when the console is closed."
        )

    def action_stop(self) -> None:
        """Stop the run safely, or take it out of the queue."""
        self.act(self._stop)

    async def _stop(self) -> None:
        said = await self.desk.stop(self.run_at_cursor())
        self.draw()
        self.say(f"{said}. {{key:train.resume}} goes on with it.", severity="warning")

    def action_checkpoint(self) -> None:
        """Ask for a checkpoint."""
        self.act(self._checkpoint)

    async def _checkpoint(self) -> None:
        row = self.run_at_cursor()
        await self.desk.checkpoint(row)
        self.say(f"{row.name} writes a checkpoint after the step at hand.")

    def action_resume(self) -> None:
        """Go on with the run from its last checkpoint."""
        self.act(self._resume)

    async def _resume(self) -> None:
        row = self.run_at_cursor()
        after = await self.desk.resume(row)
        self.console.work_beside(after(), "lend")
        self.draw()
        gone = self.desk.chat.state.engine.phase is Phase.GAVE_WAY
        self.say(f"{row.name} goes on.{' The chat gave way to it and comes back afterwards.' if gone else ''}")

    def action_move(self, by: int) -> None:
        """Earlier or later in the queue."""

        async def move() -> None:
            await self.desk.move(self.run_at_cursor(), by)
            self.draw()

        self.act(move)

    def action_delete(self) -> None:
        """Delete the run, once its name was typed."""
        self.ask(self._delete)

    async def _delete(self) -> None:
        from aligntui.tui.modals.train_delete import DeleteDialog

        row = self.run_at_cursor()
        if row.lives or row.place:
            raise UserError(f"{row.name} is {row.run.state}.", "{key:train.stop} stops it first.")
        if await self.app.push_screen_wait(DeleteDialog(row)):
            await self.desk.delete(row)
            self.draw()
            self.say(f"{row.name} was deleted.", severity="warning")

    def action_column(self) -> None:
        """Open a checkpoint as a column of the chat."""
        self.ask(self._column)

    async def _column(self) -> None:
        from aligntui.tui.modals.train_ladder import LadderDialog

        row = self.run_at_cursor()
        rungs = await self.desk.ladder(row)
        chosen = await self.app.push_screen_wait(LadderDialog(row.name, rungs))
        if chosen is None:
            return
        await self.desk.open_column(chosen)
        self.dismiss(f"{chosen.name} is a column now, beside the base, which was not loaded again.")
