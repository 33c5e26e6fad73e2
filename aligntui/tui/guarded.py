"""A screen whose work cannot take the console down: what the user can mend is said, a bug of ours is written down and said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from textual import on
from textual.content import Content
from textual.css.query import NoMatches
from textual.events import ScreenSuspend
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from aligntui.core.errors import AligntuiError
from aligntui.core.printable import one_line
from aligntui.tui.bug_report import write_bug_report
from aligntui.tui.help_text import said

if TYPE_CHECKING:
    from aligntui.tui.app import ConsoleApp

Result = TypeVar("Result")
Work = Coroutine[Any, Any, Any]
P = ParamSpec("P")
S = TypeVar("S", bound="GuardedScreen[Any]")

NOTE_S = 8.0
LONG_NOTE_S = 20.0
"""How long a note stands on a screen, and a warning or an error. The list of messages keeps them all."""
SEVERITY_STYLES = {"error": "$text-error", "warning": "$text-warning"}


def severity_of(error: AligntuiError) -> str:
    """`error` for what the surroundings lack, `warning` for what was asked wrongly."""
    return "error" if error.exit_code == 3 else "warning"


class GuardedScreen(Screen[Result], Generic[Result]):
    """The base of every screen and dialog. A screen that says things composes a `Static` with the id `note`."""

    DEFAULT_CSS = """
    GuardedScreen > #note { height: auto; min-height: 1; max-height: 3; padding: 0 1; color: $text-muted; }
    """

    _forgetting: Timer | None = None
    _opening = False
    """Whether a dialog is about to open."""

    @cached_property
    def _acting(self) -> asyncio.Lock:
        """Held by the action under way."""
        return asyncio.Lock()

    @property
    def console(self) -> ConsoleApp:
        """The app."""
        return cast("ConsoleApp", self.app)

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that the user moved."""
        settings = getattr(self.app, "settings", None)
        return settings.keys if settings is not None else {}

    # saying -----------------------------------------------------------------------------------------

    def say(self, message: str, hint: str = "", severity: str = "information", *, remember: bool = True) -> None:
        """Say something on the screen, and keep it in the list of messages.

        Args:
            message: a sentence, with `{key:ID}` for keys that can be moved.
            hint: what to do now, likewise.
            severity: `information`, `warning` or `error`.
            remember: whether the list of messages keeps it; progress does not belong there.
        """
        text = f"{one_line(said(message, self.keys))} {one_line(said(hint, self.keys))}".strip()
        if self._forgetting is not None:
            self._forgetting.stop()
        self._forgetting = self.set_timer(LONG_NOTE_S if severity in SEVERITY_STYLES else NOTE_S, self._forget)
        if remember:
            self.console.remember(text, severity)
        try:
            self.show_note(text, severity)
        except NoMatches:  # the screen is being taken down
            return

    def _forget(self) -> None:
        """A note goes when it is old; the list of messages keeps it."""
        self._forgetting = None
        try:
            self.show_note("", "")
        except NoMatches:
            return

    def show_note(self, text: str, severity: str) -> None:
        """Where this screen says things: the line above the keys."""
        self.query_one("#note", Static).update(Content.styled(text, SEVERITY_STYLES.get(severity, "")))

    # working ----------------------------------------------------------------------------------------

    def act(self, work: Work | Callable[[], Work]) -> None:
        """Run an action after those before it: keys pressed faster than the database writes each find what the last one left.

        Args:
            work: what to run, or what makes it when its turn comes.
        """

        async def ordered() -> None:
            async with self._acting:
                await self.guard(work)

        self.work_on(ordered, "act")

    def ask(self, work: Callable[[], Work]) -> None:
        """Run something that opens a dialog. Until that stands there no other key of this screen counts.

        Keys of one burst, as of a slow line, were meant for the dialog: a letter typed into a filter must not delete a pair.
        """
        self._opening = True

        async def opened() -> None:
            try:
                await self.guard(work)
            finally:
                self._opening = False

        self.work_on(opened, "dialog")

    @on(ScreenSuspend)
    def _dialog_opened(self) -> None:
        self._opening = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key counts while a dialog is about to open."""
        return not self._opening and super().check_action(action, parameters)

    def work_on(
        self, work: Work | Callable[[], Work], group: str = "action", *, exclusive: bool = False
    ) -> Worker[None]:
        """Run something beside the drawing, under the safety net.

        Args:
            work: what to run, or what makes it when its turn comes.
            group: name of its kind.
            exclusive: whether it takes the place of others of its kind.
        """
        return self.run_worker(partial(self.guard, work), group=group, exclusive=exclusive, exit_on_error=False)

    def attempt(self, call: Callable[[], Any]) -> None:
        """Do something that does not wait, under the safety net."""
        try:
            call()
        except AligntuiError as error:
            self.say(error.message, error.hint, severity_of(error))
        except Exception as error:  # noqa: BLE001 - as in guard
            self._bug(error)

    async def guard(self, work: Work | Callable[[], Work]) -> None:
        """Wait for something; what goes wrong is said and not raised."""
        try:
            await (work() if callable(work) else work)
        except AligntuiError as error:
            self.say(error.message, error.hint, severity_of(error))
        except Exception as error:  # noqa: BLE001 - a worker's edge: a bug of ours must not take the unsaved work along
            self._bug(error)

    def _bug(self, error: Exception) -> None:
        where = write_bug_report(error)
        self.say(
            f"A bug of ours: {type(error).__name__}: {error}.",
            f"Nothing that was stored is lost; the details are in {where}.",
            "error",
        )


def guarded(
    group: str = "action", *, exclusive: bool = False
) -> Callable[[Callable[Concatenate[S, P], Work]], Callable[Concatenate[S, P], Worker[None]]]:
    """Make a coroutine method of a screen one that is called like a function and runs under the safety net.

    Args:
        group: name of its kind.
        exclusive: whether a further call takes the place of the one under way.
    """

    def decorate(method: Callable[Concatenate[S, P], Work]) -> Callable[Concatenate[S, P], Worker[None]]:
        @wraps(method)
        def begin(self: S, *args: P.args, **kwargs: P.kwargs) -> Worker[None]:
            # made when its turn comes: one that is replaced before that would be a coroutine that nobody awaits
            return self.work_on(lambda: method(self, *args, **kwargs), group, exclusive=exclusive)

        return begin

    return decorate
