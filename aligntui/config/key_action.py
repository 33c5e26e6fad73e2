"""One action of the console that has a key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyAction:
    """One action and its default keys."""

    id: str
    """Name in the config file: `context.verb`."""
    keys: str
    """Default keys, comma-separated, in Textual's names."""
    action: str
    """Action method without its `action_` prefix."""
    label: str
    """One or two words for the footer."""
    help: str
    """One sentence for help, palette and docs."""
    footer: int = 0
    """Its rank in the footer when it applies: 1 is left out last; 0 is never there."""

    @property
    def context(self) -> str:
        """Where the key is live."""
        return self.id.partition(".")[0]
