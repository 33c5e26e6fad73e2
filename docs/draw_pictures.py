"""Draw the pictures of README.md: the real console on the embedded model, in a workspace that is made for it.

    python docs/draw_pictures.py [chat] [switch]

Nothing is arranged: what is seen are the answers of this machine, temperature 0.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from aligntui.cli.engine_argv import engine_argv
from aligntui.config.paths import Workspace
from aligntui.tui.app import ConsoleApp
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.opening import settings_for

HERE = Path(__file__).resolve().parent
SIZE = (120, 36)
PATIENCE_S = 600.0
QUESTION = "Why is the sky blue?"

Drawing = Callable[[ConsoleApp, Pilot[Any]], Awaitable[None]]


async def chat(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """Two answers, the right one marked as better."""
    await pilot.press(*QUESTION, "enter")
    await until(lambda: app.bench.chat.state.exchanges and not app.bench.chat.state.streaming)
    await pilot.press("escape")
    await pilot.pause(1)
    await pilot.press("escape", "2")
    await pilot.pause(1)


async def switch(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """A prompt under ten instructions, both sides."""
    await pilot.press("ctrl+o")
    await pilot.pause(1)
    line = app.screen.query_one("#prompt-line", Input)
    line.focus()
    line.value = QUESTION
    await pilot.press("enter")
    sheet = app.switch_sheet
    await until(lambda: sheet.grid.answered() and not sheet.running and not sheet.measuring)
    await pilot.press("l")
    await pilot.pause(1)


PICTURES: dict[str, Drawing] = {"chat": chat, "switch": switch}


async def until(condition: Callable[[], object]) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("The console did not get there.")
        await asyncio.sleep(0.1)


async def draw(workspace: Workspace, name: str, drawing: Drawing) -> None:
    """One picture, by a console of its own."""
    app = ConsoleApp(workspace, settings_for(workspace, {"reduced_motion": True, "temperature": 0.0}), engine_argv())
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.bench.chat.state.engine.phase is Phase.READY)
        await drawing(app, pilot)
        (HERE / "pictures" / f"{name}.svg").write_text(app.export_screenshot(title="aligntui"), "utf-8")
        await app.bench.chat.close()


def main() -> None:
    """Draw those that were named, or all."""
    names = sys.argv[1:] or list(PICTURES)
    (HERE / "pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.make()
        shutil.copytree(HERE.parent / "adapters" / "demo", workspace.adapters / "demo")
        for name in names:
            asyncio.run(draw(workspace, name, PICTURES[name]))
            sys.stdout.write(f"docs/pictures/{name}.svg\n")


if __name__ == "__main__":
    main()
