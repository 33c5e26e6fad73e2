"""The state of the switch grid: what is stale, what is asked, what stays when the asking ends early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Prompt
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import cross, wordings_of
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.grid import PROMPT_ID, Grid, GridCell, Row, Stage
from aligntui.workbench.switching.plan import make_plan
from tests.store.builders import make_answer
from tests.workbench.switch_bench import BASE, DEMO, types

PROMPT = Prompt("turn_p", "session_1", None, "exchange_1", "Why?", "2026-01-01T00:00:00.000Z")
WARM = Asking(Sampling(temperature=0.5))
SIDES = (Side("base"), Side("demo", DEMO, "a" * 64))


def grid_of(*names: str, sides: tuple[Side, ...] = SIDES, asking: Asking = WARM) -> Grid:
    rows = [Row(one, ("x",)) for one in wordings_of(types(*(names or ("neutral", "concise", "vivid"))), ("direct",))]
    return Grid("Why?", rows, sides, asking)


def fill(grid: Grid, cells: list[GridCell], text: str = "because") -> None:
    for cell in grid.ask(cells):
        grid.filled(cell.key, make_answer(PROMPT, f"{text} {cell.label}"), cached=False)


def fill_all(grid: Grid) -> None:
    fill(grid, list(grid.cells.values()))


def test_a_new_grid_asks_every_cell_once_and_names_it_as_the_runs_plan_does() -> None:
    grid = grid_of("neutral", "concise")
    asked = grid.ask(grid.unanswered())
    found = types("neutral", "concise")
    dataset = cross("sheet", [BankPrompt(PROMPT_ID, "Why?")], found, wordings_of(found, ("direct",)))
    assert sorted(asked, key=lambda cell: cell.key) == sorted(
        make_plan(dataset, BASE, SIDES, WARM, noise=False).cells, key=lambda cell: cell.key
    )
    assert grid.running and not grid.unanswered() and not grid.answered()


def test_text_streams_into_its_cell_and_the_answer_replaces_it() -> None:
    grid = grid_of()
    key = grid.ask([grid.cells[1, 0]])[0].key
    cell = grid.cells[1, 0]
    assert cell.stage is Stage.WAITING
    grid.started(key)
    grid.text_came(key, "be", 1)
    grid.text_came(key, "cause", 2)
    assert (cell.stage, cell.text, cell.tokens) == (Stage.STREAMING, "because", 2)
    grid.filled(key, make_answer(PROMPT, "because."), cached=True)
    assert (cell.stage, cell.text, cell.cached) == (Stage.FILLED, "because.", True)
    grid.text_came(key, " late", 3)
    grid.broke(key)
    assert (cell.stage, cell.text) == (Stage.FILLED, "because."), "what comes after its end is of nobody"


def test_events_of_an_earlier_asking_do_not_reach_the_later_one() -> None:
    grid = grid_of()
    cell = grid.cells[0, 0]
    first = grid.ask([cell])[0].key
    second = grid.ask([cell], next_seed=True)[0].key
    grid.text_came(first, "old", 1)
    grid.filled(first, make_answer(PROMPT, "old"), cached=False)
    assert first != second and (cell.stage, cell.text, cell.seed) == (Stage.WAITING, "", 1)


def test_an_edited_row_alone_is_stale_and_is_not_when_its_text_is_put_back() -> None:
    grid = grid_of()
    fill_all(grid)
    text = grid.rows[1].wording.text
    grid.edit(1, "  Say it in Latin. ")
    assert grid.rows[1].wording.text == "Say it in Latin." and grid.rows[1].edited
    assert [cell.place for cell in grid.unanswered()] == [(1, 0), (1, 1)] == [cell.place for cell in grid.stale()]
    grid.edit(1, text)
    assert not grid.stale()


def test_two_edits_make_two_cells_of_the_run() -> None:
    grid = grid_of()
    keys = []
    for text in ("One way.", "Another way."):
        grid.edit(0, text)
        keys += [cell.key for cell in grid.ask(grid.of_row(0))]
        grid.break_off()
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    "asking",
    [
        replace(WARM, sampling=Sampling(temperature=0.9)),
        replace(WARM, sampling=Sampling(temperature=0.5, top_p=0.5)),
        replace(WARM, mode=Mode.ITA),
    ],
)
def test_other_settings_make_every_answer_stale_until_they_are_back(asking: Asking) -> None:
    grid = grid_of()
    fill_all(grid)
    grid.take_over(SIDES, asking)
    assert len(grid.stale()) == 6
    grid.take_over(SIDES, WARM)
    assert not grid.stale() and len(grid.answered()) == 6


def test_the_seed_of_the_next_prompt_makes_nothing_stale() -> None:
    grid = grid_of()
    fill_all(grid)
    grid.take_over(SIDES, replace(WARM, sampling=Sampling(temperature=0.5, seed=7)))
    assert not grid.stale()


def texts(grid: Grid) -> dict[tuple[int, str], tuple[str, bool]]:
    return {
        (cell.row, grid.sides[cell.side].name): (cell.text.split(" ")[0], grid.is_stale(cell))
        for cell in grid.cells.values()
        if cell.text
    }


def test_answers_stay_with_their_side() -> None:
    other = Side("other", DEMO, "b" * 64)
    half = Side("demo x0.5", DEMO, "a" * 64, 0.5)
    grid = grid_of("neutral", "concise")
    fill(grid, grid.of_side(0), "from-base")
    fill(grid, grid.of_side(1), "from-demo")
    grid.pinned = (1, 1)
    grid.take_over((SIDES[0], half), WARM)
    assert texts(grid)[0, "base"] == ("from-base", False)
    assert texts(grid)[0, "demo x0.5"] == ("from-demo", True), "a turned strength: in its place, and stale"
    grid.take_over(SIDES, WARM)
    assert not grid.stale(), "the strength is back"
    grid.take_over((SIDES[1], other, SIDES[0]), WARM)
    assert texts(grid)[0, "base"] == ("from-base", False), "it moved to the right"
    assert texts(grid)[1, "demo"] == ("from-demo", False)
    assert (0, "other") not in texts(grid) and grid.pinned == (1, 1)
    assert all(cell.place == place for place, cell in grid.cells.items())
    grid.take_over((other,), WARM)
    assert set(grid.cells) == {(0, 0), (1, 0)} and grid.pinned is None and grid.cursor == (0, 0)


def test_what_is_stopped_gives_back_what_stood_there() -> None:
    grid = grid_of()
    fill(grid, grid.of_row(0))
    before = grid.cells[0, 0].answer
    waiting, streaming = grid.ask(grid.of_row(0), next_seed=True)
    fresh = grid.ask(grid.of_row(1))
    for key in (streaming.key, fresh[0].key):
        grid.text_came(key, "half", 1)
    assert grid.cells[0, 0].seed == 1 and grid.cells[0, 0].answer is None
    grid.break_off()
    assert (grid.cells[0, 0].answer, grid.cells[0, 0].seed, grid.cells[0, 0].stage) == (before, 0, Stage.FILLED)
    assert grid.cells[0, 1].stage is Stage.FILLED and grid.cells[0, 1].text.startswith("because")
    assert (grid.cells[1, 0].stage, grid.cells[1, 0].text) == (Stage.BROKEN, "half")
    assert grid.cells[1, 1].stage is Stage.EMPTY
    assert waiting.key != grid.cells[0, 0].key


def test_a_cell_asked_twice_before_anything_came_gives_back_the_whole_answer() -> None:
    grid = grid_of()
    fill(grid, grid.of_row(0))
    for _ in range(2):
        grid.ask(grid.of_row(0), next_seed=True)
    grid.break_off()
    assert grid.cells[0, 0].stage is Stage.FILLED and grid.cells[0, 0].before is None


def test_the_neutral_row_is_the_reference_and_the_first_where_there_is_none() -> None:
    assert grid_of("concise", "neutral").neutral == 1
    assert grid_of("concise", "vivid").neutral == 0


@given(st.integers(-3, 9), st.integers(-3, 9))
def test_the_cursor_stays_on_a_cell(row: int, side: int) -> None:
    grid = grid_of()
    grid.move_to(row, side)
    assert grid.current.place == grid.cursor == (min(2, max(0, row)), min(1, max(0, side)))
