"""Verdicts on the board: which two answers are judged, undo, reasons, edits that become chosen.

A verdict is in the database (synced) before the board shows it. Who stands where in blind mode: blind.py.
"""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.workbench import blind
from aligntui.workbench.changes import ExchangeChanged, Judged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Exchange, Take


def contestants(take: Take, numbers: tuple[int, ...], focused_place: int) -> tuple[AnswerState, AnswerState]:
    """The two answers under judgement, left and right as shown.

    With two columns they are those; with more, the leftmost and the focused one (the second where the leftmost has the focus).

    Raises:
        UserError: there are not two answers to judge.
    """
    shown = [take.shown(number) for number in blind.order(take, numbers)]
    present = [(place, answer) for place, answer in enumerate(shown) if answer is not None]
    if len(present) < 2:
        raise UserError(
            "A verdict needs two answers side by side.",
            "Add a column with {key:board.add_column}, then press {key:chat.rerun}.",
        )
    left = present[0][1]
    right = next((answer for place, answer in present[1:] if place == focused_place), present[1][1])
    return left, right


def choosable(answer: AnswerState) -> bool:
    """Whether an answer is whole enough to be preferred."""
    return answer.stored and bool(answer.text.strip()) and not (answer.finish is None or answer.finish.partial)


def judged_places(take: Take | None, numbers: tuple[int, ...], focused_place: int) -> tuple[int, ...]:
    """Places from the left of the two answers that a verdict would be over now; empty where there are not two."""
    if take is None:
        return ()
    try:
        sides = contestants(take, numbers, focused_place)
    except UserError:
        return ()
    places = blind.order(take, numbers)
    return tuple(places.index(side.column) for side in sides)


class Judge:
    """Takes verdicts for one chat."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    async def judge(
        self,
        exchange: Exchange,
        take: Take,
        sides: tuple[AnswerState, AnswerState],
        verdict: Verdict,
        reason: str = "",
        tags: tuple[str, ...] = (),
    ) -> Pair:
        """Record a verdict over two answers of a take, left and right.

        A later one replaces the annotator's earlier one over the same two. The same one again changes nothing but what is
        said with it: a reason or tags given now take the place of those it had.

        Raises:
            UserError: they are not two finished answers, or the chosen one is partial, empty or the same text.
            StoreError: it could not be stored; the board is unchanged.
        """
        left, right = sides
        await self.chat.writer.drain()
        _check(left, right, verdict)
        if (known := self._known(take, left, right, verdict)) is not None:
            if reason or tags:
                known = await self.annotate(known, reason or known.reason, tags or known.tags)
            self.chat.emit(Judged(known, again=True))
            return known
        pair = Pair(
            id=new_id("pair"),
            session_id=left.record.session_id if left.record else "",
            left_id=left.id,
            right_id=right.id,
            verdict=verdict,
            scope=Scope.ANSWER if left.prompt_id == right.prompt_id else Scope.CONVERSATION,
            blind=blind.hidden(take),
            shuffled=bool(take.shuffle) and left.column > right.column,
            annotator=self.chat.settings.annotator,
            created_at=now_utc(),
            reason=reason,
            tags=tags,
        )
        await self._store(exchange, take, pair)
        return pair

    async def prefer_edit(self, edited: AnswerState, original_id: str) -> Pair:
        """Make an edited answer the chosen one and what it was edited from the rejected one."""
        found = self.chat.state.exchange_of(edited.id)
        if found is None or edited.record is None:
            raise UserError("The edited answer is no longer on the board.", "Show its turn and try again.")
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
            tags=("edited",),
        )
        await self._store(found[0], found[1], pair)
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
        undone = await self.chat.store.run(lambda store: store.undo_last_pair(session.id, annotator))
        if undone is None:
            raise UserError("There is nothing to undo.", "No verdict of yours stands in this session.")
        for changed in (undone.pair, undone.restored):
            if changed is not None:
                self._show(changed)
        found = self.chat.state.exchange_of(undone.pair.left_id)
        if found and undone.restored is None and found[2].edited_from == undone.pair.right_id:
            exchange, take, edited = found  # the edit was made to be chosen: what it came from stands there again
            if (original := take.find(undone.pair.right_id)) is not None and take.shown(edited.column) is edited:
                take.show(original)
                self.chat.emit(ExchangeChanged(exchange))
        self.chat.emit(Judged(undone.pair))
        return undone.pair

    async def annotate(self, pair: Pair, reason: str, tags: tuple[str, ...]) -> Pair:
        """Write a reason and tags for a verdict."""
        annotator = self.chat.settings.annotator
        noted = await self.chat.store.run(lambda store: store.annotate_pair(pair.id, reason, tags, annotator))
        self._show(noted)
        return noted

    def _standing(self, take: Take, a: str, b: str | None) -> Pair | None:
        """This annotator's verdict over these two answers that counts now. Those of others stand beside it."""
        mine = self.chat.settings.annotator
        return next(
            (
                k
                for k in reversed(take.judged)
                if not k.undone and {k.left_id, k.right_id} == {a, b} and k.annotator == mine
            ),
            None,
        )

    def _known(self, take: Take, left: AnswerState, right: AnswerState, verdict: Verdict) -> Pair | None:
        standing = self._standing(take, left.id, right.id)
        if standing is None:
            return None
        chosen = {Verdict.LEFT: left.id, Verdict.RIGHT: right.id}.get(verdict)
        same = standing.chosen_id == chosen and (chosen is not None or standing.verdict is verdict)
        return standing if same else None

    async def _store(self, exchange: Exchange, take: Take, pair: Pair) -> None:
        standing = self._standing(take, pair.left_id, pair.right_id)
        replaces = standing.id if standing else None
        await self.chat.store.run(lambda store: store.add_pair(pair, replaces=replaces))
        take.judged = [replace(known, undone=True) if known.id == replaces else known for known in take.judged]
        take.judged.append(pair)
        self.chat.emit(ExchangeChanged(exchange))
        self.chat.emit(Judged(pair))

    def _show(self, pair: Pair) -> None:
        found = self.chat.state.exchange_of(pair.left_id)
        if found:
            exchange, take, _ = found
            take.judged = [pair if known.id == pair.id else known for known in take.judged]
            self.chat.emit(ExchangeChanged(exchange))


def _check(left: AnswerState, right: AnswerState, verdict: Verdict) -> None:
    if left.live or right.live:
        raise UserError("The answers are still being made.", "Judge when both have ended, or press Esc to stop them.")
    if not left.stored or not right.stored:
        raise UserError(
            "An answer never came or is not stored, so it cannot be judged.", "{key:chat.rerun} answers the turn again."
        )
    if verdict.decides:
        chosen = left if verdict is Verdict.LEFT else right
        if chosen.finish is not None and chosen.finish.partial:
            raise UserError(
                "A broken-off answer cannot be the chosen one.", "Press c to let it go on, or e to edit it whole."
            )
        if not chosen.text.strip():
            raise UserError("An empty answer cannot be the chosen one.", "Press r for another seed.")
        if left.text == right.text and left.prompt_id == right.prompt_id:
            raise UserError("The two answers are the same text; neither is better.", "3 says tie, 5 skips.")
