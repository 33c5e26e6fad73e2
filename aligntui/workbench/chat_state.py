"""What a chat screen shows, as values: columns, exchanges, takes and answers, and the fold of engine events into them.

Nothing here waits, writes or draws. `Chat` (chat.py) owns one `ChatState` and changes it only through these methods,
so that a screen can be drawn from the state at any moment, and an event that belongs to no answer on
the board is dropped here and not in a widget. Pinned in tests/workbench/test_chat_state.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum

from aligntui.core.conditions import Conditions, unintended
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Pair
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Answer, Finish
from aligntui.wire.engine import (
    AdapterRef,
    AnswerFinished,
    AnswerStarted,
    GapMeasured,
    LoadProgressed,
    ModelLoaded,
    TextArrived,
)


@dataclass(frozen=True)
class Column:
    """One answer pane: the base, or an adapter at a strength."""

    adapter: AdapterRef | None = None
    strength: float = 1.0
    number: int = -1
    """What its answers are filed under; never used again for another column of a chat. -1 until it is on a board."""
    trained_mode: str = ""
    """Instruction mode that the adapter was trained with, where known."""

    @property
    def label(self) -> str:
        """`base`, `demo`, or `demo x0.5`."""
        if self.adapter is None:
            return "base"
        return self.adapter.name if self.strength == 1 else f"{self.adapter.name} x{self.strength:g}"


@dataclass
class AnswerState:
    """An answer on the board: waiting, streaming, finished or failed."""

    id: str
    column: int
    side: str
    prompt_id: str
    instruction: Instruction
    seed: int
    text: str = ""
    tokens: int = 0
    elapsed_s: float = 0.0
    finish: Finish | None = None
    """None while the answer is being made."""
    started: bool = False
    """Whether the engine has rendered its prompt."""
    stored: bool = False
    """Whether it is in the database."""
    conditions: Conditions | None = None
    record: Answer | None = None
    """The whole record once finished."""
    prefix_text: str = ""
    """What stands there until a continued answer's own text comes."""
    prefix_s: float | None = 0.0
    """Seconds that the part took which it continues; None where a person wrote that."""
    edited_from: str | None = None
    continued_from: str | None = None
    gap: GapMeasured | None = None
    gap_against: str = ""
    """Adapter that the gap was measured with."""
    gap_pending: bool = False
    gap_tried: bool = False

    @property
    def live(self) -> bool:
        """Whether more text may come."""
        return self.finish is None

    @property
    def tokens_per_s(self) -> float:
        """Decode speed so far; 0 where it cannot be told."""
        if self.record is not None:
            return self.record.tokens_per_s
        if self.prefix_s is None:
            return 0.0
        return (self.tokens - 1) / self.elapsed_s if self.elapsed_s > 0 and self.tokens > 1 else 0.0

    @classmethod
    def from_record(cls, record: Answer) -> AnswerState:
        """An answer read from the database."""
        kind, _, phrasing = record.instruction_label.partition("/")
        return cls(
            id=record.id,
            column=record.column,
            side=record.side,
            prompt_id=record.parent_id,
            instruction=Instruction(record.conditions.instruction, kind, int(phrasing) if phrasing.isdecimal() else 0),
            seed=record.conditions.seed,
            text=record.text,
            tokens=len(record.token_ids),
            elapsed_s=record.decode_s,
            finish=record.finish,
            started=True,
            stored=True,
            conditions=record.conditions,
            record=record,
            edited_from=record.edited_from,
            continued_from=record.continued_from,
        )


