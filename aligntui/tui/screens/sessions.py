"""Sessions: list, full-text search over prompts, answers and instructions, resume, rename, export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.printable import one_line
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.session_list import LIMIT, Found, export_markdown, find, rename
from aligntui.workbench.store_thread import StoreThread

SEARCH_DELAY_S = 0.15
"""Typing pauses this long before the search runs."""
SNIPPET_BEFORE = 30
"""Characters shown before a match, so that it stands on the screen also in 80 columns."""
HEAD = f"  {'used (UTC)':<18}{'turns, verdicts':<24}name"


@dataclass(frozen=True)
class Chosen:
    """The session to resume, and the turn to show in it."""

    session_id: str
    turn_id: str | None = None


def plural(count: int, what: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _folded(text: str) -> str:
    """One printable line; a space at either end stays, for the text goes on there."""
    folded = one_line(text)
    if not folded:
        return " " if text else ""
    return f"{' ' * text[0].isspace()}{folded}{' ' * text[-1].isspace()}"


class SessionsScreen(GuardedScreen[Chosen | None]):
    """All sessions of the workspace, newest first."""

    HELP = (
        "**Sessions.** All of this workspace, those used last first; ● is the one that stands on the chat screen. A turn is one "
        "prompt or one answer. The search looks at prompts, answers, instructions and names; `Enter` in the search box goes to "
        "what was found, `Enter` in the list opens the session, at the turn that was found."
    )
    AUTO_FOCUS = "#found"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=True, tooltip="Close what is open, then go back to the chat."),
        Binding("slash", "search", "Search", show=True, key_display="/", tooltip="Go to the search box."),
        Binding("r", "rename", "Rename", show=True, tooltip="Give the session under the cursor another name."),
        Binding("m", "markdown", "Export", show=True, tooltip="Write the session under the cursor as Markdown."),
    ]
    CSS = """
    SessionsScreen #title { height: 1; background: $panel; padding: 0 1; }
    SessionsScreen .field { height: 1; background: $panel; }
    SessionsScreen .field Static { width: auto; padding: 0 1; color: $text-muted; background: $panel; }
    SessionsScreen .field Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $panel; }
    SessionsScreen .field Input:focus { background: $surface-lighten-1; }
    SessionsScreen #head { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    SessionsScreen VimList { padding: 0 1; background: $background; }
    SessionsScreen #renaming { display: none; }
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
        with Horizontal(classes="field"):
            yield Static("Search", markup=False)
            yield LineInput(placeholder="words in prompts, answers, instructions or names", id="search")
        yield Static(HEAD, id="head", markup=False)
        yield VimList(id="found")
        with Horizontal(classes="field", id="renaming"):
            yield Static("New name", markup=False)
            yield LineInput(placeholder="Enter renames · Esc leaves it", id="rename")
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Fill the list."""
        self.look("")

    @guarded("search", exclusive=True)
    async def look(self, query: str) -> None:
        """Run a search and show what it found."""
        note = self.query_one("#note", Static)
        note.update("searching …")
        self._found = await self._store.run(lambda store: find(store, query))
        listing = self.query_one(VimList)
        listing.clear_options()
        listing.add_options([Option(self._line(one), id=str(number)) for number, one in enumerate(self._found)])
        if self._found:
            listing.highlighted = 0
        self.query_one("#head").display = bool(self._found) and not query.strip()
        note.update(self._summary(query))

    def _summary(self, query: str) -> Content:
        """How many there are, and what the mark means."""
        if not self._found:
            if query.strip():
                return Content(f"Nothing found for “{one_line(query, 40)}”.")
            return Content("No session yet: Esc goes back to the chat, where the first prompt makes one.")
        if query.strip():
            names = sum(found.turn_id is None for found in self._found)
            turns = len(self._found) - names
            parts = [plural(names, "session") + " by name"] if names else []
            parts += [plural(turns, "turn") + " by text"] if turns else []
            return Content(f"{', '.join(parts)}; the newest first.")
        marked = any(found.session_id == self._current_id for found in self._found)
        full = f"; only the {LIMIT} used last are listed, a search finds all" if len(self._found) >= LIMIT else ""
        here = Content.assemble(" ", ("●", "$text-success"), " stands on the chat screen.") if marked else Content("")
        return Content.assemble(
            f"{plural(len(self._found), 'session')}, used last first{full}. A turn is a prompt or an answer.", here
        )

    def _line(self, found: Found) -> Content:
        when = found.when[:16].replace("T", " ")
        here = ("● ", "$text-success") if found.session_id == self._current_id else ("  ", "")
        if found.turn_id is None:
            counts = f"{plural(found.turns, 'turn')}, {plural(found.pairs, 'verdict')}"
            return Content.assemble(
                here, (f"{when}  ", MUTED), (f"{counts:<24}", MUTED), (one_line(found.name, 120), "bold"),
                ("" if found.kind == "chat" else f"  {found.kind}", "$text-secondary"),
            )  # fmt: skip
        before, match, after = (_folded(piece) for piece in found.snippet)
        room = SNIPPET_BEFORE
        before = f"…{before[-room:]}" if len(before) > room else before
        return Content.assemble(
            here, (f"{when}  ", MUTED), (one_line(found.name, 120), "bold"), "\n",
            (f"    {found.role}: ", MUTED), before, (match, "bold reverse"), after,
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

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now: single letters type while a box has the focus."""
        return action_id not in ("search", "rename", "markdown") or not isinstance(self.focused, Input)

    def action_back(self) -> None:
        """Close what is open, then the screen."""
        renaming = self.query_one("#renaming")
        if renaming.display:
            renaming.display = False
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
            self.query_one("#renaming").display = True
            field = self.query_one("#rename", Input)
            self._renaming = found  # the list may be another one when Enter comes
            field.value = one_line(found.name)
            field.focus()

    @on(Input.Submitted, "#rename")
    def _renamed(self, event: Input.Submitted) -> None:
        event.stop()
        if self._renaming is not None:
            self._rename(self._renaming, event.value)
        self.action_back()

    @guarded("rename")
    async def _rename(self, found: Found, name: str) -> None:
        await self._store.run(lambda store: rename(store, found.session_id, name))
        self.look(self.query_one("#search", Input).value)

    def action_markdown(self) -> None:
        """Write the session as Markdown into the workspace's exports."""
        found = self._under_cursor()
        if found is not None:
            self._export(found)

    @guarded("export", exclusive=True)
    async def _export(self, found: Found) -> None:
        path = await self._store.run(lambda store: export_markdown(store, found.session_id, self._folder))
        self.say(f"Exported to {path}.")
