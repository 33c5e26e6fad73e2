from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.core.errors import EnvironmentProblem
from aligntui.jobs.event_log import EventLog
from aligntui.wire import run_events as wire


def line(seq: int, message: str = "a") -> bytes:
    return wire.encode_event(seq, 1.0, wire.Warned(message))


def test_only_what_is_new_and_whole_is_handed_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    assert log.new() == [], "a run that has not begun has no file"
    path.write_bytes(line(0) + line(1)[:-9])
    assert [one.seq for one in log.new()] == [0]
    assert log.new() == []
    with path.open("ab") as stream:
        stream.write(line(1)[-9:] + b"no event\n" + line(2))
    assert [one.seq for one in log.new()] == [1, 2]


def test_a_file_that_took_the_place_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(0) + line(1))
    log = EventLog(path)
    assert len(log.new()) == 2
    other = tmp_path / "other"
    other.write_bytes(line(0, "new") + line(1) + line(2))
    other.rename(path)
    assert [one.seq for one in log.new()] == [0, 1, 2]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        EventLog(tmp_path / "events.jsonl").new()