@dataclass
class Take:
    """Answers made together for one exchange.

    Each column keeps all versions of its answer; the last one is shown until another is asked for.
    """

    id: str
    versions: dict[int, list[AnswerState]] = field(default_factory=dict)
    """Column to its answers, oldest first: as generated, then edited or continued."""
    shuffle: tuple[int, ...] = ()
    """Blind mode: column number shown at each place from the left; empty when not blind. It stays after the verdict."""
    judged: list[Pair] = field(default_factory=list)
    looked_at: dict[int, str] = field(default_factory=dict)
    """Column to the id of the version that is shown there, where it is not the last."""

    def add(self, answer: AnswerState) -> None:
        """Put an answer at the end of its column's versions and show it."""
        self.versions.setdefault(answer.column, []).append(answer)
        self.looked_at.pop(answer.column, None)

    def drop(self, answer: AnswerState) -> None:
        """Take a version out again."""
        self.versions[answer.column].remove(answer)
        self.looked_at.pop(answer.column, None)

    def shown(self, column: int) -> AnswerState | None:
        """The answer shown in a column, None where the take has none there."""
        versions = self.versions.get(column)
        if not versions:
            return None
        looked_at = self.looked_at.get(column)
        return next((version for version in versions if version.id == looked_at), versions[-1])

    def show(self, answer: AnswerState) -> None:
        """Show this version in its column."""
        self.looked_at[answer.column] = answer.id

    def answers(self) -> list[AnswerState]:
        """The shown answers from the left."""
        shown = (self.shown(column) for column in sorted(self.versions))
        return [answer for answer in shown if answer is not None]

    def find(self, answer_id: str | None) -> AnswerState | None:
        """An answer of this take in any version; None where it has none of that id."""
        return next((a for versions in self.versions.values() for a in versions if a.id == answer_id), None)

    @property
    def live(self) -> bool:
        """Whether any of its answers is still being made."""
        return any(answer.live for answer in self.answers())

    @property
    def verdict(self) -> Pair | None:
        """The standing verdict over this take, None when there is none or it was undone."""
        return next((pair for pair in reversed(self.judged) if not pair.undone), None)

    def unintended_differences(self, a: int, b: int) -> list[str]:
        """Names of the conditions in which two columns differ without being meant to."""
        left, right = self.shown(a), self.shown(b)
        if not left or not right or not left.conditions or not right.conditions:
            return []
        return sorted(unintended(left.conditions, right.conditions))


@dataclass
class Exchange:
    """A prompt as the user sent it, and its takes."""

    id: str
    text: str
    prompt_ids: dict[int, str]
    """Column to the prompt turn that it answered: one for all while the histories agree."""
    takes: list[Take] = field(default_factory=list)
    at: int = -1
    """Index of the take shown."""
    siblings: tuple[str, ...] = ()
    """Exchanges that continue the same take, this one among them, oldest first."""
    continues: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Prompt turn to column and side of the answer that it goes on from; nothing for the first prompt of a session."""
    below: int = 0
    """Branches that go on from the take shown and are not on the board."""

    def goes_on_from(self, answer: AnswerState) -> str:
        """Side whose answer stands before this one where that is not its own column's; empty where it is."""
        column, side = self.continues.get(answer.prompt_id, (answer.column, ""))
        return side if column != answer.column else ""

    @property
    def take(self) -> Take | None:
        """The take shown, None before the first."""
        return self.takes[self.at] if self.takes else None


class Phase(StrEnum):
    """Where the engine stands."""

    OFF = "off"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"
    """The model could not be loaded."""
    EXITED = "exited"
    """The process is gone."""
    GAVE_WAY = "gave way"
    """The process was ended so that something else has the memory; it comes back."""


@dataclass
class EngineState:
    """The engine as a status line shows it."""

    phase: Phase = Phase.OFF
    progress: LoadProgressed | None = None
    model: ModelLoaded | None = None
    message: str = ""
    hint: str = ""
    since: float = field(default_factory=time.monotonic)

    def move(self, phase: Phase, message: str = "", hint: str = "") -> None:
        """Enter a phase."""
        self.phase, self.message, self.hint, self.since = phase, message, hint, time.monotonic()


