"""Switch runs over servers: begun, gone on with and refused by the code that serves local runs, unchanged."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, UserError
from aligntui.engine.servers.faults import ServerLost
from aligntui.wire.engine import AdapterRef, AnswerFinished, EmbedTexts, GenerationFinished, MeasureGap, StartGeneration
from aligntui.workbench.chat_state import Column
from aligntui.workbench.engine_link import AnswerEvent
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.generation.benches import bench_for, served_bench
from aligntui.workbench.generation.cells import Side
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.opening import Workbench, settings_for
from aligntui.workbench.switching.plan import SwitchPlan
from aligntui.workbench.switching.running import SwitchWish, begin_run, fill_run
from tests.openai_server import Manners, OpenAIServer
from tests.workbench.served_runs import GREEDY, NO_SERVER, PROMPTS, QUICK, wish_for
from tests.workbench.switch_bench import DEMO, cells_over, data_set, scripted


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def settings(workspace: Workspace, **flags: object) -> Settings:
    return settings_for(workspace, {"max_new_tokens": 4, "temperature": 0.0, **flags})


def bench_of(
    workspace: Workspace, *servers: OpenAIServer | str, columns: list[Column] | None = None, **flags: object
) -> AbstractAsyncContextManager[Workbench]:
    chosen = settings(workspace, **flags)
    return served_bench(workspace, chosen, wish_for(*servers), lambda bench: None, columns, patience=QUICK)


async def test_a_switch_run_over_servers_is_gone_on_with_on_another(workspace: Workspace) -> None:
    with OpenAIServer() as first:
        async with bench_of(workspace, first) as bench:
            assert [column.label for column in bench.chat.state.columns] == ["base", "tiny-demo"]
            run = await begin_run(bench.chat, SwitchWish(data_set(2), noise=False))
            plan = SwitchPlan.from_dict(run.plan)
            assert [side.name for side in plan.sides] == ["base", "tiny-demo"] and plan.base.model == "tiny"
            first.manners.fail_on = "What about 1?"
            progress = await fill_run(bench.chat, run, lambda event: None)
            assert 0 < progress.left == progress.failed == len(progress.missing)
    with OpenAIServer() as second:
        columns = [Column(side.adapter, side.strength) for side in plan.sides]
        async with bench_of(workspace, second, columns=columns) as bench:
            again = await fill_run(bench.chat, run, lambda event: None)
            assert (again.left, again.made) == (0, progress.left) and len(second.questions()) == progress.left


async def test_a_run_is_not_gone_on_with_on_other_models(workspace: Workspace) -> None:
    with OpenAIServer() as server, OpenAIServer(Manners(["qwen"])) as other:
        async with bench_of(workspace, server) as bench:
            run = await begin_run(bench.chat, SwitchWish(data_set(1), noise=False))
            sides = sides_of(bench.chat)
        async with bench_of(workspace, other, columns=[Column()]) as bench:
            with pytest.raises(UserError, match="begun with another base"):
                await fill_run(bench.chat, run, lambda event: None)
        columns = [Column(side.adapter, side.strength) for side in sides]
        with pytest.raises(UserError, match="No server serves tiny-demo"):
            async with bench_of(workspace, other, columns=columns):
                pass
        with pytest.raises(UserError, match="at strength 1"):
            async with bench_of(workspace, server, columns=[Column(DEMO, 0.5)]):
                pass


async def test_the_choice_of_servers_or_a_model_that_is_loaded_here(workspace: Workspace) -> None:
    chosen = settings(workspace, adapter=())
    with OpenAIServer() as server:
        async with bench_for(workspace, chosen, lambda bench: None, None, wish_for(server)) as bench:
            assert isinstance(bench.chat.engine, ServerLink)
    argv = scripted(workspace.root.parent)
    async with bench_for(workspace, chosen, lambda bench: None, argv) as bench:
        assert not isinstance(bench.chat.engine, ServerLink) and bench.chat.state.engine.model is not None
    with pytest.raises(UserError, match="begun on servers, where the base is llama, and none is named"):
        bench_for(workspace, replace(chosen, model="llama", dtype="unknown"), lambda bench: None)


async def test_an_unreachable_server_leaves_nothing_open(workspace: Workspace) -> None:
    seen: list[str] = []
    chosen = settings(workspace)
    with pytest.raises(ServerLost, match="cannot be reached"):
        async with served_bench(
            workspace,
            chosen,
            wish_for(NO_SERVER),
            lambda bench: seen.append(bench.chat.state.engine.phase),
            patience=QUICK,
        ):
            pass
    assert seen[0] == "loading" and "failed" in seen


async def test_what_servers_cannot_do_is_said() -> None:
    with OpenAIServer() as server:
        link = ServerLink(wish_for(server), patience=QUICK)
        await link.start()
        try:
            with pytest.raises(EngineError, match="no log-probabilities of a text"):
                await link.measure(MeasureGap("gap"))
            with pytest.raises(EngineError, match="made by the local engine"):
                await link.embed(EmbedTexts("embed"))
            assert (await link.inspect(AdapterRef("tiny-demo", "served:tiny-demo"))).sha256 == "unknown:tiny-demo"
        finally:
            await link.close()


async def test_who_knows_only_the_engine_is_told_in_its_words() -> None:
    told: list[AnswerEvent] = []
    with OpenAIServer(Manners(context=200)) as server:
        link = ServerLink(wish_for(server), patience=QUICK)
        await link.start()
        try:
            server.manners.fail_on = PROMPTS[1]
            cells = cells_over([PROMPTS[0], PROMPTS[1], "word " * 80], [""], sides=1)
            rows = tuple(cell.row(Side("base"), GREEDY) for cell in cells)
            await link.generate(StartGeneration("g", rows, at_once=2), told.append)
            with pytest.raises(EngineError, match="asked already"):
                await link.generate(StartGeneration("h", rows), told.append)
            await link.finished()
        finally:
            await link.close()
    ends = {event.row: event.finish for event in told if isinstance(event, AnswerFinished)}
    assert ends == {"0|0|0|0": "length", "1|0|0|0": "failed", "2|0|0|0": "failed"}
    assert isinstance(told[-1], GenerationFinished)
