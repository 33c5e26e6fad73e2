"""Printing: nothing drives a terminal, nothing fails on a character."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.cli import output
from aligntui.cli.answer_stream import AnswerStream
from aligntui.cli.loading import LoadingLine
from aligntui.core.instruction import Instruction
from aligntui.core.turn import Finish
from aligntui.wire.engine import LoadProgressed
from aligntui.workbench.chat_state import AnswerState, EngineState, Phase, Take

NASTY = "\x1b[2J \x9b6n \x7f \u202e \u2028 \ud800 \ufeff é 日本 🙂 [ 1, 2 ] \n"


def test_json_reads_back_and_holds_no_controls(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "text": NASTY,
        "token_ids": [1, -2, 3.5, 1e-05],
        "empty": [],
        "path": Path("/x"),
        "deep": [[1, 2], ["[\n1\n]"]],
    }
    output.json_data(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == {**value, "path": "/x"}
    assert not set(printed) & {*map(chr, range(10)), "\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\ud800", "\ufeff"}
    assert "[1, -2, 3.5, 1e-05]" in printed and "日本" in printed


def test_columns_line_up_whatever_their_width(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("a", "b"), [("日本", "x"), ("e", "two\nlines"), ("long word", "\x1b[1m")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["a          b", "日本       x", "e          two lines", "long word  ␛[1m"]


def answer(place: int, side: str) -> AnswerState:
    return AnswerState(f"turn_{place}", place, side, "turn_p", Instruction(), 0)


def test_sides_are_printed_one_after_the_other_while_both_grow(capsys: pytest.CaptureFixture[str]) -> None:
    stream, take = AnswerStream(), Take("take_1")
    base, demo = answer(0, "base"), answer(1, "demo x0.5")
    take.add(base)
    take.add(demo)

    def grow(one: AnswerState, text: str, finish: Finish | None = None) -> str:
        one.text, one.finish = one.text + text, finish
        stream.show(take)
        return capsys.readouterr().out

    assert grow(base, "One") == "[base]\nOne"
    assert grow(demo, "Two") == ""
    assert grow(base, "\r") == ""
    assert grow(base, "\n\x1b[m") == "\n␛[m"
    assert grow(base, "", Finish.STOP) == "\n\n[demo x0.5]\nTwo"
    assert grow(demo, " three", Finish.LENGTH) == " three\n"
    assert grow(demo, "", Finish.LENGTH) == ""


def test_what_ended_before_its_first_word_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    stream, take = AnswerStream(), Take("take_1")
    sides = [answer(place, side) for place, side in enumerate(("base", "a", "b", "c"))]
    for one in sides:
        take.add(one)
    stream.show(take)
    assert capsys.readouterr().out == ""
    for one, text, finish in zip(
        sides, ("", "Two", "", ""), (Finish.FAILED, Finish.FAILED, Finish.CANCELLED, Finish.STOP), strict=True
    ):
        one.text, one.finish = text, finish
        stream.show(take)
    assert capsys.readouterr().out == "[a]\nTwo\n\n[c]\n\n"


def test_things_are_counted_in_words() -> None:
    assert [output.counted(number, "verdict") for number in (0, 1, 2)] == ["0 verdicts", "1 verdict", "2 verdicts"]
    assert output.counted(2, "reply", "replies") == "2 replies"


@pytest.mark.parametrize(("term", "is_terminal"), [("xterm", True), ("dumb", False), ("xterm", False)])
def test_loading_is_a_bar_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, term: str, is_terminal: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal or term == "dumb")
    line, state = LoadingLine(), EngineState(Phase.LOADING)
    for done in (0, 46_550_000, 93_100_000):
        state.progress = LoadProgressed("r", "fetch", done, 93_100_000, "bytes")
        line.show(state)
    state.progress = LoadProgressed("r", "warm-up")
    line.show(state)
    state.move(Phase.READY)
    line.show(state)
    shown = capsys.readouterr().err
    if is_terminal:
        assert "\r\x1b[K[############............] Fetching the model 46.5 of 93.1 MB" in shown
        assert shown.endswith("Warming up\r\x1b[K")
    else:
        assert shown == "Fetching the model ...\nWarming up ...\n"
