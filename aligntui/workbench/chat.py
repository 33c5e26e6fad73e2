"""The chat: prompts go out to every column, answers come back, are stored, judged, re-run, continued, branched.

This is the console's main use case without its screen; `aligntui chat` uses the same class. It owns one `ChatState`,
writes through one `StoreThread` and asks one `EngineLink`. What changed is told through `emit`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from aligntui.core.errors import AligntuiError, EngineError, StoreError, UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.sampling import MAX_SEED
from aligntui.core.turn import Answer, Finish, Session
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import (
    AdapterRef,
    AnswerFinished,
    AnswerStarted,
    RequestFailed,
    Row,
    StartGeneration,
    TextArrived,
)
from aligntui.workbench import chat_history
from aligntui.workbench.changes import (
    AnswerChanged,
    BoardChanged,
    Change,
    ExchangeChanged,
    Noticed,
    SettingsChanged,
)
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import AnswerState, ChatState, Column, Exchange, Take
from aligntui.workbench.engine_link import AnswerEvent, EngineLink
from aligntui.workbench.store_thread import StoreThread


class Chat:
    """One conversation on the board.

    Args:
        store: the workspace's database.
        settings: sampling, mode, history and the rest; replaced as the user changes them.
        columns: what answers, from the left.
        emit: told of every change; called in the event loop.
    """

    def __init__(
        self,
        store: StoreThread,
        settings: ChatSettings,
        columns: list[Column],
        emit: Callable[[Change], None],
    ) -> None:
        self.store = store
        self.settings = settings
        self.state = ChatState(columns=columns, instruction=settings.instruction)
        self.session: Session | None = None
        self.emit = emit
        self.engine: EngineLink | None = None
        self.unsaved: list[Answer] = []
        """Finished answers that the database would not take; tried again with the next write."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    # engine -------------------------------------------------------------------------------------

    def attach(self, engine: EngineLink) -> None:
        """Use this engine; its state becomes part of the board."""
        self.engine = engine
        self.state.engine = engine.state

    async def start_engine(self) -> None:
        """Load the base and hold every adapter against it; problems become notices, never exceptions."""
        assert self.engine is not None, "attach() comes first"
        try:
            loaded = await self.engine.restart()
        except AligntuiError as error:
            self.emit(Noticed(error.message, error.hint, "error"))
            return
        self.state.warnings = list(loaded.warnings)
        for place in reversed(range(len(self.state.columns))):
            await self._check_adapter(place)
        self.emit(SettingsChanged())

    async def _check_adapter(self, place: int) -> bool:
        adapter = self.state.columns[place].adapter
        if adapter is None or self.engine is None:
            return True
        try:
            fits = await self.engine.inspect(adapter)
        except AligntuiError as error:
            if len(self.state.columns) > 1:
                del self.state.columns[place]
            else:
                self.state.columns[place] = Column()
            self.state.warnings.append(f"{adapter.name} was left out: {error.message}")
            self.emit(Noticed(f"Adapter {adapter.name} was left out: {error.message}", error.hint, "error"))
            self.emit(BoardChanged())
            return False
        trained = self.settings.trained_modes.get(adapter.path)
        warnings = [f"{adapter.name}: {warning}" for warning in fits.warnings]
        if trained and trained != self.settings.mode:
            warnings.append(
                f"{adapter.name} was trained with mode {trained}, the chat uses {self.settings.mode} (F6 switches)."
            )
        for warning in warnings:
            if warning not in self.state.warnings:
                self.state.warnings.append(warning)
        return True

    def receive(self, event: AnswerEvent) -> None:
        """Fold an engine event into the board; called by the engine link in the event loop."""
        state = self.state
        match event:
            case AnswerStarted():
                if answer := state.answer_started(event):
                    self.emit(AnswerChanged(answer))
            case TextArrived():
                if answer := state.text_arrived(event):
                    self.emit(AnswerChanged(answer))
            case AnswerFinished():
                if answer := state.answer_finished(event):
                    answer.record = _record(self.session_id, state, answer, event)
                    self.emit(AnswerChanged(answer))
                    self._spawn(self._save(answer))
            case RequestFailed():
                self._break_off()
                self.emit(Noticed(event.message, event.hint, "error"))
            case EngineExited():
                self._break_off()
                if not event.asked:
                    self.emit(Noticed(event.message, f"Everything so far is kept. {event.hint}", "error"))
            case _:
                pass

    def _break_off(self) -> None:
        for answer in self.state.break_off(Finish.FAILED):
            if answer.started and answer.text and answer.conditions:
                answer.record = _record(self.session_id, self.state, answer, None)
                self._spawn(self._save(answer))
            self.emit(AnswerChanged(answer))

    # sending ------------------------------------------------------------------------------------

    async def send(self, text: str) -> Exchange:
        """Send a prompt to every column.

        Raises:
            UserError: it is empty, or answers are still being made.
            EngineError: the engine is not ready.
            StoreError: the prompt could not be stored; nothing was sent.
        """
        if not text.strip():
            raise UserError("The prompt is empty.", "Type something first.")
        self._ready()
        await self.flush_unsaved()
        session = await self._session(text)
        last = self.state.last
        parents = [self._parent(last, place) for place in range(len(self.state.columns))]
        exchange_id = new_id("exchange")
        distinct = list(dict.fromkeys(parents))
        prompts = await self.store.run(lambda store: store.add_prompts(session.id, distinct, exchange_id, text))
        by_parent = {prompt.parent_id: prompt.id for prompt in prompts}
        exchange = Exchange(exchange_id, text, {place: by_parent[parent] for place, parent in enumerate(parents)})
        siblings = await self.store.run(lambda store: chat_history.siblings(store, session.id, exchange_id))
        exchange.siblings = siblings
        self.state.exchanges.append(exchange)
        self.state.selected_id = ""
        self.emit(BoardChanged(scroll=True))
        await self._start_take(exchange, self.settings.seed)
        return exchange

    def _parent(self, last: Exchange | None, place: int) -> str | None:
        """The answer that a column's next prompt continues."""
        if last is None:
            return None
        take = last.take
        if take is None or not take.answers():
            raise UserError(
                "The last turn has no answer to go on from.", "Press F5 to answer it, or branch from an earlier turn."
            )
        if self.settings.history == "shared":
            return self._shared_answer(take).id
        answer = take.shown(place) or take.answers()[0]
        return answer.id

    def _shared_answer(self, take: Take) -> AnswerState:
        verdict = take.verdict
        chosen = take.find(verdict.chosen_id) if verdict and verdict.chosen_id else None
        return chosen or take.answers()[0]

    async def rerun(self) -> None:
        """Answer the selected exchange again under the settings and instruction as they are now."""
        await self._start_take(self.selected(), self.settings.seed)

    async def regenerate(self) -> None:
        """Answer the selected exchange again with the next seed."""
        exchange = self.selected()
        seeds = [answer.seed for take in exchange.takes for answer in take.answers()]
        await self._start_take(exchange, (max(seeds, default=self.settings.seed - 1) + 1) % MAX_SEED)

    async def _start_take(self, exchange: Exchange, seed: int) -> None:
        self._ready()
        for place in range(len(self.state.columns)):  # a column added since the prompt was sent
            exchange.prompt_ids.setdefault(place, exchange.prompt_ids[min(exchange.prompt_ids)])
        take = Take(new_id("take"))
        rows = []
        histories = await self.histories({exchange.prompt_ids[place] for place in range(len(self.state.columns))})
        self._ready()
        for place, column in enumerate(self.state.columns):
            answer = AnswerState(
                id=new_id("turn"),
                column=place,
                side=column.label,
                prompt_id=exchange.prompt_ids[place],
                instruction=self.state.instruction,
                seed=seed,
            )
            take.add(answer)
            self.state.live[answer.id] = answer
            rows.append(self.row(answer.id, histories[answer.prompt_id], column, seed))
        if self.settings.blind:
            self.shuffle(take)
        index = self.state.exchanges.index(exchange)
        del self.state.exchanges[index + 1 :]
        exchange.takes.append(take)
        exchange.at = len(exchange.takes) - 1
        self.emit(BoardChanged(scroll=True))
        await self._generate(rows)

    def shuffle(self, take: Take) -> None:
        """Give a take that nobody has judged a blind order."""
        columns = len(self.state.columns)
        if columns > 1 and not take.judged:
            take.shuffle = tuple(random.SystemRandom().sample(range(columns), columns))

    async def continue_answer(self, place: int) -> None:
        """Let the answer in a column of the selected exchange go on where it stopped."""
        self._ready()
        exchange, take, answer = self._answer_at(place)
        if answer.finish is Finish.STOP and not answer.text:
            raise UserError(
                "The model ended this answer at once; there is nothing to continue.", "Press r for another seed."
            )
        if answer.record is None or answer.conditions is None:
            raise UserError("This answer cannot be continued: it never started.", "Press F5 to answer the turn again.")
        c = answer.conditions
        column = Column(AdapterRef(c.adapter, c.adapter_path or "") if c.adapter else None, c.strength)
        histories = await self.histories({answer.prompt_id})
        longer = AnswerState(
            id=new_id("turn"),
            column=answer.column,
            side=answer.side,
            prompt_id=answer.prompt_id,
            instruction=answer.instruction,
            seed=answer.seed,
            text=answer.text,
            prefix_text=answer.text,
            continued_from=answer.id,
        )
        row = Row(
            row=longer.id,
            history=tuple((m.role, m.content) for m in histories[answer.prompt_id]),
            instruction=c.instruction,
            mode=c.mode,
            injection_every=c.injection_every or 1,
            adapter=column.adapter,
            strength=column.strength,
            temperature=c.temperature,
            top_p=c.top_p,
            max_new_tokens=self.settings.sampling.max_new_tokens,
            seed=c.seed,
            prefix_token_ids=answer.record.token_ids if answer.finish is not Finish.EDITED else (),
            prefix_text="" if answer.record.token_ids and answer.finish is not Finish.EDITED else answer.text,
        )
        take.add(longer)
        self.state.live[longer.id] = longer
        self.emit(ExchangeChanged(exchange))
        await self._generate([row])

    async def _generate(self, rows: list[Row]) -> None:
        engine = self._ready(streaming_is_fine=True)
        try:
            await engine.generate(StartGeneration(new_id("generation"), tuple(rows)))
        except AligntuiError:
            self._break_off()
            raise

    async def stop(self) -> None:
        """Stop what streams; what is there is kept, marked partial."""
        if self.engine is None or not self.state.streaming:
            return
        if not await self.engine.stop_generation():
            self.emit(
                Noticed("The engine did not stop within 2 s and was ended.", "It is being started again.", "warning")
            )
            await self.start_engine()

    # editing ------------------------------------------------------------------

    async def edit_answer(self, place: int, text: str) -> AnswerState:
        """Put an edited version beside an answer; the original stays.

        Raises:
            UserError: the text is empty or unchanged.
            StoreError: it could not be stored.
        """
        exchange, take, answer = self._answer_at(place)
        if answer.live or answer.record is None or answer.conditions is None:
            raise UserError("Only a finished answer can be edited.", "Wait for it, or press Esc to stop it.")
        if not text.strip() or text == answer.text:
            raise UserError("The edited answer is empty or unchanged.", "Nothing was stored.")
        record = replace(
            answer.record,
            id=new_id("turn"),
            text=text,
            finish=Finish.EDITED,
            created_at=now_utc(),
            token_ids=(),
            logprobs=(),
            decode_s=0.0,
            first_token_s=0.0,
            edited_from=answer.id,
            continued_from=None,
        )
        await self.flush_unsaved()
        await self.store.run(lambda store: store.add_answer(record))
        edited = AnswerState.from_record(record)
        take.add(edited)
        self.emit(ExchangeChanged(exchange))
        return edited

    # settings -----------------------------------------------------------------------------------

    def change(self, **values: Any) -> None:
        """Change settings by name (mode, blind, history, sampling, ...); answers already made keep theirs."""
        self.settings = replace(self.settings, **values)
        self.emit(SettingsChanged())

    def set_sampling(self, **values: Any) -> None:
        """Change temperature, top_p, max_new_tokens or seed.

        Raises:
            UserError: a value is out of range; nothing changed.
        """
        self.change(sampling=replace(self.settings.sampling, **values))

    def set_instruction(self, instruction: Instruction) -> None:
        """Use this instruction from the next answer on."""
        self.state.instruction = instruction
        self.emit(SettingsChanged())

    def cycle_mode(self) -> Mode:
        """Go to the next way in which the instruction reaches the model."""
        modes = list(Mode)
        mode = modes[(modes.index(self.settings.mode) + 1) % len(modes)]
        self.change(mode=mode)
        return mode

    async def set_column(self, place: int, column: Column) -> None:
        """Put another adapter into a column, or add one at the end; the base stays loaded."""
        self.refuse_while_streaming()
        if place >= len(self.state.columns):
            self.state.columns.append(column)
        else:
            self.state.columns[place] = column
        if self.engine is not None and self.engine.state.model is not None:
            await self._check_adapter(min(place, len(self.state.columns) - 1))
        self.emit(BoardChanged())
        self.emit(SettingsChanged())

    def remove_column(self, place: int) -> None:
        """Take a column off the board; its answers stay stored."""
        self.refuse_while_streaming()
        if len(self.state.columns) == 1:
            raise UserError("The last column cannot be removed.", "Pick another adapter for it with F3.")
        del self.state.columns[place]
        self.emit(BoardChanged())

    def set_strength(self, place: int, strength: float) -> None:
        """Turn a column's dial.

        Raises:
            UserError: the column is the base.
        """
        if self.state.columns[place].adapter is None:
            raise UserError("The base has no strength to turn.", "Focus an adapter's pane first.")
        self.state.set_strength(place, strength)
        self.emit(SettingsChanged())

    async def _session(self, first_prompt: str) -> Session:
        if self.session is None:
            name = " ".join(first_prompt.split())[:48] or "chat"
            self.session = await self.store.run(lambda store: store.create_session(name))
        return self.session

    # inner --------------------------------------------------------------------------------------

    def row(self, row: str, history: list[Message], column: Column, seed: int) -> Row:
        """What to ask of the engine for one column under the settings as they are now."""
        s = self.settings
        return Row(
            row=row,
            history=tuple((m.role, m.content) for m in history),
            instruction=self.state.instruction.text,
            mode=s.mode.value,
            injection_every=s.injection_every,
            adapter=column.adapter,
            strength=column.strength,
            temperature=s.sampling.temperature,
            top_p=s.sampling.top_p,
            max_new_tokens=s.sampling.max_new_tokens,
            seed=seed,
        )

    async def histories(self, prompt_ids: set[str]) -> dict[str, list[Message]]:
        """The messages that lead to each prompt turn, that turn included."""
        return await self.store.run(lambda store: {turn: store.messages_of(turn) for turn in prompt_ids})

    def _ready(self, *, streaming_is_fine: bool = False) -> EngineLink:
        if self.engine is None:
            raise UserError("There is no engine.", "Start the console anew.")
        if not streaming_is_fine:
            self.refuse_while_streaming()
        if self.engine.state.model is None:
            raise EngineError(*self.engine.unready())
        return self.engine

    def refuse_while_streaming(self) -> None:
        """Raise UserError while answers are in the making."""
        if self.state.streaming:
            raise UserError("Answers are still being made.", "Wait, or press Esc to stop them.")

    def selected(self) -> Exchange:
        """The exchange that keys act on; UserError on an empty board."""
        exchange = self.state.selected
        if exchange is None:
            raise UserError("There is no turn yet.", "Type a prompt and press Enter.")
        return exchange

    def _answer_at(self, place: int) -> tuple[Exchange, Take, AnswerState]:
        exchange = self.selected()
        take = exchange.take
        answer = take.shown(place) if take else None
        if take is None or answer is None:
            raise UserError("This column has no answer in the selected turn.", "Press F5 to answer it again.")
        return exchange, take, answer

    @property
    def session_id(self) -> str:
        """Id of the session on the board, empty before its first prompt."""
        return self.session.id if self.session else ""

    async def _save(self, answer: AnswerState) -> None:
        record = answer.record
        if record is None:
            return
        try:
            await self.flush_unsaved()
            await self.store.run(lambda store: store.add_answer(record))
        except StoreError as error:
            self.unsaved.append(record)
            self.emit(
                Noticed(
                    f"An answer is not stored: {error.message}",
                    f"{error.hint} It is kept here and tried again.",
                    "error",
                )
            )
            return
        answer.stored = True
        self.emit(AnswerChanged(answer))

    async def flush_unsaved(self) -> None:
        """Write the answers that the database would not take before.

        Raises:
            StoreError: it still will not; they are kept.
        """
        while self.unsaved:
            record = self.unsaved[0]
            await self.store.run(lambda store, record=record: store.add_answer(record))
            self.unsaved.pop(0)
            found = self.state.exchange_of(record.id)
            if found:
                found[2].stored = True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until every answer that ended has been written."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Stop, write what is there, end the engine and close the database; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.engine is not None and self.state.streaming:
            await self.engine.stop_generation()
        await self.settle()
        if self.engine is not None:
            await self.engine.close()
        await self.store.close()


def _record(session_id: str, state: ChatState, answer: AnswerState, event: AnswerFinished | None) -> Answer:
    assert answer.conditions is not None, "an answer has conditions from its AnswerStarted on"
    found = state.exchange_of(answer.id)
    return Answer(
        id=answer.id,
        session_id=session_id,
        parent_id=answer.prompt_id,
        take_id=found[1].id if found else "",
        column=answer.column,
        text=answer.text,
        finish=answer.finish or Finish.FAILED,
        created_at=now_utc(),
        conditions=answer.conditions,
        instruction_label=answer.instruction.label if answer.instruction.type else "",
        token_ids=event.token_ids if event else (),
        logprobs=event.logprobs if event else (),
        prompt_tokens=event.prompt_tokens if event else 0,
        decode_s=event.decode_s if event else answer.elapsed_s,
        first_token_s=event.first_token_s if event else 0.0,
        continued_from=answer.continued_from,
    )
