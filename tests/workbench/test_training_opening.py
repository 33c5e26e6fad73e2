"""A console that opens beside a training: its engine waits where there is no room, and starts when there is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace, embedded_model
from aligntui.jobs.starting import living_runs, start_run
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.columns import Columns
from aligntui.workbench.engine_link import ModelWish
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.memory.measuring import Device
from aligntui.workbench.opening import settings_for
from aligntui.workbench.training.desk import TrainDesk
from aligntui.workbench.training.fit import IMPORTS_BYTES
from aligntui.workbench.training.launching import stop
from aligntui.workbench.training.opening import engine_need
from tests.jobs.runs import ENVIRONMENT, make_run, no_process_left, wait_until
from tests.workbench.switch_bench import scripted

GIB = 1 << 30


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = Workspace(tmp_path / "work")
    made.make()
    return made


def test_an_engine_needs_its_weights_and_what_it_imports() -> None:
    folder = embedded_model()
    assert folder is not None, "tests/conftest.py fetches it"
    weights = (folder / "model.safetensors").stat().st_size
    whole = engine_need(ModelWish(dtype="float32"), Device())  # as it lies on the disk
    assert whole is not None and whole == pytest.approx(1.2 * weights + IMPORTS_BYTES, rel=0.01)
    half = engine_need(ModelWish(dtype="bfloat16"), Device())
    small = engine_need(ModelWish(quantisation="nf4"), Device("gpu"))
    assert half is not None and small is not None and small < half < whole
    assert engine_need(ModelWish(model="nobody/knows-this"), Device()) is None


async def test_a_console_waits_for_a_training_that_leaves_no_room(workspace: Workspace) -> None:
    folder = make_run(workspace, "big", steps=4000, step_s=0.05)
    settings = settings_for(workspace, {"adapter": ("",)})
    with no_process_left(folder):
        async with loaded_bench(workspace, settings, lambda _bench: None, scripted(workspace.root.parent)) as bench:
            assert bench.chat.engine is not None
            await bench.chat.engine.close()
            desk = TrainDesk(workspace, bench.chat, Columns(bench.chat), GIB // 2)
            assert await desk.open_engine() is None, "nothing is being trained"
            assert bench.chat.state.engine.phase is Phase.READY

            await bench.chat.engine.close()
            start_run(folder, resume=False).leave()
            wait_until(lambda: living_runs(workspace))
            assert [folder.name for folder, _ in living_runs(workspace)] == ["big"]
            roomy = TrainDesk(workspace, bench.chat, Columns(bench.chat))
            assert await roomy.open_engine() is None, "there is room for both"
            assert bench.chat.state.engine.phase is Phase.READY

            await bench.chat.engine.close()
            wait = await desk.open_engine()
            assert wait is not None and bench.chat.engine.pid is None
            assert bench.chat.state.engine.phase is Phase.GAVE_WAY
            assert "the run big" in bench.chat.state.engine.message
            waiting = asyncio.ensure_future(wait())
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await desk.look()
            stop(workspace, desk.rows[0].run)
            await asyncio.wait_for(waiting, 60)
            assert bench.chat.state.engine.phase is Phase.READY
