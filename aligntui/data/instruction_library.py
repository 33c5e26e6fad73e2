"""The library of alignment instructions: the canonical ones that travel with the package, and the user's own.

Both are JSON lines of one shape. Own instructions are only ever appended, so that two consoles can save at
once and nothing is lost; of several lines with one type the latest is in force.
"""

from __future__ import annotations

import errno
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace, bundled
from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.core.files import sync_folder
from aligntui.core.instruction import Instruction, InstructionType

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class InstructionLibrary:
    """Canonical types in their own order, then own ones in the order in which they were first saved."""

    types: tuple[InstructionType, ...]
    warnings: tuple[str, ...] = ()
    """Lines of the user's own file that could not be read, each as a sentence; the file is left as it is."""

    def find(self, name: str) -> InstructionType:
        """The type of that name.

        Raises:
            UserError: there is none; the hint has the nearest name.
        """
        wanted = name.strip().lower()
        for known in self.types:
            if known.type == wanted:
                return known
        raise UserError(
            f"There is no instruction {name!r} in the library.", nearest(wanted, [known.type for known in self.types])
        )

    def get(self, ref: str) -> Instruction:
        """The instruction that `TYPE` (its first phrasing) or `TYPE/PHRASING` names; an empty `ref` is none.

        Raises:
            UserError: there is no such type or phrasing.
        """
        if not ref.strip():
            return Instruction()
        name, slash, number = ref.strip().partition("/")
        known = self.find(name)
        count = len(known.phrasings)
        phrasing = int(number) if re.fullmatch("[0-9]{1,4}", number) else 0 if slash else 1
        if not 1 <= phrasing <= count:
            raise UserError(
                f"The instruction {known.type} has {count} phrasing{'s' * (count > 1)}, and {number!r} is none of them.",
                f"Write {known.type}/1" + (f" to {known.type}/{count}." if count > 1 else "."),
            )
        return Instruction(known.phrasings[phrasing - 1], known.type, phrasing)

    def named(self, text: str) -> Instruction:
        """A text without space around it, with the name that it has here; a text that is not here has none."""
        text = text.strip()
        for known in self.types:
            if text in known.phrasings:
                return Instruction(text, known.type, known.phrasings.index(text) + 1)
        return Instruction(text)


def load_library(workspace: Workspace, canonical: Path | None = None) -> InstructionLibrary:
    """Read the canonical instructions and those of the workspace.

    Args:
        workspace: where own instructions lie; the file need not exist.
        canonical: file of the canonical ones; None is the one that travels with the package.

    Raises:
        UserError: a line of the canonical file is malformed; names file and line.
        EnvironmentProblem: a file cannot be read, or the canonical one is missing.
    """
    canonical = canonical or bundled("datasets", "instructions", "canonical.jsonl")
    types: dict[str, InstructionType] = {}
    for number, known in _read(canonical, _bytes(canonical, required=True)):
        if isinstance(known, str):
            raise UserError(f"{canonical}, line {number}: {known}.", "Restore the file that came with aligntui.")
        if known.type in types:
            reason = f"the type {known.type!r} was there before"
            raise UserError(f"{canonical}, line {number}: {reason}.", "Restore the file that came with aligntui.")
        types[known.type] = known
    own, warnings = _own_types(workspace.own_instructions, _bytes(workspace.own_instructions), frozenset(types))
    return InstructionLibrary((*types.values(), *own.values()), tuple(warnings))


def add_own(
    workspace: Workspace,
    title: str,
    text: str,
    *,
    summary: str = "",
    characteristics: Sequence[str] = (),
    canonical: Path | None = None,
) -> Instruction:
    """Save an instruction of the user's own; it is on disk when this returns.

    An own type with the same title gets a further phrasing; a text that it has already is not saved twice.

    Args:
        workspace: where own instructions lie.
        title: name on screen; the type's identifier is made from it.
        text: the instruction.
        summary: one line for a picker; an earlier one stays when this is empty.
        characteristics: what an answer that follows it looks like; earlier ones stay when there are none.
        canonical: file of the canonical instructions; None is the one that travels with the package.

    Returns:
        The saved instruction with its type and phrasing.

    Raises:
        UserError: title or text is empty.
        EnvironmentProblem: the file cannot be written, or the disk is full; nothing has changed then.
    """
    title, text = " ".join(title.split()), text.strip()
    if not title or not text:
        missing = "title" if not title else "text"
        raise UserError(f"An own instruction needs a title and a text, and the {missing} is empty.")
    taken = {known.type for known in load_library(workspace, canonical).types if not known.own}
    path = workspace.own_instructions
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # read and append under one lock: a phrasing saved by another console meanwhile must not drop out
        with _locked(path) as descriptor:
            before = _read_all(descriptor)
            own, _ = _own_types(path, before, frozenset(taken))
            same = next((known for known in own.values() if known.title.casefold() == title.casefold()), None)
            if same is not None and text in same.phrasings:
                return Instruction(text, same.type, same.phrasings.index(text) + 1)
            if same is None:
                name = _unique_slug(title, taken | set(own) | _mentioned_types(before))
                saved = InstructionType(name, title, summary, (text,), tuple(characteristics), own=True)
            else:
                saved = replace(
                    same,
                    summary=summary or same.summary,
                    phrasings=(*same.phrasings, text),
                    characteristics=tuple(characteristics) or same.characteristics,
                )
            _append(descriptor, _line(saved), before)
    except OSError as error:
        raise EnvironmentProblem(
            f"The instruction could not be saved in {path}: {error.strerror or error}.",
            "Free some space or correct the permissions, then save again.",
        ) from error
    return Instruction(text, saved.type, len(saved.phrasings))


