"""Where two answers part: log-probabilities of an answer's tokens under base and adapter."""

from __future__ import annotations

from aligntui.core.ids import new_id
from aligntui.wire.engine import AdapterRef, MeasureGap, Row
from aligntui.workbench import blind
from aligntui.workbench.changes import AnswerChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, ChatState, Take


def held_against(state: ChatState, take: Take, answer: AnswerState) -> tuple[AdapterRef, float] | None:
    """The adapter and strength whose gap to the base is shown on an answer.

    An adapter's answer is held against its own base. A base answer is held against the adapter beside it in the same
    take; only where the take has none, against the first adapter on the board.
    """
    beside = [answer, *(other for other in take.answers() if other is not answer)]
    for candidate in beside:
        c = candidate.conditions
        if c is not None and c.adapter:
            return AdapterRef(c.adapter, c.adapter_path or ""), c.strength
    return next(((column.adapter, column.strength) for column in state.columns if column.adapter), None)


async def measure_gap(chat: Chat, answer: AnswerState) -> None:
    """Fetch log pi_adapter and log pi_base for every token of an answer, once; nothing while its side is hidden.

    Raises:
        EngineError: the engine is not ready or went away.
    """
    record = answer.record
    found = chat.state.exchange_of(answer.id)
    if found is None or blind.hidden(found[1]) or answer.gap or answer.gap_pending or answer.live:
        return
    if record is None or not record.token_ids or chat.engine is None:
        return
    against = held_against(chat.state, found[1], answer)
    if against is None:
        return
    adapter, strength = against
    c = record.conditions
    answer.gap_pending = True
    try:
        histories = await chat.histories({answer.prompt_id})
        row = Row(
            row=answer.id,
            history=tuple((m.role, m.content) for m in histories[answer.prompt_id]),
            instruction=c.instruction,
            mode=c.mode,
            injection_every=c.injection_every or 1,
            adapter=adapter,
            strength=strength,
        )
        answer.gap = await chat.engine.measure(MeasureGap(new_id("gap"), row, record.token_ids))
        answer.gap_against = adapter.name if strength == 1 else f"{adapter.name} x{strength:g}"
    finally:
        answer.gap_pending = False
        chat.emit(AnswerChanged(answer))
