"""The index of a version: one line for each record, enough to compare versions without their texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.ids import canonical_json, sha256_text
from aligntui.core.printable import one_line
from aligntui.data.dataset_versions.folders import INDEX
from aligntui.data.dataset_versions.split import prompt_group
from aligntui.data.pair_layouts import PreferencePair, json_line, whole_characters

EXCERPT = 160
"""Characters of each text that the index shows."""


@dataclass(frozen=True, slots=True)
class IndexLine:
    """One record of a version."""

    split: str
    """`train` or `validation`."""
    line: int
    """In the file of its split, from 1."""
    fingerprint: str
    """`PreferencePair.fingerprint`."""
    key: str
    """SHA-256 of instruction, mode and prompt: records with one key are answers to the same question."""
    group: str
    """`split.prompt_group`."""
    id: str
    instruction: str
    """In force; whole."""
    tags: list[str]
    prompt: str
    """Beginning of the last message of the prompt, on one line."""
    chosen: str
    """Beginning of the last answer of the preferred side."""
    rejected: str | None
    """Likewise of the other side; None for an example."""

    def text(self) -> str:
        """The line."""
        return json_line(asdict(self))


def index_line(pair: PreferencePair, id: str, tags: tuple[str, ...]) -> IndexLine:
    """The line of a pair; its split and line number are set when they are known."""
    instruction = pair.instruction_in_force
    mode = pair.mode.value if instruction else "none"
    prompt = [[message.role, message.content] for message in pair.prompt]
    return IndexLine(
        "",
        0,
        pair.fingerprint,
        sha256_text(whole_characters(canonical_json([instruction, mode, prompt]))),
        prompt_group(pair.prompt),
        whole_characters(id),
        whole_characters(instruction),
        [whole_characters(tag) for tag in tags],
        one_line(pair.prompt[-1].content, EXCERPT),
        one_line(pair.chosen[-1].content, EXCERPT),
        None if pair.rejected is None else one_line(pair.rejected[-1].content, EXCERPT),
    )


def read_index(folder: Path) -> Iterator[IndexLine]:
    """Every line of the index of a version.

    Raises:
        UserError: there is none, or a line is damaged.
        EnvironmentProblem: it cannot be read.
    """
    path = folder / INDEX
    number = 0
    try:
        with path.open("rb") as stream:
            for line in stream:
                number += 1
                yield parse_line(line)
    except FileNotFoundError:
        raise UserError(f"{folder} has no {INDEX}.", "Restore it, or build the version again.") from None
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path}, line {number}: the index is damaged.", "Restore it, or build the version again."
        ) from error


def parse_line(line: bytes | str) -> IndexLine:
    """A line of the index.

    Raises:
        ValueError: it is none.
        TypeError: it has other keys.
    """
    made = IndexLine(**json.loads(line))
    texts = (made.split, made.fingerprint, made.key, made.group, made.id, made.instruction, made.prompt, made.chosen)
    whole = all(isinstance(text, str) for text in (*texts, *made.tags)) and isinstance(made.rejected, str | None)
    if not whole or made.split not in ("", "train", "validation") or not isinstance(made.line, int):
        raise ValueError("no line of an index")
    return made
