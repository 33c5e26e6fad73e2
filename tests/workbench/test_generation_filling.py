"""Filling a run: every cell once, nothing asked twice, nothing whole ever lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.errors import EngineError, StoreError, UserError
from aligntui.core.turn import Finish
from aligntui.wire.engine import AnswerFinished, StartGeneration
from aligntui.workbench.engine_link import AnswerEvent
from aligntui.workbench.generation import filling
from aligntui.workbench.generation.cells import Side
from aligntui.workbench.generation.progress import CellBroken, CellEvent, CellFilled, CellStarted, CellText, RunMoved
from tests.workbench.switch_bench import DEMO, SHORT, Bench, cells_over, opened_bench, pages_are_scarce

PROMPTS = [f"Question {n}?" for n in range(4)]
TOO_LONG = "wor " * 9000
"""More than the scripted engine's context holds."""


async def texts(bench: Bench, run) -> dict[str, str]:
    return {key: answer.text for key, answer in (await bench.answers(run)).items()}


async def test_every_cell_is_filled_once_by_its_side_under_its_instruction(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS)
        run = await bench.begin(cells)
        progress = await bench.fill(run, cells, at_once=3)
        assert (progress.cells, progress.done, progress.made, progress.cached, progress.left) == (16, 16, 16, 0, 0)
        assert sorted(bench.link.rows) == sorted(cell.key for cell in cells)
        answers = await bench.answers(run)
        assert set(answers) == {cell.key for cell in cells}
        for cell in cells:
            answer = answers[cell.key]
            assert answer.conditions.instruction == cell.instruction.text
            assert answer.side == bench.sides[cell.side].name and answer.column == cell.side
            assert answer.instruction_label == cell.label and answer.conditions.seed == cell.seed
            assert answer.session_id == run.session_id
        exchanges = await bench.store.run(lambda store: list(store.exchanges(run.session_id)))
        assert [exchange.text for exchange in exchanges] == PROMPTS
        assert [len(exchange.takes) for exchange in exchanges] == [2, 2, 2, 2]
        assert all([a.column for a in take.answers] == [0, 1] for one in exchanges for take in one.takes)
        assert progress.tokens == sum(len(answer.token_ids) for answer in answers.values())
        assert progress.computed_tokens > progress.tokens and progress.padding_share == 0
        again = await bench.fill(run, cells)
        assert (again.done, again.made, len(bench.link.asked)) == (16, 0, 1)


