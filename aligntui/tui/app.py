"""The console: screens, theme, clipboard, help, quitting. No domain verbs here."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.events import Key
from textual.signal import Signal
from textual.theme import Theme
from textual.widgets import Input, TextArea

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, EnvironmentProblem
from aligntui.core.instruction import CANONICAL_TYPES
from aligntui.tui.bindings import bindings
from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.leaving import leave_on_signals
from aligntui.tui.message_log import KEPT, PastMessage
from aligntui.tui.modals.palette import ActionCommands
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.theme import ALIGNTUI_DARK, ALIGNTUI_LIGHT, theme_at_start
from aligntui.workbench.changes import Change, Noticed
from aligntui.workbench.opening import Workbench, attach_engine, open_workbench

if TYPE_CHECKING:
    from aligntui.workbench.scoring.desk import ScoreDesk
    from aligntui.workbench.switching.desk import SwitchDesk
    from aligntui.workbench.switching.sheet import Sheet
    from aligntui.workbench.training.desk import TrainDesk


class ConsoleApp(App[int]):
    """aligntui on a terminal.

    Args:
        workspace: where sessions, data sets and adapters lie.
        settings: resolved options.
        engine_argv: command of the engine process; None is the real one.
    """

    TITLE = "aligntui"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "global", priority=("global.quit", "global.help", "global.palette", "global.messages")
    )
    COMMAND_PALETTE_BINDING = "f24"  # the palette's key comes from the table of keys
    COMMANDS: ClassVar = {ActionCommands}
    CSS = """
    .text-area--placeholder { color: $foreground-muted; }
    ToastRack { dock: top; align: right top; margin: 1 0 0 0; }
    """

    def __init__(self, workspace: Workspace, settings: Settings, engine_argv: Sequence[str] | None = None) -> None:
        super().__init__()
        self.register_theme(ALIGNTUI_DARK)
        self.register_theme(ALIGNTUI_LIGHT)
        self.settings = settings
        self.bench: Workbench = open_workbench(workspace, settings, self._emit)
        self._engine_argv = engine_argv
        self._chat_screen: ChatScreen | None = None
        self.change_signal: Signal[Change] = Signal(self, "workbench changed")
        """Published after every change of the workbench, for screens that stand over the chat."""
        self.messages: deque[PastMessage] = deque(maxlen=KEPT)
        """What was said, the oldest first."""
        if settings.keys:
            self.set_keymap(settings.keys)

    def on_mount(self) -> None:
        """Paint first, then start what takes long."""
        self.theme, self._theme_problem = theme_at_start(self.settings, self.available_themes)
        self._kept_theme = self.theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        if self.no_color and _is_ansi(self.theme):
            self.theme = ALIGNTUI_DARK.name
        if not self.is_headless:
            leave_on_signals(self, self._end_work)
        self._chat_screen = ChatScreen(self.bench.chat)
        self.push_screen(self._chat_screen)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        for problem in self.bench.problems:
            self._emit(Noticed(problem.message, problem.hint, "error"))
        if self._theme_problem:
            self._emit(Noticed(self._theme_problem, "", "warning"))
        for warning in self.bench.library.warnings:
            self._emit(Noticed(warning, "", "warning"))
        attach_engine(self.bench, self._engine_argv)
        if self._chat_screen is not None:
            self._chat_screen.work_on(self._open_engine(), group="engine")
            self._chat_screen.work_on(self._recall, group="store")

    async def _open_engine(self) -> None:
        """Start the engine; beside a training that leaves it no room, when that is over."""
        assert self._chat_screen is not None, "the engine is started from there"
        if not await asyncio.to_thread(_is_training, self.bench.workspace):
            await self._chat_screen.columns.start_engine()
        elif (wait := await self.train_desk.open_engine()) is not None:
            self.work_beside(wait(), "lend")

    async def _recall(self) -> None:
        """Open the database while the model loads: earlier prompts, and an early word when it is damaged."""
        earlier = await self.bench.chat.store.run(lambda store: store.recent_prompts(200))
        if self._chat_screen is not None:
            self._chat_screen.show_recall(earlier)

    def _emit(self, change: Change) -> None:
        if self._chat_screen is not None:
            self._chat_screen.on_change(change)
            self.change_signal.publish(change)

    async def action_quit(self) -> None:
        """Leave: stop what streams, write what is there, end the engine."""
        await self._end_work()
        rescued = self.bench.chat.rescued
        count = len(self.bench.chat.writer.waiting)
        self.exit(0, message=f"{count} answer(s) could not be stored; they are in {rescued}." if rescued else None)

    async def on_unmount(self) -> None:
        """However the console ends: stop what streams, write what is there, end the engine."""
        await self._end_work()

    # screens that keep their state ----------------------------------------------------------------

    @cached_property
    def switch_sheet(self) -> Sheet:
        """The sheet of the switch screen, kept while that is left."""
        from aligntui.workbench.switching.sheet import Sheet

        canonical = [self.bench.library.find(name) for name in CANONICAL_TYPES]
        return Sheet(self.bench.chat, canonical, lambda: None)

    @cached_property
    def switch_desk(self) -> SwitchDesk:
        """The switch runs, kept while their screen is left."""
        from aligntui.workbench.switching.desk import SwitchDesk

        return SwitchDesk(self.bench.workspace, self.bench.chat)

    @cached_property
    def train_desk(self) -> TrainDesk:
        """The training runs, kept while their screen is left."""
        from aligntui.workbench.training.desk import TrainDesk

        assert self._chat_screen is not None, "the chat is there before its keys"
        return TrainDesk(
            self.bench.workspace, self.bench.chat, self._chat_screen.columns, self.settings.memory_budget << 20
        )

    @cached_property
    def score_desk(self) -> ScoreDesk:
        """The score runs, kept while their screen is left."""
        from aligntui.workbench.scoring.desk import ScoreDesk

        return ScoreDesk(self.bench.chat)

    def work_beside(self, work: Coroutine[Any, Any, None], group: str) -> None:
        """Run what outlives the screen that it was begun on; what goes wrong is said on the screen in front by then."""
        if self._chat_screen is not None:
            self._chat_screen.run_worker(partial(self._guard_in_front, work), group=group, exit_on_error=False)

    async def _guard_in_front(self, work: Coroutine[Any, Any, None]) -> None:
        failure: Exception | None = None
        try:
            await work
        except Exception as error:  # noqa: BLE001 - handed to the safety net of the screen in front
            failure = error
        if failure is not None:
            front = [one for one in self.screen_stack if isinstance(one, GuardedScreen) and not one.is_modal]
            await front[-1].guard(partial(_raised, failure))

    def restart_engine(self) -> None:
        """Start the engine again, from whichever screen."""
        if self._chat_screen is not None:
            self._chat_screen.action_restart_engine()

    async def _end_work(self) -> None:
        """Stop what streams on any screen, write what is there, end the engine."""
        for name in ("switch_sheet", "switch_desk", "score_desk"):
            if (work := self.__dict__.get(name)) is not None:  # made when its screen is first opened
                await work.stop()
        await self.bench.chat.close()

    # theme ----------------------------------------------------------------------------------------

    def _keep_theme(self, theme: Theme) -> None:
        """A theme was chosen: begin with it the next time."""
        if self.no_color and _is_ansi(theme.name):
            # the terminal's own colours are what NO_COLOR takes away: everything would be black on black
            self.theme = ALIGNTUI_DARK.name
            self._emit(Noticed(f"NO_COLOR leaves nothing of the theme {theme.name}.", "Another one stays.", "warning"))
            return
        if theme.name == self._kept_theme or self.no_color:
            return
        from aligntui.config.remembered import remember_theme

        self._kept_theme = theme.name
        try:
            remember_theme(theme.name, self.settings.theme)
        except AligntuiError as error:
            self._emit(Noticed(f"The theme is not kept for the next start: {error.message}", error.hint, "warning"))

    # keys ---------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """A character that nobody took goes to the text box that has the focus by now.

        Keys of one burst, as of a slow line, are all sent to what had the focus at its beginning; a box takes its own
        characters, so one that comes as far as this was typed for a box that was just opened.
        """
        focused = self.focused
        if isinstance(focused, Input | TextArea) and focused.check_consume_key(event.key, event.character):
            event.prevent_default()  # the base class would look for a binding
            focused.post_message(Key(event.key, event.character))

    # texts to read --------------------------------------------------------------------------------

    def action_show_help(self) -> None:
        """Help for what has the focus, then every key that is live there; once more closes it."""
        from aligntui.tui.help_text import live_keys, nearest_help
        from aligntui.tui.modals.readers import HelpReader

        if isinstance(self.screen, HelpReader):
            self.screen.dismiss()
            return
        keys = self.settings.keys
        self.push_screen(HelpReader(nearest_help(self.screen), live_keys(self.screen, keys), keys))

    def action_show_messages(self) -> None:
        """What was said so far; once more closes it."""
        from aligntui.tui.modals.readers import MessagesReader

        if isinstance(self.screen, MessagesReader):
            self.screen.dismiss()
            return
        self.clear_notifications()  # they stand in the list, and would lie over it
        self.push_screen(MessagesReader(list(self.messages)))

    def remember(self, text: str, severity: str = "information") -> None:
        """Keep what was said for those who look later; a text that says nothing is not kept.

        Args:
            text: message and hint.
            severity: `information`, `warning` or `error`.
        """
        if text.strip():
            self.messages.append(PastMessage(datetime.now().astimezone(), text.strip(), severity))

    # clipboard ------------------------------------------------------------------------------------

    def copy_out(self, text: str, what: str) -> str:
        """Copy through the terminal, or save to a file where that cannot work; returns what happened, in words."""
        from aligntui.tui.clipboard import fits, osc52, to_tmux_buffer

        if self.settings.clipboard != "off" and fits(text, self.settings.copy_limit_bytes) and self._driver is not None:
            self._driver.write(osc52(text, os.environ))
            inside = " and to tmux's buffer" if to_tmux_buffer(text, os.environ) else ""
            return f"Copied {what} ({len(text)} characters) to the terminal's clipboard{inside}."
        path = self.bench.workspace.exports / "copied.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise EnvironmentProblem(
                f"The copy could not be saved to {path}: {error.strerror or error}.",
                "Make room or change the folder's permissions.",
            ) from error
        why = (
            "copying is switched off"
            if self.settings.clipboard == "off"
            else f"over {self.settings.copy_limit_bytes} bytes"
        )
        return f"Saved {what} to {path} ({why})."


async def _raised(error: Exception) -> None:
    raise error


def _is_ansi(theme: str) -> bool:
    """Whether a theme has no colours of its own and takes those of the terminal."""
    return "ansi" in theme


def _is_training(workspace: Workspace) -> bool:
    """Whether a training of the workspace runs: asked before the training desk, which takes 0.3 s to import."""
    if not any(next(workspace.adapters.glob(f"*/run/{name}.json"), None) for name in ("launch", "process")):
        return False  # nothing was ever trained here
    from aligntui.jobs.starting import living_runs

    return bool(living_runs(workspace))
