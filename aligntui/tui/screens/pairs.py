"""Pairs: every verdict of the workspace in one table; filter, search, sort, mark, retag, delete with undo, edit, open in the chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input, Static

from aligntui.core.errors import AligntuiError
from aligntui.core.printable import one_line
from aligntui.tui.bindings import bindings
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.help_text import help_content
from aligntui.tui.pair_text import detail_content, head_line, row_line
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.curation.browser import PairBrowser, counted

if TYPE_CHECKING:
    from aligntui.store import PairDetail, PairRow

WIDE = 110
"""From this many cells on the table and the pair stand side by side."""
SEARCH_DELAY_S = 0.15
"""Typing pauses this long before the search runs."""


@dataclass(frozen=True)
class OpenTurn:
    """The turn to show in the chat."""

    session_id: str
    turn_id: str


class PairsScreen(GuardedScreen[OpenTurn | None]):
    """The pairs of a workspace."""

    HELP = (
        "**Pairs.** One line for each verdict: ★ decided, = tie, ✗ both bad, – skipped, • an example without a rejected answer. "
        "`demo > base` means that the answer of demo was preferred. A marked line begins with ▐; what {key:pairs.delete}, "
        "{key:pairs.tag} and {key:pairs.restore} do, they do to all marked pairs, else to the one under the cursor. "
        "Nothing is ever erased: a deleted pair can be listed (filter, deleted: yes) and brought back."
    )
    AUTO_FOCUS = "PagedList"
    BINDINGS: ClassVar[list[BindingType]] = bindings("pairs")
    CSS = """
    PairsScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PairsScreen #searching { height: 1; background: $panel; display: none; }
    PairsScreen #searching Static { width: auto; padding: 0 1; color: $text-muted; background: $panel; }
    PairsScreen #searching Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $surface-lighten-1; }
    PairsScreen #work { height: 1fr; }
    PairsScreen #table { width: 1fr; height: 1fr; }
    PairsScreen #head { height: 1; text-wrap: nowrap; }
    PairsScreen PagedList { width: 1fr; height: 1fr; background: $background; }
    PairsScreen #detail { width: 1fr; height: 1fr; padding: 0 1; border-left: tall $surface-lighten-1; scrollbar-size-vertical: 1; display: none; }
    PairsScreen.-wide #detail, PairsScreen.-opened #detail { display: block; }
    PairsScreen.-opened #table { display: none; }
    PairsScreen.-wide.-opened #table { display: block; }
    PairsScreen #detail:focus { border-left: tall $primary; }
    PairsScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    """

    def __init__(self, browser: PairBrowser, queue_screen: Callable[[], Screen[None]]) -> None:
        super().__init__()
        self.browser = browser
        self._queue_screen = queue_screen
        self._diff = True
        self._detail: PairDetail | None = None
        self._counted = False
        self._session_name = ""
        self.listing: PagedList[PairRow] = PagedList(browser.rows, self._line)
        """The table."""

    def compose(self) -> ComposeResult:
        """Title, search, table and pair, note, keys."""
        yield Static("Pairs", id="title", markup=False)
        with Horizontal(id="searching"):
            yield Static("Search", markup=False)
            yield LineInput(placeholder="words in prompts and answers", id="search")
        with Horizontal(id="work"):
            with Vertical(id="table"):
                yield Static("", id="head", markup=False)
                yield self.listing
            with VerticalScroll(id="detail"):
                yield Static("", id="pair", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Fill the table."""
        self.load()

    def _line(self, row: PairRow, width: int) -> Content:
        return row_line(row, width, marked=row.id in self.browser.marked)

    # loading ----------------------------------------------------------------------------------------

    @guarded("load", exclusive=True)
    async def load(self, *, keep_cursor: bool = False) -> None:
        """Show the pairs under the filter: the first page at once, the count as soon as it is known."""
        self._counted = False
        first = await self.browser.rows(0, PAGE)
        known = len(first) + (len(first) == PAGE)
        if keep_cursor:
            total = await self.browser.count()
            self.listing.reset(total, first, keep_cursor=True)
        else:
            self.listing.reset(known, first)
            total = await self.browser.count() if len(first) == PAGE else len(first)
            self.listing.set_total(total)
        self._counted = True
        self._draw_title()
        empty = self.query_one("#empty", Static)
        empty.display = total == 0
        self.query_one("#work").display = total > 0
        empty.update(help_content(self._empty_text(), self.keys))
        self.query_one(KeyBar).draw()

    def _empty_text(self) -> str:
        if self._is_filtered():
            typed = self.browser.filter.text
            searched = (
                f"“{one_line(typed, 40)}” is searched for; an empty search ({{key:pairs.search}}) lists all.\n"
                if typed
                else ""
            )
            return f"No pair here.\n\n{searched}{{key:pairs.filter}} changes the filter; `Ctrl+X` in it empties every line."
        return (
            "No pair yet.\n\n"
            "Judge two answers in the chat ({key:board.left_better} to {key:board.skip}), or bring pairs in "
            "from a file or the hub with {key:pairs.import}.\n"
            "On the command line: `aligntui pairs import FILE`"
        )

    def _is_filtered(self) -> bool:
        return self.browser.filter != type(self.browser.filter)()

    def _draw_title(self) -> None:
        f = self.browser.filter
        total = f"{self.listing.total:,}" if self._counted else "…"
        parts = [Content.assemble(("Pairs ", "bold"), total)]
        if self.browser.marked:
            parts.append(Content.styled(f"{len(self.browser.marked):,} marked", "bold $text-accent"))
        said = [
            f"“{one_line(f.text, 24)}”" if f.text else "",
            " ".join(verdict.value for verdict in f.verdicts),
            *(
                f"{name} {one_line(str(getattr(f, name)), 20)}"
                for name in ("instruction", "tag", "side", "annotator", "since", "until")
                if getattr(f, name)
            ),
            {None: "", True: "imported", False: "judged here"}[f.imported],
            f"session {one_line(self._session_name, 20)}" if f.session_id else "",
            "" if f.ids is None else "only those of the finding",
            {None: "deleted ones too", True: "deleted", False: ""}[f.deleted],
        ]
        parts += [Content.styled(text, "$text-secondary") for text in said if text]
        parts.append(Content.styled(f"{self.browser.sort.value.replace('_', ' ')} first", MUTED))
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @on(PagedList.Moved)
    def _moved(self) -> None:
        row = self.listing.current
        if row is None:
            self._detail = None
            self.query_one("#pair", Static).update("")
        else:
            self._show(row.id)

    @guarded("detail", exclusive=True)
    async def _show(self, pair_id: str) -> None:
        self._detail = await self.browser.detail(pair_id)
        self._draw_detail()

    def _draw_detail(self) -> None:
        if self._detail is None:
            return
        scroll = self.query_one("#detail", VerticalScroll)
        width = max(20, scroll.scrollable_content_region.width - 1)
        self.query_one("#pair", Static).update(detail_content(self._detail, width, diff=self._diff))
        scroll.scroll_home(animate=False)

    def on_resize(self, event: Resize) -> None:
        """Side by side, or one at a time."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._draw_detail)
        self.call_after_refresh(self._draw_head)

    def _draw_head(self) -> None:
        self.query_one("#head", Static).update(head_line(self.listing.scrollable_content_region.width))

    # keys -------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        if isinstance(self.focused, Input):
            return action_id == "pairs.back"
        if action_id in ("pairs.delete", "pairs.tag", "pairs.mark", "pairs.edit", "pairs.open_turn", "pairs.diff"):
            return self.listing.total > 0
        return True

    def action_back(self) -> None:
        """Close what is open, then the screen."""
        if isinstance(self.focused, Input):
            self.listing.focus()
        elif self.has_class("-opened"):
            self.remove_class("-opened")
            self.listing.focus()
        else:
            self.dismiss(None)

    @on(PagedList.Opened)
    def action_open(self) -> None:
        """Read the pair under the cursor."""
        if self.listing.current is not None:
            self.add_class("-opened")
            self.query_one("#detail").focus()
            self.call_after_refresh(self._draw_detail)

    def action_step(self, step: int) -> None:
        """The next or previous pair, also while one is read."""
        self.listing.move_to(self.listing.cursor + step)

    def action_search(self) -> None:
        """Search prompts and answers."""
        self.query_one("#searching").display = True
        self.set_focus(self.query_one("#search"))  # at once: what is typed next is meant for it

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        text = event.value
        self.set_timer(SEARCH_DELAY_S, lambda: self._search(text))

    def _search(self, text: str) -> None:
        if self.query_one("#search", Input).value == text and self.browser.filter.text != text:
            self.browser.filter = replace(self.browser.filter, text=text)
            self.load()

    @on(Input.Submitted, "#search")
    def _searched(self, event: Input.Submitted) -> None:
        event.stop()
        self._search(event.value)
        if not event.value:
            self.query_one("#searching").display = False
        self.listing.focus()

    def action_filter(self) -> None:
        """Choose which pairs are listed."""
        self.ask(self._ask_filter)

    async def _ask_filter(self) -> None:
        from aligntui.tui.modals.pair_filter import PairFilterForm

        sessions = await self.browser.sessions()
        form = PairFilterForm(self.browser.filter, await self.browser.facets(), sessions)
        wanted = await self.app.push_screen_wait(form)
        if wanted is not None:
            self._session_name = next((one.name for one in sessions if one.id == wanted.session_id), "")
        if wanted is not None and wanted != self.browser.filter:
            self.browser.filter = wanted
            self.load()

    def action_sort(self) -> None:
        """The next order."""
        orders = list(type(self.browser.sort))
        self.browser.sort = orders[(orders.index(self.browser.sort) + 1) % len(orders)]
        self.load()

    def action_mark(self) -> None:
        """Mark the pair under the cursor and go on."""
        row = self.listing.current
        if row is not None:
            self.browser.toggle_mark(row.id)
            self._draw_title()
            self.listing.refresh()
            self.listing.move_to(self.listing.cursor + 1)

    def action_mark_all(self) -> None:
        """Mark everything under the filter; where all is marked, nothing."""
        if len(self.browser.marked) >= self.listing.total:
            self.browser.marked.clear()
            self._marks_changed()
        else:
            self.act(self._mark_all)

    async def _mark_all(self) -> None:
        self.say(f"{counted(await self.browser.mark_all())} marked.")
        self._marks_changed()

    def _marks_changed(self) -> None:
        self._draw_title()
        self.listing.refresh()

    def action_delete(self) -> None:
        """Take the marked pairs out, or the one under the cursor."""
        self._change(self.browser.delete, "deleted; {key:pairs.undo} brings them back.")

    def action_restore(self) -> None:
        """Bring deleted pairs back."""
        self._change(self.browser.restore, "brought back.")

    def _change(self, act: Any, said: str) -> None:
        async def change() -> None:
            count = await act(self.browser.targets(self.listing.current))
            self.browser.marked.clear()
            self.say(f"{counted(count)} {said}" if count else "Nothing to change there.")
            self.load(keep_cursor=True)

        self.act(change)

    def action_undo(self) -> None:
        """Take the last change of this screen back."""

        async def undo() -> None:
            what = await self.browser.undo()
            self.say(f"Undone: {what}.")
            self.load(keep_cursor=True)

        self.act(undo)

    def action_tag(self) -> None:
        """Tags and reason of one pair, or tags of all marked ones."""
        self.ask(self._tag)

    async def _tag(self) -> None:
        from aligntui.tui.modals.tag_dialog import TagDialog
        from aligntui.tui.modals.text_dialogs import NoteEditor

        ids = self.browser.targets(self.listing.current)
        if len(ids) == 1:
            detail = await self.browser.detail(ids[0])
            note = await self.app.push_screen_wait(NoteEditor(detail.pair.reason, detail.pair.tags))
            if note is None:
                return
            await self.browser.note(ids[0], note.reason, note.tags)
        else:
            change = await self.app.push_screen_wait(TagDialog(len(ids)))
            if change is None:
                return
            await self.browser.retag(ids, change.add, change.remove)
        self.say(f"Stored for {counted(len(ids))}; {{key:pairs.undo}} takes it back.")
        self.load(keep_cursor=True)

    def action_edit(self, which: str) -> None:
        """Edit the chosen or the rejected answer; the pair with the edited text takes the old one's place."""
        self.ask(lambda: self._edit(which))

    async def _edit(self, which: str) -> None:
        from aligntui.tui.modals.text_editor import TextEditor

        row = self.listing.current
        if row is None:
            return
        detail = await self.browser.detail(row.id)
        answer = self.browser.side(detail, which)
        problem, text = "", answer.text
        while True:
            edited = await self.app.push_screen_wait(TextEditor(f"Edit the {which} answer", answer.text, text, problem))
            if edited is None:
                return
            try:
                made = await self.browser.edit(detail, which, edited)
                break
            except AligntuiError as error:
                text, problem = edited, str(error)
        self.say(f"The {which} answer is changed; the pair with the text before is kept as deleted.")
        await self.load(keep_cursor=True).wait()
        place = await self.browser.place_of(made.id)
        if place is not None:
            self.listing.move_to(place)

    def action_enqueue(self) -> None:
        """Put the marked pairs, or the one under the cursor, into the queue."""

        async def put() -> None:
            from aligntui.workbench.curation.queue import enqueue

            ids = self.browser.targets(self.listing.current)
            annotator = self.browser.annotator
            added = await self.browser.store.run(lambda store: enqueue(store, ids, annotator))
            self.browser.marked.clear()
            self._marks_changed()
            self.say(f"{counted(added)} put into the queue; {{key:pairs.queue}} judges it.")

        self.act(put)

    def action_queue(self) -> None:
        """Judge one pair after another."""

        def back(_done: None) -> None:
            self.load(keep_cursor=True)

        self.app.push_screen(self._queue_screen(), back)

    def action_lint(self) -> None:
        """Look for defects in the pairs."""
        from aligntui.store import PairFilter
        from aligntui.tui.screens.lint import LintScreen
        from aligntui.tui.screens.lint_board import Looked
        from aligntui.workbench.curation.lint_desk import desk_of

        def back(looked: Looked | None) -> None:
            if looked is not None:
                self.browser.filter = PairFilter(ids=looked.pair_ids)
                self.say(f"The pairs of {looked.what} are listed; {{key:pairs.filter}} and Ctrl+X list all again.")
            self.load(keep_cursor=looked is None)

        self.app.push_screen(LintScreen(desk_of(self.browser.store), self.browser.annotator), back)

    def action_stats(self) -> None:
        """Measure the annotators and the sides that were judged."""
        from aligntui.tui.screens.statistics import StatisticsScreen

        self.app.push_screen(StatisticsScreen(self.browser.store))

    def action_import(self) -> None:
        """Bring pairs in from a file or the hub."""
        self.ask(self._import)

    async def _import(self) -> None:
        from aligntui.tui.modals.import_dialog import ImportDialog

        bench = self.console.bench
        dialog = ImportDialog(self.browser.store.path, bench.library, bench.settings.model)
        done = await self.app.push_screen_wait(dialog)
        if done is not None:
            self.say(f"{counted(done.outcome.added)} imported from {done.source.name}.")
            self.load()

    def action_diff(self) -> None:
        """Word diff on or off."""
        self._diff = not self._diff
        self._draw_detail()

    def action_open_turn(self) -> None:
        """Go to the turn in the chat."""
        if self._detail is not None:
            self.dismiss(OpenTurn(self._detail.pair.session_id, self._detail.left.id))
