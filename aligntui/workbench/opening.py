"""Put a workbench together: settings, database, library, adapters, chat, engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from aligntui.config.keys import ACTIONS, CLASHES
from aligntui.config.load import resolve_settings
from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.data.instruction_library import InstructionLibrary, load_library
from aligntui.workbench import adapters
from aligntui.workbench.changes import Change, EngineChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import Column
from aligntui.workbench.store_thread import StoreThread


@dataclass
class Workbench:
    """Everything that a face needs."""

    workspace: Workspace
    settings: Settings
    library: InstructionLibrary
    chat: Chat
    problems: list[AligntuiError] = field(default_factory=list)
    """What could not be found at the start; none of it keeps the console from opening."""


def settings_for(workspace: Workspace, flags: dict[str, object]) -> Settings:
    """Resolve the settings with this program's keys.

    Raises:
        UserError: a wrong value or key; names flag, variable, or file and line.
    """
    return resolve_settings(
        workspace,
        flags,
        known_key_ids=[action.id for action in ACTIONS],
        key_defaults={action.id: action.keys for action in ACTIONS},
        key_clashes=CLASHES,
    )


def open_workbench(workspace: Workspace, settings: Settings, emit: Callable[[Change], None]) -> Workbench:
    """Make what a face needs; opens neither database nor engine yet.

    Raises:
        UserError: the instruction asked for is not in the library.
        EnvironmentProblem: the workspace cannot be made.
    """
    workspace.make()
    library = load_library(workspace)
    found, problems = adapters.resolve(workspace, settings.adapter)
    chat_settings = ChatSettings(
        sampling=Sampling(settings.temperature, settings.top_p, settings.max_new_tokens, settings.seed),
        mode=Mode(settings.mode),
        injection_every=settings.injection_every,
        instruction=library.get(settings.instruction),
        history=settings.history,
        blind=settings.blind,
        annotator=settings.annotator,
    )
    columns = [Column(), *(replace(column, strength=settings.strength) for column in found)]
    chat = Chat(StoreThread(workspace.database), chat_settings, columns, emit)
    chat.state.left_out = {name: problem.message for name, problem in problems.items()}
    return Workbench(workspace, settings, library, chat, list(problems.values()))


def attach_engine(bench: Workbench, argv: Sequence[str] | None = None) -> None:
    """Give the chat an engine for the wanted base; nothing is started yet.

    Args:
        bench: the workbench.
        argv: command of the engine process; None is the real one.
    """
    from aligntui.engine.client import EngineClient  # asyncio subprocesses: not needed for the first paint
    from aligntui.workbench.engine_link import EngineLink, ModelWish

    s = bench.settings
    wish = ModelWish(s.model, s.dtype, s.quantisation or None, s.device, s.trust_remote_code, s.threads)
    chat = bench.chat
    link = EngineLink(
        wish,
        lambda on_event: EngineClient(on_event=on_event, argv=argv),
        lambda: chat.emit(EngineChanged()),
        chat.receive,
    )
    chat.attach(link)
