"""One verdict over two stored answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.turn import Answer
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import Column
from aligntui.workbench.judging import Judge
from aligntui.workbench.moves import Moves
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui import store as db


@dataclass(frozen=True)
class VerdictWish:
    """A verdict to be given over two answers of one take."""

    turn: str
    """Id of a prompt turn, an answer turn, a take or an exchange; turn ids may be cut short."""
    verdict: Verdict
    left: str = ""
    """Answer on the left, as a turn id, a side's name or a column number; empty for the lower column of two."""
    right: str = ""
    reason: str = ""
    tags: tuple[str, ...] = ()
    annotator: str = ""


@dataclass(frozen=True)
class GivenVerdict:
    """A stored verdict."""

    pair: Pair
    left: Answer
    right: Answer
    replaced: str | None
    """Standing verdict over the same two answers that it took the place of."""
    again: bool = False
    """Whether this verdict stood already, so that none was added."""


async def give_verdict(workspace: Workspace, wish: VerdictWish) -> GivenVerdict:
    """Store a verdict under the rules of the console's `Judge`.

    Raises:
        UserError: there is no such turn, not two answers to choose from, or a verdict that cannot be.
        StoreError: it could not be stored.
    """
    settings = ChatSettings(annotator=wish.annotator)
    chat = Chat(StoreThread(workspace.database), settings, [Column(), Column()], lambda change: None)
    try:
        take, given = await chat.store.run(lambda store: _find_take(store, wish.turn))
        left, right = _sides(take, given, wish)
        await Moves(chat).open_session(left.session_id, left.id)
        exchange = chat.state.selected
        shown = next((each for each in exchange.takes if each.id == take.id), None) if exchange else None
        assert exchange is not None and shown is not None, "the board shows the turn that was asked for"
        standing = [pair.id for pair in shown.judged if not pair.undone]
        sides = shown.find(left.id), shown.find(right.id)
        assert sides[0] is not None and sides[1] is not None, "both answers are of the take on the board"
        try:
            pair = await Judge(chat).judge(exchange, shown, (sides[0], sides[1]), wish.verdict, wish.reason, wish.tags)
        except UserError as error:
            # the hint of the console names keys
            hint = "The verdicts tie, bad and skip can still be given." if wish.verdict.decides else ""
            raise UserError(error.message, hint) from error
        still = {each.id for each in shown.judged if not each.undone}
        replaced = next((id for id in standing if id not in still), None)
        return GivenVerdict(pair, left, right, replaced, again=pair.id in standing)
    finally:
        await chat.close()


def _find_take(store: db.Store, ref: str) -> tuple[db.Take, Answer | None]:
    """The take that an id means, and the answer itself where the id is an answer's."""
    if ref.startswith("exchange_"):
        return _newest_take(store.exchange(ref)), None
    if ref.startswith("take_"):
        return store.take(ref), None
    turn = store.get_turn(ref)
    exchange = store.exchange_of(turn.id)
    if isinstance(turn, Answer):
        return next(take for take in exchange.takes if take.id == turn.take_id), turn
    return _newest_take(exchange), None


def _newest_take(exchange: db.Exchange) -> db.Take:
    paired = [take for take in exchange.takes if len({answer.column for answer in take.answers}) > 1]
    if not paired:
        raise UserError(
            f"No take of {exchange.id} has two answers.", "A verdict needs two answers that were made side by side."
        )
    return paired[-1]


def _sides(take: db.Take, given: Answer | None, wish: VerdictWish) -> tuple[Answer, Answer]:
    columns = {answer.column: answer for answer in take.answers}  # of edited or continued answers the last one
    if given is not None:
        columns[given.column] = given
    shown = [columns[column] for column in sorted(columns)]
    if bool(wish.left) != bool(wish.right):
        raise UserError("--left and --right go together.", "Give both, or neither for a take of two answers.")
    if wish.left:
        return _pick(take, shown, wish.left), _pick(take, shown, wish.right)
    if len(shown) != 2:
        names = ", ".join(f"{answer.column} ({answer.side})" for answer in shown)
        what = f"has {len(shown)} answers" if len(shown) > 2 else "has only one answer"
        hint = f"Choose two with --left and --right: {names}." if len(shown) > 2 else "A verdict needs two."
        raise UserError(f"The take {take.id} {what}.", hint)
    return shown[0], shown[1]


def _pick(take: db.Take, shown: list[Answer], ref: str) -> Answer:
    by_id = [answer for answer in take.answers if ref.startswith("turn_") and answer.id.startswith(ref)]
    found = by_id or [answer for answer in shown if ref in (answer.side, str(answer.column))]
    if len(found) != 1:
        names = ", ".join(f"{answer.column} ({answer.side})" for answer in shown)
        problem = "names several answers" if found else "names no answer"
        raise UserError(f"{ref!r} {problem} of the take {take.id}.", f"Its columns are {names}; turn ids do as well.")
    return found[0]