async def test_what_is_told_in_order(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        (cell,) = cells_over(PROMPTS[:1], ["Be brief."], sides=1)
        run = await bench.begin([cell])
        await bench.fill(run, [cell], stream=True)
        kinds = [type(event) for event in bench.told]
        assert kinds[:2] == [RunMoved, CellStarted] and kinds[-3:] == [CellFilled, RunMoved, RunMoved]
        (filled,) = bench.of(CellFilled)
        assert "".join(event.text for event in bench.of(CellText)) == filled.answer.text
        stored = (await bench.answers(run))[cell.key]
        assert replace(filled.answer, logprobs=()) == replace(stored, logprobs=())
        bench.told.clear()
        await bench.fill(await bench.begin([cell]), [cell])
        assert [event.cached for event in bench.of(CellFilled)] == [True] and not bench.of(CellText)


async def test_a_second_run_of_the_same_asks_nothing(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS)
        first, second = await bench.begin(cells), await bench.begin(cells)
        await bench.fill(first, cells)
        asked = len(bench.link.asked)
        progress = await bench.fill(second, cells)
        assert (progress.cached, progress.made, len(bench.link.asked)) == (16, 0, asked)
        assert await bench.answers(second) == await bench.answers(first)


async def test_other_conditions_are_asked_anew(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS[:1])
        await bench.fill(await bench.begin(cells), cells)

        async def made(cells=cells, asking=SHORT, sides=bench.sides) -> int:
            return (await bench.filler().fill(await bench.begin(cells), cells, sides, asking)).made

        assert await made() == 0
        assert await made(cells_over(PROMPTS[:1], seed=1)) == 4, "another seed"
        assert await made(cells_over(PROMPTS[:1], ["Be brief.", "Be grand."])) == 2, "another instruction"
        longer = replace(SHORT, sampling=replace(SHORT.sampling, max_new_tokens=13))
        assert await made(asking=longer) == 4, "another limit"
        greedy = replace(SHORT, sampling=replace(SHORT.sampling, temperature=0.0))
        assert await made(asking=greedy) == 4, "another temperature"
        assert await made(cells_over(PROMPTS[:1], seed=9), greedy) == 0, "greedy decoding does not look at the seed"
        moved = replace(DEMO, path="/adapters/other")
        other = (await bench.link.inspect(moved)).sha256
        assert await made(sides=(Side("base"), Side("demo", moved, other))) == 2, "other weights"


async def test_another_number_format_is_asked_anew(tmp_path: Path) -> None:
    cells = cells_over(PROMPTS[:1])
    for dtype, made in (("float32", 4), ("bfloat16", 4), ("float32", 0)):
        async with opened_bench(tmp_path, dtype=dtype) as bench:
            progress = await bench.fill(await bench.begin(cells), cells)
            assert (progress.made, progress.cached) == (made, 4 - made)


async def test_cells_that_ask_the_same_are_asked_once(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over([PROMPTS[0]], sides=1)
        twins = [*cells, *(replace(cell, key=f"twin of {cell.key}") for cell in cells)]
        run = await bench.begin(twins)
        progress = await bench.fill(run, twins)
        assert (progress.made, progress.cached, progress.done) == (2, 2, 4)
        assert bench.link.rows == [cell.key for cell in cells]
        found = await texts(bench, run)
        assert all(found[cell.key] == found[f"twin of {cell.key}"] for cell in cells)


async def test_a_run_in_many_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "CHUNK", 3)
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS)
        run = await bench.begin(cells)
        progress = await bench.fill(run, cells)
        assert (progress.done, [len(request.rows) for request in bench.link.asked]) == (16, [3, 3, 3, 3, 3, 1])
        sessions = await bench.store.run(lambda store: list(store.exchanges(run.session_id)))
        assert [one.text for one in sessions] == PROMPTS, "a prompt is one turn, in however many requests it is asked"


async def test_stop_keeps_whole_answers_and_no_broken_one(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, delay_s=0.02) as bench:
        cells = cells_over(PROMPTS)
        run = await bench.begin(cells)
        stopping: list[asyncio.Task[None]] = []

        def stop_at_the_third(event: CellEvent) -> None:
            if isinstance(event, CellFilled) and not stopping and len(bench.of(CellFilled)) == 3:
                stopping.append(asyncio.get_running_loop().create_task(filler.stop()))

        filler = bench.filler(stop_at_the_third)
        progress = await filler.fill(run, cells, bench.sides, SHORT, at_once=3)
        await stopping[0]
        assert 3 <= progress.done < 16 and progress.left == 16 - progress.done
        answers = await bench.answers(run)
        assert len(answers) == progress.done
        assert not any(answer.finish.partial for answer in answers.values())
        assert len(bench.of(CellBroken)) == progress.failed > 0
        asked = len(bench.link.rows)
        again = await bench.fill(run, cells)
        assert again.left == 0 and len(bench.link.rows) == asked + progress.left, "only what was missing"
        assert {key: answer.id for key, answer in answers.items()}.items() <= {
            key: answer.id for key, answer in (await bench.answers(run)).items()
        }.items()


async def test_stopped_before_it_begins_it_asks_nothing(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS)
        run, filler = await bench.begin(cells), bench.filler()
        filling_it = asyncio.create_task(filler.fill(run, cells, bench.sides, SHORT))
        await asyncio.sleep(0)
        await filler.stop()
        progress = await filling_it
        assert (progress.done, progress.left, bench.link.asked) == (0, 16, [])


async def test_stopped_while_prompts_are_stored_it_asks_nothing(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS)
        run, stopping = await bench.begin(cells), list[asyncio.Task[None]]()

        def stop_before_the_request(event: CellEvent) -> None:
            if isinstance(event, RunMoved) and not stopping:
                stopping.append(asyncio.get_running_loop().create_task(filler.stop()))

        filler = bench.filler(stop_before_the_request)
        progress = await filler.fill(run, cells, bench.sides, SHORT)
        assert (progress.left, bench.link.asked) == (16, [])


