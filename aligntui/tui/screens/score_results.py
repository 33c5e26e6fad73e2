"""Results of score runs: from the rates down to each prompt, with both answers and what failed in them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from aligntui.core.generation import GenerationRun
from aligntui.core.ids import sha256_text
from aligntui.score.reporting.document import Document
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.score_results_board import LISTS, NAMES, ResultsBoard
from aligntui.tui.widgets.paged_list import PagedList
from aligntui.workbench.scoring.comparing import Comparison
from aligntui.workbench.scoring.comparison_document import comparison_document, write_comparison
from aligntui.workbench.scoring.desk import ScoreDesk
from aligntui.workbench.scoring.drill import DrillFilter
from aligntui.workbench.scoring.looking import PROMPTS, SCORES
from aligntui.workbench.scoring.report_document import report_document
from aligntui.workbench.scoring.report_files import write_report
from aligntui.workbench.scoring.scored import Scored

NEXT = {None: False, False: True, True: None}
"""What a side is filtered by after that: fails, passes, both."""


class ResultsScreen(ResultsBoard):
    """Results of a run, or of several compared.

    Args:
        desk: keeps how they were looked at, and judges again.
        exports: folder for reports.
        runs: that were judged.
        groups: their scores, one for each suite.
        comparison: of several runs; None for one.
    """

    HELP = (
        "**Scores.** Each rate of two columns and their difference, drawn on an axis that has zero at ┊: ● is the estimate, ├ ┤ its "
        "95% interval, + better, - worse, = no difference shown, ? not known. Below the table stands the comparison in words. "
        "{key:scored.next_pair} goes to the next two columns.\n\n"
        "**Prompts.** ▼ lost, ▲ gained, ✔ passes, ✘ fails, left and right column. {key:scored.flips} shows only flips, "
        "{key:scored.first} and {key:scored.second} filter by one column, {key:scored.clear} takes filters away. `Enter` reads a "
        "prompt alone; {key:scored.next} and {key:scored.previous} go on while it is read."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("scored")

    def __init__(
        self,
        desk: ScoreDesk,
        exports: Path,
        runs: Sequence[GenerationRun],
        groups: Sequence[Scored],
        comparison: Comparison | None = None,
    ) -> None:
        super().__init__(desk, runs, groups, comparison)
        self._exports = exports
        self._working = False

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        prompts, wanted = self.view == PROMPTS, self.look.wanted
        two = len(self.results.names) > 1
        match action_id:
            case "scored.flips" | "scored.second":
                return prompts and two
            case "scored.first" | "scored.failed":
                return prompts
            case "scored.clear":
                return prompts and wanted != DrillFilter()
            case "scored.open":
                return self.view == SCORES or (prompts and bool(self.rows))
            case "scored.next":
                return self.has_class("-zoomed")
            case "scored.next_pair":
                return self.view in LISTS and self.results.choices > 1
            case "scored.loose":
                return self.view == SCORES and self.results.scored is not None and self.results.scored.suite.has_loose
            case "scored.suite":
                return len(self.results.groups) > 1
            case "scored.again":
                return self.later > 0
        return True

    def key_label(self, action_id: str) -> str:
        """Another word for a key where it does something else now."""
        match action_id:
            case "scored.open" if self.view == PROMPTS:
                return "List" if self.has_class("-zoomed") else "Read"
            case "scored.open":
                return "Prompts"
            case "scored.next_pair" if self.results.scored is not None and not self.results.scored.table.pairs:
                return "Next column"
            case "scored.loose" if self.look.loose:
                return "Strict"
        return ""

    # looking ------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """From a prompt to the list, from a category's prompts to the table, then to the runs."""
        if self.has_class("-zoomed"):
            self._zoom(False)
        elif self.view == PROMPTS and self.look.wanted.category:
            self.look.wanted = replace(self.look.wanted, category="")
            self.fill_prompts()
            self.open_view(SCORES)
        else:
            self.dismiss(None)

    def action_view(self, step: int) -> None:
        """The next view, or the one before."""
        views = self.results.views
        self.open_view(views[(views.index(self.view) + step) % len(views)])

    def action_look(self, name: str) -> None:
        """Open a view by name."""
        if name in self.results.views:
            self.open_view(name)
        else:
            self.say(f"{NAMES[name]} needs a comparison of runs.", "{key:score.compare} on the list of runs makes one.")

    @on(PagedList.Opened)
    def action_open(self) -> None:
        """From a rate to its prompts; from a prompt to its answers, and back."""
        if self.view == PROMPTS:
            if self.rows:
                self._zoom(not self.has_class("-zoomed"))
            return
        line = self.table.current
        if self.view != SCORES or line is None or line.row is None:
            return
        category = line.row.name if line.row.group == "category" else ""
        self.look.wanted = replace(self.look.wanted, category=category)
        self.fill_prompts()
        self.open_view(PROMPTS)

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.page.scroll_home(animate=False)
        self.draw()
        self.take_focus()

    def action_step(self, step: int) -> None:
        """Another prompt, also while one is read."""
        if self.view == PROMPTS and self.rows:
            self.prompts.move_to(self.prompts.cursor + step)

    def action_scroll(self, pages: int) -> None:
        """Scroll the answers."""
        self.page.scroll_relative(y=pages * max(1, self.page.size.height - 1), animate=False)

    def action_filter(self, by: str) -> None:
        """Another filter by flips, failures or one column."""
        wanted = self.look.wanted
        if self.view != PROMPTS or (by in ("flips", "second") and len(self.results.names) < 2):
            return
        if by in ("flips", "failed"):
            self.filtered(replace(wanted, **{by: not getattr(wanted, by)}))
        else:
            self.filtered(replace(wanted, **{by: NEXT[getattr(wanted, by)]}))

    def action_clear(self) -> None:
        """Take every filter away."""
        if self.view == PROMPTS:
            self.filtered(DrillFilter())

    def action_pair(self, step: int) -> None:
        """Two other columns."""
        if self.results.choices > 1 and self.view in LISTS:
            self.results.other_pair(step)
            self.fill()
            self.draw()
            self.take_focus()

    def action_loose(self) -> None:
        """The other reading."""
        if self.results.scored is not None and self.results.scored.suite.has_loose:
            self.look.loose = not self.look.loose
            self.fill()
            self.draw()

    def action_suite(self) -> None:
        """The next suite of a comparison."""
        if len(self.results.groups) > 1:
            self.results.next_suite()
            self.fill()
            self.open_view(self.view if self.view in self.results.views else self.results.views[0])

    # working ------------------------------------------------------------------------------------------

    def action_again(self) -> None:
        """Judge again, with the answers that came since."""
        if self.results.comparison is None and not self._working:
            self.work_on(self._again, "judge")

    async def _again(self) -> None:
        self._working = True
        self.say("◌ Judging …", remember=False)
        try:
            self.results.groups = [await self.desk.score(self.results.runs[0])]
        finally:
            self._working = False
        self.results.runs = [
            next((one for one in self.desk.runs if one.id == self.results.runs[0].id), self.results.runs[0])
        ]
        self.fill()
        self.draw()
        self.show_note("", "")

    def action_report(self) -> None:
        """Read the whole report."""
        self.ask(self._report)

    async def _report(self) -> None:
        from aligntui.tui.modals.report_reader import ReportReader

        document = await asyncio.to_thread(self._document)
        await self.app.push_screen_wait(ReportReader(document.title, document))

    def _document(self) -> Document:
        if self.results.comparison is not None:
            return comparison_document(self.results.comparison, self._command(), narrow=True)
        assert self.results.scored is not None, "one run has one suite"
        return report_document(self.results.scored, narrow=True)

    def _command(self) -> str:
        return f"aligntui compare {' '.join(run.id for run in self.results.runs)}"

    def action_export(self) -> None:
        """Write the report."""
        self.work_on(self._export, "export")

    async def _export(self) -> None:
        if self.results.comparison is not None:
            ids = ",".join(run.id for run in self.results.runs)
            folder = self._exports / f"compare-{sha256_text(ids)[:12]}"
            paths = await asyncio.to_thread(write_comparison, self.results.comparison, folder, self._command())
        else:
            assert self.results.scored is not None, "one run has one suite"
            folder = self._exports / self.results.runs[0].id
            paths = await asyncio.to_thread(write_report, self.results.scored, folder)
        self.say(f"{len(paths)} files written to {folder}.")
