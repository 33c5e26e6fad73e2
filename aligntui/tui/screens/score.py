"""Score runs: begin one, watch its partial scores, go on with it, open its results, compare it with others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.binding import BindingType

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.generation import AT_ONCE, GenerationRun
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.score_board import ScoreBoard
from aligntui.tui.screens.score_results import ResultsScreen
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.tui.widgets.paged_list import PagedList
from aligntui.workbench.scoring.desk import ScoreDesk

T = TypeVar("T")


class ScoreScreen(ScoreBoard):
    """The score runs of a workspace.

    Args:
        desk: goes on while the screen is left.
        exports: folder for reports.
    """

    HELP = (
        "**Scores.** One line for each run, the newest first: ◉ under way, ◎ answered by another process, ○ waits, ● whole, ◐ answers are missing, ✖ broke off; a "
        "number marks those that are compared. {key:score.new} begins runs with the chat's base and adapters; while one is under "
        "way its partial scores stand beside it, and the chat waits.\n\n"
        "**Results.** `Enter` judges what is answered and opens the tables; from a rate `Enter` goes down to its prompts, each with "
        "both answers and why one failed. {key:score.mark} marks runs, {key:score.compare} compares them: the one marked first is "
        "the base line.\n\n"
        "**Bars.** ● is the estimate, ├ ┤ its 95% interval. A run that is not whole is called a part, and is no score of the suite."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("score")

    def __init__(self, desk: ScoreDesk, exports: Path) -> None:
        super().__init__(desk)
        self._exports = exports

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        run, desk = self.current, self.desk
        if not action_id.startswith("score.") or action_id == "score.back":
            return True
        running = desk.running is not None
        match action_id:
            case "score.new":
                return not running
            case "score.stop":
                return running
            case "score.compare":
                return len(desk.marked) > 1
            case "score.unmark":
                return bool(desk.marked)
        if run is None:
            return False
        match action_id:
            case "score.resume":
                return not running and self.standing(run).state in ("part", "failed")
            case "score.open":
                return self.standing(run).done > 0
            case "score.export":
                return run.done > 0
            case "score.mark":
                return len(desk.runs) > 1
        return True

    def key_label(self, action_id: str) -> str:
        """Another word for a key where it does something else now."""
        return "List" if action_id == "score.zoom" and self.has_class("-zoomed") else ""

    def run_at_cursor(self) -> GenerationRun:
        """The run that keys act on.

        Raises:
            UserError: there is none.
        """
        run = self.current
        if run is None:
            raise UserError("There is no run here.", "{key:score.new} begins one.")
        return run

    # looking ------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back to the list, then to the chat; a run under way goes on."""
        if self.has_class("-zoomed"):
            self.set_zoom(False)
        else:
            self.dismiss(None)

    def action_zoom(self) -> None:
        """The run alone, or the list beside it."""
        if self.desk.runs:
            self.set_zoom(not self.has_class("-zoomed"))

    def action_scroll(self, pages: int) -> None:
        """Scroll what is said of the run."""
        detail = self.query_one("#detail", SectionScroll)
        detail.scroll_relative(y=pages * max(1, detail.size.height - 1), animate=False)

    def action_mark(self) -> None:
        """Mark the run for a comparison, or no longer; go to the next one."""
        run = self.current
        if run is not None:
            self.desk.mark(run.id)
            self.listing.action_cursor_down()
            self.draw()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.desk.marked.clear()
        self.draw()

    # running ------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        """Fill in what is to be scored and begin it."""
        self.ask(self._new)

    async def _new(self) -> None:
        from aligntui.tui.modals.score_form import ScoreForm

        problem = ""
        while True:  # what was filled in stays in the form until it is begun
            ordered = await self.app.push_screen_wait(ScoreForm(self.desk, problem))
            if ordered is None:
                return
            try:
                runs = await self._busy("reading prompts", self.desk.begin_all(ordered.orders))
                break
            except AligntuiError as error:
                problem = str(error)
        self.desk.selected = runs[0].id
        self._listed = None
        self.draw()
        self.fill(runs, ordered.at_once)

    def action_resume(self) -> None:
        """Go on with the run under the cursor."""
        self.attempt(lambda: self.fill([self.run_at_cursor()]))

    def fill(self, runs: Sequence[GenerationRun], at_once: int = AT_ONCE) -> None:
        """Answer what is not answered yet; not this screen's own work, so that it goes on when the screen is left."""
        self.show_note("", "")
        self.console.work_beside(self.desk.go_through(runs, at_once), "score")

    def action_stop(self) -> None:
        """Stop the run under way."""
        if self.desk.running is not None:
            self.work_on(self._stop, "stop")

    async def _stop(self) -> None:
        await self.desk.stop()
        self.draw()
        self.say("Stopped; whole answers are kept. {key:score.resume} goes on with the run.", severity="warning")

    # results ------------------------------------------------------------------------------------------

    async def _busy(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something that takes a while, one at a time, and say what it is."""
        if self.busy:
            work.close()
            raise UserError(f"The console is still {self.busy}.", "Wait for it.")
        self.busy = what
        self.draw()
        try:
            return await work
        finally:
            self.busy = ""
            self.draw()

    @on(PagedList.Opened)
    def action_open(self) -> None:
        """Judge the run and show its results."""
        self.work_on(self._open, "judge")

    async def _open(self) -> None:
        run = self.run_at_cursor()
        scored = await self._busy("judging", self.desk.score(run))
        self._show(ResultsScreen(self.desk, self._exports, [run], [scored]))

    def _show(self, screen: ResultsScreen) -> None:
        """Open results, unless something else was opened while they were worked out; they are known then."""
        if self.is_current:
            self.app.push_screen(screen)

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self.work_on(self._compare, "judge")

    async def _compare(self) -> None:
        by_id = {run.id: run for run in self.desk.runs}
        runs = [by_id[id_] for id_ in self.desk.marked]
        if len(runs) < 2:
            raise UserError("A comparison needs at least two runs.", "{key:score.mark} marks the run under the cursor.")
        found = await self._busy("judging", self.desk.compare(runs))
        self._show(ResultsScreen(self.desk, self._exports, runs, [one.scored for one in found.groups], found))

    def action_export(self) -> None:
        """Write the report with figures and tables."""
        self.work_on(self._export, "export")

    async def _export(self) -> None:
        from aligntui.workbench.scoring.report_files import write_report

        run = self.run_at_cursor()
        scored = await self._busy("judging", self.desk.score(run))
        folder = self._exports / run.id
        paths = await self._busy("writing", asyncio.to_thread(write_report, scored, folder))
        self.say(f"{len(paths)} files written to {folder}.")
