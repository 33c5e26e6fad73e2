"""What goes wrong with servers: no whole answer is lost, nothing is asked twice, and what is missing is named."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.engine.servers.events import ServerEvent
from aligntui.wire.engine import GenerationFinished, StartGeneration
from aligntui.workbench.engine_link import AnswerEvent
from aligntui.workbench.generation import batch
from aligntui.workbench.generation.cells import Side
from aligntui.workbench.generation.progress import CellBroken, CellFilled
from tests.openai_server import Manners, OpenAIServer
from tests.served_voice import tiny_folders
from tests.workbench.served_runs import GREEDY, PROMPTS, opened, two_servers
from tests.workbench.switch_bench import ROOT, cells_over


async def test_a_server_that_dies_leaves_its_cells_to_the_others(tmp_path: Path) -> None:
    with two_servers() as (steady, dying):
        async with opened(tmp_path, steady, dying) as bench:
            dying.manners.die_after = dying.answered + 3
            steady.manners.delay_s = 0.02
            cells = cells_over([f"Question {n}?" for n in range(12)])
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            assert (progress.left, progress.failed) == (0, 0)
            assert len(progress.problems) == 1 and dying.url.split("/")[2] in progress.problems[0]
            engines = Counter(answer.conditions.engine for answer in (await bench.answers(run)).values())
            assert engines[f"server:{dying.url.split('/')[2]}"] in (2, 3), "its last answer may be lost on the way"


async def test_without_a_server_left_what_was_finished_stays_and_the_rest_is_asked_of_another(tmp_path: Path) -> None:
    cells = cells_over(PROMPTS)
    with OpenAIServer() as dying:
        async with opened(tmp_path, dying) as bench:
            dying.manners.die_after = dying.answered + 5
            run = await bench.begin(cells)
            with pytest.raises(
                EnvironmentProblem, match=r"No server is left for \d+ of the questions.*cannot be reached"
            ):
                await bench.fill(run, cells)
            kept = await bench.answers(run)
            assert 1 <= len(kept) <= 5 and not any(answer.finish.partial for answer in kept.values())
    with OpenAIServer() as fresh:
        async with opened(tmp_path, fresh) as bench:
            assert (await bench.fill(run, cells)).left == 0
            assert len(fresh.questions()) == 16 - len(kept)
            answers = await bench.answers(run)
            assert {key: answers[key].id for key in kept} == {key: answer.id for key, answer in kept.items()}


async def test_a_killed_process_loses_no_answer(tmp_path: Path) -> None:
    base, _ = tiny_folders()
    argv = [sys.executable, str(ROOT / "tests" / "openai_server.py"), "--model", str(base), "--delay", "0.05"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        url = (await asyncio.to_thread(process.stdout.readline)).strip()
        async with opened(tmp_path, url) as bench:
            cells = cells_over([f"Question {n}?" for n in range(20)], sides=1)
            run = await bench.begin(cells)
            filling = asyncio.create_task(bench.fill(run, cells, at_once=2))
            while sum(isinstance(event, CellFilled) for event in bench.told) < 4 and not filling.done():
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            with pytest.raises(EnvironmentProblem, match="No server is left"):
                await filling
            told = {event.key for event in bench.told if isinstance(event, CellFilled)}
            assert set(await bench.answers(run)) == told and 4 <= len(told) < 40
    finally:
        process.kill()
        process.wait()


async def test_a_prompt_that_does_not_fit_holds_up_no_other(tmp_path: Path) -> None:
    with OpenAIServer(Manners(context=200)) as server:
        async with opened(tmp_path, server) as bench:
            assert bench.link.state.model is not None and bench.link.state.model.context_length == 200
            cells = cells_over([*PROMPTS, "word " * 80], [""], sides=1)
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            assert (progress.done, progress.refused, progress.missing) == (4, 1, ("4|0|0|0",))
            assert "maximum context length is 200" in progress.refusal and "--max-new-tokens" in progress.refusal
            only = cells_over(["word " * 80], [""], sides=1)
            with pytest.raises(UserError, match="longer than the context"):
                await bench.fill(await bench.begin(only), only)


async def test_a_server_that_refuses_everything_is_not_asked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_REFUSED", 3)
    with OpenAIServer(Manners(context=60)) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over([f"{n} {'word ' * 40}" for n in range(30)], [""], sides=1)
            with pytest.raises(UserError, match="longer than the context"):
                await bench.fill(await bench.begin(cells), cells, at_once=1)
            assert len(server.questions()) < 10


async def test_a_question_without_an_answer_is_named_and_asked_again_another_time(tmp_path: Path) -> None:
    with two_servers() as servers:
        async with opened(tmp_path, *servers) as bench:
            for server in servers:
                server.manners.fail_on = "Question 2?"
            cells = cells_over(PROMPTS, [""], sides=1)
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            assert (progress.done, progress.failed, progress.missing) == (3, 1, ("2|0|0|0",))
            assert "HTTP 500" in progress.problems[0] and "Internal error." in progress.problems[0]
            assert [event.key for event in bench.told if isinstance(event, CellBroken)] == ["2|0|0|0"]
            assert [len(server.questions("Question 2?")) for server in servers] == [3, 3], "each in spite of retries"
            for server in servers:
                server.manners.fail_on = ""
            assert (await bench.fill(run, cells)).left == 0


async def test_a_server_that_hangs_is_given_up(tmp_path: Path) -> None:
    with two_servers() as (steady, hanging):
        async with opened(tmp_path, steady, hanging, timeout_s=3.0) as bench:
            hanging.manners.hang_on = '"model"'
            cells = cells_over([f"Question {n}?" for n in range(8)], [""], sides=1)
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            assert progress.left == 0 and hanging.answered == 2, "its greetings"
            assert "has not answered within 3 s" in progress.problems[0]


async def test_stop_keeps_whole_answers(tmp_path: Path) -> None:
    with OpenAIServer(Manners(delay_s=0.03)) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over([f"Question {n}?" for n in range(20)], [""])
            run, filler = await bench.begin(cells), bench.filler()
            filling = asyncio.create_task(filler.fill(run, cells, bench.sides, GREEDY, at_once=2))
            while not any(isinstance(event, CellFilled) for event in bench.told) and not filling.done():
                await asyncio.sleep(0.01)
            await filler.stop()
            progress = await filling
            assert 1 <= progress.done < 40 and len(progress.missing) == progress.left == 40 - progress.done
            assert len(await bench.answers(run)) == progress.done
            assert not bench.link.busy
            assert (await bench.fill(run, cells, at_once=8)).left == 0, "the link is free again"


async def test_stopped_before_the_first_question_it_asks_nothing(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with opened(tmp_path, server) as bench:
            rows = tuple(cell.row(Side("base"), GREEDY) for cell in cells_over(PROMPTS, sides=1))
            told: list[AnswerEvent | ServerEvent] = []
            await bench.link.ask(StartGeneration("g", rows), told.append)
            await bench.link.stop_generation()
            assert [type(event) for event in told] == [GenerationFinished] and not bench.link.busy
            await bench.link.stop_generation()
            assert len(told) == 1 and not server.questions()


async def test_a_fault_of_our_own_is_told_to_who_waits(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS, sides=1)
            run = await bench.begin(cells)
            object.__setattr__(bench.link.offers[0].dialect, "api", "no such interface")
            with pytest.raises(EngineError, match="Asking the servers failed"):
                await bench.fill(run, cells)
            assert not bench.link.busy


async def test_a_cancelled_task_leaves_idle_servers(tmp_path: Path) -> None:
    with OpenAIServer(Manners(delay_s=0.05)) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS)
            run = await bench.begin(cells)
            filling = asyncio.create_task(bench.fill(run, cells, at_once=2))
            while not any(isinstance(event, CellFilled) for event in bench.told) and not filling.done():
                await asyncio.sleep(0.01)
            filling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await filling
            asked = len(server.questions())
            await asyncio.sleep(0.2)
            assert filling.cancelled() and len(server.questions()) == asked and not bench.link.busy
