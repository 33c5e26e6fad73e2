"""What the train screen draws: the list of runs, and of the run under the cursor its curves, words, samples, log, set-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click, Resize, ScreenResume, ScreenSuspend
from textual.timer import Timer
from textual.widgets import Static

from aligntui.core.printable import printable
from aligntui.tui import train_text
from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.help_text import help_content
from aligntui.tui.redraw import Redraw
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.curves import CurveGrid, Drawing
from aligntui.tui.widgets.lines import KeyBar, bar, engine_text
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.training.desk import TrainDesk
from aligntui.workbench.training.screen_curves import one_run, panels_of, several_runs
from aligntui.workbench.training.screen_runs import Row

WIDE = 100
"""From this many cells on the list and the run stand side by side."""
POLL_S = 0.5
"""How often the folders of living runs are looked at."""
IDLE_POLLS = 4
"""Where nothing lives or waits, every so many times."""
NARROW_LIST = 6
"""Rows of the list where the run stands below it."""
MOST_POINTS = 400
"""Of one curve that is drawn; a panel has fewer columns of dots."""


class ViewTabs(Static):
    """The views by number; a click opens one."""

    DEFAULT_CSS = "ViewTabs { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def show(self, view: int, rest: Content) -> None:
        """Draw them with one marked, which shows without colour, too.

        Args:
            view: the open one.
            rest: what stands behind them.
        """
        parts = [
            Content.assemble(
                (f"{number} ", "bold $text-accent"), (name, "bold reverse" if number == view + 1 else MUTED)
            )
            for number, name in enumerate(train_text.VIEW_NAMES, 1)
        ]
        self._ends = [sum(part.cell_length + 2 for part in parts[: place + 1]) for place in range(len(parts))]
        self.update(Content.assemble(Content("  ").join(parts), "  ", rest))

    def on_click(self, event: Click) -> None:
        """Open the view under the pointer."""
        place = next((n for n, end in enumerate(self._ends) if event.x < end), None)
        if place is not None and isinstance(self.screen, TrainBoard):
            self.screen.open_view(place)


class TrainBoard(GuardedScreen[str | None]):
    """The runs of a workspace, drawn from a desk. The keys are added by `TrainScreen`.

    Args:
        desk: kept while the screen is left.
    """

    AUTO_FOCUS = "PagedList"
    # Textual scopes this to the class of the screen that is shown
    CSS: ClassVar[str] = """
    TrainScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    TrainScreen #work { height: 1fr; layout: vertical; }
    TrainScreen.-wide #work { layout: horizontal; }
    TrainScreen PagedList { height: 1fr; width: 1fr; background: $background; }
    TrainScreen #detail { height: 1fr; padding: 0 1; border-top: solid $surface-lighten-2; }
    TrainScreen.-wide PagedList { width: 46%; max-width: 70; }
    TrainScreen.-wide #detail { width: 1fr; border-top: none; border-left: tall $surface-lighten-1; }
    TrainScreen.-zoomed PagedList { display: none; }
    TrainScreen.-zoomed #detail { border: none; }
    TrainScreen #head { height: auto; max-height: 7; }
    TrainScreen.-wide #head { max-height: 10; }
    TrainScreen #page { height: 1fr; scrollbar-size-vertical: 1; background: $background; margin: 1 0 0 0; }
    TrainScreen #reading { height: 1; color: $text-secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    TrainScreen.-wide #reading { height: auto; max-height: 8; margin: 1 0 0 0; text-wrap: wrap; }
    TrainScreen.-wide CurveGrid { margin: 1 0 0 0; }
    TrainScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    """

    def __init__(self, desk: TrainDesk) -> None:
        super().__init__()
        self.desk = desk
        self.sample = 0
        """Which sampled step is shown, from the last one back."""
        self._shown: list[Row] = []
        self._polls = 0
        self._poll: Timer | None = None
        self._log: list[str] = []
        self._redraw = Redraw(self, self.draw)

    def compose(self) -> ComposeResult:
        """Title, list, the run under the cursor, note, keys."""
        yield Static("Training", id="title", markup=False)
        with Horizontal(id="work"):
            yield PagedList(self._some, self._line)
            with Vertical(id="detail"):
                yield Static("", id="head", markup=False)
                yield ViewTabs("", markup=False)
                yield CurveGrid(id="curves")
                yield Static("", id="reading", markup=False)
                with SectionScroll(id="page", can_focus=True):
                    yield Static("", id="text", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the list, and go on reading while the screen is in front."""
        self.desk.emit = self._redraw
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.draw())
        self._poll = self.set_interval(POLL_S, self._tick)
        self.look()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.desk.emit = lambda: None

    @on(ScreenSuspend)
    def _rest(self) -> None:
        if self._poll is not None:
            self._poll.pause()

    @on(ScreenResume)
    def _go_on(self) -> None:
        if self._poll is not None:
            self._poll.resume()
            self.look()

    def _tick(self) -> None:
        self._polls += 1
        if self.desk.watch.active or self._polls % IDLE_POLLS == 0:
            self.look()

    def look(self) -> None:
        """Read on what was written, and draw if anything was."""
        self.work_on(self._look, "look", exclusive=False)

    async def _look(self) -> None:
        first = not self.desk.watch.loaded
        changed = await self.desk.look()
        if not self.is_attached:
            return
        if changed or first or self.desk.rows is not self._shown:
            self._redraw()
        elif self.desk.watch.active:
            self._draw_title()  # the clock goes on
        if self.view == "log" and (row := self.current) is not None:
            lines = await self.desk.log_tail(row)
            if lines != self._log:
                self._log = lines
                self._draw_page(row)

    # what is shown ------------------------------------------------------------------------------------

    @property
    def listing(self) -> PagedList[Row]:
        """The list."""
        return self.query_one(PagedList)

    @property
    def current(self) -> Row | None:
        """The run under the cursor."""
        return self.listing.current

    @property
    def view(self) -> str:
        """Name of the open view."""
        return train_text.VIEWS[self.desk.view]

    @property
    def overlaid(self) -> list[Row]:
        """The marked runs, in the order in which they were marked."""
        return [row for name in self.desk.marked if (row := self.desk.row(name)) is not None]

    def open_view(self, place: int) -> None:
        """Open a view."""
        self.desk.view, self.sample = place % len(train_text.VIEWS), 0
        self.query_one("#page", SectionScroll).scroll_home(animate=False)
        self.draw()
        self._take_focus()
        if self.view == "log":
            self.look()

    def set_zoom(self, zoomed: bool) -> None:
        """Show the run alone, or the list beside it."""
        self.set_class(zoomed, "-zoomed")
        self._take_focus()
        self.call_after_refresh(self.draw)

    def _take_focus(self) -> None:
        if not self.has_class("-zoomed"):
            self.set_focus(self.listing)
        else:
            self.set_focus(None if self.view == "curves" else self.query_one("#page"))

    async def _some(self, offset: int, limit: int) -> Sequence[Row]:
        return self.desk.rows[offset : offset + limit]

    def _line(self, row: Row, width: int) -> Content:
        return train_text.list_line(row, width, marked=row.name in self.desk.marked)

    # drawing ------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Everything from the desk."""
        if not self.is_attached:
            return
        rows = self.desk.rows
        if rows is not self._shown:
            self._show_list(rows)
        else:
            self.listing.refresh()
        empty = self.query_one("#empty", Static)
        empty.display = not rows
        self.query_one("#work").display = bool(rows)
        if not rows:
            empty.update(help_content(self._empty_text(), self.keys))
        self._draw_title()
        self._draw_detail()
        self.query_one(KeyBar).draw()

    def _show_list(self, rows: list[Row]) -> None:
        """Another list; the cursor stays on its run, wherever that stands now."""
        before, self._shown = [row.name for row in self._shown], rows
        if before == [row.name for row in rows]:
            self.listing.refresh()  # the rows are the same objects, with what is new in them
            return
        self.listing.reset(len(rows), rows[:PAGE], keep_cursor=True)
        at = next((at for at, row in enumerate(rows) if row.name == self.desk.selected), None)
        if at is not None:
            self.listing.move_to(at)
        if rows and not before:  # it was hidden while there was no run, and whatever could be had took its focus
            self.call_after_refresh(self._take_focus)
        if not self.has_class("-wide"):
            self.listing.styles.height = max(2, min(NARROW_LIST, len(rows)))

    def _empty_text(self) -> str:
        if not self.desk.watch.loaded:
            return "Reading the runs ..."
        return (
            "No run yet.\n\n{key:train.new} starts one: a preset, data, and a name for the adapter. It is a process of its own: it "
            "goes on when the console is closed, and is found here again.\n\nOn the command line: `aligntui train`, "
            "`aligntui runs list`"
        )

    def _draw_title(self) -> None:
        desk = self.desk
        parts = [Content.styled("Training", "bold")]
        living = [row for row in desk.rows if row.lives]
        waiting = sum(1 for row in desk.rows if row.place)
        for row in living[:2]:
            text = f"{row.name} {bar(row.run.story.step, row.total, 10)}"
            eta = row.run.story.eta_s
            parts.append(
                Content.assemble((f"◉ {text.strip()}", "$text-success"), f" {train_text.left(eta)}" if eta else "")
            )
        parts += [Content(f"{waiting} in the queue")] if waiting else []
        if len(parts) == 1:
            parts.append(Content(f"{len(desk.rows):,} run{'s' * (len(desk.rows) != 1)}"))
        engine = desk.chat.state.engine
        if engine.phase not in (Phase.READY, Phase.BUSY):
            parts.append(engine_text(engine))
        if desk.watch.queue_problem:
            parts.append(Content.styled(desk.watch.queue_problem, "$text-error"))
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @on(PagedList.Moved)
    def _moved(self) -> None:
        row = self.current
        if row is not None and row.name != self.desk.selected:
            self.desk.selected, self.sample, self._log = row.name, 0, []
            self.query_one("#page", SectionScroll).scroll_home(animate=False)
            if self.view == "log":
                self.look()
        self._draw_detail()
        self.query_one(KeyBar).draw()

    @on(CurveGrid.Resized)
    def _draw_detail(self) -> None:
        row = self.current
        if row is None:
            return
        width = max(20, self.query_one("#detail").content_size.width)
        self.query_one("#head", Static).update(train_text.head(row, width, self.keys))
        curves = self.view == "curves"
        self.query_one("#curves").display = curves
        self.query_one("#page").display = not curves
        reading = self.query_one("#reading", Static)
        reading.display = False
        rest = Content("")
        if curves:
            found = train_text.readings(row) if not self.overlaid else []
            reading.display = bool(found)
            shown = found[:2] if self.has_class("-wide") else found[:1]
            reading.update(Content("\n").join([Content(f"≡ {printable(text)}") for text in shown]))
            rest = self._draw_curves(row)
        else:
            self._draw_page(row)
        self.query_one(ViewTabs).show(self.desk.view, rest)

    def _draw_curves(self, row: Row) -> Content:
        over = self.overlaid
        stories = [one.run.story for one in over] or [row.run.story]
        panels = panels_of(stories)
        grid = self.query_one(CurveGrid)
        room = min(grid.room(), len(panels))
        self.desk.panel = max(0, min(self.desk.panel, len(panels) - room))
        drawings = []
        for panel in panels[self.desk.panel : self.desk.panel + room]:
            series = (
                several_runs([(one.name, one.run.story) for one in over], panel, MOST_POINTS)
                if over
                else one_run(row.run.story, panel, MOST_POINTS)
            )
            drawings.append(Drawing(panel.title, tuple(series), panel.unit, panel.limits))
        grid.show(drawings)
        first, last = self.desk.panel + 1, self.desk.panel + room
        where = f"{first}-{last}/{len(panels)}" if room > 1 else f"{first}/{len(panels)}"
        return Content.assemble(
            (f"▪{len(over)} run{'s' * (len(over) != 1)} " if over else "", "bold $text-accent"),
            (f"◂{where}▸" if room < len(panels) else "", MUTED),
        )

    def _draw_page(self, row: Row) -> None:
        text = self.query_one("#text", Static)
        width = max(20, self.query_one("#detail").content_size.width - 1)
        match self.view:
            case "says":
                text.update(train_text.says_view(row, self.keys))
            case "samples":
                text.update(train_text.samples_view(row, width, self.sample, self.keys))
            case "log":
                text.update(train_text.log_view(row, self._log))
            case "setup":
                text.update(train_text.setup_view(row))

    def on_resize(self, event: Resize) -> None:
        """Side by side, or one above the other."""
        wide = event.size.width >= WIDE
        self.set_class(wide, "-wide")
        if wide:
            self.listing.styles.height = "1fr"
        elif self._shown:
            self.listing.styles.height = max(2, min(NARROW_LIST, len(self._shown)))
        self.call_after_refresh(self.draw)
