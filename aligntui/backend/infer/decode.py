"""The decode loop: all rows of a request in one batch, streamed, cancelled and finished row by row.

Pinned in tests/backend/test_decode.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aligntui.backend.infer.adapters import Adapter, AdapterShelf
from aligntui.backend.infer.forward import make_forward
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.sampler import RowSampler
from aligntui.backend.infer.text_stream import TextStream
from aligntui.core.errors import UserError
from aligntui.core.sampling import Sampling

FLUSH_S = 1 / 30


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
    path: str = "mixed-batch"


@dataclass
class _Row:
    plan: RowPlan
    stream: TextStream
    logprobs: list[float]
    first_at: float = 0.0
    last_at: float = 0.0
    new: int = 0
    pending: str = ""
    """Text that is certain but not shown yet."""
    done: bool = False

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


def decode_path(shelf: AdapterShelf) -> str:
    """`mixed-batch`, with the reason where another cache holds some layers or another path is taken."""
    if shelf.one_at_a_time:
        return "one row at a time (a padded batch gives other logits than a row alone with this model)"
    foreign = RowCache(shelf.base.model.config).foreign
    return "mixed-batch" + (f", transformers cache ({', '.join(foreign)})" if foreign else "")


def decode(
    shelf: AdapterShelf,
    plans: list[RowPlan],
    summary: Summary,
    cancelled: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[NewText | RowDone]:
    """Make all answers in one batch.

    Args:
        shelf: the base and its adapters.
        plans: the rows; any order.
        summary: filled in while it runs.
        cancelled: asked before every token; True ends all rows and keeps what is there.
        clock: seconds.

    Yields:
        Text as it becomes certain, about 30 times a second, and one `RowDone` for each row. When the model fails in
        the middle every open row ends as `failed` with what it has, and the exception follows.
    """
    batch = _Batch(shelf, plans, summary, clock)
    try:
        yield from batch.read(cancelled)
        while batch.rows:
            if cancelled():
                yield from batch.end_all("cancelled")
            else:
                yield from batch.take_step()
    except Exception:
        yield from batch.end_all("failed")
        raise
    finally:
        shelf.routing.clear()


class _Batch:
    """The open rows of a request and the model's state for them."""

    def __init__(self, shelf: AdapterShelf, plans: list[RowPlan], summary: Summary, clock: Callable[[], float]) -> None:
        self._shelf = shelf
        self._summary = summary
        self._clock = clock
        self._asked_at = clock()
        self._first_at = self._flushed_at = 0.0
        # rows of one adapter must stand together; the base first
        order = sorted(plans, key=lambda p: (p.adapter is not None, p.adapter.sha256 if p.adapter else "", p.strength))
        base = shelf.base
        self.rows = [_Row(p, TextStream(base.tokenizer, base.template.stops), []) for p in order]
        self._sampler = RowSampler([row.plan.sampling for row in self.rows])
        summary.path = decode_path(shelf)

    def read(self, cancelled: Callable[[], bool]) -> Iterator[NewText | RowDone]:
        """Prefill: prompts, and what is there of the answers already."""
        self._route()
        self._shelf.threads.read()
        self._forward = make_forward(self._shelf, [row.plan.prompt_ids + row.plan.prefix_ids for row in self.rows])
        read = self._forward.prefill(max(len(row.plan.prefix_ids) for row in self.rows), cancelled)
        self._shelf.threads.step()
        if read is None:
            yield from self.end_all("cancelled")
            return
        self._logits, logprobs = read  # (B, V), (B, longest prefix)
        for row, values in zip(self.rows, logprobs.tolist(), strict=True):
            count = len(row.plan.prefix_ids)
            row.stream.ids += row.plan.prefix_ids
            row.logprobs += values[len(values) - count :]
            if count:
                yield NewText(row.plan.name, row.stream.take(), count, 0.0)
        self._summary.prefill_s = self._clock() - self._asked_at

    def take_step(self) -> Iterator[NewText | RowDone]:
        """Draw a token for every open row, say what is new, and compute the next step for those that stay."""
        ids, logprobs = self._sampler.draw(self._logits, [len(row.stream.ids) for row in self.rows])  # (B,), (B,)
        drawn = list(zip(self.rows, ids.tolist(), logprobs.tolist(), strict=True))  # on a GPU this waits for the step
        if any(math.isnan(logprob) for _, _, logprob in drawn):
            raise UserError(
                "The model's numbers overflowed, so there is no next token to draw.",
                "Lower the adapter's strength, or load the model as bfloat16 or float32.",
            )
        now = self._clock()
        self._first_at = self._first_at or now
        self._summary.tokens += len(drawn)
        self._summary.decode_s = now - self._first_at
        flush = now - self._flushed_at >= FLUSH_S
        if flush:
            self._flushed_at = now
        stay = []
        for at, (row, token, logprob) in enumerate(drawn):
            row.add(token, logprob, now)
            finish = self._finish_of(row, token)
            show = flush or row.new == 1
            if not finish and (show or self._shelf.base.template.stops):
                row.pending += row.stream.take()
                if row.stream.stopped:
                    finish = "stop"
                elif show and row.pending:
                    yield row.show()
            if finish:
                yield from self._end(row, finish)
            else:
                stay.append(at)
        if len(stay) < len(drawn):
            self._keep(stay)
            ids = ids[stay]  # (b,)
        if stay:
            self._logits = self._forward.step(ids)

    def end_all(self, finish: str) -> Iterator[NewText | RowDone]:
        """End every open row with what it has."""
        rows, self.rows = self.rows, []
        for row in rows:
            if not row.done:
                yield from self._end(row, finish)

    def _end(self, row: _Row, finish: str) -> Iterator[NewText | RowDone]:
        row.done = True
        if row.plan.prefix_ids and not row.stream.ids:
            # ended before the prefix was read: its text stays, its tokens have no log-probabilities yet
            text = row.stream.read(row.plan.prefix_ids)
            yield NewText(row.plan.name, text, 0, 0.0)
            yield RowDone(row.plan.name, text, (), (), finish, 0.0, 0.0)
            return
        row.pending += row.stream.take(last=True)
        if row.pending:
            yield row.show()
        count = row.stream.kept  # tokens behind a stop string are no part of the answer
        yield RowDone(
            row.plan.name,
            row.stream.text,
            tuple(row.stream.ids[:count]),
            tuple(row.logprobs[:count]),
            finish,
            row.last_at - row.first_at,
            row.first_at - self._asked_at if row.first_at else 0.0,
        )

    def _keep(self, stay: list[int]) -> None:
        self.rows = [self.rows[i] for i in stay]
        if stay:
            self._forward.keep(stay)
            self._sampler.keep(stay)
            self._route()

    def _route(self) -> None:
        pairs = [(r.plan.adapter.sha256 if r.plan.adapter else None, r.plan.strength) for r in self.rows]
        self._shelf.routing.set(pairs, self._shelf.base.model.device)

    def _finish_of(self, row: _Row, token: int) -> str:
        if token in self._shelf.base.end_ids:
            return "stop"
        if row.new >= row.plan.sampling.max_new_tokens:
            return "length"
        if len(row.plan.prompt_ids) + len(row.stream.ids) >= self._shelf.base.context_length:
            return "context"
        return ""
