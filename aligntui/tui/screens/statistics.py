"""Statistics: the annotators measured, and the sides that they judged; numbers with intervals, drawn as bars."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click, Resize, ScreenResume
from textual.widgets import Static
from textual.worker import Worker

from aligntui.core.errors import AligntuiError
from aligntui.tui.bindings import bindings
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.help_text import said
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar, bar
from aligntui.workbench.aside import Aside, Stopped

if TYPE_CHECKING:
    from aligntui.store import Facets, JudgementRow, Store
    from aligntui.workbench.curation.statistics import VerdictReport
    from aligntui.workbench.store_thread import StoreThread

TICK_S = 0.1
LOOK_EVERY_S = 2.0
"""How often it is looked whether there are other verdicts."""
AT_ONCE_S = 3.0
"""Where computing took no longer than this, new verdicts are computed without being asked for."""
COUNT_EVERY = 500
NAMES = ("Annotators", "Agreement", "Judges", "Win rates", "Ratings")


class SectionScroll(VerticalScroll, inherit_bindings=False):
    """What a section says, with the keys of a list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("space", "page_down", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
    ]

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_page_down(self) -> None:
        """A page down; the last line stays in view."""
        self.scroll_relative(y=max(1, self.size.height - 1), animate=False)

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll_relative(y=-max(1, self.size.height - 1), animate=False)

    def action_first(self) -> None:
        """To the beginning."""
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)


class SectionTabs(Static):
    """The sections by number; a click opens one."""

    DEFAULT_CSS = "SectionTabs { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; }"

    def show(self, at: int) -> None:
        """Draw them with one marked; the mark shows without colour, too."""
        parts = [
            Content.assemble(
                (f" {number} ", "bold $text-accent"), (f"{name} ", "bold reverse" if number == at + 1 else "")
            )
            for number, name in enumerate(NAMES, 1)
        ]
        self._ends = [sum(part.cell_length + 1 for part in parts[: place + 1]) for place in range(len(parts))]
        self.update(Content(" ").join(parts))

    def on_click(self, event: Click) -> None:
        """Open the section under the pointer."""
        place = next((n for n, end in enumerate(self._ends) if event.x - 1 < end), None)
        if place is not None and isinstance(self.screen, StatisticsScreen):
            self.screen.action_section(place + 1)


