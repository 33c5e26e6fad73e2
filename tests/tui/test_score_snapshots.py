"""Pictures of every state of the score screens at 80x24 and 120x40. Look at a changed picture before accepting it (`make snap`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.core.generation import GenerationRun, RunKind
from aligntui.tui.modals.score_form import ScoreForm
from aligntui.tui.screens.score import ScoreScreen
from aligntui.tui.screens.score_results import ResultsScreen
from aligntui.wire.engine import LoadProgressed
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.generation.progress import RunProgress
from aligntui.workbench.scoring.comparing import Source, compare
from aligntui.workbench.scoring.desk import ScoreDesk
from aligntui.workbench.scoring.live import LiveScores
from aligntui.workbench.scoring.plan import ScorePlan
from aligntui.workbench.scoring.scored import Scored, score_answers
from tests.score.suite_builders import small_ifeval, small_track_a
from tests.workbench.score_bench import answer, plan

from .conftest import wait_for
from .test_snapshots import SIZES, picture  # noqa: F401  the fixture

TRACK_A = plan(small_track_a(12))
IFEVAL = plan(small_ifeval(24))
GOOD, BAD = "no comma and just six words", "One, two, three."


def run(number: int, made: ScorePlan, name: str, done: int | None = None) -> GenerationRun:
    """A run as the database would know it."""
    return GenerationRun(
        f"score_01m7z57my7atcyp{number:03}", RunKind.SCORE, name, "session", made.as_dict(),
        f"2026-11-21T1{number}:20:00.000Z", len(made.cells), len(made.cells) if done is None else done, 0,
    )  # fmt: skip


RUNS = [
    run(5, TRACK_A, "tracka (12 of 480): base, demo", 0),
    run(4, IFEVAL, "after 400 steps", 31),
    run(3, TRACK_A, "broken", 7),
    run(2, IFEVAL, "after 200 steps"),
    run(1, TRACK_A, "tracka: base, demo"),
]


def judged(made: ScorePlan, one: GenerationRun) -> Scored:
    """Demo does better than base on some, worse on a few."""
    answers = {}
    for number, (key, place) in enumerate(made.places.items()):
        good = number % 5 if place.side else number % 3
        answers[key] = answer(GOOD if good else BAD)
    return score_answers(one, answers)


async def opened(app, pilot, runs=RUNS, at: int = 0) -> ScoreScreen:
    """The score screen over these runs."""
    desk = app.score_desk

    async def load() -> None:
        desk.runs = list(runs)
        desk.emit()

    desk.load = load
    app._chat_screen.action_score()
    await wait_for(pilot, lambda: isinstance(app.screen, ScoreScreen) and app.screen._listed is not None, what="screen")
    screen = app.screen
    screen._timer.stop()
    if runs:
        screen.listing.move_to(at)
    await pilot.pause(0.2)
    return screen


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_empty(picture, size):  # noqa: F811
    async def empty(app, pilot):
        await opened(app, pilot, [])

    assert picture(size, empty)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_loading(picture, size):  # noqa: F811
    async def loading(app, pilot):
        engine = app.bench.chat.state.engine
        engine.phase, engine.progress = Phase.LOADING, LoadProgressed("load", "weights", 3, 10)
        await opened(app, pilot, [])

    assert picture(size, loading)


def running(desk: ScoreDesk) -> None:
    """The second run is under way, the first one waits."""
    made = ScorePlan.from_dict(RUNS[1].plan)
    keys = list(made.places)[:31]
    live = LiveScores(made, {key: answer(GOOD if n % 3 else BAD) for n, key in enumerate(keys)})
    desk.running, desk.sitting, desk.waiting = RUNS[1], RUNS[1].id, [RUNS[0]]
    desk.progress, desk.live = RunProgress(48, 31, began=0.0), live.rates()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("at", range(5), ids=["waiting", "running", "failed", "whole", "judged"])
def test_snapshot_score_states(picture, size, at):  # noqa: F811
    async def state(app, pilot):
        desk = app.score_desk
        running(desk)
        desk.failures[RUNS[2].id] = "The engine went away: killed by signal 9. Restart it with F12."
        desk._scored[RUNS[4].id] = (RUNS[4].done, judged(TRACK_A, RUNS[4]))
        desk.marked = [RUNS[3].id, RUNS[1].id]
        await opened(app, pilot, at=at)

    assert picture(size, state)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_stopped(picture, size):  # noqa: F811
    async def stopped(app, pilot):
        await opened(app, pilot, at=1)

    assert picture(size, stopped)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_without_colour(picture, size, monkeypatch):  # noqa: F811
    monkeypatch.setenv("NO_COLOR", "1")

    async def state(app, pilot):
        running(app.score_desk)
        await opened(app, pilot, at=1)

    assert picture(size, state)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_form(picture, size):  # noqa: F811
    async def form(app, pilot):
        await opened(app, pilot)
        app.push_screen(ScoreForm(app.score_desk, "There is no file mine.jsonl."))
        await wait_for(pilot, lambda: isinstance(app.screen, ScoreForm), what="form")

    assert picture(size, form)


async def results(app, pilot, runs, found, comparison=None) -> ResultsScreen:
    await opened(app, pilot)
    app.push_screen(ResultsScreen(app.score_desk, app.bench.workspace.exports, runs, found, comparison))
    await wait_for(pilot, lambda: isinstance(app.screen, ResultsScreen) and app.screen.view, what="results")
    await pilot.pause(0.1)
    return app.screen


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ["scores", "prompts", "summary"])
def test_snapshot_score_results(picture, size, view):  # noqa: F811
    async def shown(app, pilot):
        screen = await results(app, pilot, [RUNS[3]], [judged(IFEVAL, RUNS[3])])
        await pilot.press("down", "down")
        screen.open_view(view)
        await wait_for(pilot, lambda: view != "prompts" or screen._reasons or size[0] < 112, what="reasons")

    assert picture(size, shown)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_results_without_colour(picture, size, monkeypatch):  # noqa: F811
    monkeypatch.setenv("NO_COLOR", "1")

    async def shown(app, pilot):
        await results(app, pilot, [RUNS[4]], [judged(TRACK_A, RUNS[4])])

    assert picture(size, shown)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_results_part_and_stale(picture, size):  # noqa: F811
    async def part(app, pilot):
        made = plan(small_track_a(12).limited(8))
        one = run(4, made, "half", 9)
        keys = list(made.places)[:7]
        await results(app, pilot, [one], [score_answers(one, dict.fromkeys(keys, answer(GOOD)))])

    assert picture(size, part)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_prompt_alone(picture, size):  # noqa: F811
    async def alone(app, pilot):
        screen = await results(app, pilot, [RUNS[3]], [judged(IFEVAL, RUNS[3])])
        await pilot.press("2", "enter")
        await wait_for(pilot, lambda: screen._reasons, what="reasons")

    assert picture(size, alone)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_score_filter_leaves_nothing(picture, size):  # noqa: F811
    async def nothing(app, pilot):
        one = replace(RUNS[4])
        await results(app, pilot, [one], [score_answers(one, dict.fromkeys(TRACK_A.places, answer(GOOD)))])
        await pilot.press("2", "f")

    assert picture(size, nothing)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ["progression", "models"])
def test_snapshot_score_comparison(picture, size, view):  # noqa: F811
    async def compared(app, pilot):
        first, second = (
            judged(IFEVAL, RUNS[3]),
            score_answers(RUNS[1], {key: answer(GOOD if n % 7 else BAD) for n, key in enumerate(IFEVAL.places)}),
        )
        third = judged(TRACK_A, RUNS[4])
        found = compare([Source("200", first), Source("400", second), Source("tracka", third)])
        groups = [one.scored for one in found.groups]
        screen = await results(app, pilot, [RUNS[3], RUNS[1], RUNS[4]], groups, found)
        screen.open_view(view)

    assert picture(size, compared)
