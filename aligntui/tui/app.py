"""The console: screens, theme, clipboard, help, quitting. No domain verbs here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, EnvironmentProblem
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.theme import ALIGNTUI_DARK, ALIGNTUI_LIGHT
from aligntui.workbench.changes import Change, Noticed
from aligntui.workbench.opening import Workbench, attach_engine, open_workbench


class ConsoleApp(App[int]):
    """aligntui on a terminal.

    Args:
        workspace: where sessions, data sets and adapters lie.
        settings: resolved options.
        engine_argv: command of the engine process; None is the real one.
    """

    TITLE = "aligntui"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "global", priority=("global.quit", "global.help", "global.palette")
    )
    COMMAND_PALETTE_BINDING = "f24"  # the palette's key comes from the table of keys

    def __init__(self, workspace: Workspace, settings: Settings, engine_argv: Sequence[str] | None = None) -> None:
        super().__init__()
        self.register_theme(ALIGNTUI_DARK)
        self.register_theme(ALIGNTUI_LIGHT)
        self.settings = settings
        self.bench: Workbench = open_workbench(workspace, settings, self._emit)
        self._engine_argv = engine_argv
        self._chat_screen: ChatScreen | None = None
        if settings.keys:
            self.set_keymap(settings.keys)

    def on_mount(self) -> None:
        """Paint first, then start what takes long."""
        self.theme = self.settings.theme if self.settings.theme in self.available_themes else ALIGNTUI_DARK.name
        self._chat_screen = ChatScreen(self.bench.chat)
        self.push_screen(self._chat_screen)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        for problem in self.bench.problems:
            self._emit(Noticed(problem.message, problem.hint, "error"))
        for warning in self.bench.library.warnings:
            self._emit(Noticed(warning, "", "warning"))
        attach_engine(self.bench, self._engine_argv)
        if self._chat_screen is not None:
            self._chat_screen.work_on(self._chat_screen.columns.start_engine(), group="engine")
        self.run_worker(self._recall(), group="store")

    async def _recall(self) -> None:
        """Open the database while the model loads: earlier prompts, and an early word when it is damaged."""
        try:
            earlier = await self.bench.chat.store.run(lambda store: store.recent_prompts(200))
        except AligntuiError as error:
            self._emit(Noticed(error.message, error.hint, "error"))
            return
        if self._chat_screen is not None:
            self._chat_screen.show_recall(earlier)

    def _emit(self, change: Change) -> None:
        if self._chat_screen is not None:
            self._chat_screen.on_change(change)

    async def action_quit(self) -> None:
        """Leave: stop what streams, write what is there, end the engine."""
        await self.bench.chat.close()
        rescued = self.bench.chat.rescued
        count = len(self.bench.chat.writer.waiting)
        self.exit(0, message=f"{count} answer(s) could not be stored; they are in {rescued}." if rescued else None)

    async def on_unmount(self) -> None:
        """However the console ends: stop what streams, write what is there, end the engine."""
        await self.bench.chat.close()

    def action_show_help(self) -> None:
        """Help for the focused pane, then every key."""
        from aligntui.tui.modals.readers import Reader, help_content

        if isinstance(self.screen, Reader):
            self.pop_screen()
            return
        text = (
            next(
                (str(node.HELP) for node in self.screen.focused.ancestors_with_self if getattr(node, "HELP", None)), ""
            )
            if self.screen.focused
            else getattr(self.screen, "HELP", "") or ""
        )
        on_text = bool(self.screen.focused and self.screen.focused.id in ("prompt", "instruction"))
        contexts = ["prompt", "chat"] if on_text else ["board", "chat"]
        self.push_screen(Reader("Help", help_content(text, dict(self.settings.keys), contexts)))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action by name, then Textual's own (themes, screenshot, quit)."""
        from aligntui.config.keys import ACTIONS

        if isinstance(screen, ChatScreen):
            for action in ACTIONS:
                if action.context in ("chat", "board"):
                    yield SystemCommand(
                        f"{action.label}: {action.id}",
                        action.help,
                        lambda a=action: self.call_later(self._run, a.action),
                    )
        yield from super().get_system_commands(screen)

    async def _run(self, action: str) -> None:
        await self.screen.run_action(action)

    # clipboard ------------------------------------------------------------------------------------

    def copy_out(self, text: str, what: str) -> str:
        """Copy through the terminal, or save to a file where that cannot work; returns what happened, in words."""
        from aligntui.tui.clipboard import fits, osc52

        if self.settings.clipboard != "off" and fits(text, self.settings.copy_limit_bytes) and self._driver is not None:
            self._driver.write(osc52(text, os.environ))
            return f"Copied {what} ({len(text)} characters) to the terminal's clipboard."
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
