"""A session goes on under the settings that it was left with."""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.prompt_format import Mode
from aligntui.workbench.changes import Noticed, SettingsChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Take


def adopt_settings(chat: Chat, take: Take) -> None:
    """Put instruction, mode, sampling and strengths of a take's answers in force, and say so where that changes anything.

    The seed stays, and so do the adapters of the columns; where the take had others, that is said.
    """
    answers = [answer for answer in take.answers() if answer.conditions]
    made_with = [answer.conditions for answer in answers if answer.conditions]
    if not made_with:
        return
    state, first = chat.state, made_with[0]
    before = (state.instruction, chat.settings, list(state.columns))
    mode = Mode(first.mode)
    chat.settings = replace(
        chat.settings,
        mode=mode,
        injection_every=first.injection_every or chat.settings.injection_every,
        sampling=replace(
            chat.settings.sampling,
            temperature=first.temperature,
            top_p=first.top_p,
            max_new_tokens=first.max_new_tokens,
        ),
    )
    if mode is not Mode.NONE:  # without an instruction in force nothing says which one was meant
        state.instruction = answers[0].instruction
    for answer, conditions in zip(answers, made_with, strict=True):
        column = state.column(answer.column)
        if column and column.adapter and conditions.adapter == column.adapter.name:
            state.set_strength(column.number, conditions.strength)
    if (state.instruction, chat.settings, state.columns) != before:
        chat.emit(SettingsChanged())
        chat.emit(Noticed("The session's own instruction and settings are in force again.", "F8 shows them."))
    here = {column.adapter.name for column in state.columns if column.adapter}
    strange = {conditions.adapter for conditions in made_with if conditions.adapter} - here
    if strange:
        chat.emit(
            Noticed(
                f"The last answers came from {', '.join(sorted(strange))}, which no column has now.",
                "F3 puts an adapter into a column, + adds one.",
                "warning",
            )
        )
