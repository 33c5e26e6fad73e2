"""Browsing pairs: what is listed, what is marked, and changes that can be taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Verdict
from aligntui.core.turn import Answer, Finish, Session
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.store import Facets, PairDetail, PairFilter, PairRow, PairSort, Store

MOST_SESSIONS = 500
"""Sessions that a filter offers."""
UNDO_DEPTH = 50
"""Changes that can be taken back, newest first."""


@dataclass(frozen=True)
class Change:
    """Something done to pairs, and how to take it back."""

    what: str
    """In words: `deleted 3 pairs`."""
    revert: Callable[[], Awaitable[object]]


@dataclass
class PairBrowser:
    """The pairs of a workspace under one filter and order.

    Rows are fetched by whoever shows them, a page at a time; nothing here grows with the number of pairs but the marks.
    """

    store: StoreThread
    annotator: str
    filter: PairFilter
    sort: PairSort
    marked: dict[str, None] = field(default_factory=dict)
    """Ids that a bulk operation acts on, in the order they were marked."""
    _done: list[Change] = field(default_factory=list)

    async def rows(self, offset: int, limit: int) -> Sequence[PairRow]:
        """Rows under the filter, from an index on."""
        wanted, sort = self.filter, self.sort
        return await self.store.run(lambda store: store.pair_rows_at(wanted, sort, offset, limit))

    async def count(self) -> int:
        """Rows under the filter."""
        wanted = self.filter
        return await self.store.run(lambda store: store.count_pair_rows(wanted))

    async def facets(self) -> Facets:
        """What there is to filter by, with counts."""
        return await self.store.run(lambda store: store.pair_facets())

    async def sessions(self) -> list[Session]:
        """The sessions of the workspace that have pairs, those used last first."""
        found = await self.store.run(lambda store: store.list_sessions(MOST_SESSIONS))
        return [session for session in found if session.pair_count]

    async def place_of(self, pair_id: str) -> int | None:
        """Where a pair stands in the list; None where the filter leaves it out."""
        wanted, sort = self.filter, self.sort
        ids = await self.store.run(lambda store: store.pair_ids(wanted, sort))
        return ids.index(pair_id) if pair_id in ids else None

    async def detail(self, pair_id: str) -> PairDetail:
        """One pair whole."""
        return await self.store.run(lambda store: store.pair_detail(pair_id))

    def targets(self, current: PairRow | None) -> list[str]:
        """What an operation acts on: the marked pairs, else the one under the cursor.

        Raises:
            UserError: there is neither.
        """
        if self.marked:
            return list(self.marked)
        if current is None:
            raise UserError("There is no pair here.", "Judge two answers in the chat, or import a file.")
        return [current.id]

    def toggle_mark(self, pair_id: str) -> None:
        """Mark a pair, or take its mark away."""
        if pair_id in self.marked:
            del self.marked[pair_id]
        else:
            self.marked[pair_id] = None

    async def mark_all(self) -> int:
        """Mark every pair under the filter; returns how many are marked."""
        wanted = self.filter
        ids = await self.store.run(lambda store: store.pair_ids(wanted))
        self.marked.update(dict.fromkeys(ids))
        return len(self.marked)

    # changes ----------------------------------------------------------------------------------------

    async def delete(self, ids: Sequence[str]) -> int:
        """Take pairs out; they stay in the database, marked, and can be brought back."""
        gone = await self.store.run(lambda store: store.undo_pairs(ids, self.annotator))
        self._keep(
            f"deleted {counted(len(gone))}",
            lambda: self.store.run(lambda store: store.restore_pairs(gone, self.annotator)),
            gone,
        )
        return len(gone)

    async def restore(self, ids: Sequence[str]) -> int:
        """Bring deleted pairs back."""
        back = await self.store.run(lambda store: store.restore_pairs(ids, self.annotator))
        self._keep(
            f"brought {counted(len(back))} back",
            lambda: self.store.run(lambda store: store.undo_pairs(back, self.annotator)),
            back,
        )
        return len(back)

    async def retag(self, ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        """Give tags to pairs and take others away; reasons stay."""
        before = await self.store.run(
            lambda store: store.retag_pairs(ids, add=add, remove=remove, annotator=self.annotator)
        )

        async def revert() -> None:
            await self.store.run(lambda store: store.set_tags(before, self.annotator))

        self._keep(f"changed the tags of {counted(len(before))}", revert, list(before))
        return len(before)

    async def note(self, pair_id: str, reason: str, tags: tuple[str, ...]) -> None:
        """Give one pair another reason and other tags."""
        before = await self.store.run(lambda store: store.get_pair(pair_id))
        await self.store.run(lambda store: store.annotate_pair(pair_id, reason, tags, self.annotator))

        async def revert() -> None:
            await self.store.run(lambda store: store.annotate_pair(pair_id, before.reason, before.tags, self.annotator))

        self._keep("changed reason and tags", revert, [pair_id])

    def side(self, detail: PairDetail, which: str) -> Answer:
        """The chosen or the rejected answer of a pair; left and right where nothing was decided.

        Raises:
            UserError: the pair has no such answer.
        """
        chosen_right = detail.pair.verdict is Verdict.RIGHT
        answer = detail.right if (which == "chosen") == chosen_right else detail.left
        if answer is None:
            raise UserError("This is an example: it has no rejected answer.", "Edit the chosen one.")
        return answer

    async def edit(self, detail: PairDetail, which: str, text: str) -> Pair:
        """Put an edited version in the place of one answer of a pair; the pair before is kept as deleted.

        Raises:
            UserError: the text is empty, unchanged, or that of the other side.
            StoreError: it could not be stored.
        """
        old = self.side(detail, which)
        other = detail.right if old is detail.left else detail.left
        if not text.strip() or text == old.text:
            raise UserError("The text is empty or unchanged.", "Esc leaves the answer as it is.")
        if other is not None and text == other.text:
            raise UserError("Both answers would be the same text.", "A pair needs two different ones.")
        edited = replace(
            old, id=new_id("turn"), text=text, finish=Finish.EDITED, created_at=now_utc(), token_ids=(), logprobs=(),
            decode_s=0.0, first_token_s=0.0, edited_from=old.id, continued_from=None,
        )  # fmt: skip
        left = old is detail.left
        pair = replace(
            detail.pair,
            id=new_id("pair"),
            left_id=edited.id if left else detail.pair.left_id,
            right_id=detail.pair.right_id if left else edited.id,
            annotator=self.annotator,
            created_at=now_utc(),
            undone=False,
        )

        def store_both(store: Store) -> Pair:
            store.add_answer(edited)
            return store.add_pair(pair, replaces=None if detail.pair.undone else detail.pair.id)

        stored = await self.store.run(store_both)
        self._keep(
            "edited an answer",
            lambda: self.store.run(lambda store: store.undo_pair(stored.id, self.annotator)),
            [stored.id],
        )
        return stored

    async def undo(self) -> str:
        """Take the last change back; returns what it had been.

        Raises:
            UserError: nothing was changed here.
        """
        if not self._done:
            raise UserError("There is nothing to undo on this screen.", "Verdicts of the chat are undone there.")
        change = self._done[-1]
        await change.revert()
        self._done.pop()
        return change.what

    def _keep(self, what: str, revert: Callable[[], Awaitable[object]], ids: Sequence[str]) -> None:
        if ids:
            self._done.append(Change(what, revert))
            del self._done[:-UNDO_DEPTH]


def counted(number: int) -> str:
    """`1 pair`, `3 pairs`."""
    return f"{number:,} pair{'s' * (number != 1)}"
