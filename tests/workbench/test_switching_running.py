"""Switch runs over a chat: begun with what is loaded, gone on with only where it is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, UserError
from aligntui.core.generation import RunKind
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.store import open_store
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import Column
from aligntui.workbench.generation.base_and_sides import check_same, sides_of
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.progress import CellEvent, CellFilled, RunProgress
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.headless.switch import resume_run, switch_run
from aligntui.workbench.opening import Workbench, settings_for
from aligntui.workbench.store_thread import StoreThread
from aligntui.workbench.switching.plan import SwitchPlan
from aligntui.workbench.switching.running import SwitchWish, asking_of, begin_run, fill_run
from tests.cli.conftest import make_adapter
from tests.workbench.switch_bench import DEMO, data_set, scripted


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    make_adapter(made.adapters, "polite")
    return made


def settings(workspace: Workspace, **flags: object):
    return settings_for(workspace, {"adapter": ("polite",), "max_new_tokens": 8, "dtype": "float32", **flags})


@asynccontextmanager
async def opened(workspace: Workspace, **flags: object) -> AsyncIterator[Workbench]:
    argv = scripted(workspace.root.parent)
    async with loaded_bench(workspace, settings(workspace, **flags), lambda bench: None, argv) as bench:
        yield bench


async def both(chat: Chat, **wish: object) -> tuple[SwitchPlan, RunProgress]:
    run = await begin_run(chat, SwitchWish(data_set(2), noise=False, **wish))
    return SwitchPlan.from_dict(run.plan), await fill_run(chat, run, lambda event: None)


async def test_a_run_is_what_the_chat_has_loaded(workspace: Workspace) -> None:
    async with opened(workspace, seed=5, strength=0.5, mode="ita") as bench:
        plan, progress = await both(bench.chat)
        assert [side.name for side in plan.sides] == ["base", "polite x0.5"]
        assert (plan.sides[0].adapter_sha256, len(plan.sides[1].adapter_sha256 or "")) == (None, 64)
        assert (plan.base.model, plan.base.dtype, plan.asking.mode) == ("embedded", "float32", Mode.ITA)
        assert {place.seed for place in plan.places.values()} == {5}
        assert (progress.done, progress.left) == (8, 0)
        (run,) = await bench.chat.store.run(lambda store: store.list_runs(RunKind.SWITCH))
        assert (run.name, run.cells, run.done) == ("switch small: base, polite x0.5", 8, 8)
        answers = await bench.chat.store.run(lambda store: dict(store.run_answers(run)))
        assert {answer.side for answer in answers.values()} == {"base", "polite x0.5"}
        assert {answer.conditions.mode for answer in answers.values()} == {"ita"}


async def test_seeds_make_answers_of_their_own(workspace: Workspace) -> None:
    async with opened(workspace, temperature=0.9, max_new_tokens=80) as bench:
        plan, progress = await both(bench.chat, seeds=3)
        assert progress.made == 24
        (run,) = await bench.chat.store.run(lambda store: store.list_runs())
        answers = await bench.chat.store.run(lambda store: dict(store.run_answers(run)))
        by_case: dict[tuple, set[str]] = {}
        for key, answer in answers.items():
            place = plan.places[key]
            by_case.setdefault((place.prompt.id, place.wording.type, place.side), set()).add(answer.text)
        assert {len(texts) for texts in by_case.values()} == {3}


async def test_a_run_can_be_stopped_by_its_filler(workspace: Workspace) -> None:
    async with opened(workspace) as bench:
        run = await begin_run(bench.chat, SwitchWish(data_set(6), noise=False))
        fillers: list[Filler] = []
        stopping: list[asyncio.Task[None]] = []

        def stop_at_the_first(event: CellEvent) -> None:
            if isinstance(event, CellFilled) and not stopping:
                stopping.append(asyncio.get_running_loop().create_task(fillers[0].stop()))

        progress = await fill_run(bench.chat, run, stop_at_the_first, at_once=1, on_filler=fillers.append)
        await stopping[0]
        assert 1 <= progress.done < progress.cells == 24
        assert (await fill_run(bench.chat, run, lambda event: None)).left == 0


async def test_only_the_same_base_and_the_same_weights_go_on(workspace: Workspace) -> None:
    async with opened(workspace) as bench:
        plan, _ = await both(bench.chat)
        check_same(bench.chat, plan.base, plan.sides)
        for changes, says in (
            ({"weights_sha256": "f" * 64}, "its weights' hash is ffffffffffff, not "),
            ({"template_sha256": "f" * 64}, "its chat template's hash is"),
            ({"dtype": "bfloat16"}, "its number format is bfloat16, not float32"),
            ({"quantisation": "nf4"}, "its quantisation is nf4, not none"),
        ):
            with pytest.raises(UserError, match=says):
                check_same(bench.chat, replace(plan.base, **changes), plan.sides)
        check_same(bench.chat, replace(plan.base, model="/a/copy"), plan.sides)
        bench.chat.state.adapter_hashes[str(workspace.adapters / "polite")] = "f" * 64
        with pytest.raises(UserError, match="adapter polite has other weights"):
            check_same(bench.chat, plan.base, plan.sides)
        (run,) = await bench.chat.store.run(lambda store: store.list_runs())
        with pytest.raises(UserError, match="adapter polite has other weights"):
            await fill_run(bench.chat, run, lambda event: None)


async def test_an_adapter_that_was_not_checked_begins_no_run(workspace: Workspace) -> None:
    async with opened(workspace) as bench:
        bench.chat.state.add_column(Column(DEMO))
        with pytest.raises(EngineError, match="demo was not checked"):
            await begin_run(bench.chat, SwitchWish(data_set(1)))
        assert await bench.chat.store.run(lambda store: store.list_runs()) == []
        assert await bench.chat.store.run(lambda store: store.list_sessions()) == []


async def test_a_chat_without_an_engine_begins_no_run(tmp_path: Path) -> None:
    chat = Chat(StoreThread(tmp_path / "x.db"), ChatSettings(mode=Mode.NONE), [Column()], lambda change: None)
    with pytest.raises(EngineError):
        await begin_run(chat, SwitchWish(data_set(1)))
    with pytest.raises(UserError, match="mode none"):
        asking_of(chat)
    assert [side.name for side in sides_of(chat)] == ["base"]
    await chat.close()


@pytest.mark.parametrize(
    ("flags", "seeds", "says"),
    [({"temperature": 0.0}, 2, "temperature above 0"), ({"mode": "none"}, 1, "mode none")],
)
async def test_what_needs_no_base_is_refused_before_one_is_loaded(
    workspace: Workspace, flags: dict[str, object], seeds: int, says: str
) -> None:
    loading: list[Workbench] = []
    with pytest.raises(UserError, match=says):
        await switch_run(
            workspace, settings(workspace, **flags), SwitchWish(data_set(1), seeds), loading.append,
            lambda run: None, lambda event: None, engine_argv=scripted(workspace.root.parent),
        )  # fmt: skip
    assert loading == []


async def test_a_run_goes_on_under_its_own_settings_and_without_its_file(workspace: Workspace) -> None:
    argv = scripted(workspace.root.parent, delay_s=0.01)
    wish = SwitchWish(data_set(6), noise=False)
    first = settings(workspace, seed=4, strength=0.5)
    run, done = await switch_run(workspace, first, wish, quiet, quiet, quiet, at_once=1, engine_argv=argv)
    with open_store(workspace.database) as store:
        with store.connection.write() as conn:
            conn.execute("DELETE FROM generation_cells WHERE key LIKE '%q3%'")
            conn.execute("DELETE FROM answer_cache")
        before = dict(store.run_answers(run))
    assert (done.left, len(before)) == (0, 20)
    other = settings_for(workspace, {"adapter": ("",), "dtype": "bfloat16", "seed": 99, "temperature": 0.0})
    again = await resume_run(workspace, other, run, quiet, quiet, quiet, engine_argv=argv)
    assert (again.made, again.done, again.left) == (4, 24, 0)
    with open_store(workspace.database) as store:
        after = dict(store.run_answers(run))
    assert before.items() <= after.items()
    assert {(a.conditions.dtype, a.conditions.seed, a.conditions.max_new_tokens) for a in after.values()} == {
        ("float32", 4, 8)
    }
    assert {answer.side for answer in after.values()} == {"base", "polite x0.5"}


async def test_a_run_whose_adapter_is_gone_says_so(workspace: Workspace) -> None:
    argv = scripted(workspace.root.parent)
    make_adapter(workspace.adapters, "broken")
    run, _ = await switch_run(
        workspace, settings(workspace), SwitchWish(data_set(1)), quiet, quiet, quiet, engine_argv=argv
    )
    plan = run.plan["sides"][1]
    plan["adapter"] = {"name": "broken", "path": str(workspace.adapters / "broken")}
    with pytest.raises(UserError, match="damaged"):
        await resume_run(workspace, settings(workspace), run, quiet, quiet, quiet, engine_argv=argv)


def quiet(_: object) -> None:
    """Hear nothing."""


async def test_a_run_has_the_name_that_it_was_given(workspace: Workspace) -> None:
    async with opened(workspace) as bench:
        run = await begin_run(bench.chat, SwitchWish(data_set(1), name="  first try "))
        assert run.name == "first try"
        assert Sampling(**run.plan["sampling"]) == bench.chat.settings.sampling
