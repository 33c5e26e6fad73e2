"""What is printed where: data on stdout, everything else on stderr, and nothing in it that drives a terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from aligntui.config.keys import with_default_keys
from aligntui.core.errors import EnvironmentProblem
from aligntui.core.printable import one_line, printable

# C1 controls, DEL, bidirectional controls, line separators and lone surrogates: JSON leaves them as they are
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")

# token ids, one a line; a line break never stands inside a text of JSON, so this matches none
_NUMBERS = re.compile(r"\[\n[-+.\deE,\s]+\]")


class ReaderLeft(Exception):
    """Whoever read stdout has closed it, as `| head` does. Not an OSError, for which libraries have plans of their own."""


def set_up() -> None:
    """Let no character, whatever the locale, be a reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def data(text: str) -> None:
    """Print text to stdout, made safe and with a newline at its end.

    Raises:
        ReaderLeft: nobody reads it.
        EnvironmentProblem: it cannot be written, for example because the disk is full.
    """
    raw(printable(text) + "\n")


def json_data(value: Any) -> None:
    """Print a value as JSON to stdout."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    text = json.dumps(value, ensure_ascii=encoding != "utf8", indent=2, default=_plain)
    text = _NUMBERS.sub(lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
    raw(_UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def raw(text: str) -> None:
    """Write safe text to stdout at once."""
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise _translated(error) from error
    flush()


def flush() -> None:
    """Hand on what stdout holds back."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _translated(error) from error
    except ValueError:  # closed by us
        return


def say(text: str) -> None:
    """Print a sentence to stderr; where that is gone nothing is lost."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """Print what was wanted and found, and below it what to do."""
    say(with_default_keys(f"{message}\n{hint}" if hint else message))


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 verdict`, `2 verdicts`; `plural` where an s does not make it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def forget_stdout() -> None:
    """Send what is still in the buffer nowhere, so that the interpreter does not complain when it leaves."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; wide characters count as two cells. The last column may be of any length."""
    from rich.cells import cell_len  # a width table of 30 KB that most commands never need

    lines = [list(headings), *([one_line(str(cell)) for cell in row] for row in rows)]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(headings))]
    padded = ("  ".join(cell + " " * (widths[at] - cell_len(cell)) for at, cell in enumerate(line)) for line in lines)
    raw("\n".join(line.rstrip() for line in padded) + "\n")


def _translated(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderLeft()
    forget_stdout()
    return EnvironmentProblem(f"The output cannot be written: {(error.strerror or str(error)).lower()}.")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
