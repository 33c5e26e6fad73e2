"""The decode loop: rows that share a batch, streamed, cancelled and finished row by row.

All rows of a request in one batch, or at most so many at the same time: then a row that ends is replaced by one that waits.
What a row says depends on that row alone. Pinned in tests/backend/test_decode.py and test_continuous.py.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator

import torch
from torch import Tensor

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.batching import (
    PASS_POSITIONS,
    arrange,
    arrange_by_size,
    order_rows,
    rows_to_begin,
    split_rows,
)
from aligntui.backend.infer.forward import Forward, make_forward
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.rows import NewText, OpenRow, RowBegun, RowDone, RowPlan, Summary
from aligntui.backend.infer.sampler import RowSampler
from aligntui.backend.infer.text_stream import TextStream
from aligntui.core.errors import UserError

FLUSH_S = 1 / 30

RowEvent = RowBegun | NewText | RowDone


def decode_path(shelf: AdapterShelf, at_once: int = 0) -> str:
    """`mixed-batch`, with the reason where another cache holds some layers or another path is taken.

    Args:
        shelf: the base.
        at_once: rows that decode at the same time, where not all do; then it is said how rows follow each other.
    """
    if shelf.one_at_a_time:
        path = "one row at a time (a padded batch gives other logits than a row alone with this model)"
    else:
        foreign = RowCache(shelf.base.model.config).foreign
        path = "mixed-batch" + (f", transformers cache ({', '.join(foreign)})" if foreign else "")
    if not at_once:
        return path
    if shelf.joins:
        return f"{path}, at most {at_once} rows, replaced as they end"
    return f"{path}, fixed batches of {at_once} rows (rows cannot join others with this model)"


def decode(
    shelf: AdapterShelf,
    plans: list[RowPlan],
    summary: Summary,
    cancelled: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
    *,
    at_once: int = 0,
    stream: bool = True,
) -> Iterator[RowEvent]:
    """Make all answers.

    Args:
        shelf: the base and its adapters.
        plans: the rows; any order.
        summary: filled in while it runs.
        cancelled: asked before every token; True ends all open rows, keeps what is there and begins no more.
        clock: seconds.
        at_once: rows that decode at the same time; 0 is all of them in one batch.
        stream: whether text is wanted before a row's end.

    Yields:
        `RowBegun` before a row's prompt is read, its text as it becomes certain, about 30 times a second, and one
        `RowDone` for each row that was begun. When the model fails in the middle every open row ends as `failed` with
        what it has, and the exception follows.
    """
    batch = _Batch(shelf, plans, summary, clock, at_once, stream)
    try:
        while batch.rows or batch.waiting:
            if batch.rows and cancelled():
                yield from batch.end_all("cancelled")
                break
            count = rows_to_begin(len(batch.rows), len(batch.waiting), at_once, joins=shelf.joins)
            if count and not (yield from batch.begin(count, cancelled)):
                yield from batch.end_all("cancelled")
                break
            yield from batch.take_step()
    except Exception:
        yield from batch.end_all("failed")
        raise
    finally:
        summary.not_begun = len(batch.waiting)
        shelf.routing.clear()


class _Batch:
    """The rows of a request: those that wait, those that decode, and the model's state for the latter."""

    def __init__(
        self,
        shelf: AdapterShelf,
        plans: list[RowPlan],
        summary: Summary,
        clock: Callable[[], float],
        at_once: int,
        stream: bool,
    ) -> None:
        self._shelf = shelf
        self._summary = summary
        self._clock = clock
        self._at_once = at_once
        self._stream = stream
        self._first_at = self._flushed_at = 0.0
        self.waiting = deque(order_rows(plans, at_once))
        self.rows: list[OpenRow] = []
        """Rows that decode, by their place in the batch."""
        self._opening: list[OpenRow] = []
        """Rows whose prompts are being read."""
        self._forward: Forward | None = None
        self._sampler = RowSampler([])
        self._logits = torch.empty(0)  # (B, V)
        summary.path = decode_path(shelf, at_once)

    def begin(self, count: int, cancelled: Callable[[], bool]) -> Generator[RowEvent, None, bool]:
        """Read the prompts of the next rows, and what is there of their answers already, and let them join.

        Returns:
            False when it was cancelled.
        """
        sizes = [self.waiting[place].size for place in range(count)]
        self._shelf.threads.read()
        try:
            for rows in split_rows(sizes, PASS_POSITIONS) if self._at_once and self._shelf.joins else [count]:
                if not (yield from self._read(rows, cancelled)):
                    return False
        finally:
            self._shelf.threads.step()
        return True

    def _read(self, count: int, cancelled: Callable[[], bool]) -> Generator[RowEvent, None, bool]:
        """Read the next rows in one pass."""
        began = self._clock()
        base = self._shelf.base
        plans = [self.waiting.popleft() for _ in range(count)]
        plans = [plans[place] for place in arrange([plan.side for plan in plans], range(count))]
        self._opening = [OpenRow(plan, TextStream(base.tokenizer, base.template.stops), began) for plan in plans]
        for plan in plans:
            yield RowBegun(plan.name)
        # rows that differ in their sampling only, repeated samples for example, are read once
        first: dict[tuple[str | None, float, tuple[int, ...]], int] = {}
        same = [first.setdefault((p.side, p.strength, tuple(p.sequence)), len(first)) for p in plans]
        readers = [self._opening[same.index(place)] for place in range(len(first))]
        self._route(readers)
        forward = make_forward(self._shelf, [row.plan.sequence for row in readers], self._summary.work)
        read = forward.prefill(max(len(plan.prefix_ids) for plan in plans), cancelled)
        if read is None:
            return False
        logits, logprobs = read  # (b, V), (b, longest prefix)
        if len(first) < len(plans):
            forward.keep(same)
            logits, logprobs = logits[same], logprobs[same]
        for row, values in zip(self._opening, logprobs.tolist(), strict=True):
            prefix = row.plan.prefix_ids
            row.stream.ids += prefix
            row.logprobs += values[len(values) - len(prefix) :]
            if prefix and self._stream:
                yield NewText(row.plan.name, row.stream.take(), len(prefix), 0.0)
        self._join(forward, logits)
        self._summary.prefill_s += self._clock() - began
        return True

    def _join(self, forward: Forward, logits: Tensor) -> None:
        """Put the rows that were read beside those that decode."""
        rows, self._opening = self._opening, []
        sampler = RowSampler([row.plan.sampling for row in rows])
        if self._forward is None or not self.rows:
            self.rows, self._forward, self._sampler, self._logits = rows, forward, sampler, logits
        else:
            together = self.rows + rows
            sides = [row.plan.side for row in together]
            if self._shelf.fast_step is None:
                order = arrange(sides, range(len(together)))
            else:
                order = arrange_by_size(sides, [row.size for row in together])
            self.rows = [together[place] for place in order]
            self._forward.keep(order, forward)
            self._sampler.keep(order, sampler)
            self._logits = torch.cat([self._logits, logits])[order]  # (B, V)
        self._route(self.rows)

    def take_step(self) -> Iterator[RowEvent]:
        """Draw a token for every open row, say what is new, and compute the next step for those that stay."""
        assert self._forward is not None  # rows are open, so they were read
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
        flush = self._stream and now - self._flushed_at >= FLUSH_S
        if flush:
            self._flushed_at = now
        stay = []
        for at, (row, token, logprob) in enumerate(drawn):
            row.add(token, logprob, now)
            finish = self._finish_of(row, token)
            show = flush or (self._stream and row.new == 1)
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
            stay = arrange([row.plan.side for row in self.rows], stay)
            self.rows = [self.rows[place] for place in stay]
            ids = ids[stay]  # (b,)
            if stay:
                self._forward.keep(stay)
                self._sampler.keep(stay)
                self._route(self.rows)
        if stay:
            self._logits = self._forward.step(ids)

    def end_all(self, finish: str) -> Iterator[RowEvent]:
        """End every open row with what it has."""
        rows, self.rows, self._opening = self.rows + self._opening, [], []
        for row in rows:
            if not row.done:
                yield from self._end(row, finish)

    def _end(self, row: OpenRow, finish: str) -> Iterator[RowEvent]:
        row.done = True
        plan = row.plan
        if plan.prefix_ids and not row.stream.ids:
            # ended before the prefix was read: its text stays, its tokens have no log-probabilities yet
            text = row.stream.read(plan.prefix_ids)
            if self._stream:
                yield NewText(plan.name, text, 0, 0.0)
            yield RowDone(plan.name, text, (), (), finish, 0.0, 0.0)
            return
        row.pending += row.stream.take(last=True)
        if row.pending and self._stream:
            yield row.show()
        count = row.stream.kept  # tokens behind a stop string are no part of the answer
        yield RowDone(
            plan.name,
            row.stream.text,
            tuple(row.stream.ids[:count]),
            tuple(row.logprobs[:count]),
            finish,
            row.last_at - row.first_at,
            row.first_at - row.begun_at if row.first_at else 0.0,
        )

    def _route(self, rows: list[OpenRow]) -> None:
        pairs = [(row.plan.adapter.sha256 if row.plan.adapter else None, row.plan.strength) for row in rows]
        self._shelf.routing.set(pairs, self._shelf.base.model.device)

    def _finish_of(self, row: OpenRow, token: int) -> str:
        if token in self._shelf.base.end_ids:
            return "stop"
        if row.new >= row.plan.sampling.max_new_tokens:
            return "length"
        if len(row.plan.prompt_ids) + len(row.stream.ids) >= self._shelf.base.context_length:
            return "context"
        return ""
