"""Blind mode: which side stands where, and what it may be called.

Every face asks here before it names a side. A take made (or read from the database unjudged) in blind mode has a
shuffle. Its sides have letters until the first verdict over the take and names from then on, also when the verdict is
undone: what was seen cannot be unseen. The order stays the same throughout, so that a second key means the same answer.
Pinned in tests/workbench/test_blind.py.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from aligntui.core.errors import UserError
from aligntui.workbench.chat_state import AnswerState, ChatState, Take


def shuffle(take: Take, numbers: Sequence[int]) -> None:
    """Give a take that nobody has judged an order by chance, once; nothing to hide with fewer than two columns."""
    if len(numbers) > 1 and not take.judged and not take.shuffle:
        take.shuffle = tuple(random.SystemRandom().sample(list(numbers), len(numbers)))


def order(take: Take | None, numbers: Sequence[int]) -> tuple[int, ...]:
    """Column number shown at each place from the left. Columns that came after the shuffle stand at the right end."""
    if take is None or not take.shuffle:
        return tuple(numbers)
    kept = [number for number in take.shuffle if number in numbers]
    return (*kept, *(number for number in numbers if number not in kept))


def hidden(take: Take | None) -> bool:
    """Whether the sides of a take are unnamed now."""
    return bool(take and take.shuffle and not take.judged)


def letter(place: int) -> str:
    """Name of a place while the sides are hidden."""
    return chr(ord("A") + place)


def name_of(take: Take, answer: AnswerState, numbers: Sequence[int]) -> str:
    """What an answer's side may be called now: its letter while hidden, else `base` or the adapter."""
    if not hidden(take):
        return answer.side
    places = order(take, numbers)
    return letter(places.index(answer.column)) if answer.column in places else "?"


def shuffled_board(state: ChatState) -> bool:
    """Whether any turn on the board stands in a blind order, so that a pane is no longer one column."""
    return any(exchange.take is not None and exchange.take.shuffle for exchange in state.exchanges)


def stand_in_order(state: ChatState) -> None:
    """Blind mode is over: turns that were judged stand in the order of the columns again."""
    for exchange in state.exchanges:
        for take in exchange.takes:
            if take.judged:
                take.shuffle = ()


def refuse_while_hidden(take: Take | None) -> None:
    """Keep a command from giving a side away.

    Raises:
        UserError: the sides of the take are hidden.
    """
    if hidden(take):
        raise UserError("The sides are hidden until you judge.", "1 2 3 4 5 judge; then their names are shown.")
