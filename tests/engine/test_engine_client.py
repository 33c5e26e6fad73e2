"""The client against a real process: start, stream, cancel, crash, hang, stop; nothing hangs and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from aligntui.core.conditions import Conditions
from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.engine import client as client_module
from aligntui.engine.client import EngineClient, EngineEvent
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import (
    AdapterRef,
    AnswerFinished,
    AnswerStarted,
    EngineStarted,
    GenerationFinished,
    InspectAdapter,
    LoadModel,
    LoadProgressed,
    MeasureGap,
    ModelLoaded,
    Row,
    StartGeneration,
    TextArrived,
)

SCRIPTED = Path(__file__).resolve().parents[1] / "scripted_engine.py"
DEMO = AdapterRef("demo", "/adapters/demo")
Make = Callable[..., EngineClient]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Build clients of scripted engines; afterwards no process and no task of theirs may be left."""
    clients: list[EngineClient] = []

    def make_client(on_event=None, *, argv=None, start_timeout_s=20.0, **script: object) -> EngineClient:
        if argv is None:
            argv = [sys.executable, str(SCRIPTED)]
            if script:
                file = tmp_path / f"script-{len(clients)}.json"
                file.write_text(json.dumps(script))
                argv += ["--script", str(file)]
        log_directory = tmp_path / "state" / "log"
        made = EngineClient(on_event, argv=argv, log_directory=log_directory, start_timeout_s=start_timeout_s)
        clients.append(made)
        return made

    children = {child.pid for child in psutil.Process().children(recursive=True)}
    yield make_client
    for made in clients:
        await made.stop()
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= children
    assert [task for task in asyncio.all_tasks() if task.get_name() == "engine-watch"] == []


def row(name: str = "a", prompt: str = "Hello there", adapter: AdapterRef | None = None, **more: object) -> Row:
    return Row(name, (("user", prompt),), adapter=adapter, **more)  # type: ignore[arg-type]


async def loaded(engine: EngineClient) -> EngineClient:
    await engine.start()
    await engine.request(LoadModel("load"))
    return engine


async def until(condition: Callable[[], object], deadline_s: float = 60.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.005)


def of(kind: type, events: list[EngineEvent]) -> list:
    return [event for event in events if isinstance(event, kind)]


# start ------------------------------------------------------------------------------------------


