"""OSC 52 byte for byte, tmux wrapping, the size cap and its file."""

from __future__ import annotations

import base64

import pytest

from aligntui.tui.clipboard import code_blocks, fits, osc52


def test_plain_sequence_holds_utf8_base64():
    text = "naïve 日本 🙂"
    sequence = osc52(text, {"TERM": "xterm-256color"})
    assert sequence.startswith("\x1b]52;c;") and sequence.endswith("\x07")
    assert base64.b64decode(sequence[7:-1]).decode() == text


def test_tmux_gets_the_plain_form_and_a_wrapped_one_with_doubled_escapes():
    sequence = osc52("hi", {"TMUX": "/tmp/tmux-0/default,1,0"})
    payload = base64.b64encode(b"hi").decode()
    assert sequence == f"\x1b]52;c;{payload}\x07\x1bPtmux;\x1b\x1b]52;c;{payload}\x07\x1b\\"


@pytest.mark.parametrize(
    ("length", "limit", "ok"),
    [(3, 4, True), (4, 4, False), (0, 0, True), (56_000, 74_994, True), (57_000, 74_994, False)],
)
def test_cap_counts_base64_bytes(length, limit, ok):
    assert fits("x" * length, limit) is ok


def test_code_blocks():
    assert code_blocks("a\n```py\nx = 1\n```\nb\n~~~\ny\n~~~") == ["x = 1", "y"]
    assert code_blocks("no code") == []
    assert code_blocks("```\nunclosed") == ["unclosed"]


async def test_copy_writes_osc52_or_a_file(console):
    async with console(adapter=("",), copy_limit_bytes=400) as c:
        written: list[str] = []
        c.app._driver.write = written.append
        await c.send("Copy me")
        answer = c.chat.state.last.take.shown(0)
        await c.leave_prompt()
        written.clear()
        await c.press("y")
        await c.pilot.pause(0.1)
        sequences = [w for w in written if "\x1b]52" in w]
        assert len(sequences) == 1
        assert base64.b64decode(sequences[0].split(";")[2].split("\x07")[0]).decode() == answer.text
        await c.send("!long")
        await c.leave_prompt()
        await c.press("y")
        saved = c.app.bench.workspace.exports / "copied.txt"
        await c.until(saved.exists, "saved file")
        assert saved.read_text() == c.chat.state.last.take.shown(0).text
        await c.sees("Saved the answer")
