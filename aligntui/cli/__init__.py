"""The command line: the console without a screen. stdout is data, stderr is narration.

`main` is light on purpose: `aligntui` has to paint within a third of a second, so what a command needs is imported
when that command runs. Pinned in tests/cli/test_start.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from aligntui.core.errors import AligntuiError, UserError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""
CLOSED_PIPE = 141
"""Exit code when the reader of stdout has left (`| head`): 128 + SIGPIPE, as other programs end there."""
_COMPLETION = "_ALIGNTUI_COMPLETE"
_ROOT_FLAGS = ("--help", "-h", "--version", "--install-completion", "--show-completion")


def main() -> NoReturn:
    """Entry point of `aligntui` and of `python -m aligntui`."""
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; what nobody expected keeps its traceback (exit code 1)."""
    from aligntui.cli import output

    output.set_up()
    try:
        code = _dispatch(list(argv))
        output.flush()
    except AligntuiError as error:
        output.complain(error.message, error.hint)
        return error.exit_code
    except output.ReaderLeft:
        output.forget_stdout()
        return CLOSED_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _dispatch(argv: list[str]) -> int:
    workspace, rest = _split_workspace(argv)
    before = argv[: len(argv) - len(rest)]
    if rest and rest[0].startswith("-") and rest[0].partition("=")[0] not in _ROOT_FLAGS:
        rest = ["console", *rest]  # `aligntui --model X` is `aligntui console --model X`
    if rest[:1] in ([], ["console"]) and _COMPLETION not in os.environ:
        from aligntui.cli.console import read_flags, run_console

        flags = read_flags(rest[1:])
        if flags is not None:
            return run_console(workspace, flags)
    from aligntui.cli.app import invoke

    return invoke([*before, *rest])


def _split_workspace(argv: list[str]) -> tuple[Path | None, list[str]]:
    """`--workspace DIR` at the beginning, and what follows it."""
    if len(argv) > 1 and argv[0] == "--workspace":
        return _folder(argv[1]), argv[2:]
    if argv and argv[0].startswith("--workspace="):
        return _folder(argv[0].partition("=")[2]), argv[1:]
    return None, argv


def _folder(text: str) -> Path:
    if not text.strip():  # an unset variable of a script: the current folder is not what was meant
        raise UserError("--workspace names no folder: its value is empty.", "Write `aligntui --workspace DIR COMMAND`.")
    return Path(text)
