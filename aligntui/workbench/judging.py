"""Verdicts on the board: which two answers are judged, blind order, undo, reasons, edits that become chosen.

A verdict is in the database (synced) before the board shows it.
"""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Finish
from aligntui.workbench.changes import ExchangeChanged, Judged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Exchange, Take


def order(take: Take | None, columns: int) -> tuple[int, ...]:
    """Column shown at each place from the left: as they are, or shuffled where the take is blind and not yet judged."""
    plain = tuple(range(columns))
    if take is None or not hidden(take):
        return plain
    kept = tuple(column for column in take.shuffle if column < columns)
    return kept if len(kept) == columns else plain


def hidden(take: Take | None) -> bool:
    """Whether the sides of a take are unnamed now: shuffled and never judged (an undo does not make them unseen)."""
    return bool(take and take.shuffle and not take.judged)


def contestants(take: Take, columns: int, focused_place: int) -> tuple[AnswerState, AnswerState]:
    """The two answers under judgement, left and right as shown.

    With two columns they are those; with more, the leftmost and the focused one (the second where the leftmost has the focus).

    Raises:
        UserError: there are not two answers to judge.
    """
    shown = [take.shown(column) for column in order(take, columns)]
    present = [(place, answer) for place, answer in enumerate(shown) if answer is not None]
    if len(present) < 2:
        raise UserError("A verdict needs two answers side by side.", "Add a column with +, then press F5.")
    left = present[0][1]
    right = next((answer for place, answer in present[1:] if place == focused_place), present[1][1])
    return left, right


class Judge:
    """Takes verdicts for one chat."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._replaced: dict[str, str] = {}
        """Verdict to the earlier one that it replaced, so that undo brings that one back."""

    async def judge(
        self, verdict: Verdict, focused_place: int = 1, reason: str = "", tags: tuple[str, ...] = ()
    ) -> Pair:
        """Record a verdict on the selected exchange's shown take; a later one replaces an earlier one of the same take.

        Raises:
            UserError: there are not two finished, non-partial answers that differ.
            StoreError: it could not be stored; the board is unchanged.
        """
        exchange, take = self._board()
        await self.chat.flush_unsaved()
        left, right = contestants(take, len(self.chat.state.columns), focused_place)
        self._check(left, right, verdict)
        shuffled = hidden(take) and left.column > right.column
        pair = Pair(
            id=new_id("pair"),
            session_id=left.record.session_id if left.record else "",
            left_id=left.id,
            right_id=right.id,
            verdict=verdict,
            scope=Scope.ANSWER if left.prompt_id == right.prompt_id else Scope.CONVERSATION,
            blind=hidden(take),
            shuffled=shuffled,
            annotator=self.chat.settings.annotator,
            created_at=now_utc(),
            reason=reason,
            tags=tags,
        )
        await self._store(exchange, take, pair)
        return pair

    async def prefer_edit(self, edited: AnswerState, original_id: str, reason: str = "") -> Pair:
        """Make an edited answer the chosen one and what it was edited from the rejected one."""
        found = self.chat.state.exchange_of(edited.id)
        if found is None or edited.record is None:
            raise UserError("The edited answer is no longer on the board.", "Show its turn and try again.")
        exchange, take, _ = found
        pair = Pair(
            id=new_id("pair"),
            session_id=edited.record.session_id,
            left_id=edited.id,
            right_id=original_id,
            verdict=Verdict.LEFT,
            scope=Scope.ANSWER,
            blind=False,
            shuffled=False,
            annotator=self.chat.settings.annotator,
            created_at=now_utc(),
            reason=reason,
            tags=("edited",),
        )
        await self._store(exchange, take, pair, replace_standing=False)
        return pair

    async def undo(self) -> Pair:
        """Take the last standing verdict of this session back; one that it had replaced counts again.

        Raises:
            UserError: there is none.
        """
        session = self.chat.session
        if session is None:
            raise UserError("There is nothing to undo.", "No verdict was given in this session.")
        annotator = self.chat.settings.annotator
        pair = await self.chat.store.run(lambda store: store.undo_last_pair(session.id, annotator))
        if pair is None:
            raise UserError("There is nothing to undo.", "Every verdict of this session is already taken back.")
        undone = replace(pair, undone=True)
        earlier = self._replaced.pop(pair.id, None)
        if earlier is not None:
            await self.chat.store.run(lambda store: store.restore_pair(earlier, annotator))
        found = self.chat.state.exchange_of(pair.left_id)
        if found:
            exchange, take, _ = found
            take.judged = [
                undone if known.id == pair.id else replace(known, undone=False) if known.id == earlier else known
                for known in take.judged
            ]
            self.chat.emit(ExchangeChanged(exchange))
        self.chat.emit(Judged(undone))
        return undone

    async def annotate(self, pair: Pair, reason: str, tags: tuple[str, ...]) -> Pair:
        """Write a reason and tags for a verdict."""
        await self.chat.store.run(lambda store: store.annotate_pair(pair.id, reason, tags))
        noted = replace(pair, reason=reason, tags=tags)
        found = self.chat.state.exchange_of(pair.left_id)
        if found:
            exchange, take, _ = found
            take.judged = [noted if known.id == pair.id else known for known in take.judged]
            self.chat.emit(ExchangeChanged(exchange))
        return noted

    async def _store(self, exchange: Exchange, take: Take, pair: Pair, *, replace_standing: bool = True) -> None:
        same = {pair.left_id, pair.right_id}
        standing = next(
            (k for k in reversed(take.judged) if replace_standing and not k.undone and {k.left_id, k.right_id} == same),
            None,
        )
        replaces = standing.id if standing else None
        await self.chat.store.run(lambda store: store.add_pair(pair, replaces=replaces))
        if replaces is not None:
            self._replaced[pair.id] = replaces
        take.judged = [replace(known, undone=True) if known.id == replaces else known for known in take.judged]
        take.judged.append(pair)
        self.chat.emit(ExchangeChanged(exchange))
        self.chat.emit(Judged(pair))

    def _board(self) -> tuple[Exchange, Take]:
        exchange = self.chat.state.selected
        if exchange is None or exchange.take is None:
            raise UserError("There is nothing to judge yet.", "Type a prompt and press Enter.")
        return exchange, exchange.take

    @staticmethod
    def _check(left: AnswerState, right: AnswerState, verdict: Verdict) -> None:
        if left.live or right.live:
            raise UserError(
                "The answers are still being made.", "Judge when both have ended, or press Esc to stop them."
            )
        if not left.stored or not right.stored:
            raise UserError(
                "An answer is not stored yet, so it cannot be judged.",
                "See the message above; it is tried again with the next write.",
            )
        if verdict.decides:
            chosen = left if verdict is Verdict.LEFT else right
            if chosen.finish in (Finish.CANCELLED, Finish.FAILED):
                raise UserError(
                    "A broken-off answer cannot be the chosen one.", "Press c to let it go on, or e to edit it whole."
                )
            if not chosen.text.strip():
                raise UserError("An empty answer cannot be the chosen one.", "Press r for another seed.")
            if left.text == right.text and left.prompt_id == right.prompt_id:
                raise UserError("The two answers are the same text; neither is better.", "3 says tie, 5 skips.")