@dataclass
class ChatState:
    """The board: columns, the path of exchanges on screen, and what goes on."""

    columns: list[Column] = field(default_factory=lambda: [Column()])
    exchanges: list[Exchange] = field(default_factory=list)
    more_above: bool = False
    """Whether earlier exchanges of this path are in the database and not loaded."""
    engine: EngineState = field(default_factory=EngineState)
    instruction: Instruction = field(default_factory=Instruction)
    load_warnings: tuple[str, ...] = ()
    """What the engine said about the base."""
    adapter_warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Adapter path to what the engine said about it: trained on another base, and the like."""
    adapter_hashes: dict[str, str] = field(default_factory=dict)
    """Adapter path to the SHA-256 that the engine found there."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Name of an adapter that could not be used to the reason."""
    live: dict[str, AnswerState] = field(default_factory=dict)
    """Answers in the making, by id; the engine's row names are these ids."""
    selected_id: str = ""
    """Exchange that keys act on; empty for the last one."""

    def __post_init__(self) -> None:
        for place, column in enumerate(self.columns):
            if column.number < 0:
                self.columns[place] = replace(column, number=self._free_number())

    def _free_number(self) -> int:
        used = {column.number for column in self.columns}
        used |= {number for e in self.exchanges for take in e.takes for number in take.versions}
        return max(used, default=-1) + 1

    def add_column(self, column: Column) -> Column:
        """Put a column at the right end, under a number of its own."""
        column = replace(column, number=self._free_number())
        self.columns.append(column)
        return column

    @property
    def numbers(self) -> tuple[int, ...]:
        """The columns' numbers from the left."""
        return tuple(column.number for column in self.columns)

    def column(self, number: int) -> Column | None:
        """The column of that number, None when it was removed."""
        return next((column for column in self.columns if column.number == number), None)

    def replace_column(self, column: Column) -> None:
        """Put a column in the place of the one with its number; nothing when that is gone."""
        self.columns[:] = [column if known.number == column.number else known for known in self.columns]

    def warnings(self, mode: str) -> list[str]:
        """What the user should know before the next answer: other base, other format, adapters left out."""
        lines = list(self.load_warnings)
        model = self.engine.model
        if model is not None and not model.system_slot and mode == Mode.SYSTEM and self.instruction.text.strip():
            lines.append(
                "This model's chat template has no system slot: the instruction stands at the head of the first user turn."
            )
        for column in self.columns:
            if column.adapter is None:
                continue
            lines += [f"{column.adapter.name}: {text}" for text in self.adapter_warnings.get(column.adapter.path, ())]
            if column.trained_mode and column.trained_mode != mode:
                lines.append(
                    f"{column.adapter.name} was trained with mode {column.trained_mode}, the chat uses mode {mode}."
                )
        lines += [f"{name} was left out: {reason}" for name, reason in self.left_out.items()]
        return list(dict.fromkeys(lines))

    @property
    def selected(self) -> Exchange | None:
        """The exchange that keys act on."""
        return next((e for e in self.exchanges if e.id == self.selected_id), self.last)

    @property
    def selected_index(self) -> int:
        """Its index on the path, -1 on an empty board."""
        selected = self.selected
        return self.exchanges.index(selected) if selected else -1

    @property
    def last(self) -> Exchange | None:
        """The last exchange of the path."""
        return self.exchanges[-1] if self.exchanges else None

    @property
    def streaming(self) -> bool:
        """Whether any answer is in the making."""
        return bool(self.live)

    def exchange_of(self, answer_id: str) -> tuple[Exchange, Take, AnswerState] | None:
        """Where an answer stands on the board."""
        for exchange in reversed(self.exchanges):
            for take in reversed(exchange.takes):
                answer = take.find(answer_id)
                if answer:
                    return exchange, take, answer
        return None

    def set_strength(self, number: int, strength: float) -> None:
        """Turn a column's dial; answers already made keep the strength that made them."""
        column = self.column(number)
        if column is not None:
            self.replace_column(replace(column, strength=round(min(2.0, max(0.0, strength)), 2)))

    # the fold of the engine's events into answers ---------------------------------------------------

    def answer_started(self, event: AnswerStarted) -> AnswerState | None:
        """The engine has rendered a prompt: the answer's conditions are fixed."""
        answer = self.live.get(event.row)
        if answer:
            answer.started = True
            answer.conditions = Conditions.from_dict(event.conditions)
        return answer

    def text_arrived(self, event: TextArrived) -> AnswerState | None:
        """More text for an answer."""
        answer = self.live.get(event.row)
        if answer:
            if answer.prefix_text:  # a continued answer's text comes whole, its prefix first
                answer.text = answer.prefix_text = ""
            answer.text += event.text
            answer.tokens = event.tokens
            answer.elapsed_s = (answer.prefix_s or 0.0) + event.elapsed_s
        return answer

    def answer_finished(self, event: AnswerFinished) -> AnswerState | None:
        """An answer is whole, or was stopped; it leaves `live`."""
        answer = self.live.pop(event.row, None)
        if answer:
            answer.text = event.text
            answer.tokens = len(event.token_ids)
            answer.elapsed_s = 0.0 if answer.prefix_s is None else answer.prefix_s + event.decode_s
            answer.finish = Finish(event.finish)
        return answer

    def break_off(self, finish: Finish) -> list[AnswerState]:
        """End every answer in the making where it stands; returns them."""
        broken = list(self.live.values())
        self.live.clear()
        for answer in broken:
            answer.finish = finish
        return broken
