"""What goes wrong while `aligntui chat` answers: whatever was written is kept and said, and nothing empty stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.load import resolve_settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import StoreError
from aligntui.core.instruction import Instruction
from aligntui.core.turn import Answer, Finish
from aligntui.store import Store, open_store
from aligntui.wire.engine import AnswerFinished
from aligntui.workbench.changes import Change, Noticed
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import AnswerState, Column
from aligntui.workbench.headless.ask import Question, ask
from aligntui.workbench.headless.headless_chat import HeadlessChat
from aligntui.workbench.store_thread import StoreThread
from tests.cli.conftest import ROOT, SCRIPTED, Cli, InsideCli, stored

TOO_LONG = "wor " * 9000
"""More than the scripted engine's context holds: refused when the prompt is in the database already."""


def test_a_broken_adapter_is_an_error_and_not_left_out(inside: InsideCli) -> None:
    inside.adapter("broken")
    said = inside.refused("chat", "--prompt", "x", "--adapter", "broken")
    assert "damaged" in said and "Or ask the base alone: --no-adapter." in said
    assert stored(inside) == []


def test_where_nothing_was_answered_nothing_is_printed_or_stored(inside: InsideCli) -> None:
    inside.adapter("polite")
    for flags in ((), ("--json",)):
        result = inside.run("chat", "--prompt", TOO_LONG, "--adapter", "polite", *flags)
        assert (result.code, result.out) == (2, "")
        assert "context holds 8192" in result.err and "is kept" not in result.err
    assert inside.json("sessions", "list") == []
    assert inside.json("sessions", "search", "wor") == []
    assert problems_of(inside) == []


def test_a_session_is_as_it_was_when_its_next_prompt_failed(inside: InsideCli) -> None:
    inside.adapter("polite")
    reply = inside.json("chat", "--prompt", "Hello", "--adapter", "polite")
    before = inside.json("sessions", "show", reply["session"])
    for prompt in (TOO_LONG, "Hello again"):
        inside.run("chat", "--prompt", prompt, "--adapter", "polite", "--session", reply["session"])
    after = inside.json("sessions", "show", reply["session"])
    assert after["exchanges"][0] == before["exchanges"][0]
    assert [exchange["text"] for exchange in after["exchanges"]] == ["Hello", "Hello again"]
    assert after["session"]["turn_count"] == 7  # the second prompt stands once for each history
    assert problems_of(inside) == []


def problems_of(cli: Cli) -> list[str]:
    with open_store(Workspace(cli.workspace).database) as store:
        return store.verify()


def test_an_unknown_model_leaves_nothing(inside: InsideCli) -> None:
    result = inside.run("chat", "--prompt", "x", "--no-adapter", "--model", "missing")
    assert (result.code, result.out) == (2, "")
    assert inside.json("sessions", "list") == []


def test_a_crash_keeps_what_was_there(inside: InsideCli) -> None:
    said = inside.refused("chat", "--prompt", "!crash", "--no-adapter", code=3)
    assert "SIGKILL" in said and "is kept in session" in said and "F12" not in said
    [answer] = stored(inside)
    assert answer.finish == "failed" and answer.text.startswith("Base answers")
    said = inside.refused("chat", "--prompt", "!fail", "--no-adapter", code=3)
    assert "ran out of memory while decoding" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"missing_library": True}, 3, "no module torch"),
        ({"exit_at_start": 5}, 3, "exit code 5"),
        ({"load_failure": {"error": "environment", "message": "No memory."}}, 3, "No memory."),
        ({"protocol": 99}, 3, "protocol"),
    ],
)
def test_an_engine_that_does_not_start(inside: InsideCli, fields: dict[str, Any], code: int, words: str) -> None:
    inside.script(**fields)
    assert words in inside.refused("chat", "--prompt", "x", "--no-adapter", code=code)


def test_ctrl_c_keeps_the_partial_answer_and_leaves_no_engine(cli: Cli) -> None:
    marked = {"ALIGNTUI_TEST_MARK": str(cli.home / "mark")}
    process = subprocess.Popen(
        cli.argv("chat", "--prompt", "!slow", "--no-adapter"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env(**marked), cwd=ROOT,
        # a shell that runs the tests in the background lets them inherit an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.read(4) == b"Base"
    if Path("/proc").is_dir():
        assert len(processes_with(marked)) >= 2
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert processes_with(marked) == []
    [answer] = stored(cli)
    assert answer.finish == "cancelled" and answer.text.startswith("Base")


def test_ctrl_c_before_the_first_word_leaves_nothing(cli: Cli) -> None:
    cli.script(slow_delay_s=60)
    process = subprocess.Popen(
        cli.argv("chat", "--prompt", "!slow", "--no-adapter"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env(), cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not InsideCli(cli.home, cli.workspace).json("sessions", "list"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, b""), err
    assert InsideCli(cli.home, cli.workspace).json("sessions", "list") == []


async def test_a_session_that_was_being_written_when_the_chat_was_cancelled_goes_too(tmp_path: Path) -> None:
    chat = HeadlessChat(StoreThread(tmp_path / "x.db"), ChatSettings(), [Column()], lambda change: None)
    writing = asyncio.ensure_future(chat._session_for("Why?"))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await chat.close()
    with open_store(tmp_path / "x.db") as store:
        assert len(store.list_sessions()) == 1, "the write is not abandoned"
    chat.forget_unanswered(tmp_path / "x.db")
    with open_store(tmp_path / "x.db") as store:
        assert store.list_sessions() == []


async def test_an_answer_stopped_before_its_first_word_is_not_kept(tmp_path: Path) -> None:
    told: list[Change] = []
    chat = HeadlessChat(StoreThread(tmp_path / "x.db"), ChatSettings(), [Column()], told.append)
    answer = AnswerState("turn_1", 0, "base", "turn_p", Instruction(), 0)
    chat.state.live[answer.id] = answer
    chat.receive(AnswerFinished("r", "turn_1", "", (), (), "cancelled", 3, 0.0, 0.0))
    await chat.close()
    assert (answer.finish, answer.record) == (Finish.CANCELLED, None)
    assert not (tmp_path / "x.db").exists()


def processes_with(marked: dict[str, str]) -> list[str]:
    [(name, value)] = marked.items()
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{name}={value}".encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
    return found


def test_a_reader_who_leaves_stops_the_answers(cli: Cli) -> None:
    process = subprocess.Popen(
        cli.argv("chat", "--prompt", "!slow", "--no-adapter"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env(), cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(4)
    process.stdout.close()
    began = time.monotonic()
    err = process.stderr.read()
    assert process.wait(20) == 141 and b"Traceback" not in err
    assert time.monotonic() - began < 8, "the rest of the answer was not waited for"
    assert stored(cli)[0].finish == "cancelled"


def test_an_answer_that_cannot_be_stored_is_shown_all_the_same(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Store, answer: Answer) -> Answer:
        raise StoreError("The disk is full.", "Free some space.")

    monkeypatch.setattr(Store, "add_answer", full)
    for name, value in cli.env().items():
        monkeypatch.setenv(name, value)
    workspace = Workspace(cli.workspace)
    told: list[Change] = []
    settings = resolve_settings(workspace, {"adapter": [""]})
    reply = asyncio.run(ask(workspace, settings, Question("x"), lambda bench, change: told.append(change), SCRIPTED))
    assert reply.unsaved == 1 and reply.answers[0].text
    assert [change.message for change in told if isinstance(change, Noticed)] == [
        "An answer is not stored: The disk is full."
    ]
