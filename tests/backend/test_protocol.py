"""The real process: its pipe stays clean, it survives bad lines, and it leaves when nobody listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntui.wire import codec
from aligntui.wire import engine as wire

HANGS_S = 90
ROOT = Path(__file__).parents[2]
NOISE = """
import os, sys
def noise():
    print("from python"); sys.__stdout__.write("from the old stdout\\n"); sys.__stdout__.flush()
    os.write(1, b"from C code\\n"); os.system("echo from a grandchild")
    try: input("a question? ")
    except EOFError: print("no answer")
import aligntui.backend.infer.warm_up as warm_up
plain = warm_up.warm_up
def loud(shelf, **more):
    noise(); plain(shelf, **more); noise()
warm_up.warm_up = loud
"""


class Engine:
    """The engine process and its pipe."""

    def __init__(self, log: Path, noisy: bool = False) -> None:
        self.log = log
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "aligntui.backend.infer"]
        if noisy:
            start = "from aligntui.backend.infer import __main__ as m\nm.main()"
            hook = f"import aligntui.backend.stdio as s\nclaim = s.claim\ndef loud():\n    p = claim()\n    exec({NOISE!r}, {{}})\n    return p\ns.claim = loud\n"
            command = [sys.executable, "-c", hook + start]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, env=environment
            )

    def send(self, line: bytes | Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line if isinstance(line, bytes) else codec.encode(line))
        self.process.stdin.flush()

    def until(self, kind: type) -> list[Any]:
        """Events up to the first of a kind; every line must be a message."""
        assert self.process.stdout is not None
        events: list[Any] = []
        for line in self.process.stdout:
            events.append(codec.decode(line))
            if isinstance(events[-1], kind):
                return events
            # waiting on would hang: nothing more comes of a request that failed
            assert not isinstance(events[-1], wire.RequestFailed), events[-1]
        raise AssertionError(f"the engine left: {self.log.read_text()[-2000:]}")


@pytest.fixture
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = Engine(tmp_path / "log", noisy=getattr(request, "param", False))
    watchdog = threading.Timer(HANGS_S, engine.process.kill)  # a hang ends as a failure with the log
    watchdog.start()
    yield engine
    watchdog.cancel()
    engine.process.kill()
    engine.process.wait()


@pytest.mark.parametrize("engine", [True], indirect=True)
def test_nothing_but_messages_comes_out_whatever_libraries_print(engine: Engine, tiny_llama: Path) -> None:
    (started,) = engine.until(wire.EngineStarted)
    assert (started.protocol, started.pid) == (wire.PROTOCOL_VERSION, engine.process.pid)
    assert "torch" in started.versions
    for line in (
        b"this is no message\n",
        b"\n",
        b"\xff\xfe\x00garbage\n",
        b'{"kind":"LoadModel"}\n',
        b'{"kind":"Nonsense","request":"x"}\n',
        b'{"kind":"GenerationFinished","request":"x","tokens":1,"decode_s":1,"prefill_s":1,"path":""}\n',
        b"[1,2]\n",
        b'"x"\n',
        b"null\n",
        b"[" * 100_000 + b"\n",
    ):
        engine.send(line)
    for _ in range(9):
        (failed,) = engine.until(wire.RequestFailed)
        assert failed.error == "engine"
    engine.send(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu", threads=1))
    *_, loaded = engine.until(wire.ModelLoaded)
    assert loaded.request == "l"
    engine.send(wire.StartGeneration("g", (wire.Row("x", (("user", "日本 👩‍👩‍👧?"),), max_new_tokens=4),)))
    *_, finished = engine.until(wire.GenerationFinished)
    assert finished.tokens == 4
    log = engine.log.read_text()
    for noise in ("from python", "from the old stdout", "from C code", "from a grandchild", "no answer"):
        assert log.count(noise) == 2, noise


def test_it_runs_at_lower_priority_and_leaves_on_end_of_input_also_while_decoding(
    engine: Engine, tmp_path: Path
) -> None:
    from tests.backend import tiny

    model = tiny.save_llama(tmp_path / "endless", max_position_embeddings=100_000)
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        values = json.loads((model / name).read_text())
        (model / name).write_text(json.dumps({**values, "eos_token_id": None, "eos_token": None}))
    engine.until(wire.EngineStarted)
    assert os.getpriority(os.PRIO_PROCESS, engine.process.pid) >= 10
    engine.send(wire.LoadModel("l", str(model), dtype="float32", device="cpu", threads=1))
    engine.until(wire.ModelLoaded)
    engine.send(wire.StartGeneration("g", (wire.Row("x", (("user", "Go on."),), max_new_tokens=90_000),)))
    engine.until(wire.TextArrived)
    assert engine.process.stdin is not None
    began = time.monotonic()
    engine.process.stdin.close()
    assert engine.process.wait(timeout=60) == 0
    assert time.monotonic() - began < 2


def test_cancel_and_stop_are_heard_while_it_decodes(engine: Engine, tiny_llama: Path) -> None:
    engine.send(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu", threads=1))
    engine.until(wire.ModelLoaded)
    row = wire.Row("x", (("user", "Go on."),), max_new_tokens=400, temperature=3.0)
    engine.send(wire.StartGeneration("g", (row,)))
    engine.until(wire.TextArrived)
    engine.send(wire.CancelGeneration("c", "g"))
    *_, finished = engine.until(wire.GenerationFinished)
    assert finished.tokens < 400
    engine.send(wire.StartGeneration("h", (row,)))
    engine.until(wire.TextArrived)
    engine.send(wire.StopEngine("s"))
    assert engine.process.wait(timeout=60) == 0


def test_it_leaves_when_nobody_reads_its_events(engine: Engine) -> None:
    engine.until(wire.EngineStarted)
    assert engine.process.stdout is not None
    engine.process.stdout.close()
    engine.send(b"garbage\n")
    assert engine.process.wait(timeout=60) == 0


def test_embedding_needs_no_chat_model_and_a_long_run_follows(engine: Engine, tiny_llama: Path, tmp_path: Path) -> None:
    from tests.backend.test_embedding import save_bert, vectors_of

    bert = save_bert(tmp_path / "bert", pooling_mode_mean_tokens=True)
    engine.send(wire.EmbedTexts("e", ("one", "two\n日本", ""), str(bert)))
    *stages, embedded = engine.until(wire.TextsEmbedded)
    assert {event.request for event in stages[1:]} == {"e"}
    assert vectors_of(embedded).shape == (3, 32)
    engine.send(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu", threads=1))
    engine.until(wire.ModelLoaded)
    rows = tuple(wire.Row(f"{n}", (("user", "Go on."),), max_new_tokens=1 + n % 4, seed=n) for n in range(50))
    engine.send(wire.StartGeneration("g", rows, at_once=8, stream=False))
    *events, finished = engine.until(wire.GenerationFinished)
    assert sum(isinstance(event, wire.AnswerFinished) for event in events) == 50
    assert finished.computed_tokens > finished.tokens
