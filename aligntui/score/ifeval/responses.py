"""Recorded answers in IFEval's public format: one `{"prompt", "response"}` a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.ifeval.checkers.checker import excerpt
from aligntui.score.ifeval.json_lines import read_objects
from aligntui.score.ifeval.prompts import Key, Prompt


def read_responses(path: Path, prompts: Sequence[Prompt]) -> dict[Key, str]:
    """The answers of a file, by the key of their prompt.

    Args:
        path: JSONL in UTF-8. Columns other than `prompt` and `response` are passed over.
        prompts: those that answers may belong to; told apart by their whole text.

    Returns:
        Answers as they stand there, empty ones too. Prompts without an answer are not in it.

    Raises:
        UserError: the file cannot be read, a line is no answer, or a prompt is unknown or repeated; the message names
            the line.
    """
    keys = {prompt.prompt: prompt.key for prompt in prompts}
    places: dict[Key, str] = {}
    responses: dict[Key, str] = {}
    for place, row in read_objects(path):
        prompt, response = (_text(row, name, place) for name in ("prompt", "response"))
        if prompt not in keys:
            raise UserError(
                f"{place}: this prompt is not one of the {len(prompts)} prompts: {excerpt(prompt)}.",
                "Each prompt has to stand there letter for letter, as in the prompts' file.",
            )
        key = keys[prompt]
        if key in places:
            raise UserError(
                f"{place}: the prompt {key} has an answer already in {places[key]}: {excerpt(prompt)}.",
                "Keep one answer to each prompt.",
            )
        places[key] = place
        responses[key] = response
    return responses


def _text(row: Mapping[str, Any], name: str, place: str) -> str:
    if name not in row:
        raise UserError(f'{place}: wanted {{"prompt", "response"}}, found no "{name}".')
    if not isinstance(row[name], str):
        raise UserError(f'{place}: wanted a text as "{name}", found {row[name]!r}.')
    return row[name]
