"""The console under Textual's pilot, with the scripted engine: a real process that speaks the real protocol."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from aligntui.config.paths import Workspace
from aligntui.tui.app import ConsoleApp
from aligntui.tui.screens.chat import ChatScreen
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.opening import settings_for

DEADLINE_S = 60.0
"""Until when something must have happened: long, because a machine may be busy; nothing waits for its end."""
SCRIPTED = [sys.executable, str(Path(__file__).parent.parent / "scripted_engine.py")]


async def wait_for(
    pilot: Pilot[Any], condition: Callable[[], Any], deadline_s: float = DEADLINE_S, what: str = ""
) -> None:
    """Let the console work until `condition()` holds; never a fixed sleep."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {deadline_s} s: {what or condition}")
        await pilot.pause(0.02)
    await pilot.pause()


class Console:
    """A running console and shorthands for what a person does with it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> ChatScreen:
        assert isinstance(self.app._chat_screen, ChatScreen)
        return self.app._chat_screen

    @property
    def chat(self):
        return self.app.bench.chat

    async def until(self, condition: Callable[[], Any], what: str = "", deadline_s: float = DEADLINE_S) -> None:
        await wait_for(self.pilot, condition, deadline_s, what)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def idle(self) -> None:
        """Until nothing streams, everything is stored and no action is under way."""
        await self.until(
            lambda: not self.chat.state.streaming and not self.screen._acting.locked() and not self.chat._tasks,
            "idle",
        )

    async def send(self, text: str) -> None:
        """Type a prompt, press Enter, wait for the answers."""
        box = self.screen.query_one("#prompt")
        box.focus()
        box.load_text(text)
        count = len(self.chat.state.exchanges)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.chat.state.exchanges) > count, "sent")
        await self.idle()

    async def leave_prompt(self) -> None:
        """Go to the answers."""
        self.screen.query_one("#prompt").focus()
        self.screen.streamed_at = 0.0  # a person takes longer than a pilot to press Esc once the answers have ended
        await self.pilot.press("escape")

    async def sees(self, text: str) -> None:
        """Until this stands on the screen."""
        try:
            await self.until(lambda: text in self.text(), text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def text(self) -> str:
        """The screen as text."""
        return screen_text(self.app)


def screen_text(app: ConsoleApp) -> str:
    """What stands on the screen, line by line."""
    height = app.size.height
    compositor = app.screen._compositor
    strips = compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips[:height])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    made.make()
    return made


@pytest.fixture(autouse=True)
def neutral_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, cache, log or editor of whoever runs the tests."""
    for name in ("NO_COLOR", "TMUX", "EDITOR", "VISUAL", "ALIGNTUI_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ALIGNTUI_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("LOGNAME", "tester")


@pytest.fixture
def console(workspace: Workspace):
    """`async with console() as c:` starts a console; flags are option names."""

    @asynccontextmanager
    async def start(
        size: tuple[int, int] = (120, 40), ready: bool = True, argv: list[str] | None = None, **flags: Any
    ) -> AsyncIterator[Console]:
        app = ConsoleApp(workspace, settings_for(workspace, flags), argv or SCRIPTED)
        async with app.run_test(size=size) as pilot:
            running = Console(app, pilot)
            await running.until(lambda: app._chat_screen is not None and app._chat_screen.is_mounted, "mounted")
            if ready:
                await running.until(
                    lambda: running.chat.state.engine.phase is Phase.READY and running.chat.state.engine.model, "ready"
                )
                await pilot.pause(0.05)
            try:
                yield running
            finally:
                await asyncio.wait_for(running.chat.close(), 20)

    return start
