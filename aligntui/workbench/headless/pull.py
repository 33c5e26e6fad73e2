"""One model, fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aligntui.engine.client import EngineClient
from aligntui.wire.engine import ModelLoaded
from aligntui.workbench.chat_state import EngineState
from aligntui.workbench.engine_link import AnswerEvent, EngineLink, ModelWish


async def pull(
    wish: ModelWish, on_change: Callable[[EngineState], None], engine_argv: Sequence[str] | None = None
) -> ModelLoaded:
    """Fetch a model, convert it where that is needed, and load it once, so that it is known to work.

    Raises:
        UserError: there is no such model, or it is none that can be loaded.
        EnvironmentProblem: no network, no room, no memory.
    """

    def ignore(event: AnswerEvent) -> None:
        """No answers are asked for."""

    link = EngineLink(
        wish,
        lambda on_event: EngineClient(on_event=on_event, argv=engine_argv),
        lambda: on_change(link.state),
        ignore,
    )
    try:
        return await link.start()
    finally:
        await link.close()