async def test_the_first_line_tells_protocol_and_versions(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = make(events.append)
    started = await engine.start()
    assert started.protocol == 1
    assert started.pid == engine.pid
    assert started.versions["scripted"] == "1"
    assert events == [started]
    assert engine.running
    with pytest.raises(EngineError, match="running already"):
        await engine.start()


async def test_it_runs_in_a_group_and_session_of_its_own_and_is_offered_to_the_memory_killer(make: Make) -> None:
    engine = make()
    await engine.start()
    assert engine.pid is not None
    assert os.getpgid(engine.pid) == engine.pid != os.getpgid(0)
    assert os.getsid(engine.pid) == engine.pid
    assert Path(f"/proc/{engine.pid}/oom_score_adj").read_text().strip() == "500"


async def test_the_current_folder_cannot_stand_in_for_a_library(make: Make, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken for the real one')")
    (tmp_path / "aligntui.py").write_text("raise SystemExit('taken for the real one')")
    monkeypatch.chdir(tmp_path)
    engine = make(argv=[sys.executable, "-m", "aligntui.core.ids"])
    with pytest.raises(EngineError, match="left by itself"):
        await engine.start()


async def test_another_protocol_is_refused_and_the_process_ended(make: Make) -> None:
    engine = make(protocol=99)
    with pytest.raises(EngineError, match=r"speaks protocol 1 and the engine protocol 99.*Install aligntui again"):
        await engine.start()
    assert not engine.running


async def test_a_missing_library_is_told_in_the_engines_own_words(make: Make) -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot start: no module torch. Install it"):
        await make(missing_library=True).start()


async def test_an_engine_that_leaves_at_once_is_an_error_with_its_last_words(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = make(events.append, exit_at_start=7, log=["fetching\rfetched", "no \x1b[31mdisk\x1b[0m", ""])
    with pytest.raises(EngineError, match=r"ended with exit code 7. Its last words: no ␛\[31mdisk␛\[0m"):
        await engine.start()
    assert events == [engine.exited]
    assert engine.exited is not None
    assert engine.exited.last_lines == ("fetched", "no ␛[31mdisk␛[0m")


async def test_an_engine_that_says_nothing_is_ended(make: Make) -> None:
    engine = make(argv=["sh", "-c", "echo still importing >&2; sleep 60"], start_timeout_s=0.4)
    with pytest.raises(EngineError, match=r"said nothing for 0.4 s after its start. still importing"):
        await engine.start()
    assert not engine.running


async def test_a_start_that_is_given_up_leaves_no_process(make: Make) -> None:
    engine = make(silent=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await engine.start()
    assert not engine.running


async def test_a_program_that_is_not_there_is_said(make: Make) -> None:
    with pytest.raises(EngineError, match=r"could not be started \(/nowhere/python -m x\): .*No such file"):
        await make(argv=["/nowhere/python", "-m", "x"]).start()


async def test_after_the_end_it_can_be_started_again(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = make(events.append)
    first = await engine.start()
    await engine.stop()
    second = await engine.start()
    assert first.pid != second.pid
    assert [type(event) for event in events] == [EngineStarted, EngineExited, EngineStarted]


# requests ---------------------------------------------------------------------------------------


async def test_a_load_reports_progress_and_ends_with_the_model(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = make()
    await engine.start()
    model = await engine.request(LoadModel("load", dtype="float32"), events.append)
    assert (model.model, model.dtype, model.system_slot) == ("embedded", "float32", True)
    stages = list(dict.fromkeys(event.stage for event in of(LoadProgressed, events)))
    assert stages == ["fetch", "convert", "hash", "load", "warm-up"]
    assert events[-1] == model


async def test_a_refused_request_raises_the_kind_of_error_that_the_engine_names(make: Make) -> None:
    engine = await loaded(make())
    with pytest.raises(UserError, match="no model 'missing-model'"):
        await engine.request(LoadModel("l2", model="missing-model"))
    with pytest.raises(UserError, match="No model is loaded"):
        await engine.request(InspectAdapter("i", DEMO))
    await engine.request(LoadModel("l3"))
    with pytest.raises(UserError, match="is damaged"):
        await engine.request(InspectAdapter("i2", AdapterRef("broken", "/x")))
    assert len((await engine.request(InspectAdapter("i3", AdapterRef("foreign", "/x")))).warnings) == 2


async def test_rows_stream_side_by_side_and_each_ends_once(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = await loaded(make())
    rows = (row("left"), row("right", adapter=DEMO, instruction="Be brief."))
    done = await engine.request(StartGeneration("g", rows), events.append)
    assert [event.row for event in of(AnswerStarted, events)] == ["left", "right"]
    assert {event.row for event in of(AnswerFinished, events)} == {"left", "right"}
    for finished in of(AnswerFinished, events):
        arrived = [event for event in of(TextArrived, events) if event.row == finished.row]
        assert "".join(event.text for event in arrived) == finished.text
        assert len(arrived) > 10
        assert len(finished.token_ids) == len(finished.logprobs)
        assert finished.finish == "stop"
    first_end = events.index(of(AnswerFinished, events)[0])
    assert {event.row for event in of(TextArrived, events[:first_end])} == {"left", "right"}
    conditions = {event.row: Conditions.from_dict(event.conditions) for event in of(AnswerStarted, events)}
    assert (conditions["left"].adapter, conditions["left"].strength) == (None, 0.0)
    assert conditions["right"].adapter == "demo"
    assert "Be brief." in conditions["right"].rendered_prompt
    assert done == events[-1]


async def test_the_same_request_gives_the_same_answer(make: Make) -> None:
    engine = await loaded(make(delay_s=0))

    async def text(name: str, **more: object) -> str:
        events: list[EngineEvent] = []
        await engine.request(StartGeneration(name, (row(name, **more),)), events.append)
        return of(AnswerFinished, events)[0].text

    base = await text("1")
    assert await text("2") == base
    assert await text("3", seed=1) != base
    assert await text("4", instruction="Be brief.") != base
    assert await text("5", adapter=DEMO) != base
    assert await text("6", adapter=DEMO, strength=0.0) == base
    assert await text("7", temperature=0.0, seed=1) == await text("8", temperature=0.0, seed=2)


async def test_an_answer_is_cut_at_its_limit_and_continued(make: Make) -> None:
    engine = await loaded(make(delay_s=0))
    events: list[EngineEvent] = []
    await engine.request(StartGeneration("g", (row(max_new_tokens=7),)), events.append)
    cut = of(AnswerFinished, events)[0]
    assert (cut.finish, len(cut.token_ids)) == ("length", 7)
    events.clear()
    await engine.request(StartGeneration("h", (row(prefix_token_ids=cut.token_ids),)), events.append)
    longer = of(AnswerFinished, events)[0]
    assert longer.text.startswith(cut.text)
    assert longer.token_ids[:7] == cut.token_ids
    assert of(TextArrived, events)[0].text == cut.text
    events.clear()
    await engine.request(StartGeneration("i", (row(prefix_text="Well: "),)), events.append)
    assert of(AnswerFinished, events)[0].text.startswith("Well: ")


async def test_lines_of_many_megabytes_pass_in_both_directions(make: Make) -> None:
    engine = await loaded(make())
    tokens = tuple(range(10, 210)) * 1500
    gap = await engine.request(MeasureGap("m", row(adapter=DEMO), tokens))
    assert len(gap.pieces) == len(gap.base_logprobs) == len(tokens)
    assert gap.base_logprobs != gap.adapter_logprobs


async def test_special_prompts(make: Make) -> None:
    engine = await loaded(make(delay_s=0, answers=[{"match": "capital", "side": "demo", "text": "It is Paris."}]))
    events: list[EngineEvent] = []

    async def text(prompt: str, adapter: AdapterRef | None = None) -> str:
        events.clear()
        await engine.request(StartGeneration(prompt, (row("r", prompt, adapter),)), events.append)
        return of(AnswerFinished, events)[0].text

    assert "\x1b[2J" in await text("!hostile")
    assert "日本語" in await text("!cjk")
    assert await text("!empty") == ""
    assert len((await text("!long")).split()) > 3000
    assert await text("the capital", DEMO) == "It is Paris."
    assert "Paris" not in await text("the capital!")
    with pytest.raises(UserError, match="context holds 8192"):
        await text("word " * 9000)
    with pytest.raises(EnvironmentProblem, match="ran out of memory") as caught:
        await text("!fail")
    assert caught.value.__notes__ == ["Traceback (scripted)"]
    assert of(TextArrived, events) and not of(AnswerFinished, events)
    assert await text("still alive")


async def test_an_id_cannot_be_used_twice_at_once(make: Make) -> None:
    engine = await loaded(make())
    await engine.send(StartGeneration("g", (row(),)))
    with pytest.raises(ValueError, match="open already"):
        await engine.send(StartGeneration("g", (row(),)))


# cancelling -------------------------------------------------------------------------------------


async def test_a_cancelled_generation_keeps_what_it_has(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = await loaded(make(events.append, slow_delay_s=0.02))
    running = asyncio.create_task(engine.request(StartGeneration("g", (row("a", "!slow"), row("b", "!slow", DEMO)))))
    await until(lambda: len(of(TextArrived, events)) >= 6)
    assert await engine.cancel("g") is True
    assert isinstance(await running, GenerationFinished)
    finished = of(AnswerFinished, events)
    assert [event.finish for event in finished] == ["cancelled", "cancelled"]
    for event in finished:
        assert event.text
        assert event.text == "".join(e.text for e in of(TextArrived, events) if e.row == event.row)
    assert await engine.cancel("g") is True
    assert await engine.cancel("never heard of") is True


async def test_one_that_does_not_listen_goes_on_until_the_hard_stop(make: Make, monkeypatch) -> None:
    monkeypatch.setattr(client_module, "KILL_GRACE_S", 0.3)
    events: list[EngineEvent] = []
    engine = await loaded(make(events.append, deaf=True))
    running = asyncio.create_task(engine.request(StartGeneration("g", (row("a", "!slow"),))))
    await until(lambda: of(TextArrived, events))
    assert await engine.cancel("g", grace_s=0.3) is False
    assert engine.running
    before = time.monotonic()
    await engine.hard_stop()
    assert time.monotonic() - before < 2
    with pytest.raises(EngineError, match="was stopped"):
        await running
    assert isinstance(events[-1], EngineExited)
    assert (events[-1].signal, events[-1].asked) == (signal.SIGKILL, True)
    assert not engine.running


async def test_a_caller_that_gives_up_does_not_disturb_the_request(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = await loaded(make(events.append))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await engine.request(StartGeneration("g", (row("a", "!slow"),)))
    assert await engine.cancel("g") is True
    assert of(AnswerFinished, events)[0].finish == "cancelled"


# the end ----------------------------------------------------------------------------------------


async def test_a_crash_is_told_once_and_fails_all_that_was_open(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = await loaded(make(events.append, log=["allocating"]))
    stream = engine.events()
    crashing = asyncio.create_task(engine.request(StartGeneration("g", (row("a", "!crash"),))))
    waiting = asyncio.create_task(engine.request(MeasureGap("m", row(), (1, 2))))
    for task in (crashing, waiting):
        with pytest.raises(EngineError, match=r"signal 9 \(SIGKILL\): probably because the machine ran out of memory"):
            async with asyncio.timeout(10):
                await task
    exited = of(EngineExited, events)
    assert len(exited) == 1
    assert exited[0] == events[-1] == engine.exited
    assert (exited[0].code, exited[0].signal, exited[0].asked) == (None, signal.SIGKILL, False)
    assert exited[0].last_lines == ("allocating",)
    assert "a smaller model" in exited[0].hint
    assert exited[0].log in exited[0].hint
    assert of(TextArrived, events), "what came before the crash is not lost"
    assert [event async for event in stream] == events[events.index(of(AnswerStarted, events)[0]) :]
    with pytest.raises(EngineError, match="killed by signal 9"):
        await engine.send(LoadModel("l"))
    assert await engine.cancel("g") is True
    await engine.hard_stop()
    await engine.stop()
    assert len(of(EngineExited, events)) == 1


async def test_a_kill_from_outside_is_noticed_while_idle(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = make(events.append)
    started = await engine.start()
    os.kill(started.pid, signal.SIGTERM)
    await until(lambda: not engine.running)
    assert events[-1] == engine.exited
    assert engine.exited is not None
    assert engine.exited.message == "The engine was killed by signal 15 (SIGTERM): something asked it to end."


async def test_a_grandchild_that_holds_the_pipe_delays_nothing_and_goes_too(make: Make) -> None:
    engine = await loaded(make(child=True))
    assert engine.pid is not None
    (grandchild,) = psutil.Process(engine.pid).children()
    before = time.monotonic()
    os.kill(engine.pid, signal.SIGKILL)
    await until(lambda: not engine.running)
    assert time.monotonic() - before < 3
    await until(lambda: not psutil.pid_exists(grandchild.pid) or grandchild.status() == psutil.STATUS_ZOMBIE)


async def test_stop_lets_it_leave_and_leaves_nothing(make: Make) -> None:
    events: list[EngineEvent] = []
    engine = await loaded(make(events.append))
    pid = engine.pid
    before = time.monotonic()
    await engine.stop()
    assert time.monotonic() - before < 2
    assert not psutil.pid_exists(pid or 0)
    assert engine.exited == events[-1]
    assert engine.exited is not None
    assert (engine.exited.code, engine.exited.asked) == (0, True)
    assert engine.exited.message == "The engine was stopped."
    await engine.stop()
    assert len(of(EngineExited, events)) == 1


async def test_stop_kills_what_does_not_listen(make: Make, monkeypatch) -> None:
    monkeypatch.setattr(client_module, "STOP_GRACE_S", 0.2)
    monkeypatch.setattr(client_module, "KILL_GRACE_S", 0.2)
    engine = await loaded(make(deaf=True))
    pid = engine.pid
    await engine.stop()
    assert not psutil.pid_exists(pid or 0)


async def test_as_a_context_it_stops_at_the_end(make: Make) -> None:
    async with make() as engine:
        assert engine.running
    assert not engine.running


async def test_it_leaves_when_its_input_closes(make: Make) -> None:
    engine = await loaded(make())
    assert engine._process is not None
    engine._process.close_input()
    await until(lambda: not engine.running)
    assert engine.exited is not None
    assert engine.exited.message == "The engine left by itself."
    with pytest.raises(EngineError):
        await engine.send(LoadModel("l"))


def test_a_loop_that_closes_without_stop_leaves_no_process(tmp_path: Path, recwarn, caplog) -> None:
    seen: list[EngineEvent] = []

    async def forget() -> int:
        engine = EngineClient(seen.append, argv=[sys.executable, str(SCRIPTED)], log_directory=tmp_path)
        return (await engine.start()).pid

    pid = asyncio.run(forget())
    assert not psutil.pid_exists(pid)
    assert isinstance(seen[-1], EngineExited)
    gc.collect()
    assert [str(warning.message) for warning in recwarn if "aligntui" in str(warning.message)] == []
    assert caplog.records == []


def test_when_the_console_is_killed_the_engine_leaves(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from aligntui.engine.client import EngineClient\n"
        "async def main():\n"
        "    engine = EngineClient(argv=[sys.executable, sys.argv[1]], log_directory=Path(sys.argv[2]))\n"
        "    print((await engine.start()).pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    console = psutil.Popen(
        [sys.executable, "-c", code, str(SCRIPTED), str(tmp_path)], stdout=-1, text=True, cwd=SCRIPTED.parents[1]
    )
    pid = int(console.stdout.readline())
    console.kill()
    console.wait()
    console.stdout.close()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(5)
    assert not psutil.pid_exists(pid)


# what comes in ----------------------------------------------------------------------------------


async def test_a_line_that_is_no_message_is_logged_and_passed_over(make: Make, caplog) -> None:
    noise = ["Loading checkpoint...", "[]", "{}", '{"kind": "LoadModel", "request": "x"}', "[" * 100_000, "", "\x00"]
    with caplog.at_level(logging.WARNING, "aligntui.engine"):
        engine = make(noise=noise)
        await engine.start()
    assert len(caplog.records) == 6
    assert engine.log is not None
    assert engine.log.read_text().count("[console] ") == 6
    assert (await engine.request(LoadModel("load"))).model == "embedded"


async def test_a_line_without_end_is_given_up(make: Make, monkeypatch) -> None:
    from aligntui.engine import supervise

    monkeypatch.setattr(supervise, "MAX_LINE_BYTES", 100_000)
    engine = make(noise=["x" * 1_000_000])
    await engine.start()
    assert engine.log is not None
    assert "a line of more than 100000 bytes was dropped" in engine.log.read_text()


async def test_a_listener_that_fails_takes_nothing_from_the_others(make: Make, caplog) -> None:
    def fail(event: EngineEvent) -> None:
        raise RuntimeError("a bug in a screen")

    events: list[EngineEvent] = []
    engine = make(fail)
    unsubscribe = engine.subscribe(events.append)
    await engine.start()
    unsubscribe()
    unsubscribe()
    await engine.request(LoadModel("load"))
    await engine.stop()
    assert [type(event) for event in events] == [EngineStarted]
    assert "a listener failed on EngineExited" in caplog.text


async def test_a_stream_can_be_closed_early(make: Make) -> None:
    engine = make()
    stream = engine.events()
    await engine.start()
    stream.close()
    await engine.request(LoadModel("load"))
    assert [type(event) async for event in stream] == [EngineStarted]
    later = engine.events()
    await engine.request(LoadModel("again"))
    await engine.stop()
    kinds = [type(event) async for event in later]
    assert (kinds[0], kinds[-2], kinds[-1]) == (LoadProgressed, ModelLoaded, EngineExited)


# the log ----------------------------------------------------------------------------------------


async def test_logs_are_private_and_the_last_three_are_kept(make: Make) -> None:
    for _ in range(5):
        engine = make(log=["a line"])
        await engine.start()
        log = engine.log
        await engine.stop()
        assert log is not None
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert log.read_text() == "a line\n"
    assert log is not None
    assert sorted(log.parent.iterdir())[-1] == log
    assert len(list(log.parent.iterdir())) == 3
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


async def test_without_a_place_for_the_log_it_runs_all_the_same(make: Make, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    engine = await loaded(make())
    assert engine.log is None
    os.kill(engine.pid or 0, signal.SIGKILL)
    await until(lambda: not engine.running)
    assert engine.exited is not None
    assert (engine.exited.last_lines, engine.exited.log) == ((), "")


# words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exited", "message"),
    [
        (EngineExited(None, 9), "The engine was killed by signal 9 (SIGKILL): probably because the machine ran out of memory."),
        (EngineExited(None, 11), "The engine was killed by signal 11 (SIGSEGV): it crashed inside a native library."),
        (EngineExited(None, 10), "The engine was killed by signal 10 (SIGUSR1)."),
        (EngineExited(None, 99), "The engine was killed by signal 99."),
        (EngineExited(1, None), "The engine ended with exit code 1."),
        (EngineExited(0, None), "The engine left by itself."),
        (EngineExited(None, 9, asked=True), "The engine was stopped."),
    ],
)  # fmt: skip
def test_the_end_in_words(exited: EngineExited, message: str) -> None:
    assert exited.message == message
    assert exited.hint
    assert exited.as_error().message == message
