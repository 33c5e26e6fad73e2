"""The fold of engine events into the board: pure, no loop, no process."""

from __future__ import annotations

import pytest

from aligntui.core.conditions import Conditions
from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Finish, Prompt
from aligntui.wire.engine import AdapterRef, AnswerFinished, AnswerStarted, TextArrived
from aligntui.workbench.blind import hidden, order
from aligntui.workbench.chat_state import AnswerState, ChatState, Column, Exchange, Take
from aligntui.workbench.judging import contestants
from tests.store.builders import make_answer

CONDITIONS = {
    "model": "embedded", "model_path": "/m", "weights_sha256": "w", "adapter": None, "adapter_path": None, "adapter_sha256": None,
    "strength": 0.0, "template_sha256": "t", "rendered_prompt": "p", "instruction": "", "mode": "system", "seed": 0, "temperature": 0.0,
    "top_p": 1.0, "max_new_tokens": 8, "dtype": "float32", "quantisation": None, "engine": "e", "versions": {},
}  # fmt: skip


def making(name: str, column: int = 0, **more) -> AnswerState:
    return AnswerState(id=name, column=column, side="base", prompt_id="p", instruction=Instruction(), seed=0, **more)


def board(*answers: AnswerState) -> ChatState:
    take = Take("take")
    for answer in answers:
        take.add(answer)
    state = ChatState(columns=[Column() for _ in answers], exchanges=[Exchange("e", "?", {0: "p"}, [take], 0)])
    state.live = {answer.id: answer for answer in answers}
    return state


def finished(row: str, text: str, finish: str = "stop") -> AnswerFinished:
    return AnswerFinished("r", row, text, (1, 2), (-1.0, -2.0), finish, 5, 0.5, 0.1)


def test_events_build_an_answer_up():
    state = board(making("a"), making("b", 1))
    state.answer_started(AnswerStarted("r", "a", CONDITIONS, 5))
    state.text_arrived(TextArrived("r", "a", "Hel", 1))
    state.text_arrived(TextArrived("r", "a", "lo", 2, 0.1))
    answer = state.live["a"]
    assert (answer.text, answer.tokens, answer.started) == ("Hello", 2, True)
    assert answer.conditions == Conditions.from_dict(CONDITIONS)
    state.answer_finished(finished("a", "Hello."))
    assert answer.text == "Hello." and answer.finish is Finish.STOP
    assert set(state.live) == {"b"} and state.streaming


def test_events_of_no_answer_on_the_board_are_dropped():
    state = board(making("a"))
    assert state.text_arrived(TextArrived("r", "old", "x", 1)) is None
    assert state.answer_finished(finished("old", "x")) is None
    assert state.answer_started(AnswerStarted("r", "old", CONDITIONS, 1)) is None
    assert state.live["a"].text == ""


def test_a_late_event_does_not_change_a_finished_answer():
    state = board(making("a"))
    state.answer_finished(finished("a", "whole"))
    state.text_arrived(TextArrived("r", "a", " and more", 9))
    assert state.exchanges[0].take.shown(0).text == "whole"


def test_a_continued_answer_shows_its_prefix_once():
    state = board(making("a", text="One two", prefix_text="One two"))
    state.text_arrived(TextArrived("r", "a", "One two", 2))
    state.text_arrived(TextArrived("r", "a", " three", 3))
    assert state.live["a"].text == "One two three"


def test_breaking_off_ends_all_and_keeps_their_text():
    state = board(making("a"), making("b", 1))
    state.text_arrived(TextArrived("r", "a", "par", 1))
    broken = state.break_off(Finish.FAILED)
    assert {a.id for a in broken} == {"a", "b"} and not state.streaming
    assert [a.text for a in broken] == ["par", ""] and all(a.finish is Finish.FAILED for a in broken)


@pytest.mark.parametrize(("wanted", "got"), [(-1, 0.0), (0.1 + 0.2, 0.3), (2.5, 2.0)])
def test_strength_is_clamped_and_rounded(wanted, got):
    state = ChatState(columns=[Column(AdapterRef("a", "/a"))])
    state.set_strength(0, wanted)
    assert state.columns[0].strength == got


@pytest.mark.parametrize(
    ("column", "label"),
    [(Column(), "base"), (Column(AdapterRef("x", "/x")), "x"), (Column(AdapterRef("x", "/x"), 0.5), "x x0.5")],
)
def test_column_labels(column, label):
    assert column.label == label


def verdict(left: str, right: str, undone: bool = False) -> Pair:
    return Pair("pair", "s", left, right, Verdict.LEFT, Scope.ANSWER, True, True, "me", "", undone=undone)


def test_blind_order_holds_until_a_verdict_and_names_stay_known_after_an_undo():
    take = board(making("a"), making("b", 1)).exchanges[0].take
    assert order(take, (0, 1)) == (0, 1) and not hidden(take)
    take.shuffle = (1, 0)
    assert order(take, (0, 1)) == (1, 0) and hidden(take)
    take.judged.append(verdict("b", "a"))
    assert order(take, (0, 1)) == (1, 0) and not hidden(take), "the same key still means the same answer"
    take.judged[0] = verdict("b", "a", undone=True)
    assert not hidden(take), "what was seen cannot be unseen"


def test_contestants_are_left_and_the_focused_one():
    take = board(making("a"), making("b", 1), making("c", 2)).exchanges[0].take
    assert [a.id for a in contestants(take, (0, 1, 2), 0)] == ["a", "b"]
    assert [a.id for a in contestants(take, (0, 1, 2), 2)] == ["a", "c"]
    take.shuffle = (2, 0, 1)
    assert [a.id for a in contestants(take, (0, 1, 2), 1)] == ["c", "a"]


def test_one_answer_cannot_be_judged():
    with pytest.raises(UserError, match="two answers"):
        contestants(board(making("a")).exchanges[0].take, (0,), 0)


@pytest.mark.parametrize(
    ("label", "phrasing"), [("concise/2", 2), ("concise/indirect", 0), ("concise/edited", 0), ("", 0)]
)
def test_an_answer_of_a_switch_run_is_read_whatever_its_wording_is_called(label: str, phrasing: int) -> None:
    prompt = Prompt("turn_p", "session", None, "exchange", "Why?", "")
    state = AnswerState.from_record(make_answer(prompt, instruction_label=label))
    assert (state.instruction.type, state.instruction.phrasing) == (label.partition("/")[0], phrasing)
