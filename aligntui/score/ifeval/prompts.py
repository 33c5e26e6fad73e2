"""The prompts of IFEval with their instructions, from rows in the shape of the hub's `google/IFEval`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.ifeval.checkers.checker import Checker, excerpt
from aligntui.score.ifeval.json_lines import read_objects
from aligntui.score.ifeval.registry import checker_for

COLUMNS = ("key", "prompt", "instruction_id_list", "kwargs")

Key = int | str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt."""

    key: Key
    prompt: str
    """What the model is asked, the instructions included."""
    checkers: tuple[Checker, ...] = field(repr=False)
    """Its instructions, at least one, in the order of the data set."""

    @property
    def instructions(self) -> tuple[str, ...]:
        """Ids of its instructions."""
        return tuple(checker.id for checker in self.checkers)


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a JSONL file in the shape of `google/IFEval`; the product ships none.

    Raises:
        UserError: the file cannot be read, is empty, or a line is not a prompt; the message names the line.
    """
    return parse_prompts(read_objects(path), str(path))


def parse_prompts(rows: Iterable[tuple[str, Mapping[str, Any]]], source: str) -> tuple[Prompt, ...]:
    """Prompts from rows, wherever they come from.

    Args:
        rows: where each stands, for errors, and its columns: `key`, `prompt`, `instruction_id_list`, `kwargs`. Others
            are passed over.
        source: name of the whole, for errors.

    Returns:
        In the order given.

    Raises:
        UserError: there is no row, or one is no prompt, has an unknown instruction or repeats a key or a prompt.
    """
    prompts: dict[Key, tuple[str, Prompt]] = {}
    texts: dict[str, str] = {}
    for place, row in rows:
        prompt = _prompt(row, place)
        if prompt.key in prompts:
            raise UserError(f"{place}: the key {prompt.key!r} stands already in {prompts[prompt.key][0]}.")
        if prompt.prompt in texts:
            raise UserError(
                f"{place}: this prompt stands already in {texts[prompt.prompt]}: {excerpt(prompt.prompt)}.",
                "Answers are told apart by their prompt, so each may stand only once.",
            )
        prompts[prompt.key] = place, prompt
        texts[prompt.prompt] = place
    if not prompts:
        raise UserError(f"{source} has no prompts.")
    return tuple(prompt for _, prompt in prompts.values())


def _prompt(row: Mapping[str, Any], place: str) -> Prompt:
    missing = [name for name in COLUMNS if name not in row]
    if missing:
        raise UserError(
            f"{place}: wanted the columns {', '.join(COLUMNS)}, found no {' and no '.join(missing)}.",
            "The file has to be in the shape of google/IFEval.",
        )
    key, prompt, ids, arguments = (row[name] for name in COLUMNS)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise UserError(f"{place}: wanted a number or a text as key, found {key!r}.")
    if not isinstance(prompt, str) or not prompt.strip():
        raise UserError(f"{place}: wanted a text as prompt, found {prompt!r}.")
    if not _is_list_of(ids, str) or not ids:
        raise UserError(f"{place}: wanted a list of instruction ids, found {ids!r}.")
    if not _is_list_of(arguments, Mapping) or len(arguments) != len(ids):
        raise UserError(f"{place}: wanted a list of {len(ids)} objects as kwargs, one for each instruction.")
    checkers = tuple(checker_for(id_, given, place) for id_, given in zip(ids, arguments, strict=True))
    return Prompt(key, prompt, checkers)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, kind) for item in value)
