"""Blind order and names, as values."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.workbench import blind
from aligntui.workbench.chat_state import AnswerState, ChatState, Column, Exchange, Take


def take_of(*numbers: int) -> Take:
    take = Take("take")
    for number in numbers:
        take.add(AnswerState(f"turn_{number}", number, f"side {number}", "p", Instruction(), 0))
    return take


def judged() -> Pair:
    return Pair("pair", "s", "turn_0", "turn_1", Verdict.LEFT, Scope.ANSWER, True, False, "me", "")


def test_a_shuffle_is_an_order_of_all_columns_and_is_made_once():
    orders = set()
    for _ in range(200):
        take = take_of(0, 1, 2)
        blind.shuffle(take, (0, 1, 2))
        first = take.shuffle
        blind.shuffle(take, (0, 1, 2))
        assert take.shuffle == first and sorted(first) == [0, 1, 2]
        orders.add(first)
    assert len(orders) == 6, "200 draws miss one of six orders with a chance below 1e-14"


def test_one_column_or_a_judged_take_is_not_shuffled():
    alone, known = take_of(0), take_of(0, 1)
    known.judged.append(judged())
    blind.shuffle(alone, (0,))
    blind.shuffle(known, (0, 1))
    assert alone.shuffle == known.shuffle == ()


def test_columns_added_later_stand_at_the_right_and_removed_ones_leave_no_hole():
    take = take_of(0, 1)
    take.shuffle = (1, 0)
    assert blind.order(take, (0, 1, 2)) == (1, 0, 2)
    assert blind.order(take, (0,)) == (0,)


def test_names_are_letters_until_judged():
    take = take_of(0, 1)
    take.shuffle = (1, 0)
    right = take.shown(0)
    assert blind.name_of(take, right, (0, 1)) == "B"
    with pytest.raises(UserError, match="hidden"):
        blind.refuse_while_hidden(take)
    take.judged.append(judged())
    assert blind.name_of(take, right, (0, 1)) == "side 0"
    blind.refuse_while_hidden(take)


def test_a_board_with_any_blind_turn_names_no_pane():
    state = ChatState(columns=[Column(), Column()])
    take = take_of(0, 1)
    state.exchanges = [Exchange("e", "?", {0: "p"}, [take], 0)]
    assert not blind.shuffled_board(state)
    take.shuffle = (0, 1)
    assert blind.shuffled_board(state)


def test_a_column_number_is_never_used_again():
    state = ChatState(columns=[Column(), Column()])
    state.exchanges = [Exchange("e", "?", {0: "p"}, [take_of(0, 1, 2)], 0)]
    assert state.numbers == (0, 1)
    assert state.add_column(Column()).number == 3
