"""The workbench without a screen: one prompt answered, one verdict given, one model fetched.

`aligntui chat`, `aligntui pairs add` and `aligntui models pull` call these; they drive the same `Chat`, `Judge` and
`EngineLink` as the console. Pinned in tests/cli/test_chat.py and tests/cli/test_pairs.py.
"""

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
from aligntui.core.pair import Pair, Verdict
from aligntui.core.turn import Answer
from aligntui.engine.client import EngineClient, error_of
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import GenerationFinished, ModelLoaded, RequestFailed
from aligntui.workbench.changes import Change
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import Column, EngineState
from aligntui.workbench.columns import Columns
from aligntui.workbench.engine_link import AnswerEvent, EngineLink, ModelWish
from aligntui.workbench.judging import Judge
from aligntui.workbench.moves import Moves
from aligntui.workbench.opening import Workbench, attach_engine, open_workbench
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui import store as db


# one prompt, answered --------------------------------------------------------------------------------


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


class HeadlessChat(Chat):
    """A chat that keeps what its caller has to raise, where the console would show a notice."""

    batch: GenerationFinished | None = None
    failure: RequestFailed | EngineExited | None = None

    def receive(self, event: AnswerEvent) -> None:
        """Fold an engine event; a failed generation is kept and not told."""
        match event:
            case RequestFailed() | EngineExited():
                self.failure = event
                self.break_off()
            case GenerationFinished():
                self.batch = event
                super().receive(event)
            case _:
                super().receive(event)


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
        EngineError: the engine failed; what it had written is stored.
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
            await (Moves(chat).open_session(question.session) if question.session else chat.store.run(_nothing))
            attach_engine(bench, engine_argv)
            await _load(chat)
            return await _answered(chat, question, broken)
        finally:
            if broken.done():
                broken.exception()  # retrieved, whichever error is on its way
            await chat.close()


def _open(workspace: Workspace, settings: Settings, question: Question) -> Workbench:
    nobody_set_it = settings.sources.get("instruction", Source(Layer.DEFAULT)).layer is Layer.DEFAULT
    if question.instruction is not None or nobody_set_it:
        settings = replace(settings, instruction="")
    bench = open_workbench(workspace if question.keep else _Untouched(workspace.root), settings, lambda change: None)
    for problem in bench.problems:
        problem.hint = f"{problem.hint} Or ask the base alone: --no-adapter.".strip()
        raise problem
    return bench


async def _load(chat: HeadlessChat) -> None:
    """Load base and adapters. Unlike in the console nothing is left out: who asked by script must be told."""
    columns = Columns(chat)
    await columns.load_base()
    for column in chat.state.columns:
        await columns.check(column)


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
        raise _failure(chat.failure, session_id)
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


# one verdict -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VerdictWish:
    """A verdict to be given over two answers of one take."""

    turn: str
    """Id of a prompt turn, an answer turn, a take or an exchange; turn ids may be cut short."""
    verdict: Verdict
    left: str = ""
    """Answer on the left, as a turn id, a side's name or a column number; empty for the lower column of two."""
    right: str = ""
    reason: str = ""
    tags: tuple[str, ...] = ()
    annotator: str = ""


@dataclass(frozen=True)
class GivenVerdict:
    """A stored verdict."""

    pair: Pair
    left: Answer
    right: Answer
    replaced: str | None
    """Standing verdict over the same two answers that it took the place of."""