def _own_types(path: Path, content: bytes, taken: frozenset[str]) -> tuple[dict[str, InstructionType], list[str]]:
    own: dict[str, InstructionType] = {}
    warnings: list[str] = []
    for number, known in _read(path, content):
        if isinstance(known, str):
            warnings.append(f"{path}, line {number} was skipped: {known}.")
        elif known.type in taken:
            # stored answers are labelled by type: an own "concise" would make two things look like one
            warnings.append(f"{path}, line {number} was skipped: the type {known.type!r} is a canonical one.")
        else:
            own[known.type] = replace(known, own=True)
    return own, warnings


def _read(path: Path, content: bytes) -> Iterator[tuple[int, InstructionType | str]]:
    """Each line's number with its type, or with the reason why it is none."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                yield number, _instruction_type(json.loads(line))
            except UnicodeDecodeError:
                yield number, "the line is not UTF-8 text"
            except json.JSONDecodeError as error:
                yield number, f"the line is not JSON ({error.msg.lower()} at column {error.colno})"
            except (ValueError, RecursionError) as error:
                yield number, str(error)


def _instruction_type(record: Any) -> InstructionType:
    if not isinstance(record, dict):
        raise ValueError("the line is no JSON object")
    texts: dict[str, str] = {}
    for key in ("type", "title", "summary"):
        texts[key] = record.get(key, "")
        if not isinstance(texts[key], str) or (key != "summary" and not texts[key].strip()):
            raise ValueError(f"{key!r} must be a text, not {record.get(key)!r}")
    if not _SLUG.fullmatch(texts["type"]):
        raise ValueError(f"'type' must be small letters and digits with hyphens between, not {texts['type']!r}")
    lists: dict[str, tuple[str, ...]] = {}
    for key in ("phrasings", "characteristics"):
        values = record.get(key, [])
        if not isinstance(values, list):
            raise ValueError(f"{key!r} must be a list of texts")
        for number, value in enumerate(values, start=1):
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{key!r} must be a list of texts; number {number} is {value!r}")
        lists[key] = tuple(values)
    if not lists["phrasings"]:
        raise ValueError("'phrasings' must have at least one text")
    return InstructionType(
        texts["type"], texts["title"], texts["summary"], lists["phrasings"], lists["characteristics"]
    )


def _line(known: InstructionType) -> bytes:
    record = {
        "type": known.type,
        "title": known.title,
        "summary": known.summary,
        "phrasings": known.phrasings,
        "characteristics": known.characteristics,
    }
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _unique_slug(title: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii").lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:48].strip("-") or "own"
    names = (slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _mentioned_types(content: bytes) -> set[str]:
    # types of lines that cannot be read otherwise: whoever repairs such a line finds its name still free
    return {name.decode() for name in re.findall(rb'"type"\s*:\s*"([a-z0-9-]+)"', content)}


def _bytes(path: Path, *, required: bool = False) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise EnvironmentProblem(
                f"The canonical instructions {path} are missing.", "Install aligntui again."
            ) from None
        return b""
    except OSError as error:
        raise EnvironmentProblem(
            f"The instructions {path} cannot be read: {error.strerror or error}.", "Correct the file's permissions."
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """An append-only descriptor under an exclusive lock between processes."""
    import fcntl  # not on every system, and only saving needs it

    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with suppress(OSError):  # some network file systems have no locks; a single append is whole there all the same
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
        if is_new:
            sync_folder(path.parent)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := os.pread(descriptor, 1 << 20, sum(map(len, chunks))):
        chunks.append(chunk)
    return b"".join(chunks)


def _append(descriptor: int, line: bytes, before: bytes) -> None:
    # a line torn by a full disk or by hand must not swallow this one
    data = line if not before or before.endswith(b"\n") else b"\n" + line
    written = os.write(descriptor, data)
    if written != len(data):
        os.ftruncate(descriptor, len(before))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)
