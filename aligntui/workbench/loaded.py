"""The engine of a chat, for those who can do nothing without a base."""

from __future__ import annotations

from aligntui.core.errors import EngineError
from aligntui.workbench.chat import Chat
from aligntui.workbench.engine_link import EngineLink


def loaded_engine(chat: Chat) -> EngineLink:
    """The engine of a chat, with a base loaded.

    Raises:
        EngineError: there is none, or it is not ready.
    """
    if chat.engine is None:
        raise EngineError("There is no engine.", "Start the console anew.")
    if chat.engine.state.model is None:
        raise EngineError(*chat.engine.unready())
    return chat.engine