async def test_the_last_words_of_an_earlier_generation_fill_no_cell(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS[:1])
        first, second = await bench.begin(cells), await bench.begin(cells)
        await bench.fill(first, cells)
        late = AnswerFinished("generation_before", cells[0].key, "Late.", (1,), (-1.0,), "stop", 3, 0.1, 0.1)
        asked = bench.link.generate

        async def generate(generation: StartGeneration, sink: Callable[[AnswerEvent], None] | None = None) -> None:
            assert sink is not None
            sink(late)
            await asked(generation, sink)

        bench.link.generate = generate  # type: ignore[method-assign]
        longer = replace(SHORT, sampling=replace(SHORT.sampling, max_new_tokens=13))
        progress = await bench.fill(second, cells, longer)
        assert (progress.made, progress.failed) == (4, 0)
        assert "Late." not in (await texts(bench, second)).values()


async def test_a_cancelled_task_leaves_an_idle_engine_and_what_was_whole(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, delay_s=0.02) as bench:
        cells = cells_over(PROMPTS)
        run, first = await bench.begin(cells), asyncio.Event()
        filler = bench.filler(lambda event: first.set() if isinstance(event, CellFilled) else None)
        task = asyncio.create_task(filler.fill(run, cells, bench.sides, SHORT, at_once=2))
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not bench.link.busy
        there = await bench.answers(run)
        assert 1 <= len(there) < 16 and not any(answer.finish.partial for answer in there.values())
        assert (await bench.fill(run, cells)).left == 0


async def test_an_engine_killed_in_mid_run_costs_only_what_was_not_whole(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, delay_s=0.01) as bench:
        cells = cells_over(PROMPTS)
        run = await bench.begin(cells)

        def kill_at_the_fourth(event: CellEvent) -> None:
            if isinstance(event, CellFilled) and len(bench.of(CellFilled)) == 4:
                assert bench.link.client is not None and bench.link.client.pid is not None
                os.kill(bench.link.client.pid, signal.SIGKILL)

        filler = bench.filler(kill_at_the_fourth)
        with pytest.raises(EngineError, match="SIGKILL"):
            await filler.fill(run, cells, bench.sides, SHORT, at_once=2)
        there = await bench.answers(run)
        assert 4 <= len(there) < 16
        with pytest.raises(EngineError, match="not running"):
            await bench.fill(run, cells)
        await bench.link.restart()
        progress = await bench.fill(run, cells)
        assert (progress.done, progress.made) == (16, 16 - len(there))
        found = await texts(bench, run)
    (tmp_path / "other").mkdir()
    async with opened_bench(tmp_path / "other") as other:
        whole = await other.begin(cells)
        await other.fill(whole, cells)
        assert found == await texts(other, whole)


