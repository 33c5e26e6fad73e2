"""What `Chat` tells whoever shows it. A face redraws from the state; these say what to redraw."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.pair import Pair
from aligntui.workbench.chat_state import AnswerState, Exchange


@dataclass(frozen=True)
class BoardChanged:
    """The path of exchanges, a shown take or the columns are others now. `scroll` asks to go to the end."""

    scroll: bool = False


@dataclass(frozen=True)
class ExchangeChanged:
    """One exchange looks different: its take, verdict or storage."""

    exchange: Exchange


@dataclass(frozen=True)
class AnswerChanged:
    """One answer has more text or has ended."""

    answer: AnswerState


@dataclass(frozen=True)
class EngineChanged:
    """The engine moved on: loading, ready, busy, failed, gone."""


@dataclass(frozen=True)
class SettingsChanged:
    """Instruction, mode, sampling, strength or another setting changed."""


@dataclass(frozen=True)
class Judged:
    """A verdict is stored, or was taken back (`pair.undone`)."""

    pair: Pair
    again: bool = False
    """Whether the same verdict stood already, so that nothing was added."""


@dataclass(frozen=True)
class Noticed:
    """Something the user should read. `severity` is information, warning or error."""

    message: str
    hint: str = ""
    severity: str = "information"


Change = BoardChanged | ExchangeChanged | AnswerChanged | EngineChanged | SettingsChanged | Judged | Noticed