async def give_verdict(workspace: Workspace, wish: VerdictWish) -> GivenVerdict:
    """Store a verdict under the rules of the console's `Judge`.

    Raises:
        UserError: there is no such turn, not two answers to choose from, or a verdict that cannot be.
        StoreError: it could not be stored.
    """
    settings = ChatSettings(annotator=wish.annotator)
    chat = Chat(StoreThread(workspace.database), settings, [Column(), Column()], lambda change: None)
    try:
        take, given = await chat.store.run(lambda store: _find_take(store, wish.turn))
        left, right = _sides(take, given, wish)
        await Moves(chat).open_session(left.session_id, left.id)
        exchange = chat.state.selected
        shown = next((each for each in exchange.takes if each.id == take.id), None) if exchange else None
        assert exchange is not None and shown is not None, "the board shows the turn that was asked for"
        standing = [pair.id for pair in shown.judged if not pair.undone]
        sides = shown.find(left.id), shown.find(right.id)
        assert sides[0] is not None and sides[1] is not None, "both answers are of the take on the board"
        try:
            pair = await Judge(chat).judge(exchange, shown, (sides[0], sides[1]), wish.verdict, wish.reason, wish.tags)
        except UserError as error:
            # the hint of the console names keys
            hint = "The verdicts tie, bad and skip can still be given." if wish.verdict.decides else ""
            raise UserError(error.message, hint) from error
        still = {each.id for each in shown.judged if not each.undone}
        return GivenVerdict(pair, left, right, next((id for id in standing if id not in still), None))
    finally:
        await chat.close()


def _find_take(store: db.Store, ref: str) -> tuple[db.Take, Answer | None]:
    """The take that an id means, and the answer itself where the id is an answer's."""
    if ref.startswith("exchange_"):
        return _newest_take(store.exchange(ref)), None
    if ref.startswith("take_"):
        return store.take(ref), None
    turn = store.get_turn(ref)
    exchange = store.exchange_of(turn.id)
    if isinstance(turn, Answer):
        return next(take for take in exchange.takes if take.id == turn.take_id), turn
    return _newest_take(exchange), None


def _newest_take(exchange: db.Exchange) -> db.Take:
    paired = [take for take in exchange.takes if len({answer.column for answer in take.answers}) > 1]
    if not paired:
        raise UserError(
            f"No take of {exchange.id} has two answers.", "A verdict needs two answers that were made side by side."
        )
    return paired[-1]


def _sides(take: db.Take, given: Answer | None, wish: VerdictWish) -> tuple[Answer, Answer]:
    columns = {answer.column: answer for answer in take.answers}  # of edited or continued answers the last one
    if given is not None:
        columns[given.column] = given
    shown = [columns[column] for column in sorted(columns)]
    if bool(wish.left) != bool(wish.right):
        raise UserError("--left and --right go together.", "Give both, or neither for a take of two answers.")
    if wish.left:
        return _pick(take, shown, wish.left), _pick(take, shown, wish.right)
    if len(shown) != 2:
        names = ", ".join(f"{answer.column} ({answer.side})" for answer in shown)
        what = f"has {len(shown)} answers" if len(shown) > 2 else "has only one answer"
        hint = f"Choose two with --left and --right: {names}." if len(shown) > 2 else "A verdict needs two."
        raise UserError(f"The take {take.id} {what}.", hint)
    return shown[0], shown[1]


def _pick(take: db.Take, shown: list[Answer], ref: str) -> Answer:
    by_id = [answer for answer in take.answers if ref.startswith("turn_") and answer.id.startswith(ref)]
    found = by_id or [answer for answer in shown if ref in (answer.side, str(answer.column))]
    if len(found) != 1:
        names = ", ".join(f"{answer.column} ({answer.side})" for answer in shown)
        problem = "names several answers" if found else "names no answer"
        raise UserError(f"{ref!r} {problem} of the take {take.id}.", f"Its columns are {names}; turn ids do as well.")
    return found[0]


# one model, fetched ---------------------------------------------------------------------------------------


async def pull(
    wish: ModelWish, on_change: Callable[[EngineState], None], engine_argv: Sequence[str] | None = None
) -> ModelLoaded:
    """Fetch a model, convert it where that is needed, and load it once, so that it is known to work.

    Raises:
        UserError: there is no such model, or it is none that can be loaded.
        EnvironmentProblem: no network, no room, no memory.
    """

    def ignore(event: AnswerEvent) -> None:
        """No answers are asked for."""

    link = EngineLink(
        wish,
        lambda on_event: EngineClient(on_event=on_event, argv=engine_argv),
        lambda: on_change(link.state),
        ignore,
    )
    try:
        return await link.start()
    finally:
        await link.close()
