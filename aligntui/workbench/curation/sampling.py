"""Hard negatives: several answers of every side to each of many prompts, in batches, and the pairs among them worth judging."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aligntui.core.conditions import Conditions
from aligntui.core.errors import AligntuiError, EngineError, UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.sampling import MAX_SEED
from aligntui.core.turn import Answer, Finish, SessionKind
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import AnswerFinished, AnswerStarted, GenerationFinished, RequestFailed, StartGeneration
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Column
from aligntui.workbench.engine_link import AnswerEvent

ROWS = 24
"""Rows decoded in one batch: on a CPU more of them add little speed, and a stop takes effect between batches."""


@dataclass(frozen=True)
class SamplePlan:
    """What is to be sampled."""

    prompts: tuple[str, ...]
    answers: int = 2
    """Answers of each side to each prompt, k; each with a seed of its own."""
    name: str = ""
    """Of the session that they are stored in."""

    def check(self, temperature: float) -> None:
        """Raise UserError where the plan cannot give different answers."""
        if not any(prompt.strip() for prompt in self.prompts):
            raise UserError("There is no prompt to sample for.", "Give a file with one prompt a line.")
        if self.answers < 1:
            raise UserError(f"Each side answers at least once, not {self.answers} times.")
        if self.answers > 1 and temperature == 0:
            raise UserError(
                f"{self.answers} answers a side need a temperature above 0: greedy ones are all the same.",
                "Set the temperature, for example 0.8, or ask for one answer a side.",
            )


def read_prompts(file: Path) -> tuple[str, ...]:
    """Prompts of a file: one a line, or of JSON lines the field `prompt` of each; blank lines are passed over.

    Raises:
        UserError: there is no such file, it is not UTF-8, it has no prompt, or a JSON line has none.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"The prompts in {file} cannot be read: {reason}.", "Check the path.") from error
    as_json = file.suffix in (".jsonl", ".ndjson")
    prompts = [_prompt(line, file, n) if as_json else line.strip() for n, line in enumerate(lines, 1) if line.strip()]
    if not prompts:
        raise UserError(f"{file} has no prompt.", "Write one prompt a line.")
    return tuple(prompts)


def _prompt(line: str, file: Path, number: int) -> str:
    try:
        prompt = json.loads(line)["prompt"]
    except (ValueError, TypeError, KeyError):
        prompt = None
    if not isinstance(prompt, str) or not prompt.strip():
        raise UserError(f'{file}, line {number}: a line of JSON needs a text under "prompt".')
    return prompt


@dataclass
class SampleProgress:
    """How far sampling has come."""

    prompts: int
    answers: int
    prompts_done: int = 0
    answers_done: int = 0
    session_id: str = ""
    exchange_ids: list[str] = field(default_factory=list)


class Sampler:
    """Samples with the columns, instruction and settings of a chat, into a session of its own."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._stopped = False

    def stop(self) -> None:
        """End after the batch at hand; what is stored stays."""
        self._stopped = True

    async def run(self, plan: SamplePlan, on_progress: Callable[[SampleProgress], None]) -> SampleProgress:
        """Sample; every batch is stored when it is done.

        Args:
            plan: prompts and how many answers.
            on_progress: told after every answer.

        Raises:
            UserError: the plan is no plan.
            EngineError: the engine is not ready, is answering, or went away; what was stored stays.
            StoreError: it could not be stored.
        """
        chat = self.chat
        plan.check(chat.settings.sampling.temperature)
        prompts = list(dict.fromkeys(text for text in plan.prompts if text.strip()))
        columns = list(chat.state.columns)
        each = plan.answers * len(columns)
        progress = SampleProgress(len(prompts), len(prompts) * each)
        name = plan.name or f"sampled: {len(prompts)} prompts"
        session = await chat.store.run(lambda store: store.create_session(name, SessionKind.SAMPLING))
        progress.session_id = session.id
        per_batch = max(1, ROWS // each)
        for start in range(0, len(prompts), per_batch):
            if self._stopped:
                break
            await self._batch(prompts[start : start + per_batch], plan.answers, columns, progress, on_progress)
        return progress

    async def _batch(
        self,
        prompts: Sequence[str],
        answers: int,
        columns: Sequence[Column],
        progress: SampleProgress,
        on_progress: Callable[[SampleProgress], None],
    ) -> None:
        chat = self.chat
        exchange_ids = [new_id("exchange") for _ in prompts]

        def add(store):
            pairs = zip(exchange_ids, prompts, strict=True)
            return [store.add_prompts(progress.session_id, [None], exchange, text)[0] for exchange, text in pairs]

        turns = await chat.store.run(add)
        wanted = list(self._rows(turns, answers, columns))
        made: dict[str, Answer] = {}
        conditions: dict[str, Conditions] = {}
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        by_row = {row.id: row for row in wanted}

        def receive(event: AnswerEvent) -> None:
            match event:
                case AnswerStarted():
                    conditions[event.row] = Conditions.from_dict(event.conditions)
                case AnswerFinished() if event.row in by_row:
                    made[event.row] = by_row[event.row].answer(event, conditions[event.row], progress.session_id)
                    progress.answers_done += 1
                    on_progress(progress)
                case GenerationFinished() if not done.done():
                    done.set_result(None)
                case RequestFailed() | EngineExited() if not done.done():
                    done.set_exception(EngineError(event.message, event.hint))

        if chat.engine is None:
            raise EngineError("There is no engine.", "Start the console anew.")
        rows = tuple(row.request(chat) for row in wanted)
        await chat.engine.generate(StartGeneration(new_id("generation"), rows), receive)
        failure: AligntuiError | None = None
        try:
            await done
        except AligntuiError as error:
            failure = error
        whole = [answer for answer in made.values() if not answer.finish.partial]
        if whole:
            await chat.store.run(lambda store: store.add_answers(whole))
        if failure is not None:
            raise failure
        progress.prompts_done += len(prompts)
        progress.exchange_ids += exchange_ids
        on_progress(progress)

    def _rows(self, turns: Sequence, answers: int, columns: Sequence[Column]) -> Iterator[_Wanted]:
        seed = self.chat.settings.seed
        for turn in turns:
            for number in range(answers):
                take = new_id("take")
                for column in columns:
                    yield _Wanted(
                        new_id("turn"), turn.id, turn.text, take, column, (seed + number) % MAX_SEED, self._label
                    )

    @property
    def _label(self) -> str:
        instruction = self.chat.state.instruction
        return instruction.label if instruction.type else ""


@dataclass(frozen=True)
class _Wanted:
    """One answer to be made."""

    id: str
    prompt_id: str
    prompt: str
    take_id: str
    column: Column
    seed: int
    instruction_label: str

    def request(self, chat: Chat):
        from aligntui.core.prompt_format import Message

        return chat.row(self.id, [Message("user", self.prompt)], self.column, self.seed)

    def answer(self, event: AnswerFinished, conditions: Conditions, session_id: str) -> Answer:
        return Answer(
            id=self.id,
            session_id=session_id,
            parent_id=self.prompt_id,
            take_id=self.take_id,
            column=self.column.number,
            text=event.text,
            finish=Finish(event.finish),
            created_at=now_utc(),
            conditions=conditions,
            instruction_label=self.instruction_label,
            token_ids=event.token_ids,
            logprobs=event.logprobs,
            prompt_tokens=event.prompt_tokens,
            decode_s=event.decode_s,
            first_token_s=event.first_token_s,
        )
