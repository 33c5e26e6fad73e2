"""How a turn looks, state by state, without a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.core.conditions import Conditions
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Answer, Finish
from aligntui.tui.turn_text import TurnLook, View, body, dial, finish_text, first_difference, gap_style, turn_content
from aligntui.wire.engine import GapMeasured
from aligntui.workbench.chat_state import AnswerState, Exchange, Take

CONDITIONS = Conditions(
    model="embedded", model_path="/m", weights_sha256="w", adapter=None, adapter_path=None, adapter_sha256=None, strength=0.0,
    template_sha256="t", rendered_prompt="p", instruction="Be brief.", mode="system", seed=0, temperature=0.0, top_p=1.0,
    max_new_tokens=8, dtype="float32", quantisation=None, engine="aligntui/0", versions={},
)  # fmt: skip


def answer(
    text: str = "one two", column: int = 0, ids: tuple[int, ...] = (1, 2), finish: Finish | None = Finish.STOP, **more
) -> AnswerState:
    record = Answer(
        id=f"turn_{column}", session_id="s", parent_id="p", take_id="t", column=column, text=text, finish=finish or Finish.STOP,
        created_at="", conditions=CONDITIONS, token_ids=ids, logprobs=tuple(-1.0 for _ in ids),
    )  # fmt: skip
    made = AnswerState(
        id=record.id, column=column, side="base", prompt_id="p", instruction=Instruction("Be brief.", "concise", 1), seed=3, text=text,
        tokens=len(ids), finish=finish, started=True, stored=True, conditions=CONDITIONS, record=record,
    )  # fmt: skip
    return replace(made, **more)


def board(*answers: AnswerState) -> tuple[Exchange, Take]:
    take = Take("t")
    for one in answers:
        take.add(one)
    return Exchange("e", "Why?", {0: "p"}, [take], 0), take


def test_meta_line_names_instruction_seed_and_end():
    exchange, take = board(answer())
    text = turn_content(exchange, take, take.shown(0), TurnLook()).plain
    assert "concise/1" in text and "seed 3" in text and "2 tok" in text and text.endswith("one two")


@pytest.mark.parametrize("finish", [None, *Finish])
def test_every_end_has_words(finish):
    assert finish_text(answer(finish=finish)).plain.strip()
    assert finish_text(answer(finish=None, started=False)).plain == "… reading the prompt"


def test_an_empty_answer_says_so():
    assert body(answer(text=""), TurnLook()).plain == "(empty answer)"


def test_markup_and_escapes_are_shown_as_text():
    hostile = "[bold red]x[/] \x1b]52;c;aGk=\x07 \x1b[31m \u202e"
    content = body(answer(text=hostile), TurnLook())
    assert "[bold red]x[/]" in content.plain
    assert not any(ch in content.plain for ch in "\x1b\x07\u202e")
    assert not content.spans


def test_diff_marks_only_what_differs():
    left, right = answer("the cat sat"), answer("the dog sat", column=1)
    content = body(left, TurnLook(View.DIFF, other=right))
    assert content.plain.split("\n")[0] == "the ▸cat sat"
    assert "the answer beside it does not have" in content.plain
    strong = [
        content.plain[s.start : s.end] for s in content.spans if "bold" in str(s.style) and "primary" in str(s.style)
    ]
    assert strong == ["cat"]


def test_diff_of_equal_texts_says_so():
    assert "same text" in body(answer("x"), TurnLook(View.DIFF, other=answer("x", column=1))).plain


def test_first_difference_is_the_first_other_token():
    a, b = answer(ids=(1, 2, 3)), answer(ids=(1, 9, 3), column=1)
    assert first_difference(a, b) == 1
    assert first_difference(a, a) is None
    assert first_difference(answer(ids=(1, 2)), answer(ids=(1, 2, 3))) == 2
    assert first_difference(answer(ids=()), a) is None


def test_gap_is_drawn_token_by_token_with_sum_and_divergence():
    gap = GapMeasured("r", "turn_0", ("one", " two"), (-1.0, -4.0), (-1.1, -0.5))
    content = body(answer(gap=gap), TurnLook(View.GAP, other=answer(ids=(1, 7), column=1)))
    assert content.plain.startswith("one▸ two\n")
    assert "+3.4 nats" in content.plain and "parts at token 2" in content.plain


@pytest.mark.parametrize(
    ("nats", "style"),
    [(0.0, ""), (0.49, ""), (0.5, "on $success 15%"), (2.0, "bold on $success 30%"), (-9.0, "underline on $error 45%")],
)
def test_heat_also_works_without_colour(nats, style):
    assert gap_style(nats) == style


def test_verdict_marks():
    left, right = answer(), answer(column=1)
    exchange, take = board(left, right)
    take.judged.append(Pair("pair_1", "s", left.id, right.id, Verdict.RIGHT, Scope.ANSWER, False, False, "me", ""))
    assert "✗ rejected" in turn_content(exchange, take, left, TurnLook()).plain
    assert "★ chosen" in turn_content(exchange, take, right, TurnLook()).plain
    take.judged[0] = replace(take.judged[0], undone=True)
    assert "chosen" not in turn_content(exchange, take, right, TurnLook()).plain


def test_a_column_without_an_answer_says_how_to_get_one():
    exchange, take = board(answer())
    assert "F5" in turn_content(exchange, take, None, TurnLook()).plain


@pytest.mark.parametrize(("strength", "filled"), [(0, 0), (0.5, 2), (1, 5), (2, 10)])
def test_dial(strength, filled):
    assert dial(strength).count("█") == filled
