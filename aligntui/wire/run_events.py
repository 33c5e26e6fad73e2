"""What a training run says about itself: one JSON object a line in `events.jsonl`, written by its process alone.

Every line has `seq` (rising by 1 over the whole life of the run, over resumes too), `time` (Unix seconds) and `kind`. A
run that was resumed says some steps twice: after `resumed`, what came before about later steps no longer counts
(`current` leaves it out). Reading takes whole lines only, so a torn last line is read when its end has come.
Pinned in tests/config/test_training_events.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Started:
    """The process has its model and is about to train."""

    pid: int
    model: str
    model_hash: str
    template_hash: str
    total_steps: int
    trainable_parameters: int
    dtype: str
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    """Methods in turn."""
    stage_ends: tuple[int, ...] = ()
    """Last step of each stage."""
    processes: int = 1


@dataclass(frozen=True)
class Resumed:
    """Training goes on after this step."""

    step: int


@dataclass(frozen=True)
class Data:
    """What the data has become. `tokens` and `trained_tokens` are of one epoch of the first stage."""

    records: int
    tokens: int
    trained_tokens: int
    truncated: int
    """Records that lost the end of an answer, or the head of nothing: prompts are never cut."""
    dropped: int
    """Records whose prompt left no room for an answer."""
    held_out: int = 0


@dataclass(frozen=True)
class Step:
    """One optimiser step; null where the method has no such figure. Means over the step's pairs, over all processes."""

    step: int
    loss: float | None = None
    kl: float | None = None
    kl_weight: float | None = None
    """Written as `lambda`."""
    margin: float | None = None
    accuracy: float | None = None
    chosen_logp: float | None = None
    rejected_logp: float | None = None
    lr: float | None = None
    grad_norm: float | None = None
    sft: float | None = None
    contrast: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: int | None = None
    """Resident memory of the process."""
    gpu_bytes: int | None = None
    epoch: float | None = None


@dataclass(frozen=True)
class Eval:
    """Means over the held-out records."""

    step: int
    loss: float | None = None
    kl: float | None = None
    margin: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Sample:
    """A greedy answer of the adapter as it is."""

    step: int
    prompt: str
    instruction: str
    answer: str


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint is whole and on the disk."""

    step: int
    path: str
    """Relative to the run folder."""


@dataclass(frozen=True)
class Warned:
    """Something that the user should know and that does not stop the run."""

    message: str


@dataclass(frozen=True)
class Stopping:
    """A stop was asked for; the step in work is finished and a checkpoint is written."""


@dataclass(frozen=True)
class Stopped:
    """The run has ended as asked and can be resumed."""

    step: int


@dataclass(frozen=True)
class Finished:
    """The adapter is in its place."""

    step: int
    seconds: float
    """Of training, over all resumes."""
    adapter_hash: str


@dataclass(frozen=True)
class Failed:
    """The run has ended with an error."""

    error: str
    hint: str = ""
    step: int = 0
    where: str | None = None
    """Of a loss that is no number: the file of the step's batch, relative to the run folder."""
    exit_code: int = 1


Event = Started | Resumed | Data | Step | Eval | Sample | Checkpoint | Warned | Stopping | Stopped | Finished | Failed

KINDS: dict[str, type[Event]] = {
    "started": Started,
    "resumed": Resumed,
    "data": Data,
    "step": Step,
    "eval": Eval,
    "sample": Sample,
    "checkpoint": Checkpoint,
    "warning": Warned,
    "stopping": Stopping,
    "stopped": Stopped,
    "finished": Finished,
    "failed": Failed,
}
ENDINGS = (Stopped, Finished, Failed)
"""The last event of a process that ended by itself."""
_NAMES = {kind: name for name, kind in KINDS.items()}
_RENAMED = {"kl_weight": "lambda"}


@dataclass(frozen=True)
class Stamped:
    """An event with its number and time."""

    seq: int
    time: float
    event: Event

    @property
    def kind(self) -> str:
        """The event's name in the file."""
        return _NAMES[type(self.event)]


def encode_event(seq: int, time: float, event: Event) -> bytes:
    """One line, newline included; numbers that are not finite are written as null."""
    values = {_RENAMED.get(name, name): _finite(value) for name, value in asdict(event).items()}
    body = {"seq": seq, "time": round(time, 3), "kind": _NAMES[type(event)], **values}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def decode_event(line: bytes | str) -> Stamped | None:
    """Read one line; None for what is no event, or of a kind that is not known here."""
    try:
        body = json.loads(line)
        cls = KINDS[body["kind"]]
        return Stamped(int(body["seq"]), float(body["time"]), _build(cls, body))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_events(path: Path, offset: int = 0) -> tuple[list[Stamped], int]:
    """The events from a place in the file on.

    Args:
        path: `events.jsonl`; a missing file has no events.
        offset: bytes, as the last call gave them; 0 is the start.

    Returns:
        The events of all whole lines, and where to go on. Lines that are no events are left out.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            read = file.read()
    except FileNotFoundError:
        return [], offset
    whole = read[: read.rfind(b"\n") + 1]
    found = [decode_event(line) for line in whole.splitlines()]
    return [event for event in found if event is not None], offset + len(whole)


def current(events: Iterable[Stamped]) -> list[Stamped]:
    """The events that still count: those about steps after the one that a run was resumed from are gone."""
    kept: list[Stamped] = []
    for stamped in events:
        if isinstance(stamped.event, Resumed):
            last = stamped.event.step
            kept = [s for s in kept if getattr(s.event, "step", 0) <= last or isinstance(s.event, ENDINGS)]
        kept.append(stamped)
    return kept


def _build(cls: type[Event], body: Mapping[str, Any]) -> Event:
    values: dict[str, Any] = {}
    for f in fields(cls):
        name = _RENAMED.get(f.name, f.name)
        if name in body:
            value = body[name]
            values[f.name] = tuple(value) if isinstance(value, list) else value
        elif f.default is MISSING and f.default_factory is MISSING:
            raise KeyError(name)
    return cls(**values)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
