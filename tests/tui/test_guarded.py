"""What goes wrong in a screen's work is said and written down; the console stays."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

import aligntui.tui
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.tui.guarded import GuardedScreen, guarded


class Workshop(GuardedScreen[None]):
    """A screen whose work fails as it is told to."""

    def compose(self) -> ComposeResult:
        yield Static("", id="note", markup=False)

    @guarded("first", exclusive=True)
    async def fail(self, error: Exception) -> None:
        raise error


def _note(screen: Screen[None]) -> str:
    return str(screen.query_one("#note", Static).visual)


@pytest.mark.parametrize(
    ("error", "severity", "words"),
    [
        (UserError("No such pair.", "{key:pairs.undo} helps."), "warning", "No such pair. u helps."),
        (EnvironmentProblem("The disk is full.", "Make room."), "error", "The disk is full. Make room."),
        (ZeroDivisionError("by\x1b[31m nought"), "error", "A bug of ours: ZeroDivisionError: by"),
    ],
)
async def test_what_fails_in_a_worker_is_said_and_kept(console, error, severity, words):
    async with console() as c:
        screen = Workshop()
        await c.app.push_screen(screen)
        screen.fail(error)
        await c.until(lambda: words in _note(screen), words)
        assert c.app.messages[-1].severity == severity
        assert words in c.app.messages[-1].text
        assert "\x1b" not in c.app.messages[-1].text
        assert c.app.is_running


async def test_a_bug_leaves_its_traceback_in_the_log(console):
    from aligntui.config.paths import log_dir

    async with console() as c:
        screen = Workshop()
        await c.app.push_screen(screen)
        screen.attempt(lambda: {}["nowhere"])
        await c.until(lambda: "A bug of ours: KeyError" in _note(screen))
        log = (log_dir() / "console.log").read_text(encoding="utf-8")
        assert "nowhere" in log and "Traceback" in log
        assert str(log_dir()) in c.app.messages[-1].text


async def test_a_screen_that_is_gone_hears_nothing_and_the_list_of_messages_does(console):
    async with console() as c:
        screen = Workshop()
        await c.app.push_screen(screen)
        await c.app.pop_screen()
        screen.say("Too late.")
        assert c.app.messages[-1].text == "Too late."


def test_no_screen_swallows_what_its_workers_raise():
    """Textual's own `@work(exit_on_error=False)` drops an exception without a word: screens use `@guarded`."""
    found = []
    for path in Path(aligntui.tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "exit_on_error"
                and path.name not in ("guarded.py", "app.py")
            ):
                found.append(f"{path.name}:{node.value.lineno}")
    assert not found
