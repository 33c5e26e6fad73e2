"""The chat: prompts go out to every column, answers come back and are stored, re-run, continued, edited.

This is the console's main use case without its screen; `aligntui chat` uses the same class. It owns one `ChatState`,
writes through one `StoreThread` and asks one `EngineLink`. What changed is told through `emit`. Whoever acts on a turn names it:
what is selected on a screen may change while an action waits its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import AligntuiError, EngineError, UserError
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
    GenerationFinished,
    RequestFailed,
    Row,
    StartGeneration,
    TextArrived,
)
from aligntui.workbench import blind
from aligntui.workbench.answer_writer import AnswerWriter
from aligntui.workbench.changes import AnswerChanged, BoardChanged, Change, ExchangeChanged, Noticed, SettingsChanged
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import AnswerState, ChatState, Column, Exchange, Take
from aligntui.workbench.engine_link import AnswerEvent, EngineLink
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.store import Store


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
        self.sent: list[str] = []
        """Ids of the exchanges that were sent from here, written or about to be."""
        self.emit = emit
        self.engine: EngineLink | None = None
        self.writer = AnswerWriter(store, self._stored)
        self.rescued: Path | None = None
        """File with the answers that the database would not take, once the chat is closed."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing: asyncio.Task[None] | None = None

    # engine -------------------------------------------------------------------------------------

    def attach(self, engine: EngineLink) -> None:
        """Use this engine; its state becomes part of the board."""
        self.engine = engine
        self.state.engine = engine.state

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
                    answer.record = self._record(answer, event)
                    self._spawn(self._save(answer.record))
                    self.emit(AnswerChanged(answer))
            case GenerationFinished():
                self.break_off()  # an answer that was never told finished would be waited for without end
            case RequestFailed():
                self.break_off()
                self.emit(Noticed(event.message, event.hint, "error"))
            case EngineExited():
                self.break_off()
                if not event.asked:
                    self.emit(Noticed(event.message, f"Everything so far is kept. {event.hint}", "error"))

    def break_off(self) -> None:
        """End every answer in the making where it stands; what has text is kept, marked partial."""
        for answer in self.state.break_off(Finish.FAILED):
            found = self.state.exchange_of(answer.id)
            if answer.text and answer.conditions:
                answer.record = self._record(answer, None)
                self._spawn(self._save(answer.record))
            elif answer.continued_from and found:  # it never began: what it was to continue is shown again
                found[1].drop(answer)
                self.emit(ExchangeChanged(found[0]))
            self.emit(AnswerChanged(answer))

    # sending ------------------------------------------------------------------------------------

    async def send(self, text: str) -> Exchange:
        """Send a prompt to every column.

        Raises:
            UserError: it is empty, answers are still being made, or a column has nothing to go on from.
            EngineError: the engine is not ready.
            StoreError: the prompt could not be stored; nothing was sent.
        """
        if not text.strip():
            raise UserError("The prompt is empty.", "Type something first.")
        self._ready()
        await self.writer.drain()
        columns = tuple(self.state.columns)
        last = self._drop_unanswered()
        parents = {column.number: self._parent(last, column) for column in columns}
        session = await self._session_for(text)
        exchange_id = new_id("exchange")
        self.sent.append(exchange_id)
        distinct = list(dict.fromkeys(parents.values()))
        prompts = await self.store.run(lambda store: store.add_prompts(session.id, distinct, exchange_id, text))
        by_parent = {prompt.parent_id: prompt.id for prompt in prompts}
        exchange = Exchange(exchange_id, text, {number: by_parent[parent] for number, parent in parents.items()})
        if last is not None and last.take is not None:
            before = {answer.id: answer for answer in last.take.answers()}
            exchange.continues = {
                by_parent[parent]: (before[parent].column, before[parent].side)
                for parent in distinct
                if parent in before
            }
            last.below = 0
        exchange.siblings = await self.store.run(lambda store: tuple(store.sibling_ids(exchange_id)))
        self.state.exchanges.append(exchange)
        self.state.selected_id = ""
        self.emit(BoardChanged(scroll=True))
        if self.settings.history == "own":
            self._say_borrowed(exchange, columns)
        await self._start_take(exchange, self.settings.seed)
        return exchange

    def _say_borrowed(self, exchange: Exchange, columns: tuple[Column, ...]) -> None:
        """Say which columns go on from another one's answer because they have none of their own."""
        for column in columns:
            number, side = exchange.continues.get(exchange.prompt_ids[column.number], (column.number, ""))
            if number != column.number:
                self.emit(
                    Noticed(
                        f"{column.label} has no answer in the turn before: it goes on from that of {side}.",
                        "To give it its own: select that turn, {key:chat.rerun}, then send again.",
                        "warning",
                    )
                )

    def _drop_unanswered(self) -> Exchange | None:
        """Take last exchanges that nothing answered off the path (they stay stored); returns the last one left."""
        while (last := self.state.last) and not any(a.stored for take in last.takes for a in take.answers()):
            self.state.exchanges.remove(last)
            self.emit(BoardChanged())
        return self.state.last

    def _parent(self, last: Exchange | None, column: Column) -> str | None:
        """The answer that a column's next prompt continues."""
        if last is None:
            return None
        take = last.take
        stored = [answer for answer in take.answers() if answer.stored] if take else []
        if take is None or not stored:
            raise UserError(
                "The last turn shows no answer to go on from.",
                "{key:chat.rerun} answers it again; {key:board.older_take} and {key:board.newer_take} show other takes.",
            )
        if self.settings.history == "shared":
            verdict = take.verdict
            chosen = take.find(verdict.chosen_id) if verdict and verdict.chosen_id else None
            return (chosen or stored[0]).id
        own = take.shown(column.number)
        if own is None:  # the column is newer than the turn, or its answer was lost: said by `_say_borrowed`
            return stored[0].id
        if not own.stored:
            raise UserError(
                f"{column.label} has no stored answer in the last turn to go on from.",
                "{key:chat.rerun} answers the turn again.",
            )
        return own.id

    async def rerun(self, exchange: Exchange) -> None:
        """Answer an exchange again under the settings and instruction as they are now."""
        await self._start_take(exchange, self.settings.seed)

    async def regenerate(self, exchange: Exchange) -> None:
        """Answer an exchange again with the next seed."""
        seeds = [answer.seed for take in exchange.takes for answer in take.answers()]
        await self._start_take(exchange, (max(seeds, default=self.settings.seed - 1) + 1) % MAX_SEED)

    async def _start_take(self, exchange: Exchange, seed: int) -> None:
        self._ready()
        columns = tuple(self.state.columns)
        first = exchange.prompt_ids[min(exchange.prompt_ids)]
        prompt_ids = {column.number: exchange.prompt_ids.get(column.number, first) for column in columns}
        histories = await self.histories(set(prompt_ids.values()))
        self._ready()
        if exchange not in self.state.exchanges:
            raise UserError("The turn is no longer on the board.", "Show its branch and try again.")
        exchange.prompt_ids |= prompt_ids
        take = Take(new_id("take"))
        rows = []
        for column in columns:
            answer = AnswerState(
                id=new_id("turn"),
                column=column.number,
                side=column.label,
                prompt_id=prompt_ids[column.number],
                instruction=self.state.instruction,
                seed=seed,
            )
            take.add(answer)
            rows.append(self.row(answer.id, histories[answer.prompt_id], column, seed))
        if self.settings.blind:
            blind.shuffle(take, [column.number for column in columns])
        self.state.live.update({answer.id: answer for answer in take.answers()})
        index = self.state.exchanges.index(exchange)
        del self.state.exchanges[index + 1 :]
        exchange.takes.append(take)
        exchange.at = len(exchange.takes) - 1
        self.emit(BoardChanged(scroll=True))
        await self._generate(rows)

    async def continue_answer(self, exchange: Exchange, take: Take, answer: AnswerState) -> None:
        """Let an answer go on where it stopped.

        Raises:
            UserError: it never began, or there is nothing to continue.
            EngineError: the engine is not ready.
        """
        self._ready()
        record, c = answer.record, answer.conditions
        if answer.finish is Finish.STOP and not answer.text:
            raise UserError(
                "The model ended this answer at once; there is nothing to continue.", "r answers with the next seed."
            )
        if record is None or c is None or not answer.stored:
            raise UserError(
                "This answer cannot be continued: it never began.", "{key:chat.rerun} answers the turn again."
            )
        histories = await self.histories({answer.prompt_id})
        self._ready()
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
        by_hand = answer.finish is Finish.EDITED or not record.token_ids
        # a rate is that of all tokens that the model wrote; what a person wrote took no time that is known
        longer.prefix_s = None if by_hand else record.decode_s
        row = Row(
            row=longer.id,
            history=tuple((m.role, m.content) for m in histories[answer.prompt_id]),
            instruction=c.instruction,
            mode=c.mode,
            injection_every=c.injection_every or 1,
            adapter=AdapterRef(c.adapter, c.adapter_path or "") if c.adapter else None,
            strength=c.strength,
            temperature=c.temperature,
            top_p=c.top_p,
            max_new_tokens=self.settings.sampling.max_new_tokens,
            seed=c.seed,
            prefix_token_ids=() if by_hand else record.token_ids,
            prefix_text=answer.text if by_hand else "",
        )
        take.add(longer)
        self.state.live[longer.id] = longer
        self.emit(ExchangeChanged(exchange))
        await self._generate([row])

    async def _generate(self, rows: list[Row]) -> None:
        try:
            if self.engine is None:
                raise EngineError("There is no engine.", "Start the console anew.")
            await self.engine.generate(StartGeneration(new_id("generation"), tuple(rows)))
        except AligntuiError:
            self.break_off()
            raise

    async def stop(self) -> bool:
        """Stop what streams; what is there is kept, marked partial.

        Returns:
            False when the engine did not listen and was ended.
        """
        if self.engine is None or not self.state.streaming:
            return True
        return await self.engine.stop_generation()

    # editing ------------------------------------------------------------------------------------

    async def edit_answer(self, answer: AnswerState, text: str) -> AnswerState:
        """Put an edited version beside an answer; the original stays.

        Raises:
            UserError: the answer is not whole, or the text is empty or unchanged.
            StoreError: it could not be stored.
        """
        found = self.state.exchange_of(answer.id)
        if found is None or answer.live or answer.record is None:
            raise UserError("Only a finished answer can be edited.", "Wait for it, or stop it first.")
        if not text.strip() or text == answer.text:
            raise UserError("The edited answer is empty or unchanged.", "Nothing was stored.")
        exchange, take, _ = found
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
        await self.writer.drain()
        await self.store.run(lambda store: store.add_answer(record))
        edited = AnswerState.from_record(record)
        take.add(edited)
        self.emit(ExchangeChanged(exchange))
        return edited

    # settings -----------------------------------------------------------------------------------

    def change(self, **values: Any) -> None:
        """Change settings by name (mode, blind, history, ...); answers already made keep theirs."""
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

    # for those who work on the same chat ------------------------------------------------------------

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

    def refuse_while_streaming(self) -> None:
        """Raise UserError while answers are in the making."""
        if self.state.streaming:
            raise UserError("Answers are still being made.", "Wait, or press Esc to stop them.")

    @property
    def session_id(self) -> str:
        """Id of the session on the board, empty before its first prompt."""
        return self.session.id if self.session else ""

    async def settle(self) -> None:
        """Wait until every answer that ended has been written or refused."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop, write what is there, end the engine and close the database; a second call waits for the first.

        What the database still will not take goes into a file, `rescued`. Whoever asked may be cancelled meanwhile.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            if self.engine is not None and self.state.streaming:
                await self.engine.stop_generation()
            await self.settle()
            with contextlib.suppress(AligntuiError):
                await self.writer.drain()
            self.rescued = self.writer.rescue()
        finally:
            if self.engine is not None:
                await self.engine.close()
            await self.store.close()

    # inner --------------------------------------------------------------------------------------

    def _ready(self) -> None:
        self.refuse_while_streaming()
        if self.engine is None:
            raise EngineError("There is no engine.", "Start the console anew.")
        if self.engine.state.model is None:
            raise EngineError(*self.engine.unready())
        if self.engine.busy:  # a grid or a run: nothing of this chat streams
            raise EngineError(
                "The engine is making answers on another screen.", "Wait for them, or stop them there with Ctrl+C."
            )

    async def _session_for(self, first_prompt: str) -> Session:
        if self.session is None:
            name = " ".join(first_prompt.split())[:48] or "chat"

            def create(store: Store) -> Session:
                # known as soon as it is written: whoever is cancelled meanwhile must still find it
                self.session = store.create_session(name)
                return self.session

            return await self.store.run(create)
        return self.session

    def _record(self, answer: AnswerState, event: AnswerFinished | None) -> Answer:
        assert answer.conditions is not None, "an answer has conditions from its AnswerStarted on"
        found = self.state.exchange_of(answer.id)
        return Answer(
            id=answer.id,
            session_id=self.session_id,
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
            decode_s=answer.elapsed_s,
            first_token_s=event.first_token_s if event else 0.0,
            continued_from=answer.continued_from,
        )

    async def _save(self, record: Answer) -> None:
        try:
            await self.writer.write(record)
        except AligntuiError as error:
            self.emit(
                Noticed(
                    f"An answer is not stored: {error.message}",
                    f"{error.hint} It is kept here and tried again.",
                    "error",
                )
            )

    def _stored(self, record: Answer) -> None:
        found = self.state.exchange_of(record.id)
        if found:
            found[2].stored = True
            self.emit(AnswerChanged(found[2]))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