async def test_a_failure_in_mid_answer_keeps_what_was_whole(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(["!fail", *PROMPTS], sides=1)
        run = await bench.begin(cells)
        one_word = replace(SHORT, sampling=replace(SHORT.sampling, max_new_tokens=1))
        with pytest.raises(Exception, match="ran out of memory"):
            await bench.fill(run, cells, one_word, at_once=1)
        assert len(await bench.answers(run)) == 5, "rows that ended before the failure"
        assert not bench.link.busy


async def test_a_full_disk_stops_it_and_keeps_what_is_stored(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, delay_s=0.01) as bench:
        cells = cells_over(PROMPTS)
        run = await bench.begin(cells)
        filling_up: list[asyncio.Task[None]] = []

        def fill_the_disk(event: CellEvent) -> None:
            if isinstance(event, CellFilled) and not filling_up:
                filling_up.append(asyncio.get_running_loop().create_task(bench.store.run(pages_are_scarce)))

        with pytest.raises(StoreError, match="full"):
            await bench.filler(fill_the_disk).fill(run, cells, bench.sides, SHORT, at_once=2)
        assert not bench.link.busy, "the engine does not write on for nobody"
        there = await bench.answers(run)
        assert 1 <= len(there) < 16
        await bench.store.run(lambda store: pages_are_scarce(store, spare=100_000))
        assert (await bench.fill(run, cells)).left == 0
        assert {key: (await bench.answers(run))[key].id for key in there} == {k: a.id for k, a in there.items()}


async def test_a_disk_that_is_full_at_the_very_last_answer_is_said(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, answers=[{"text": "x" * 50_000}]) as bench:
        (cell,) = cells_over(PROMPTS[:1], ["Be brief."], sides=1)
        run = await bench.begin([cell])
        filling_up: list[asyncio.Task[None]] = []

        def fill_the_disk(event: CellEvent) -> None:
            if isinstance(event, CellStarted):
                filling_up.append(asyncio.get_running_loop().create_task(bench.store.run(pages_are_scarce)))

        with pytest.raises(StoreError, match="full"):
            long = replace(SHORT, sampling=replace(SHORT.sampling, max_new_tokens=60_000))
            await bench.filler(fill_the_disk).fill(run, [cell], bench.sides, long)
        assert await bench.answers(run) == {}


async def test_a_prompt_too_long_holds_up_no_other(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over([*PROMPTS[:2], TOO_LONG, *PROMPTS[2:]])
        run = await bench.begin(cells)
        progress = await bench.fill(run, cells)
        refused = {cell.key for cell in cells if cell.prompt == TOO_LONG}
        assert (progress.done, progress.refused, progress.left) == (16, 4, 4)
        assert "context holds 8192" in progress.refusal
        assert {event.key for event in bench.of(CellBroken)} == refused
        assert set(await bench.answers(run)) == {cell.key for cell in cells} - refused


async def test_a_run_of_which_everything_is_refused_is_an_error(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over([TOO_LONG])
        with pytest.raises(UserError, match="context holds 8192"):
            await bench.fill(await bench.begin(cells), cells)
        assert len(bench.of(CellBroken)) == 4


async def test_an_engine_that_refuses_all_is_not_asked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "MOST_REFUSED", 3)
    async with opened_bench(tmp_path) as bench:
        cells = cells_over([f"{n} {TOO_LONG}" for n in range(8)])
        with pytest.raises(UserError, match="context holds 8192"):
            await bench.fill(await bench.begin(cells), cells)
        assert len(bench.of(CellBroken)) == 3 and len(bench.link.asked) < 2 * len(cells)


async def test_an_adapter_that_was_changed_meanwhile_is_told_from_its_side(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(PROMPTS[:1])
        run = await bench.begin(cells)
        sides = (bench.sides[0], Side("demo", DEMO, "f" * 64))
        with pytest.raises(UserError, match="adapter demo were changed"):
            await bench.filler().fill(run, cells, sides, SHORT)
        assert {answer.side for answer in (await bench.answers(run)).values()} <= {"base"}
        again = await bench.begin(cells)
        assert (await bench.fill(again, cells)).left == 0
        assert len({answer.side for answer in (await bench.answers(again)).values()}) == 2


async def test_a_busy_engine_and_an_adapter_that_is_not_loaded_are_refused(tmp_path: Path) -> None:
    async with opened_bench(tmp_path, delay_s=0.02) as bench:
        cells = cells_over(PROMPTS[:1])
        run, begun = await bench.begin(cells), asyncio.Event()
        filler = bench.filler(lambda event: begun.set() if isinstance(event, CellStarted) else None)
        task = asyncio.create_task(filler.fill(run, cells, bench.sides, SHORT))
        await begun.wait()
        others = cells_over(["Another?"])
        with pytest.raises(EngineError, match="answering already"):
            await bench.fill(await bench.begin(others), others)
        assert (await task).left == 0
        with pytest.raises(EngineError, match="adapter demo was not checked"):
            unchecked = (Side("base"), Side("demo", DEMO))
            await bench.filler().fill(await bench.begin(others), others, unchecked, SHORT)


async def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        cells = cells_over(["!empty"])
        run = await bench.begin(cells)
        assert (await bench.fill(run, cells)).left == 0
        assert {(a.text, a.finish) for a in (await bench.answers(run)).values()} == {("", Finish.STOP)}
