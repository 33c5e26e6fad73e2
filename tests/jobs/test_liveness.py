"""A process is known by its id and its start, so a recycled id is another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.jobs.liveness import ProcessRecord

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_lives_until_it_ends_and_a_zombie_does_not() -> None:
    child = subprocess.Popen(SLEEP)
    try:
        record = ProcessRecord.of(child.pid)
        assert record.is_alive
    finally:
        child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and nobody has waited for it
    assert not record.is_alive, "a zombie"
    child.wait()
    assert not record.is_alive


def test_a_recycled_id_is_not_alive() -> None:
    me = ProcessRecord.of()
    assert me.is_alive
    assert not replace(me, started=me.started - 60).is_alive
    assert replace(me, started=me.started - 0.5).is_alive, "two readings of one start time may differ a little"


def test_of_another_machine_nothing_can_be_told() -> None:
    elsewhere = replace(ProcessRecord.of(), host="somewhere-else")
    assert not elsewhere.is_here and not elsewhere.is_alive


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pid": 1}',
        '{"pid": "1", "started": 2}',
        '{"pid": true, "started": 2}',
        '{"pid": -1, "started": 2}',
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "process.json"
    path.write_text(text)
    assert ProcessRecord.read(path) is None


@pytest.mark.parametrize("key", ["started", "create_time"])
def test_the_start_is_read_under_both_of_its_names(tmp_path: Path, key: str) -> None:
    me = ProcessRecord.of()
    path = tmp_path / "process.json"
    path.write_text(json.dumps({"pid": me.pid, key: me.started, "host": me.host}))
    assert ProcessRecord.read(path) == me
    assert ProcessRecord.read(tmp_path / "missing.json") is None
