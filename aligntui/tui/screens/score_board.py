"""What the score screen draws: the list of runs, and of the run under the cursor its state, live scores, results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize, ScreenResume, ScreenSuspend
from textual.timer import Timer
from textual.widgets import Static

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.tui import score_text
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.help_text import help_content
from aligntui.tui.rate_rows import Columns
from aligntui.tui.redraw import Redraw
from aligntui.tui.score_summary import covered_line, headline_lines
from aligntui.tui.score_text import Standing
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.tui.widgets.lines import KeyBar, bar, engine_text
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.scoring.desk import ScoreDesk
from aligntui.workbench.scoring.plan import ScorePlan
from aligntui.workbench.scoring.scored import Scored

WIDE = 112
"""From this many cells on the list and the run stand side by side."""
NARROW_LIST = 6
"""Rows of the list where the run stands below it."""
TICK_S = 0.2
LOOK_EVERY_S = 2.0
"""How often the list is read while another process answers one of its runs."""
"""How often the clock of a run under way, and the progress of judging, are drawn."""


class ScoreBoard(GuardedScreen[None]):
    """The score runs of a workspace, drawn from a desk. The keys are added by `ScoreScreen`.

    Args:
        desk: goes on while the screen is left.
    """

    AUTO_FOCUS = "PagedList"
    # Textual scopes this to the class of the screen that is shown
    CSS: ClassVar[str] = """
    ScoreScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ScoreScreen #work { height: 1fr; layout: vertical; }
    ScoreScreen.-wide #work { layout: horizontal; }
    ScoreScreen PagedList { height: 1fr; width: 1fr; background: $background; }
    ScoreScreen #detail { height: 1fr; padding: 0 1; border-top: solid $surface-lighten-2; scrollbar-size-vertical: 1; background: $background; }
    ScoreScreen.-wide PagedList { width: 44%; max-width: 72; }
    ScoreScreen.-wide #detail { width: 1fr; border-top: none; border-left: tall $surface-lighten-1; }
    ScoreScreen.-zoomed PagedList { display: none; }
    ScoreScreen.-zoomed #detail { border: none; }
    ScoreScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    """

    def __init__(self, desk: ScoreDesk) -> None:
        super().__init__()
        self.desk = desk
        self.busy = ""
        """What this screen works on: a suite that is read, a run that is judged; empty where nothing."""
        self._plans: dict[str, ScorePlan | str] = {}
        self._listed: list[GenerationRun] | None = None
        self._timer: Timer | None = None
        self._looked = 0.0
        self._redraw = Redraw(self, self.draw)

    def compose(self) -> ComposeResult:
        """Title, list, the run under the cursor, note, keys."""
        yield Static("Scores", id="title", markup=False)
        with Horizontal(id="work"):
            yield PagedList(self._some, self._line)
            with SectionScroll(id="detail", can_focus=True):
                yield Static("", id="text", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the list."""
        self._timer = self.set_interval(TICK_S, self._tick)
        self.load()

    @guarded("load", exclusive=True)
    async def load(self) -> None:
        """Read the list and draw it."""
        await self.desk.load()
        self.draw()

    @on(ScreenResume)
    def _shown(self) -> None:
        self.desk.emit = self._redraw
        if self._timer is not None:
            self._timer.resume()
        if self._listed is not None:
            self.draw()

    @on(ScreenSuspend)
    def _hidden(self) -> None:
        """Nobody looks: nothing is drawn."""
        self._leave()
        if self._timer is not None:
            self._timer.pause()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._leave()

    def _leave(self) -> None:
        if self.desk.emit is self._redraw:  # else another screen looks already
            self.desk.emit = lambda: None

    def _tick(self) -> None:
        if self.busy or self.desk.running is not None:
            self._draw_title()
        elif self.desk.elsewhere and time.monotonic() - self._looked > LOOK_EVERY_S:
            self._looked = time.monotonic()
            self.load()  # what another process answers

    # what is shown ------------------------------------------------------------------------------------

    @property
    def listing(self) -> PagedList[GenerationRun]:
        """The list."""
        return self.query_one(PagedList)

    @property
    def current(self) -> GenerationRun | None:
        """The run under the cursor."""
        return self.listing.current if self.desk.runs else None

    def standing(self, run: GenerationRun) -> Standing:
        """Where a run stands at this moment."""
        desk = self.desk
        progress = desk.progress if desk.sitting == run.id else None
        plan = self.plan(run)
        if desk.running is not None and desk.running.id == run.id:
            return Standing("running", progress.done if progress else run.done, progress, desk.live)
        place = next((at for at, one in enumerate(desk.waiting, 1) if one.id == run.id), 0)
        failure = desk.failures.get(run.id, "")
        if isinstance(plan, str):
            return Standing("unreadable", run.done, failure=plan)
        if run.id in desk.elsewhere and not place:
            return Standing("elsewhere", run.done, progress)
        state = "waiting" if place else "failed" if failure else "whole" if run.done >= run.cells else "part"
        return Standing(state, run.done, progress, failure=failure, place=place)

    def plan(self, run: GenerationRun) -> ScorePlan | str:
        """The plan of a run, or why it cannot be read."""
        if run.id not in self._plans:
            try:
                self._plans[run.id] = ScorePlan.from_dict(run.plan)
            except UserError as error:
                self._plans[run.id] = str(error)
        return self._plans[run.id]

    async def _some(self, offset: int, limit: int) -> Sequence[GenerationRun]:
        return self.desk.runs[offset : offset + limit]

    def _line(self, run: GenerationRun, width: int) -> Content:
        marked = self.desk.marked
        mark = marked.index(run.id) + 1 if run.id in marked else 0
        return score_text.list_line(run, self.standing(run), width, mark=mark)

    # drawing ------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Everything from the desk."""
        if not self.is_attached or not self.is_current:
            return
        runs = self.desk.runs
        if runs is not self._listed:
            self._show_list(runs)
        else:
            self.listing.refresh()
        empty = self.query_one("#empty", Static)
        empty.display = not runs
        self.query_one("#work").display = bool(runs)
        if not runs:
            empty.update(help_content(self._empty_text(), self.keys))
        elif self.focused is None:  # an empty list was hidden when the screen looked for its focus
            self._take_focus()
        self._draw_title()
        self._draw_detail()
        self.query_one(KeyBar).draw()

    def _show_list(self, runs: list[GenerationRun]) -> None:
        """Another list; the cursor stays on its run, wherever that stands now."""
        self._listed = runs
        self.listing.reset(len(runs), runs[:PAGE], keep_cursor=True)
        self.listing.move_to(next((at for at, run in enumerate(runs) if run.id == self.desk.selected), 0))
        self._set_height()
        self.call_after_refresh(self._draw_detail)  # it has its width once it was laid out

    def _set_height(self) -> None:
        if self.has_class("-wide"):
            self.listing.styles.height = "1fr"
        else:
            self.listing.styles.height = max(2, min(NARROW_LIST, len(self.desk.runs)))

    def _empty_text(self) -> str:
        if self._listed is None:
            return "Reading the runs ..."
        return (
            "No run yet.\n\n{key:score.new} begins one: IFEval, Track A, a compliance battery, verbosity, bleed or repetition, asked "
            "of the base and the adapters that stand in the chat. Every answer is stored as it is finished; a run that was stopped "
            "goes on where it was.\n\nOn the command line: `aligntui score tracka --limit 40`"
        )

    def _draw_title(self) -> None:
        desk = self.desk
        parts = [Content.styled("Scores", "bold")]
        engine = desk.chat.state.engine
        if engine.phase not in (Phase.READY, Phase.BUSY):
            parts.append(engine_text(engine))
        if desk.running is not None and desk.progress is not None:
            done = max(desk.progress.done, desk.running.done)
            parts.append(score_text.title(done, desk.progress.cells, desk.progress, len(desk.waiting)))
        if self.busy:
            parts.append(Content.styled(f"◌ {self.busy} {bar(*desk.judging, 10)}".rstrip(), "$text-warning"))
        if desk.marked:
            parts.append(Content.styled(f"{len(desk.marked)} marked", "bold $text-accent"))
        if len(parts) == 1:
            parts.append(Content(f"{len(desk.runs):,} run{'s' * (len(desk.runs) != 1)}"))
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @on(PagedList.Moved)
    def _moved(self) -> None:
        run = self.current
        if run is not None and run.id != self.desk.selected:
            self.desk.selected = run.id
            self.query_one("#detail", SectionScroll).scroll_home(animate=False)
        self._draw_detail()
        self.query_one(KeyBar).draw()

    def _draw_detail(self) -> None:
        run = self.current if self.is_attached else None
        if run is None:
            return
        width = max(20, self.query_one("#detail").scrollable_content_region.width)
        plan, at = self.plan(run), self.standing(run)
        lines = score_text.about(run, None if isinstance(plan, str) else plan, at, width, self.keys)
        known = self.desk.known(run) if at.state != "running" else None
        if known is not None:
            place = next((n for n, line in enumerate(lines) if not line.plain), len(lines))
            lines[place:place] = self._result(known, width)
        self.query_one("#text", Static).update(Content("\n").join(lines))

    def _result(self, scored: Scored, width: int) -> list[Content]:
        """What is known of a run that was judged: its headline with intervals, in words, and of how much."""
        columns = Columns(width)
        lines = [Content(""), *headline_lines(scored, columns), covered_line(scored)]
        for one in scored.table.headline.versus:
            lines += columns.text(one.sentence, "")
        return lines

    # panes --------------------------------------------------------------------------------------------

    def set_zoom(self, zoomed: bool) -> None:
        """Show the run alone, or the list beside it."""
        self.set_class(zoomed, "-zoomed")
        self._take_focus()
        self.call_after_refresh(self.draw)

    def _take_focus(self) -> None:
        self.set_focus(self.query_one("#detail") if self.has_class("-zoomed") else self.listing)

    def on_resize(self, event: Resize) -> None:
        """Side by side, or one above the other."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self._set_height()
        self.call_after_refresh(self.draw)
