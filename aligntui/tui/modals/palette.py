"""What the command palette offers: every action by its name, with its key and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from aligntui.config.keys import ACTIONS, BY_ID
from aligntui.tui.help_text import KEY_STYLE, keys_of, spoken


@dataclass(frozen=True)
class Entry:
    """One line of the palette."""

    label: str
    key: str
    """As written in a sentence; empty where there is none."""
    help: str
    action: str

    @property
    def title(self) -> Content:
        """Label and key."""
        return Content.assemble((self.label, "bold"), *([("  " + self.key, KEY_STYLE)] if self.key else []))


class ActionCommands(Provider):
    """The actions of the screen that the palette lies over."""

    async def discover(self) -> Hits:
        """Everything, in the order of the table of keys."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, self._run(entry), text=entry.label, help=escape(entry.help))

    async def search(self, query: str) -> Hits:
        """By label first; then what holds every word of the query in its label, its key or its sentence."""
        matcher = self.matcher(query)
        words = query.casefold().split()
        for entry in self._entries():
            text = f"{entry.label} {entry.key} {entry.help}".casefold()
            score = matcher.match(entry.label)
            if score <= 0 and all(word in text for word in words):
                score = 0.1
            if score > 0:
                yield Hit(score, entry.title, self._run(entry), text=entry.label, help=escape(entry.help))

    def _entries(self) -> Iterator[Entry]:
        """The screen's own keys, whatever has the focus there, then what works everywhere."""
        overrides = self.app.settings.keys  # type: ignore[attr-defined]
        bound = [
            b for cls in type(self.screen).__mro__ for b in vars(cls).get("BINDINGS", ()) if isinstance(b, Binding)
        ]
        contexts: list[str] = []
        for binding in bound:
            if action := BY_ID.get(binding.id or ""):
                contexts.append(action.context)
            elif binding.tooltip:
                yield Entry(binding.description, spoken(binding.key.split(",")[0]), binding.tooltip, binding.action)
        nearest_first = sorted(dict.fromkeys(contexts), key=lambda context: context == "chat")
        for context in (*nearest_first, "global"):
            for action in ACTIONS:
                if action.context == context and action.id != "global.palette":
                    owner = "app." if context == "global" else ""
                    yield Entry(action.label, keys_of(action.id, overrides)[0], action.help, owner + action.action)
        yield Entry("Theme", "", "Change the colours; the choice holds for the next start, too.", "app.change_theme")
        yield Entry("Screenshot", "", "Save a picture of the screen as SVG.", "app.screenshot")

    def _run(self, entry: Entry) -> Any:
        # the palette closes first: the action must meet the screen below it
        return partial(self.app.call_later, self.screen.run_action, entry.action)
