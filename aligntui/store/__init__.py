"""The database of a workspace: sessions, turns, pairs, search."""

from aligntui.store.import_record import ImportEntry, ImportHead, ImportOutcome, ImportRecord
from aligntui.store.judging_queue import QueueItem, QueueKind, QueueState, QueueWish
from aligntui.store.pair_detail import PairDetail, PairEvent, PairOrigin
from aligntui.store.pair_filter import PairFilter, PairSort
from aligntui.store.pair_list import Facets
from aligntui.store.pair_row import PairRow
from aligntui.store.pair_stream import CuratedRecord, JudgementRow
from aligntui.store.pairs import Undone
from aligntui.store.resolve import ResolvedPair
from aligntui.store.search import Hit
from aligntui.store.store import Store, open_store
from aligntui.store.tree import Exchange, Take
from aligntui.store.waivers import StoredWaiver

__all__ = [
    "CuratedRecord",
    "Exchange",
    "Facets",
    "Hit",
    "ImportEntry",
    "ImportHead",
    "ImportOutcome",
    "ImportRecord",
    "JudgementRow",
    "PairDetail",
    "PairEvent",
    "PairFilter",
    "PairOrigin",
    "PairRow",
    "PairSort",
    "QueueItem",
    "QueueKind",
    "QueueState",
    "QueueWish",
    "ResolvedPair",
    "Store",
    "StoredWaiver",
    "Take",
    "Undone",
    "open_store",
]
