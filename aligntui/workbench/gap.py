"""Where two answers part: log-probabilities of an answer's tokens under base and adapter."""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.ids import new_id
from aligntui.wire.engine import AdapterRef, MeasureGap
from aligntui.workbench.changes import AnswerChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Column


async def measure_gap(chat: Chat, answer: AnswerState) -> None:
    """Fetch log pi_adapter - log pi_base for every token of an answer, once; a base answer is held against the first adapter on the board."""
    record = answer.record
    if answer.gap or answer.gap_pending or answer.live or record is None or not record.token_ids or chat.engine is None:
        return
    c = record.conditions
    if c.adapter:
        column = Column(AdapterRef(c.adapter, c.adapter_path or ""), c.strength)
    else:
        column = next((column for column in chat.state.columns if column.adapter), Column())
    if column.adapter is None:
        return
    answer.gap_pending = True
    try:
        histories = await chat.histories({answer.prompt_id})
        row = replace(
            chat.row(answer.id, histories[answer.prompt_id], column, c.seed),
            instruction=c.instruction,
            mode=c.mode,
            injection_every=c.injection_every or 1,
        )
        answer.gap = await chat.engine.measure(MeasureGap(new_id("gap"), row, record.token_ids))
    finally:
        answer.gap_pending = False
    chat.emit(AnswerChanged(answer))
