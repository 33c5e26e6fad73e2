"""What the results screen draws: the table of scores, prompts with both answers, pages to read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize, ScreenResume, ScreenSuspend
from textual.widgets import Static

from aligntui.core.generation import GenerationRun
from aligntui.core.printable import one_line
from aligntui.tui import score_rows, score_summary
from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.help_text import help_content
from aligntui.tui.redraw import Redraw
from aligntui.tui.score_rows import Line, Ruler
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.tui.widgets.score_page import ResultPage, ResultTabs
from aligntui.workbench.scoring.comparing import Comparison
from aligntui.workbench.scoring.desk import ScoreDesk
from aligntui.workbench.scoring.drill import DrillFilter, DrillRow, Failure
from aligntui.workbench.scoring.looking import MODELS, PROGRESSION, PROMPTS, SCORES, SUMMARY, Look, Results
from aligntui.workbench.scoring.scored import Scored

WIDE = 112
"""From this many cells on a prompt's answers stand beside the list."""
NAMES = {
    SCORES: "Scores",
    PROMPTS: "Prompts",
    SUMMARY: "Summary",
    PROGRESSION: "Progression",
    MODELS: "Models",
}
"""Views by name, in order."""
LISTS = (SCORES, PROMPTS)


class ResultsBoard(GuardedScreen[None]):
    """Results of a run, or of several compared. The keys are added by `ResultsScreen`.

    Args:
        desk: keeps how they were looked at.
        runs: that were judged.
        groups: their scores, one for each suite.
        comparison: of several runs; None for one.
    """

    AUTO_FOCUS = "#rows"
    # Textual scopes this to the class of the screen that is shown
    CSS: ClassVar[str] = """
    ResultsScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ResultsScreen #cover { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ResultsScreen #head { height: 1; text-wrap: nowrap; }
    ResultsScreen #work { height: 1fr; }
    ResultsScreen PagedList { height: 1fr; width: 1fr; background: $background; }
    ResultsScreen #page { height: 1fr; width: 1fr; }
    ResultsScreen.-wide.-prompts #prompts { width: 46%; max-width: 80; }
    ResultsScreen.-wide.-prompts #page { border-left: tall $surface-lighten-1; }
    ResultsScreen.-zoomed #prompts { display: none; }
    ResultsScreen.-wide.-prompts.-zoomed #page { border-left: none; }
    ResultsScreen #none { height: 1fr; padding: 1 2; color: $text-muted; }
    ResultsScreen #foot { height: 6; padding: 0 1; border-top: solid $surface-lighten-2; }
    ResultsScreen.-wide #foot { height: 4; }
    """

    def __init__(
        self,
        desk: ScoreDesk,
        runs: Sequence[GenerationRun],
        groups: Sequence[Scored],
        comparison: Comparison | None = None,
    ) -> None:
        super().__init__()
        self.desk = desk
        look = desk.looks.setdefault(",".join(run.id for run in runs), Look())
        self.results = Results(runs, groups, comparison, look)
        self.look = look
        self.lines: list[Line] = []
        """The table of scores as it is shown."""
        self.rows: list[DrillRow] = []
        """The prompts under the filter."""
        self._ruler = Ruler(80, 1.0, True, False)
        self._reasons: dict[tuple[str, int], tuple[tuple[Failure, ...], ...]] = {}
        self._redraw = Redraw(self, self._draw_arrived)

    def compose(self) -> ComposeResult:
        """Title, views, coverage, the table or the prompts, what is read, note, keys."""
        yield Static("Results", id="title", markup=False)
        yield ResultTabs(NAMES)
        yield Static("", id="cover", markup=False)
        yield Static("", id="head", markup=False)
        with Horizontal(id="work"):
            yield PagedList(self._some_lines, self._draw_line, id="rows")
            yield PagedList(self._some_prompts, self._draw_prompt, id="prompts")
            yield Static("", id="none", markup=False)
            yield ResultPage(id="page")
        yield Static("", id="foot", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what was looked at last."""
        self.set_class(self.size.width >= WIDE, "-wide")
        self.fill()
        self.table.move_to(self.look.row or 1)  # the first line is a heading
        self.prompts.move_to(self.look.prompt)
        self.open_view(self.look.view if self.look.view in self.results.views else self.results.views[0])

    @on(ScreenResume)
    def _shown(self) -> None:
        self.desk.emit = self._redraw

    @on(ScreenSuspend)
    def _hidden(self) -> None:
        self._leave()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._leave()

    def _leave(self) -> None:
        if self.desk.emit is self._redraw:  # else another screen looks already
            self.desk.emit = lambda: None

    # what is shown ------------------------------------------------------------------------------------

    @property
    def table(self) -> PagedList[Line]:
        """The table of scores."""
        return self.query_one("#rows", PagedList)

    @property
    def prompts(self) -> PagedList[DrillRow]:
        """The list of prompts."""
        return self.query_one("#prompts", PagedList)

    @property
    def page(self) -> ResultPage:
        """Where texts and answers are read."""
        return self.query_one(ResultPage)

    @property
    def view(self) -> str:
        """Name of the open view."""
        return self.look.view

    async def _some_lines(self, offset: int, limit: int) -> Sequence[Line]:
        return self.lines[offset : offset + limit]

    async def _some_prompts(self, offset: int, limit: int) -> Sequence[DrillRow]:
        return self.rows[offset : offset + limit]

    def _draw_line(self, line: Line, width: int) -> Content:
        if self._ruler.width != width:
            self._ruler = Ruler.of([one.row for one in self.lines if one.row is not None], width)
        return self._ruler.line(line)

    def _draw_prompt(self, row: DrillRow, width: int) -> Content:
        return score_rows.prompt_line(row, width, seeds=self.results.seeds)

    # filling ------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Take lines and prompts from the scores anew: another pair, reading, suite, or other answers."""
        found = self.results.scored
        if found is None:
            return
        rows = self.results.table()
        self.lines = score_rows.table_lines(rows, found.suite.category_noun)
        self._ruler = Ruler.of(rows, self.table.scrollable_content_region.width or self.size.width)
        self.table.reset(len(self.lines), self.lines[:PAGE], keep_cursor=True)
        self._reasons.clear()
        self.fill_prompts(keep_cursor=True)

    def fill_prompts(self, *, keep_cursor: bool = False) -> None:
        """Take the prompts that the filter asks for."""
        self.rows = self.results.prompts()
        self.prompts.reset(len(self.rows), self.rows[:PAGE], keep_cursor=keep_cursor)

    # drawing ------------------------------------------------------------------------------------------

    @on(ResultTabs.Picked)
    def _picked(self, event: ResultTabs.Picked) -> None:
        self.open_view(event.view)

    def open_view(self, name: str) -> None:
        """Open a view; one that there is not is passed over."""
        if name not in self.results.views:
            return
        if name != PROMPTS:
            self.set_class(False, "-zoomed")
        self.look.view = name
        self.set_class(name == PROMPTS, "-prompts")
        self.page.scroll_home(animate=False)
        self.draw()
        self.take_focus()

    def take_focus(self) -> None:
        """Give the focus to what the open view is about."""
        zoomed = self.has_class("-zoomed")
        if self.view == SCORES:
            self.set_focus(self.table)
        elif self.view == PROMPTS and not zoomed and self.rows:
            self.set_focus(self.prompts)
        else:
            self.set_focus(self.page)

    def draw(self) -> None:
        """Everything."""
        if not self.is_attached:
            return
        view, zoomed = self.view, self.has_class("-zoomed")
        bare = view == PROMPTS and not self.rows
        self.table.display = view == SCORES
        self.prompts.display = view == PROMPTS and not bare and not zoomed
        self.query_one("#none").display = bare
        reads = view == PROMPTS and not bare and (zoomed or self.has_class("-wide"))
        self.page.display = reads or view not in LISTS
        self.page.set_class(zoomed and self.has_class("-wide"), "-beside")
        self.query_one("#foot").display = view == SCORES
        self.query_one("#head").display = view in LISTS and not bare and not zoomed
        if bare:
            self.query_one("#none", Static).update(self._nothing())
        self._draw_title()
        self._draw_tabs()
        self._draw_head()
        self.call_after_refresh(self._draw_head)  # it stands over a list that has its width once it was laid out
        if view == SCORES:
            self._draw_foot()
        elif view == PROMPTS:
            self._draw_answers()
        else:
            self._draw_page()
            self.call_after_refresh(self._draw_page)  # the page has its width once it was laid out
        self.query_one(KeyBar).draw()

    def _nothing(self) -> Content:
        said = score_rows.filter_words(self.look.wanted, self.results.names)
        return help_content(f"No prompt is left: {{key:scored.clear}} takes the filter away.\n\n({said})", self.keys)

    def _draw_arrived(self) -> None:
        """Answers came, or a run ended: what is shown stays, and is called stale."""
        if self.is_attached:
            self._draw_title()
            self.query_one(KeyBar).draw()

    def _draw_title(self) -> None:
        if not self.is_attached:
            return
        found, parts = self.results.scored, []
        later = self.later
        if later:
            text = f"{later:,} answer{'s' * (later != 1)} since: {{key:scored.again}} judges again"
            parts.append(Content.assemble(("stale ", "bold $text-warning"), help_content(text, self.keys)))
        if self.results.comparison is not None:
            parts.append(Content.styled(f"{len(self.results.runs)} runs compared", "bold"))
            parts += [Content(found.suite.title)] if found is not None else []
        elif found is not None:
            parts.append(Content.styled(one_line(found.title, 60 if self.has_class("-wide") else 34), "bold"))
        if found is not None and self.view in LISTS:
            names = [one_line(name, 28) for name in self.results.names]
            parts.append(Content.styled(" − ".join(reversed(names)), "bold $text-primary"))
            parts += (
                [Content.styled(f"◂{self.look.pair + 1}/{self.results.choices}▸", MUTED)]
                if self.results.choices > 1
                else []
            )
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @property
    def later(self) -> int:
        """Answers that came since these scores were worked out; of a comparison nothing is said."""
        desk, run = self.desk, self.results.runs[0]
        if self.results.comparison is not None:
            return 0
        now = next((one.done for one in desk.runs if one.id == run.id), run.done)
        if desk.sitting == run.id and desk.progress is not None:
            now = max(now, desk.progress.done)
        return max(0, now - self.results.judged)

    def _draw_tabs(self) -> None:
        found = self.results.scored
        reading = ("loose" if self.look.loose else "strict") if found is not None and found.suite.has_loose else ""
        self.query_one(ResultTabs).show(self.results.views, self.view, reading if self.view == SCORES else "")
        cover = self.query_one("#cover", Static)
        if found is None:
            cover.update("")
            return
        line, count = score_summary.covered_line(found), len(found.notes)
        if count:
            notes = help_content(f" · ! {count} note{'s' * (count != 1)}, {{key:scored.summary}} shows", self.keys)
            line = Content.assemble(line, notes.stylize("$text-warning"))
        cover.update(line)

    def _draw_head(self) -> None:
        head, names = self.query_one("#head", Static), self.results.names
        if self.view == SCORES:
            head.update(self._ruler.head(names[0], names[-1]))
        elif self.view == PROMPTS and self.results.scored is not None:
            said = score_rows.filter_words(self.look.wanted, names)
            count = f"{len(self.rows):,} of {self.results.wanted_rows:,}"
            width = self.prompts.scrollable_content_region.width or self.size.width
            line = score_rows.prompt_head(len(names), width, seeds=self.results.seeds)
            head.update(Content.assemble(line, (f"  {count}{f': {said}' if said else ''}", "bold $text-secondary")))

    @on(PagedList.Moved)
    def _moved(self) -> None:
        self.look.row, self.look.prompt = self.table.cursor, self.prompts.cursor
        if self.view == SCORES:
            self._draw_foot()
        elif self.view == PROMPTS and self.page.display:
            self.page.scroll_home(animate=False)
            self._draw_answers()

    def _draw_foot(self) -> None:
        line = self.table.current
        foot = self.query_one("#foot", Static)
        if line is None or line.row is None:
            foot.update(help_content("`Enter` on a rate goes down to its prompts.", self.keys))
            return
        foot.update(score_rows.spoken(line.row, self.results.names[0], self.results.names[-1]))

    def _draw_answers(self) -> None:
        row, found = self.prompts.current, self.results.scored
        if row is None or found is None or not self.page.display:
            return
        reasons = self._reasons.get((row.item, row.seed))
        if reasons is None and False not in row.passed:
            reasons = tuple(() for _ in row.passed)
        if reasons is None:
            self.work_on(lambda: self._find_reasons(row), "reasons", exclusive=True)
        self.page.show_prompt(row, self.results.names, reasons, judged=bool(found.suite.categories))

    async def _find_reasons(self, row: DrillRow) -> None:
        """Why answers failed; a checker may take a while, so it is asked beside the drawing and once."""
        why = await asyncio.to_thread(self.results.reasons, row)
        if self.is_attached and self.prompts.current is row:  # else it may be about other columns
            self._reasons[row.item, row.seed] = why
            self._draw_answers()

    def _draw_page(self) -> None:
        found, width = self.results.scored, max(20, self.page.room or self.size.width - 3)
        if self.view == SUMMARY and found is not None:
            self.page.show_text(score_summary.summary(found, width))
        elif self.view == PROGRESSION:
            self.page.show_text(score_summary.progression(self.results.versions, width))
        elif self.view == MODELS and self.results.comparison is not None:
            self.page.show_text(score_summary.models(self.results.comparison.models, width))

    def on_resize(self, event: Resize) -> None:
        """Fit the new width."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self.draw)

    def filtered(self, wanted: DrillFilter) -> None:
        """Show other prompts, from the first on."""
        self.look.wanted = wanted
        self.fill_prompts()
        self.draw()
        self.take_focus()
