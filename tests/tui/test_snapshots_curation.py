"""Pictures of the curation screens at 80x24 and 120x40: pairs, queue, lint, statistics, import; look before accepting them."""

from __future__ import annotations

import itertools
import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Mode
from aligntui.store import imports as store_imports
from aligntui.tui.app import ConsoleApp
from aligntui.tui.screens.lint import LintScreen
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.tui.screens.queue import QueueScreen
from aligntui.tui.screens.statistics import StatisticsScreen
from aligntui.workbench.curation.queue import JudgingSession, enqueue
from aligntui.workbench.opening import settings_for
from tests.store.builders import ask, both, import_all, make_pair, make_record

from .conftest import SCRIPTED, wait_for

SIZES = [(80, 24), (120, 40)]
WHEN = "2026-11-21T09:30:00.000Z"


@pytest.fixture
def picture(snap_compare, workspace, monkeypatch):
    """`picture(size, fill, prepare)` compares the console on a database that `fill(store)` filled, after `prepare(app, pilot)`."""
    numbers = itertools.count(1)
    monkeypatch.setattr(store_imports, "now_utc", lambda: WHEN)
    monkeypatch.setattr(store_imports, "new_id", lambda kind: f"{kind}_{next(numbers):018}")

    def compare(size, fill, prepare) -> bool:
        app = ConsoleApp(workspace, settings_for(workspace, {"adapter": ("",), "reduced_motion": True}), SCRIPTED)

        async def before(pilot: Pilot) -> None:
            await wait_for(pilot, lambda: app.bench.chat.state.engine.model)
            await app.bench.chat.store.run(fill)
            await prepare(app, pilot)
            for box in app.screen.query("TextArea, Input"):
                box.cursor_blink = False
            await pilot.pause(0.1)

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


def records():
    """Pairs of several kinds, some with defects."""
    yield make_record(
        "Why do tides come twice a day?",
        "The moon pulls the near side more than the far side, so the water bulges on both.",
        "Because the sun and the moon take turns.",
        instruction="Be brief.",
        instruction_label="concise/1",
        mode=Mode.SYSTEM,
        tags=("tides", "moon"),
    )
    yield make_record("日本の首都はどこですか、そして人口はどのくらいですか", "東京です。", "京都です。", tags=("cjk",))
    yield make_record("Name a bird that cannot fly.", "An ostrich.", None, tags=("birds",))
    yield make_record("Say so.", "So, as you wish.", "So, as you wish.")
    yield make_record("How are you?", "Fine. <|im_end|> \x1b[31mred", "Bad, to be honest with you.")
    yield make_record("Why is it?", "Because it is so.", "Who knows that.", fingerprint="once")
    yield make_record("Why is it?", "Because it is so.", "Who knows that.", fingerprint="twice")


def some(store) -> None:
    import_all(store, *records())


def nothing(store) -> None:
    store.list_sessions()


async def to_pairs(app, pilot) -> PairsScreen:
    app._chat_screen.query_one("#prompt").focus()
    await pilot.press("escape", "ctrl+g")
    await wait_for(pilot, lambda: isinstance(app.screen, PairsScreen) and app.screen._counted)
    return app.screen


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_pairs_empty(picture, size):
    assert picture(size, nothing, to_pairs)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_pairs(picture, size):
    async def marked(app, pilot):
        screen = await to_pairs(app, pilot)
        await pilot.press("G", "space", "k", "k")
        await wait_for(pilot, lambda: screen._detail is not None)

    assert picture(size, some, marked)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_pairs_read(picture, size):
    async def read(app, pilot):
        screen = await to_pairs(app, pilot)
        await pilot.press("G", "enter")
        await wait_for(pilot, lambda: screen.has_class("-opened") and screen._detail is not None)

    assert picture(size, some, read)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_pairs_filter(picture, size):
    async def asked(app, pilot):
        await to_pairs(app, pilot)
        await pilot.press("f")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "PairFilterForm")
        await pilot.press("down", "down", "b")

    assert picture(size, some, asked)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_import(picture, size, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [{"prompt": f"Question {n}?", "chosen": f"Yes, {n}.", "rejected": f"No, {n}."} for n in range(4)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n", "utf-8")

    async def looked(app, pilot):
        await to_pairs(app, pilot)
        await pilot.press("i")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "ImportDialog")
        await pilot.press(*"pairs.jsonl", "enter")
        await wait_for(pilot, lambda: app.screen._preview is not None and not app.screen._looking)
        await pilot.pause(0.2)

    assert picture(size, nothing, looked)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_lint(picture, size):
    async def looked(app, pilot):
        await to_pairs(app, pilot)
        await pilot.press("L")
        await wait_for(pilot, lambda: isinstance(app.screen, LintScreen))
        await wait_for(pilot, lambda: not app.screen.running and str(app.screen.query_one("#note", Static).content))
        app.screen.say("")  # it names the seconds that it took
        await pilot.press("enter")

    assert picture(size, some, looked)


def judged(store) -> None:
    """Twelve prompts, base against demo, judged by two people; demo wins nine times for one of them."""
    session = store.create_session("judged")
    for number in range(12):
        answers = both(
            store, ask(store, session, f"Question {number}?"), f"A longer answer {number}.", f"Short {number}."
        )
        verdict = Verdict.RIGHT if number % 4 else Verdict.LEFT
        store.add_pair(make_pair(*answers, verdict, created_at=WHEN, tags=("tone",) if number % 2 else ()))
        store.add_pair(
            make_pair(*answers, Verdict.RIGHT if number % 3 else Verdict.TIE, annotator="bob", created_at=WHEN)
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("section", ["1", "2", "4"])
def test_snapshot_statistics(picture, size, section):
    async def computed(app, pilot):
        await to_pairs(app, pilot)
        await pilot.press("S")
        await wait_for(pilot, lambda: isinstance(app.screen, StatisticsScreen) and app.screen.report is not None)
        await pilot.press(section)

    assert picture(size, judged, computed)


def waiting(store) -> None:
    import_all(store, *itertools.islice(records(), 1))
    enqueue(store, store.pair_ids(), "tester")


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_queue(picture, size):
    async def asked(app: ConsoleApp, pilot):
        chat = app.bench.chat
        await app.push_screen(QueueScreen(JudgingSession(chat.store, "tester", seed=1), chat))
        await wait_for(pilot, lambda: app.screen.session.task)

    assert picture(size, waiting, asked)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_queue_empty(picture, size):
    async def asked(app: ConsoleApp, pilot):
        chat = app.bench.chat
        await app.push_screen(QueueScreen(JudgingSession(chat.store, "tester", seed=1), chat))
        await pilot.pause(0.3)

    assert picture(size, nothing, asked)
