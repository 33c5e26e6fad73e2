"""What a chat would ask of a grid now, and whether it can."""

from __future__ import annotations

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Mode
from aligntui.workbench.chat import Chat
from aligntui.workbench.engine_link import EngineLink
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.generation.cells import Asking
from aligntui.workbench.loaded import loaded_engine


def asking_now(chat: Chat) -> Asking:
    """The chat's settings as cells are asked by them, whether or not they can be."""
    settings = chat.settings
    return Asking(settings.sampling, settings.mode, settings.injection_every)


def free_engine(chat: Chat) -> EngineLink:
    """The engine, where it could answer a grid at once.

    Raises:
        UserError: no instruction reaches the model in the chat's mode, an adapter is not loaded, or other answers are being
            made.
        EngineError: no base is loaded.
    """
    engine = loaded_engine(chat)
    if chat.settings.mode is Mode.NONE:
        raise UserError(
            "In mode none no instruction reaches the model, so there is nothing to switch by.",
            "In the chat, {key:chat.mode} goes to another mode.",
        )
    # an answer is stored, and found again, by the hashes of what made it
    unknown = [side.name for side in sides_of(chat) if side.adapter and side.adapter_sha256 is None]
    if unknown:
        raise UserError(
            f"{', '.join(unknown)}: not held against the base yet.",
            "Wait a moment; where that goes on, choose another adapter in the chat with {key:chat.adapters}.",
        )
    if engine.busy:
        raise UserError("The engine is making other answers.", "Wait for them, or stop them where they were asked for.")
    return engine
