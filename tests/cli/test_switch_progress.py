"""How far a run has come, in words."""

from __future__ import annotations

import time

import pytest

from aligntui.cli.progress_line import ProgressLine, duration, progress_text
from aligntui.workbench.generation.progress import RunProgress


def minutes_ago(minutes: float, **counts: int) -> RunProgress:
    return RunProgress(began=time.monotonic() - 60 * minutes, **counts)


def test_what_is_not_known_is_not_said() -> None:
    assert progress_text(RunProgress(4000)) == "0 of 4,000 answers"
    assert RunProgress(4000).eta_s is None and RunProgress(4000).padding_share is None
    assert minutes_ago(10, cells=10, done=2, made=2).eta_s is None, "two answers are no measure of speed"
    assert minutes_ago(10, cells=10, done=10, made=10).eta_s is None, "nothing is left"


def test_everything_that_is_known_is_said() -> None:
    progress = minutes_ago(
        100, cells=4000, done=1200, cached=200, made=1000, failed=3, refused=2, tokens=60_000,
        computed_tokens=1000, padding_tokens=43,
    )  # fmt: skip
    assert progress_text(progress) == (
        "1,200 of 4,000 answers, 200 cached, 3 broke off, 2 refused, 10 tokens/s, padding 4.3%, about 4.7 h left"
    )
    assert progress.left == 2800


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (89.4, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h"), (36_000, "10.0 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_elsewhere_than_on_a_terminal_nothing_is_drawn_over(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine()
    line.show(minutes_ago(1, cells=4, done=1))
    line.show(minutes_ago(1, cells=4, done=2))
    line.clear()
    assert capsys.readouterr().err == "1 of 4 answers\n"
