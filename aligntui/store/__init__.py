"""The database of a workspace: sessions, turns, pairs, search."""

from aligntui.store.pairs import Undone
from aligntui.store.resolve import ResolvedPair
from aligntui.store.search import Hit
from aligntui.store.store import Store, open_store
from aligntui.store.tree import Exchange, Take

__all__ = ["Exchange", "Hit", "ResolvedPair", "Store", "Take", "Undone", "open_store"]
