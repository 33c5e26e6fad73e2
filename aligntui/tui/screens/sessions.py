"""Sessions: list, full-text search over prompts, answers and instructions, resume, rename, export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.errors import AligntuiError
from aligntui.core.printable import one_line
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.session_list import Found, export_markdown, find, rename
from aligntui.workbench.store_thread import StoreThread

SEARCH_DELAY_S = 0.15
"""Typing pauses this long before the search runs."""


@dataclass(frozen=True)
class Chosen:
    """The session to resume, and the turn to show in it."""

    session_id: str
    turn_id: str | None = None


class SessionsScreen(Screen[Chosen | None]):
    """All sessions of the workspace, newest first."""

    HELP = (
        "**Sessions.** Type to search prompts, answers and instructions; Enter resumes. "
        "`r` renames, `m` exports as Markdown (both from the list), `/` goes to the search box, Esc goes back."
    )
    AUTO_FOCUS = "#found"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=True),
        Binding("slash", "search", "Search", show=True, key_display="/"),
        Binding("r", "rename", "Rename", show=True),
        Binding("m", "markdown", "Export", show=True),
    ]
    CSS = """
    SessionsScreen #title { height: 1; background: $panel; padding: 0 1; text-style: bold; }
    SessionsScreen #search { height: 3; border: round $primary; }
    SessionsScreen #note { height: 1; padding: 0 1; color: $text-muted; }
    SessionsScreen #rename { display: none; height: 3; border: round $accent; }
    """

    def __init__(self, store: StoreThread, current_id: str | None, folder: str) -> None:
        super().__init__()
        self._store = store
        self._current_id = current_id
        self._folder = folder
        self._found: list[Found] = []
        self._renaming: Found | None = None

    def compose(self) -> ComposeResult:
        """Search box, list, note, keys."""
        yield Static("Sessions", id="title", markup=False)
        yield Input(placeholder="Search prompts, answers and instructions", id="search")
        yield VimList(id="found")
        yield LineInput(placeholder="New name, then Enter", id="rename")
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Fill the list."""
        self.look("")

    @work(exclusive=True, group="search", exit_on_error=False)
    async def look(self, query: str) -> None:
        """Run a search and show what it found."""
        note = self.query_one("#note", Static)
        note.update("searching …")
        try:
            self._found = await self._store.run(lambda store: find(store, query))
        except AligntuiError as error:
            note.update(Content.styled(one_line(str(error)), "$text-error"))
            return
        listing = self.query_one(VimList)
        listing.clear_options()
        listing.add_options([Option(self._line(one), id=str(number)) for number, one in enumerate(self._found)])
        if self._found:
            listing.highlighted = 0
        if query.strip():
            note.update(
                f"{len(self._found)} hit(s), newest first"
                if self._found
                else f"Nothing found for “{one_line(query, 40)}”."
            )
        else:
            note.update(
                f"{len(self._found)} session(s), newest first"
                if self._found
                else "No session yet: Esc goes back to the chat, where the first prompt makes one."
            )

    def _line(self, found: Found) -> Content:
        when = found.when[:16].replace("T", " ")
        here = ("● ", "$text-success") if found.session_id == self._current_id else ("  ", "")
        if found.turn_id is None:
            return Content.assemble(
                here,
                (f"{when}  ", MUTED),
                (one_line(found.name, 60), "bold"),
                (f"  {found.turns} turns, {found.pairs} verdicts", MUTED),
            )
        before, match, after = found.snippet
        role = "answer" if found.role == "answer" else found.role
        return Content.assemble(
            here, (f"{when}  ", MUTED), (one_line(found.name, 24), "bold"), (f"  {role}: ", MUTED),
            one_line(before)[-30:], (one_line(match), "bold reverse"), one_line(after, 80),
        )  # fmt: skip

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        query = event.value
        self.set_timer(
            SEARCH_DELAY_S, lambda: self.look(query) if self.query_one("#search", Input).value == query else None
        )

    @on(Input.Submitted, "#search")
    def _to_list(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(VimList).focus()

    @on(OptionList.OptionSelected)
    def _resume(self, event: OptionList.OptionSelected) -> None:
        found = self._found[event.option_index]
        self.dismiss(Chosen(found.session_id, found.turn_id))

    def _under_cursor(self) -> Found | None:
        at = self.query_one(VimList).highlighted
        return self._found[at] if at is not None and at < len(self._found) else None

    def action_back(self) -> None:
        """Close what is open, then the screen."""
        field = self.query_one("#rename", Input)
        if field.display:
            field.display = False
            self.query_one(VimList).focus()
        elif self.query_one("#search", Input).has_focus:
            self.query_one(VimList).focus()
        else:
            self.dismiss(None)

    def action_search(self) -> None:
        """Go to the search box."""
        self.query_one("#search", Input).focus()

    def action_rename(self) -> None:
        """Ask for a new name."""
        found = self._under_cursor()
        if found:
            field = self.query_one("#rename", Input)
            field.display = True
            self._renaming = found  # the list may be another one when Enter comes
            field.value = one_line(found.name)
            field.focus()

    @on(Input.Submitted, "#rename")
    def _renamed(self, event: Input.Submitted) -> None:
        event.stop()
        if self._renaming is not None:
            self._rename(self._renaming, event.value)
        self.action_back()

    @work(group="rename", exit_on_error=False)
    async def _rename(self, found: Found, name: str) -> None:
        try:
            await self._store.run(lambda store: rename(store, found.session_id, name))
        except AligntuiError as error:
            self.query_one("#note", Static).update(Content.styled(one_line(str(error)), "$text-error"))
            return
        self.look(self.query_one("#search", Input).value)

    @work(exclusive=True, group="export", exit_on_error=False)
    async def action_markdown(self) -> None:
        """Write the session as Markdown into the workspace's exports."""
        found = self._under_cursor()
        note = self.query_one("#note", Static)
        if found is None:
            return
        try:
            path = await self._store.run(lambda store: export_markdown(store, found.session_id, self._folder))
        except AligntuiError as error:
            note.update(Content.styled(one_line(str(error)), "$text-error"))
            return
        note.update(f"Exported to {path}")
