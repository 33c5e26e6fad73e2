"""One answer: as it is asked for, while it is written, and as the decode loop tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aligntui.backend.infer.adapters import Adapter
from aligntui.backend.infer.text_stream import TextStream
from aligntui.backend.infer.work import Work
from aligntui.core.sampling import Sampling


@dataclass
class RowPlan:
    """One answer to be made."""

    name: str
    prompt_ids: list[int]
    sampling: Sampling
    adapter: Adapter | None = None
    strength: float = 1.0
    prefix_ids: list[int] = field(default_factory=list)
    """Answer tokens that are there already."""

    @property
    def sequence(self) -> list[int]:
        """What is read before the first new token."""
        return self.prompt_ids + self.prefix_ids

    @property
    def size(self) -> int:
        """Tokens that are read before the first new one."""
        return len(self.prompt_ids) + len(self.prefix_ids)

    @property
    def side(self) -> str | None:
        """Hash of the adapter that changes this row; None where it is the base, also by strength 0."""
        return self.adapter.sha256 if self.adapter and self.strength else None


@dataclass(frozen=True)
class RowBegun:
    """A row's prompt is read next."""

    name: str


@dataclass(frozen=True)
class NewText:
    """More text of a row."""

    name: str
    text: str
    tokens: int
    elapsed_s: float


@dataclass(frozen=True)
class RowDone:
    """A row's whole answer."""

    name: str
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: str
    decode_s: float
    first_token_s: float


@dataclass
class Summary:
    """What the batch took; complete when the iterator has ended."""

    tokens: int = 0
    decode_s: float = 0.0
    prefill_s: float = 0.0
    """Seconds spent reading prompts."""
    path: str = "mixed-batch"
    work: Work = field(default_factory=Work)
    not_begun: int = 0
    """Rows whose prompts were never read, because a cancel or a failure came first."""


@dataclass
class OpenRow:
    """An answer while it is written."""

    plan: RowPlan
    stream: TextStream
    begun_at: float
    logprobs: list[float] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0
    new: int = 0
    pending: str = ""
    """Text that is certain but not shown yet."""
    done: bool = False

    @property
    def size(self) -> int:
        """Positions in the cache once the last token is in it."""
        return len(self.plan.prompt_ids) + len(self.stream.ids)

    def add(self, token: int, logprob: float, now: float) -> None:
        """Take a new token."""
        self.first_at = self.first_at or now
        self.last_at = now
        self.new += 1
        self.stream.ids.append(token)
        self.logprobs.append(logprob)

    def show(self) -> NewText:
        """What is certain and not shown yet."""
        text, self.pending = self.pending, ""
        return NewText(self.plan.name, text, len(self.stream.ids), self.last_at - self.first_at)
