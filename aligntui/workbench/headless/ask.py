"""One prompt, answered by the base and its adapters."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.config.options import Layer, Settings, Source
from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, StoreError, UserError
from aligntui.core.instruction import Instruction
from aligntui.core.turn import Answer
from aligntui.engine.client import error_of
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import GenerationFinished, RequestFailed
from aligntui.workbench.changes import Change
from aligntui.workbench.columns import Columns
from aligntui.workbench.headless.headless_chat import HeadlessChat
from aligntui.workbench.opening import Workbench, attach_engine, open_workbench
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui import store as db


@dataclass(frozen=True)
class Question:
    """One prompt for all columns."""

    prompt: str
    instruction: str | None = None
    """Text of an instruction; None leaves what the settings name."""
    session: str = ""
    """Id or name of a session whose last exchange is continued; empty for a new one."""
    keep: bool = True
    """Whether prompt and answers are stored."""


@dataclass(frozen=True)
class Reply:
    """The answers to one `Question`, base first."""

    session_id: str | None
    """None where nothing was to be stored; so are the other two."""
    exchange_id: str | None
    take_id: str | None
    answers: tuple[Answer, ...]
    batch: GenerationFinished
    unsaved: int = 0
    """Answers that the database would not take."""

    @property
    def tokens_per_s(self) -> float:
        """Speed of the whole batch: its first step gives every row a token and starts the clock."""
        timed = self.batch.tokens - len(self.answers)
        return timed / self.batch.decode_s if self.batch.decode_s > 0 and timed > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """What `aligntui chat --json` prints."""
        answers = [
            {
                "side": answer.side,
                "adapter": answer.conditions.adapter,
                "turn": answer.id if self.session_id else None,
                "text": answer.text,
                "token_ids": list(answer.token_ids),
                "logprobs": list(answer.logprobs),
                "finish_reason": answer.finish.value,
                "prompt_tokens": answer.prompt_tokens,
                # the rows of a batch end at different steps; what is compared between tools is the whole batch
                "decode_s": self.batch.decode_s,
                "first_token_s": answer.first_token_s,
                "conditions": answer.conditions.as_dict(),
            }
            for answer in self.answers
        ]
        return {
            "session": self.session_id,
            "exchange": self.exchange_id,
            "take": self.take_id,
            "answers": answers,
            "decode_s": self.batch.decode_s,
            "tokens_per_s": self.tokens_per_s,
        }


async def ask(
    workspace: Workspace,
    settings: Settings,
    question: Question,
    on_change: Callable[[Workbench, Change], None],
    engine_argv: Sequence[str] | None = None,
) -> Reply:
    """Load the base and its adapters, send one prompt to all of them, store and return the answers.

    Args:
        workspace: where sessions and adapters lie.
        settings: resolved options. Their instruction counts only where somebody set it.
        question: the prompt.
        on_change: told of loading, of new text and of what could not be stored.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: the prompt is empty, or a model, adapter, instruction or session is not there or not usable.
        EngineError: the engine failed; what it had written is stored, and nothing where it had written nothing.
        StoreError: the database cannot be used; nothing was asked then.
    """
    if not question.prompt.strip():
        raise UserError("The prompt is empty.", "Give a text with --prompt, or a file with --prompt-file.")
    with _database(workspace, question) as database:
        bench = _open(workspace, settings, question)
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def emit(change: Change) -> None:
            if broken.done():
                return
            try:
                on_change(bench, change)
            except Exception as error:  # noqa: BLE001  the engine's client logs and drops what a listener raises
                broken.set_exception(error)

        chat = HeadlessChat(
            StoreThread(database), replace(bench.chat.settings, blind=False), bench.chat.state.columns, emit
        )
        bench.chat = chat
        if question.instruction is not None:
            chat.set_instruction(Instruction(question.instruction))
        try:
            # a damaged database or an unknown session is known before seconds go into loading
            await (chat.go_on(question.session) if question.session else chat.store.run(_nothing))
            attach_engine(bench, engine_argv)
            await _load(chat)
            return await _answered(chat, question, broken)
        finally:
            if broken.done():
                broken.exception()  # retrieved, whichever error is on its way
            await chat.close()
            if question.keep:
                chat.forget_unanswered(database)


def _open(workspace: Workspace, settings: Settings, question: Question) -> Workbench:
    nobody_set_it = settings.sources.get("instruction", Source(Layer.DEFAULT)).layer is Layer.DEFAULT
    if question.instruction is not None or nobody_set_it:
        settings = replace(settings, instruction="")
    bench = open_workbench(workspace if question.keep else _Untouched(workspace.root), settings, lambda change: None)
    for problem in bench.problems:
        _show_way_out(problem)
        raise problem
    return bench


def _show_way_out(problem: AligntuiError) -> None:
    """Add what helps also where nobody asked for an adapter: the options name one by default."""
    problem.hint = f"{problem.hint} Or ask the base alone: --no-adapter.".strip()


async def _load(chat: HeadlessChat) -> None:
    """Load base and adapters. Unlike in the console nothing is left out: who asked by script must be told."""
    columns = Columns(chat)
    await columns.load_base()
    try:
        for column in chat.state.columns:
            await columns.check(column)
    except UserError as error:
        _show_way_out(error)
        raise


async def _answered(chat: HeadlessChat, question: Question, broken: asyncio.Future[None]) -> Reply:
    exchange = await chat.send(question.prompt)
    assert chat.engine is not None, "send() needs an engine"
    finished = asyncio.ensure_future(chat.engine.finished())
    await asyncio.wait({finished, broken}, return_when=asyncio.FIRST_COMPLETED)
    if broken.done():
        finished.cancel()
        broken.result()
    await chat.settle()
    session_id = chat.session.id if chat.session and question.keep else None
    if chat.failure is not None:
        is_kept = any(answer.stored for take in exchange.takes for answer in take.answers())
        raise _failure(chat.failure, session_id if is_kept else None)
    take, batch = exchange.take, chat.batch
    assert take is not None and batch is not None, "a finished generation has a take and a batch"
    answers = tuple(answer.record for answer in take.answers() if answer.record is not None)
    ids = (session_id, exchange.id, take.id) if session_id else (None, None, None)
    return Reply(*ids, answers, batch, len(chat.writer.waiting))


def _failure(failure: RequestFailed | EngineExited, session_id: str | None) -> AligntuiError:
    error = failure.as_error() if isinstance(failure, EngineExited) else error_of(failure)
    if session_id:
        kept = f"What was there is kept in session {session_id}."
        error.hint = f"{error.hint} {kept}".strip()
    return error


def _nothing(store: db.Store) -> None:
    """Let the store be opened."""


class _Untouched(Workspace):
    """A workspace in which nothing is made."""

    def make(self) -> None:
        """Leave it as it is."""


@contextlib.contextmanager
def _database(workspace: Workspace, question: Question) -> Iterator[Path]:
    """The database to use: the workspace's own, or one that is gone afterwards, with the history to continue in it."""
    if question.keep:
        yield workspace.database
        return
    with tempfile.TemporaryDirectory(prefix="aligntui-") as folder:
        database = Path(folder) / workspace.database.name
        if question.session and workspace.database.exists():
            _copy_database(workspace.database, database)
        yield database


def _copy_database(source: Path, target: Path) -> None:
    try:
        # read-only, so that not even a checkpoint of the write-ahead log is written
        reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(reading), contextlib.closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
    except sqlite3.Error as error:
        raise StoreError(f"The database {source} cannot be read: {error}.", "Try without --session.") from error
