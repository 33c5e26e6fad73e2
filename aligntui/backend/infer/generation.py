"""Answering `StartGeneration`: rows looked at, decoded, and told of as events.

Pinned in tests/backend/test_owner.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aligntui.backend.infer.adapters import MAX_LOADED, AdapterShelf
from aligntui.backend.infer.conditions import conditions_of
from aligntui.backend.infer.decode import decode, decode_path
from aligntui.backend.infer.prepare import prepare_row
from aligntui.backend.infer.rows import NewText, RowBegun, RowDone, RowPlan, Summary
from aligntui.core.errors import UserError
from aligntui.wire import engine as wire

Send = Callable[[Any], None]


def generate(
    shelf: AdapterShelf, request: wire.StartGeneration, summary: Summary, send: Send, cancelled: Callable[[], bool]
) -> None:
    """Make all answers of a request.

    Args:
        shelf: the base and its adapters.
        request: what was asked for.
        summary: filled in while it runs; says after a failure how many rows were not begun.
        send: takes the events.
        cancelled: asked before every token.

    Raises:
        UserError: a row that cannot be decoded; nothing was begun then.
    """
    check_rows(request)
    # every row is looked at before the first one starts, so a request is never half refused
    prepared = {row.row: (row, *prepare_row(row, shelf)) for row in request.rows}
    plans = [plan for _, plan, _ in prepared.values()]
    if len({plan.adapter.sha256 for plan in plans if plan.adapter}) > MAX_LOADED:
        raise UserError(f"One generation holds at most {MAX_LOADED} different adapters.", "Use fewer of them.")
    open_rows = _OpenRows(shelf, request.request, prepared, send)
    del prepared
    for event in decode(shelf, plans, summary, cancelled, at_once=request.at_once, stream=request.stream):
        open_rows.tell(event)
    work = summary.work
    send(
        wire.GenerationFinished(
            request.request,
            summary.tokens,
            summary.decode_s,
            summary.prefill_s,
            summary.path,
            computed_tokens=work.computed,
            padding_tokens=work.padding,
            cache_padding=work.attended_padding / work.attended if work.attended else 0.0,
        )
    )


def check_rows(request: wire.StartGeneration) -> None:
    """Refuse a request whose rows cannot be told apart.

    Raises:
        UserError: no rows, two of one name, or a number of rows at once that is none.
    """
    if not request.rows:
        raise UserError("A generation needs at least one row.")
    if len({row.row for row in request.rows}) != len(request.rows):
        raise UserError("Every row of a generation needs a name of its own.")
    if request.at_once < 0:
        raise UserError(f"at_once must be 0 or more, not {request.at_once}.", "0 decodes all rows in one batch.")


class _OpenRows:
    """Turns what the decode loop tells into events; what a row needs for that is let go when the row ends."""

    def __init__(
        self, shelf: AdapterShelf, request: str, prepared: dict[str, tuple[wire.Row, RowPlan, str]], send: Send
    ) -> None:
        self._shelf = shelf
        self._request = request
        self._prepared = prepared
        self._send = send
        # how rows follow each other is no condition of an answer, so the path is that of one batch
        self._path = decode_path(shelf)
        self._prompt_tokens: dict[str, int] = {}

    def tell(self, event: RowBegun | NewText | RowDone) -> None:
        """Send the event for what happened to a row."""
        if isinstance(event, NewText):
            self._send(wire.TextArrived(self._request, event.name, event.text, event.tokens, event.elapsed_s))
        elif isinstance(event, RowBegun):
            self._begin(event.name)
        else:
            self._send(
                wire.AnswerFinished(
                    request=self._request,
                    row=event.name,
                    text=event.text,
                    token_ids=event.token_ids,
                    logprobs=event.logprobs,
                    finish=event.finish,
                    prompt_tokens=self._prompt_tokens.pop(event.name),
                    decode_s=event.decode_s,
                    first_token_s=event.first_token_s,
                )
            )

    def _begin(self, name: str) -> None:
        row, plan, rendered = self._prepared.pop(name)
        conditions = conditions_of(row, self._shelf.base, plan.adapter, rendered, self._path)
        self._prompt_tokens[name] = len(plan.prompt_ids)
        self._send(wire.AnswerStarted(self._request, name, conditions.as_dict(), len(plan.prompt_ids)))