class StatisticsScreen(GuardedScreen[None]):
    """What the verdicts of a workspace say.

    Args:
        store: the database.
    """

    HELP = (
        "**Statistics.** Every share is drawn on an axis from 0% to 100%: ● is the estimate, ├ ┤ its 95% interval, ┊ what chance "
        "would give (┼ inside the interval), so an interval clear of the tick shows something. Intervals count whole prompts, "
        "since verdicts on one prompt are not independent. What could not be used is named below each number. Verdicts "
        "that came with a file win for no side; under Agreement they are held against yours.\n\n"
        "**Sections.** {key:stats.annotators} to {key:stats.ratings} open one, {key:stats.next} goes to the next."
    )
    AUTO_FOCUS = "#section"
    BINDINGS: ClassVar[list[BindingType]] = bindings("stats")
    CSS = """
    StatisticsScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    StatisticsScreen #section { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; background: $background; }
    """

    def __init__(self, store: StoreThread) -> None:
        super().__init__()
        self._store = store
        self.report: VerdictReport | None = None
        """None until it is computed."""
        self.at = 0
        """The section that is shown, from 0."""
        self._facets: Facets | None = None
        self._stale = False
        self._problem = ""
        self._aside: Aside | None = None
        self._worker: Worker[None] | None = None
        self._took_s = 0.0

    def compose(self) -> ComposeResult:
        """Title, sections, what the open one says, note, keys."""
        yield Static("Statistics", id="title", markup=False)
        yield SectionTabs("", markup=False)
        with SectionScroll(id="section"):
            yield Static("", id="text", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Compute everything."""
        self.query_one(SectionTabs).show(self.at)
        self.set_interval(TICK_S, self._tick)
        self.set_interval(LOOK_EVERY_S, self._look_for_changes)
        self.action_run_again()

    def on_unmount(self) -> None:
        """Nobody waits for what is being computed."""
        if self._aside is not None:
            self._aside.stop()

    # computing --------------------------------------------------------------------------------------

    @property
    def computing(self) -> bool:
        """Whether a report is being computed."""
        return self._aside is not None

    def action_run_again(self) -> None:
        """Compute everything again."""
        if not self.computing:
            self._aside, self._problem = Aside(self._store.path), ""
            self._worker = self._compute(self._aside)
            self._draw()

    def action_stop(self) -> None:
        """Stop computing."""
        if self._aside is not None and self._worker is not None:
            self._aside.stop()
            self._worker.cancel()
            self._aside = self._worker = None
            self.say("Stopped; {key:stats.run} computes again.", severity="warning")
            self._draw()

    @guarded("compute", exclusive=True)
    async def _compute(self, aside: Aside) -> None:
        begun = monotonic()

        def work(store: Store) -> tuple[VerdictReport, Facets]:
            from aligntui.workbench.curation.statistics import verdict_report

            facets = store.pair_facets()
            aside.total = sum(facets.verdicts.values())
            return verdict_report(_counted(store.judgements(), aside)), facets

        try:
            self.report, self._facets = await aside.run(work)
            self._stale, self._took_s = False, monotonic() - begun
        except Stopped:
            return
        except AligntuiError as error:
            self._problem = str(error)
            self.say(error.message, error.hint, "error")
        finally:
            if self._aside is aside:
                self._aside = self._worker = None
        self._draw()

    @on(ScreenResume)
    def _look_for_changes(self) -> None:
        if self.report is not None and not self.computing and self.is_current:
            self._compare()

    @guarded("compare", exclusive=True)
    async def _compare(self) -> None:
        facets = await self._store.run(lambda store: store.pair_facets())
        if facets == self._facets or self.computing:
            return
        if self._took_s <= AT_ONCE_S:
            self.action_run_again()
        elif not self._stale:
            self._stale = True
            self._draw()

    def _tick(self) -> None:
        if self.computing:
            self._draw_title()
            if self.report is None:
                self.query_one("#text", Static).update(self._progress())

    def _progress(self) -> Content:
        aside = self._aside
        assert aside is not None, "asked while computing"
        if aside.total and aside.done < aside.total:
            return Content.assemble(
                (f"◌ reading {aside.done:,} of {aside.total:,} verdicts ", "$text-warning"),
                bar(aside.done, aside.total),
            )
        return Content.styled("◌ computing …", "$text-warning")

    # drawing ----------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.is_attached:
            self._draw_title()
            self.query_one("#text", Static).update(self._text())
            self.query_one(KeyBar).draw()

    def _text(self) -> Content:
        if self.report is not None:
            from aligntui.tui.statistics_text import SECTIONS

            width = self.query_one("#section").scrollable_content_region.width or self.size.width - 3
            return SECTIONS[self.at][1](self.report, width - 1)
        if self.computing:
            return self._progress()
        if self._problem:
            return Content.assemble(
                ("✖ The verdicts could not be read.\n\n", "bold $text-error"),
                self._problem,
                said("\n\n{key:stats.run} tries again.", self.keys),
            )
        return Content(said("Computing was stopped. {key:stats.run} computes everything.", self.keys))

    def _draw_title(self) -> None:
        parts = [Content.styled("Statistics", "bold")]
        if self._stale:
            again = said("stale: other verdicts since, {key:stats.run} computes again", self.keys)
            parts.append(Content.styled(again, "bold $text-warning"))
        if self.report is not None:
            parts.append(Content(f"{self.report.verdicts:,} verdicts"))
            if self.report.imported:
                parts.append(Content.styled(f"{self.report.imported:,} imported pairs left out", MUTED))
        if self.computing:
            parts.insert(1, self._progress())
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    def on_resize(self, event: Resize) -> None:
        """Fit the new width."""
        self.call_after_refresh(self._draw)

    # keys -------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        if action_id == "stats.stop":
            return self.computing
        return not self.computing if action_id == "stats.run" else True

    def action_back(self) -> None:
        """Close the screen."""
        self.dismiss(None)

    def action_section(self, number: int) -> None:
        """Open a section, counted from 1."""
        self.at = number - 1
        self.query_one(SectionTabs).show(self.at)
        self._draw()
        self.query_one("#section").scroll_home(animate=False)

    def action_step(self, step: int) -> None:
        """The next section, or the one before."""
        self.action_section((self.at + step) % len(NAMES) + 1)


def _counted(rows: Iterator[JudgementRow], aside: Aside) -> Iterator[JudgementRow]:
    done = 0
    for done, row in enumerate(rows, 1):
        yield row
        if done % COUNT_EVERY == 0:
            aside.advance(done)
    aside.advance(max(done, aside.total))
