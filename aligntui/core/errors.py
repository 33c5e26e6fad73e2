"""Errors by who can do something about them.

Every message is a sentence that says what was wanted and what was found; the hint says what to do.
Anything that is not an `AligntuiError` is our bug and keeps its traceback.
"""

from __future__ import annotations


class AligntuiError(Exception):
    """Base of all expected failures.

    Args:
        message: what was wanted and what was found, one or two sentences.
        hint: what the user can do now; empty where there is nothing to add.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserError(AligntuiError):
    """The user can fix it: a wrong name, flag, file or value. Exit code 2."""

    exit_code = 2


class EnvironmentProblem(AligntuiError):
    """The environment lacks something: memory, disk, a library, a network. Exit code 3."""

    exit_code = 3


class StoreError(EnvironmentProblem):
    """The database cannot be read or written. Exit code 3."""


class EngineError(EnvironmentProblem):
    """The engine process failed or went away. Exit code 3."""


KINDS: dict[str, type[AligntuiError]] = {
    "user": UserError,
    "environment": EnvironmentProblem,
    "store": StoreError,
    "engine": EngineError,
}


def kind_of(error: BaseException) -> str:
    """Name under which an error crosses a process boundary; `engine` for what nobody expected."""
    for name, cls in KINDS.items():
        if type(error) is cls:
            return name
    return "engine"


def nearest(word: str, known: list[str]) -> str:
    """A "did you mean" clause for an unknown word, or the known words when none is near."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return "Known: " + ", ".join(known) + "."
