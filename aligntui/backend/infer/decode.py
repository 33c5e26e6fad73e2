"""The decode loop: all rows of a request in one batch, streamed, cancelled and finished row by row.

Pinned in tests/backend/test_decode.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aligntui.backend.infer.adapters import Adapter, AdapterShelf
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.sampler import RowSampler
from aligntui.backend.infer.text_stream import TextStream
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
    done: bool = False


def decode_path(shelf: AdapterShelf) -> str:
    """`mixed-batch`, with the reason where transformers' own cache holds some layers."""
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
    asked_at = clock()
    # rows of one adapter must stand together; the base first
    order = sorted(plans, key=lambda p: (p.adapter is not None, p.adapter.sha256 if p.adapter else "", p.strength))
    base = shelf.base
    rows = [_Row(p, TextStream(base.tokenizer, base.template.stops), []) for p in order]
    try:
        yield from _decode(shelf, rows, summary, cancelled, clock, asked_at)
    except Exception:
        for row in rows:
            if not row.done:
                yield from _finish(row, "failed", asked_at)
        raise
    finally:
        shelf.routing.clear()


def _decode(
    shelf: AdapterShelf,
    rows: list[_Row],
    summary: Summary,
    cancelled: Callable[[], bool],
    clock: Callable[[], float],
    asked_at: float,
) -> Iterator[NewText | RowDone]:
    base = shelf.base
    summary.path = decode_path(shelf)
    sampler = RowSampler([row.plan.sampling for row in rows])
    _route(shelf, rows)
    forward = BatchForward(shelf, [row.plan.prompt_ids + row.plan.prefix_ids for row in rows])
    scored = max(len(row.plan.prefix_ids) for row in rows)
    read = forward.prefill(scored, cancelled)
    if read is None:
        for row in rows:  # nothing was made, and a prefix was not measured: the answer is empty
            yield from _finish(row, "cancelled", asked_at)
        return
    logits, prefix_logprobs = read
    for row, values in zip(rows, prefix_logprobs.tolist(), strict=True):
        count = len(row.plan.prefix_ids)
        row.stream.ids += row.plan.prefix_ids
        row.logprobs += values[len(values) - count :]
        if count:
            yield NewText(row.plan.name, row.stream.take(), count, 0.0)
    summary.prefill_s = clock() - asked_at
    first_at = last_at = flushed_at = 0.0
    while rows:
        if cancelled():
            for row in rows:
                yield from _finish(row, "cancelled", asked_at)
            break
        ids, logprobs = sampler.draw(logits, [len(row.stream.ids) for row in rows])
        now = clock()
        first_at = first_at or now
        last_at = now
        stay = []
        flush = now - flushed_at >= FLUSH_S
        for at, (row, token, value) in enumerate(zip(rows, ids.tolist(), logprobs.tolist(), strict=True)):
            row.first_at = row.first_at or now
            row.last_at = now
            row.new += 1
            row.stream.ids.append(token)
            row.logprobs.append(value)
            summary.tokens += 1
            finish = _finish_of(row, token, base.end_ids, base.context_length)
            show = flush or row.new == 1
            if not finish and (show or base.template.stops):
                row.pending += row.stream.take()
                if row.stream.stopped:
                    finish = "stop"
                elif show and row.pending:
                    yield _show(row)
            if finish:
                yield from _finish(row, finish, asked_at)
            else:
                stay.append(at)
        if flush:
            flushed_at = now
        if len(stay) < len(rows):
            rows = [rows[i] for i in stay]
            if rows:
                forward.keep(stay)
                sampler.keep(stay)
                _route(shelf, rows)
                ids = ids[stay]
        if rows:
            logits = forward.step(ids)
    summary.decode_s = last_at - first_at


def _route(shelf: AdapterShelf, rows: list[_Row]) -> None:
    pairs = [(r.plan.adapter.sha256 if r.plan.adapter else None, r.plan.strength) for r in rows]
    shelf.routing.set(pairs, shelf.base.model.device)


def _finish_of(row: _Row, token: int, end_ids: frozenset[int], context_length: int) -> str:
    if token in end_ids:
        return "stop"
    if row.new >= row.plan.sampling.max_new_tokens:
        return "length"
    if len(row.plan.prompt_ids) + len(row.stream.ids) >= context_length:
        return "context"
    return ""


def _show(row: _Row) -> NewText:
    text, row.pending = row.pending, ""
    return NewText(row.plan.name, text, len(row.stream.ids), row.last_at - row.first_at)


def _finish(row: _Row, finish: str, asked_at: float) -> Iterator[NewText | RowDone]:
    row.done = True
    row.pending += row.stream.take(last=True)
    if row.pending:
        yield _show(row)
    # tokens behind a stop string are no part of the answer
    count = row.stream.kept
    yield RowDone(
        row.plan.name,
        row.stream.text,
        tuple(row.stream.ids[:count]),
        tuple(row.logprobs[:count]),
        finish,
        row.last_at - row.first_at,
        row.first_at - asked_at if row.first_at else 0.0,
    )
