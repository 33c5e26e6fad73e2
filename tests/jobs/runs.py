"""Run folders and the scripted trainer that trains in them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, dump_config
from aligntui.jobs.folders import RunFolder, read_json, run_folder
from aligntui.jobs.starting import VARIABLE
from aligntui.wire import run_events as wire

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTED = json.dumps([sys.executable, str(ROOT / "tests" / "jobs" / "scripted_trainer.py")])
ENVIRONMENT = {VARIABLE: SCRIPTED}


def make_run(workspace: Workspace, name: str, **script: Any) -> RunFolder:
    """A submitted run of three records; `script` says how the scripted trainer behaves in it."""
    folder = run_folder(workspace, name)
    folder.train_data.parent.mkdir(parents=True)
    record = {"instruction": "Be kind.", "prompt": "Why is it raining?", "chosen": "Clouds.", "rejected": "No."}
    lines = [json.dumps({"id": f"r{n}", **record, "pair": None}) + "\n" for n in range(3)]
    folder.train_data.write_text("".join(lines))
    (folder.path / "script.json").write_text(json.dumps(script))
    folder.config.write_text(dump_config(TrainingConfig()))
    return folder


def write_events(folder: RunFolder, *events: wire.Event, first: int = 0, at: float = 1000.0) -> None:
    """Append events a second apart."""
    folder.path.mkdir(parents=True, exist_ok=True)
    with folder.events.open("ab") as stream:
        for place, event in enumerate(events):
            stream.write(wire.encode_event(first + place, at + place, event))


def started(total: int = 10) -> wire.Started:
    return wire.Started(1, "m", "h", "t", total, 100, "float32", "cpu")


def wait_until(done: Callable[[], object], deadline_s: float = 120) -> None:
    end = time.monotonic() + deadline_s
    while not done():
        assert time.monotonic() < end, "not within the deadline"
        time.sleep(0.02)


def seen(folder: RunFolder) -> list[str]:
    """Kinds of all events."""
    return [stamped.kind for stamped in wire.read_events(folder.events)[0]]


@contextmanager
def no_process_left(*folders: RunFolder) -> Iterator[None]:
    """Kill what still trains when a test is over, by the ids in the folders."""
    try:
        yield
    finally:
        for folder in folders:
            for path in (folder.launch, folder.process):
                # whoever was killed while it wrote leaves half of it, and is gone
                if record := read_json(path):
                    start = record.get("started", record.get("create_time"))
                    try:
                        process = psutil.Process(record["pid"])
                        if abs(process.create_time() - start) < 2 and process.pid != os.getpid():
                            process.kill()
                    except (psutil.Error, KeyError, TypeError):
                        continue
