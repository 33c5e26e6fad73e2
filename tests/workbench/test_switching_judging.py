"""A model that names the instruction of each answer: what it is asked, stored, gone on with and counted."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.turn import Answer
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.progress import CellEvent, CellFilled
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import settings_for
from aligntui.workbench.switching.judge_question import HEAD, options_for, question
from aligntui.workbench.switching.judging import (
    By,
    JudgePlan,
    begin_judging,
    fill_judging,
    is_judging,
    judge_keys,
    judge_runs,
    read_judgements,
    switch_runs,
)
from aligntui.workbench.switching.measuring import measure, read_answers, read_judge
from aligntui.workbench.switching.plan import GRID, SwitchPlan
from aligntui.workbench.switching.running import SwitchWish, begin_run, fill_run
from tests.cli.conftest import make_adapter
from tests.workbench.switch_bench import data_set, scripted
from tests.workbench.test_switching_measuring import Words

NAMES = ("concise", "vivid", "formal")


def nobody(event: CellEvent) -> None:
    """Tells nobody."""


@asynccontextmanager
async def answered(folder: Path, prompts: int = 3, **script: object) -> AsyncIterator[tuple[Chat, GenerationRun]]:
    """A run whose every cell is answered, and the chat that made it."""
    workspace = Workspace(folder / "work")
    make_adapter(workspace.adapters, "polite") if not (workspace.adapters / "polite").exists() else None
    flags = {"adapter": ("polite",), "max_new_tokens": 60, "temperature": 0.5}
    argv = scripted(folder, **script)
    async with loaded_bench(workspace, settings_for(workspace, flags), lambda bench: None, argv) as bench:
        run = await begin_run(bench.chat, SwitchWish(data_set(prompts, *NAMES), noise=False))
        await fill_run(bench.chat, run, nobody)
        yield bench.chat, run


async def judge(chat: Chat, run: GenerationRun, by: By = By.LETTER, sample: int | None = None, emit=nobody):
    answers = await read_answers(chat.store, run)
    judging = await begin_judging(chat, run, answers, by, sample)
    return judging, await fill_judging(chat, judging, run, answers, emit), answers


async def replies(chat: Chat, judging: GenerationRun) -> dict[str, Answer]:
    return await chat.store.run(lambda store: dict(store.run_answers(judging)))


async def test_the_judge_sees_the_answer_and_the_candidates_and_nothing_else(tmp_path: Path) -> None:
    async with answered(tmp_path) as (chat, run):
        judging, done, answers = await judge(chat, run)
        assert (done.cells, done.done, done.left) == (18, 18, 0) and is_judging(judging)
        plan, types = SwitchPlan.from_dict(run.plan), SwitchPlan.from_dict(run.plan).characteristics
        for key, reply in (await replies(chat, judging)).items():
            place = plan.places[key]
            asked = reply.conditions.rendered_prompt
            assert question(answers[key].text, types) in asked
            assert place.prompt.text not in asked and place.wording.text not in asked
            assert (reply.conditions.adapter, reply.conditions.mode, reply.conditions.temperature) == (None, "none", 0)
            assert reply.text.startswith(HEAD)


async def test_a_letter_names_the_option_at_its_place(tmp_path: Path) -> None:
    async with answered(tmp_path, answers=[{"match": "Reply with one letter", "text": " B"}]) as (chat, run):
        _, _, answers = await judge(chat, run)
        said = await read_judge(chat.store, run)
        assert said is not None and set(said.named.values()) == {1} and len(said.named) == 18
        found = await measure(run, answers, Words(), said)
        column, judging = found.report.judge, found.report.judging
        assert column is not None and judging is not None
        hits = {side: 0 for side in ("base", "polite")}
        for key, place in found.plan.places.items():
            named = options_for(answers[key].text, NAMES)[1]
            hits[found.plan.sides[place.side].name] += named == place.wording.type
        assert {side.side: side.rate.k for side in column.sides} == hits
        assert all(side.rate.n == 9 and side.rate.chance == pytest.approx(1 / 3) for side in column.sides)
        assert column.recogniser == "judge embedded by letter"
        assert (judging.wanted, judging.named, judging.unread, judging.missing) == (18, 18, 0, 0)
        assert [place.rate.rate for place in judging.places] == [0, 1, 0], "the bias for a place is seen"
        assert [one.side for one in judging.agreement] == ["base", "polite"]


async def test_a_reply_without_a_letter_counts_as_not_switched(tmp_path: Path) -> None:
    async with answered(tmp_path, answers=[{"match": "Reply with one letter", "text": " who knows"}]) as (chat, run):
        _, _, answers = await judge(chat, run)
        report = (await measure(run, answers, Words(), await read_judge(chat.store, run))).report
        assert report.judge is not None and report.judging is not None
        assert all((side.rate.k, side.rate.n) == (0, 9) for side in report.judge.sides), "counted, not dropped"
        assert report.judging.unread == 18
        assert {one.reason for one in report.judge.not_switched} == {"judge could not tell"}


async def test_by_log_probability_every_option_is_asked_and_a_mere_place_is_no_name(tmp_path: Path) -> None:
    """How likely the scripted engine finds a letter depends on the letter alone, as with the worst of judges."""
    async with answered(tmp_path, prompts=2) as (chat, run):
        judging, done, _ = await judge(chat, run, By.LOGPROB)
        assert (judging.cells, done.done) == (36, 36), "12 answers, three options each"
        found = await replies(chat, judging)
        assert {reply.text[: len(HEAD) + 2] for reply in found.values()} == {f"{HEAD} {letter}" for letter in "ABC"}
        said = await read_judge(chat.store, run)
        assert said is not None and len(set(said.highest.values())) == 1, "one letter always stands highest"
        assert set(said.named.values()) == {None}


async def test_judging_again_asks_nothing_and_is_the_same_run(tmp_path: Path) -> None:
    async with answered(tmp_path) as (chat, run):
        judging, _, _ = await judge(chat, run)
        again, done, _ = await judge(chat, run)
        assert again.id == judging.id and done.made == 0 and done.done == 18
        other, more, _ = await judge(chat, run, sample=1)
        assert other.id != judging.id and (more.cells, more.made, more.cached) == (6, 0, 6)
        runs = await chat.store.run(lambda store: judge_runs(store, run))
        assert [one.id for one in runs] == [other.id, judging.id]
        assert [one.id for one in await chat.store.run(switch_runs)] == [run.id], "judgements are no run of answers"


async def test_what_was_judged_before_the_engine_died_is_kept(tmp_path: Path) -> None:
    async with answered(tmp_path) as (chat, run):
        answers = await read_answers(chat.store, run)
        judging = await begin_judging(chat, run, answers, By.LETTER)
        seen: list[CellFilled] = []

        def emit(event: CellEvent) -> None:
            if isinstance(event, CellFilled):
                seen.append(event)
                if len(seen) == 4:
                    assert chat.engine is not None and chat.engine._client is not None and chat.engine._client.pid
                    os.kill(chat.engine._client.pid, signal.SIGKILL)

        with pytest.raises(EngineError):
            await fill_judging(chat, judging, run, answers, emit, at_once=1)
        kept = await replies(chat, judging)
        assert 4 <= len(kept) < 18
        partly = await measure(run, answers, Words(), await read_judge(chat.store, run))
        assert partly.report.judging is not None and partly.report.judging.missing == 18 - len(kept)
        assert partly.report.judge is not None
        assert sum(side.rate.n for side in partly.report.judge.sides) <= len(kept) // 3 * 3, "whole grids alone"
    async with answered(tmp_path) as (chat, same):
        assert same.id != run.id
        done = await fill_judging(chat, judging, run, answers, nobody)
        assert done.done == 18 and done.made == 18 - len(kept)
        whole = await replies(chat, judging)
        assert {key: whole[key].id for key in kept} == {key: one.id for key, one in kept.items()}


async def test_only_texts_are_judged_and_a_sample_is_of_whole_prompts(tmp_path: Path) -> None:
    async with answered(tmp_path) as (chat, run):
        plan, answers = SwitchPlan.from_dict(run.plan), await read_answers(chat.store, run)
        keys = judge_keys(plan, answers, 2)
        assert {plan.places[key].prompt.id for key in keys} == {"q0", "q1"} and len(keys) == 12
        few = {key: answer for key, answer in answers.items() if key in keys[:3]}
        assert judge_keys(plan, few) == keys[:3]
        assert all(plan.places[key].group == GRID for key in keys)
        with pytest.raises(UserError, match="no answer to judge"):
            judge_keys(plan, {})


async def test_a_judge_is_chosen_by_its_run(tmp_path: Path) -> None:
    async with answered(tmp_path, prompts=2) as (chat, run):
        first, _, _ = await judge(chat, run, By.LETTER)
        second, _, _ = await judge(chat, run, By.LOGPROB)
        for key, found in (("", second), (first.id, first), (second.id, second)):
            said = await read_judge(chat.store, run, key)
            assert said is not None and said.run.id == found.id
        assert await read_judge(chat.store, run, "none") is None
        with pytest.raises(UserError, match="holds no judgements"):
            await read_judge(chat.store, run, run.id)
        with pytest.raises(UserError, match="later aligntui"):
            JudgePlan.from_dict({**first.plan, "format": 2})
        assert JudgePlan.from_dict(first.plan).as_dict() == first.plan
        assert await chat.store.run(lambda store: read_judgements(store, run)) is not None
