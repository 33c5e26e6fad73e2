"""The base and the sides of a run, as a chat has them loaded, and whether they are still the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.wire.engine import ModelLoaded
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.cells import Side
from aligntui.workbench.loaded import loaded_engine

_DECIDING = {
    "weights_sha256": "weights' hash",
    "template_sha256": "chat template's hash",
    "dtype": "number format",
    "quantisation": "quantisation",
}
"""Fields of `BaseModel` that decide an answer."""


@dataclass(frozen=True)
class BaseModel:
    """The base that every side of a run goes by."""

    model: str
    """As asked for: `embedded`, a hub id or a path."""
    weights_sha256: str
    template_sha256: str
    dtype: str
    quantisation: str | None

    @classmethod
    def of(cls, loaded: ModelLoaded) -> BaseModel:
        """As it was loaded."""
        return cls(loaded.model, loaded.weights_sha256, loaded.template_sha256, loaded.dtype, loaded.quantisation)


def loaded_model(chat: Chat) -> ModelLoaded:
    """What the engine says of the base that is loaded.

    Raises:
        EngineError: none is.
    """
    model = loaded_engine(chat).state.model
    assert model is not None, "a loaded engine has a model"
    return model


def sides_of(chat: Chat) -> tuple[Side, ...]:
    """The columns of a chat as sides of a run, with the hashes of the adapters as they are loaded."""
    hashes = chat.state.adapter_hashes
    return tuple(
        Side(
            column.label,
            column.adapter,
            hashes.get(column.adapter.path) if column.adapter else None,
            column.strength if column.adapter else 1.0,
        )
        for column in chat.state.columns
    )


def check_same(chat: Chat, base: BaseModel, sides: Iterable[Side]) -> None:
    """Hold what is loaded against what a run was begun with.

    Raises:
        UserError: base or adapters are others.
        EngineError: no base is loaded.
    """
    found = BaseModel.of(loaded_model(chat))
    for name, what in _DECIDING.items():
        wanted, is_now = getattr(base, name), getattr(found, name)
        if wanted != is_now:
            raise UserError(
                f"The run was begun with another base than the one that is loaded: its {what} is {_short(wanted)}, "
                f"not {_short(is_now)}.",
                "Load what it was begun with, or begin a new run.",
            )
    for side in sides:
        if side.adapter is not None and chat.state.adapter_hashes.get(side.adapter.path) != side.adapter_sha256:
            raise UserError(
                f"The adapter {side.name} has other weights than when the run was begun.",
                "Put the old ones back, or begin a new run.",
            )


def _short(value: str | None) -> str:
    return "none" if value is None else value[:12]
