"""The runs screen without its screen: runs begun, watched, stopped, gone on with, measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, UserError
from aligntui.core.prompt_format import Mode
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import settings_for
from aligntui.workbench.switching.desk import WATCHED, RunOrder, SwitchDesk
from aligntui.workbench.switching.judging import By, begin_judging, fill_judging
from aligntui.workbench.switching.measuring import read_answers
from aligntui.workbench.switching.plan import NOISE, SwitchPlan
from aligntui.workbench.switching.sheet import Sheet
from tests.cli.conftest import make_adapter
from tests.workbench.switch_bench import scripted, types

ORDER = RunOrder(sample=2, instructions=("concise", "creative"), noise=False, name="mine")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    make_adapter(made.adapters, "polite")
    return made


@asynccontextmanager
async def opened(workspace: Workspace, *, script: dict | None = None, **flags) -> AsyncIterator[SwitchDesk]:
    settings = settings_for(workspace, {"adapter": ("polite",), "max_new_tokens": 24, **flags})
    argv = scripted(workspace.root.parent, **(script or {}))
    async with loaded_bench(workspace, settings, lambda bench: None, argv) as bench:
        yield SwitchDesk(workspace, bench.chat)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_run_is_begun_filled_and_listed(workspace: Workspace) -> None:
    async with opened(workspace) as desk:
        changes: list[int] = []
        desk.emit = lambda: changes.append(len(desk.latest))
        run = await desk.begin(ORDER)
        assert [(one.id, one.done) for one in desk.runs] == [(run.id, 0)] and run.name == "mine"
        await desk.go_on(run)
        assert [(one.done, one.cells) for one in desk.runs] == [(run.cells, run.cells)]
        assert desk.running is None and max(changes) == WATCHED == len(desk.latest)
        assert desk.latest[-1][0] in SwitchPlan.from_dict(run.plan).places


async def test_an_order_is_what_is_planned(workspace: Workspace) -> None:
    order = RunOrder(sample=3, seeds=2, instructions=("creative", "concise"), suites=("concise-detailed",))
    async with opened(workspace) as desk:
        plan = SwitchPlan.from_dict((await desk.begin(order)).plan)
        assert plan.types == ("creative", "concise") and plan.group(NOISE) is not None
        grid = plan.groups[0]
        assert (len(grid.prompts), grid.seeds) == (3, (0, 1))
        assert [(suite.name, len(suite.prompts)) for suite in plan.suites] == [("concise-detailed", 3)]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (RunOrder(dataset="nothing"), "no data set and no file"),
        (RunOrder(instructions=("concise", "consice")), "consice"),
        (RunOrder(suites=("sweet-sour",)), "no suite 'sweet-sour'"),
        (RunOrder(seeds=0), "at least once"),
    ],
)
async def test_what_is_no_order_begins_nothing(workspace: Workspace, order: RunOrder, says: str) -> None:
    async with opened(workspace) as desk:
        with pytest.raises(UserError, match=says):
            await desk.begin(order)
        await desk.load()
        assert not desk.runs


async def test_a_stopped_run_is_gone_on_with(workspace: Workspace) -> None:
    async with opened(workspace, script={"delay_s": 0.02}) as desk:
        run = await desk.begin(ORDER)
        going = asyncio.create_task(desk.go_on(run))
        await until(lambda: desk.latest)
        assert desk.running == run
        for refused in (desk.begin(ORDER), desk.go_on(run)):
            with pytest.raises(UserError, match="The run mine is under way"):
                await refused
        with pytest.raises(UserError, match="measured between them"):
            await desk.measure(run)
        await desk.stop()
        assert desk.running is None
        await going
        done = desk.runs[0].done
        assert 0 < done < run.cells
        await desk.go_on(desk.runs[0])
        assert desk.runs[0].done == run.cells
        assert desk.progress is not None and desk.progress.made + desk.progress.cached == run.cells - done


async def test_a_run_is_measured_with_progress(workspace: Workspace) -> None:
    async with opened(workspace) as desk:
        run = await desk.begin(ORDER)
        with pytest.raises(UserError, match="is answered yet"):
            await desk.measure(run)
        await desk.go_on(run)
        seen: list[tuple[int, int]] = []
        desk.emit = lambda: seen.append(desk.embedding)
        measured = await desk.measure(desk.runs[0])
        assert len(measured.answers) == run.cells
        assert max(seen)[0] == max(seen)[1] > 0 and desk.embedding == (0, 0)


async def test_sheet_and_runs_do_not_answer_at_once(workspace: Workspace) -> None:
    async with opened(workspace, script={"delay_s": 0.02}) as desk:
        sheet = Sheet(desk.chat, types("neutral", "concise"), lambda: None)
        run = await desk.begin(ORDER)
        asking = asyncio.create_task(sheet.ask("Why?"))
        await until(lambda: sheet.running and desk.chat.engine and desk.chat.engine.busy)
        with pytest.raises(UserError, match="making other answers"):
            await desk.go_on(run)
        assert desk.running is None
        await asking
        going = asyncio.create_task(desk.go_on(run))
        await until(lambda: desk.latest)
        with pytest.raises(UserError, match="making other answers"):
            await sheet.ask("And how?")
        await desk.stop()
        await going


async def test_what_stands_in_the_way_is_said_before_anything_is_stored(workspace: Workspace) -> None:
    async with opened(workspace) as desk:
        desk.chat.change(mode=Mode.NONE)
        with pytest.raises(UserError, match="no instruction reaches the model"):
            await desk.begin(ORDER)
        desk.chat.change(mode=Mode.SYSTEM)
        assert desk.chat.engine is not None
        await desk.chat.engine.close()
        with pytest.raises(EngineError):
            await desk.begin(ORDER)
        await desk.load()
        assert not desk.runs


async def test_a_lost_engine_keeps_what_was_finished(workspace: Workspace, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("What is salt?\n!crash now\n", "utf-8")
    async with opened(workspace) as desk:
        run = await desk.begin(RunOrder(dataset=str(prompts), instructions=("concise", "creative"), noise=False))
        with pytest.raises(EngineError, match="killed by signal 9"):
            await desk.go_on(run)
        assert desk.running is None and desk.runs[0].done < run.cells


async def test_a_judged_run_is_measured_by_both_and_its_judgements_are_no_run_in_the_list(workspace: Workspace) -> None:
    async with opened(workspace, script={"answers": [{"match": "Reply with one letter", "text": " A"}]}) as desk:
        run = await desk.begin(ORDER)
        await desk.go_on(run)
        assert (await desk.measure(run)).report.judge is None
        answers = await read_answers(desk.chat.store, run)
        judging = await begin_judging(desk.chat, run, answers, By.LETTER)
        await desk.load()
        assert desk.judged == {run.id: [f"embedded by letter (0 of {judging.cells} replies)"]}
        await fill_judging(desk.chat, judging, run, answers, lambda event: None)
        await desk.load()
        assert [one.id for one in desk.runs] == [run.id] and desk.judged == {run.id: ["embedded by letter"]}
        report = (await desk.measure(run)).report
        assert report.judge is not None and report.judge.recogniser == "judge embedded by letter"
