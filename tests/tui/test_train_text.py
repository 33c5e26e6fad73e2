"""Runs as text."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from aligntui.tui.train_text import figure, left, list_line, samples_view, span
from aligntui.wire import run_events as wire
from aligntui.workbench.training.screen_runs import Row, RunWatch
from tests.tui.train_bench import every_state, written_run


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (99, "99s"),
        (100, "1m"),
        (5999, "99m"),
        (6000, "1h40"),
        (47 * 3600, "47h00"),
        (48 * 3600, "2d"),
        (-3, "0s"),
    ],
)
def test_a_time_that_passed_takes_at_most_five_cells(seconds: float, text: str) -> None:
    assert span(seconds) == text and len(text) <= 5


def test_a_time_to_come_is_said_in_words() -> None:
    assert [left(s) for s in (0.2, 89, 90, 5940, 7260)] == [
        "about 1 s left", "about 89 s left", "about 2 min left", "about 99 min left", "about 2 h 01 min left",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.61234, "0.612"),
        (0.0, "0.000"),
        (12.34, "12.3"),
        (4321.0, "4e3"),
        (0.0004, "4e-4"),
        (-123.45, "-123.5"),
    ],
)
def test_a_loss_takes_at_most_six_cells(value: float | None, text: str) -> None:
    assert figure(value) == text and len(text) <= 6


@pytest.mark.parametrize("width", [40, 55, 62, 80, 120])
async def test_a_line_of_the_list_fits_whatever_the_state(workspace, width: int) -> None:
    every_state(workspace)
    watch = RunWatch(workspace)
    await watch.look()
    for row in watch.rows:
        line = list_line(row, width, marked=True)
        assert cell_len(line.plain) <= width, line.plain
        assert line.plain.startswith("▪") and row.name[:5] in line.plain


async def test_states_have_different_signs(workspace) -> None:
    every_state(workspace)
    watch = RunWatch(workspace)
    await watch.look()
    signs = {(row.problem != "", row.run.state): list_line(row, 80, marked=False).plain[1] for row in watch.rows}
    assert len(set(signs.values())) == len(signs)


async def test_samples_of_wide_characters_stay_in_their_columns(workspace) -> None:
    folder = written_run(workspace, "cita", steps=1, end=wire.Stopped(1))
    lines = [wire.Sample(0, "塩とは?", "", "塩は海の鉱物です。" * 6), wire.Sample(1, "塩とは?", "", "salt " * 30)]
    folder.events.write_bytes(b"".join(wire.encode_event(n, 1e9, event) for n, event in enumerate(lines)))
    row = await only(workspace)
    text = samples_view(row, 60, 0, {}).plain.splitlines()
    assert all(cell_len(line) <= 60 for line in text if "│" in line)
    assert "".join(line.partition("│")[0].strip() for line in text if "│" in line and "海" in line).count("塩") >= 5


async def test_a_prompt_that_was_not_sampled_later_has_an_empty_side(workspace) -> None:
    folder = written_run(workspace, "cita", steps=1, end=wire.Stopped(1))
    lines = [wire.Sample(0, "a?", "", "first"), wire.Sample(5, "b?", "", "nowhere to be seen")]
    folder.events.write_bytes(b"".join(wire.encode_event(n, 1e9, event) for n, event in enumerate(lines)))
    text = samples_view(await only(workspace), 60, 0, {}).plain
    assert "first" in text and "nowhere to be seen" not in text


async def only(workspace) -> Row:
    watch = RunWatch(workspace)
    await watch.look()
    return watch.rows[0]
