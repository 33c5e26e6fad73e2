"""Suites from their stored form, and recorded answers from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.ifeval.checkers.checker import excerpt
from aligntui.score.ifeval.json_lines import read_objects
from aligntui.score.suites.battery_suite import battery_of, battery_suite
from aligntui.score.suites.general_suite import general_suite
from aligntui.score.suites.ifeval_suite import ifeval_suite
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.track_a_suite import prompts_of, track_a_suite

SUITES = ("ifeval", "tracka", "battery", "verbosity", "bleed", "repetition")
"""Names of all suites, in the order in which `all` goes through them."""
_IDS = ("id", "key")
_ANSWERS = ("response", "answer")


def suite_from(stored: Mapping[str, Any]) -> Suite:
    """A suite from what its `as_dict` made.

    Raises:
        UserError: it cannot be read, such as one of a later aligntui.
    """
    name, source, total, records = (stored[field] for field in ("suite", "source", "total", "records"))
    match name:
        case "ifeval":
            return ifeval_suite([(f"prompt {n} of the run", one) for n, one in enumerate(records, 1)], source, total)
        case "tracka":
            return track_a_suite(prompts_of(records), source, total)
        case "battery":
            return battery_suite(battery_of(stored["header"], records, stored["lines"], source), total)
        case "verbosity" | "bleed" | "repetition":
            rows = [(f"question {n} of the run", one) for n, one in enumerate(records, 1)]
            return general_suite(name, rows, source, stored.get("doctrine", ()), total)
        case _:
            raise UserError(f"There is no suite {name!r}.", f"Known: {', '.join(SUITES)}.")


def read_answers(path: Path, suite: Suite, whole: Suite | None = None) -> dict[str, str]:
    """Recorded answers of a file, by the id of their item.

    Args:
        path: JSONL in UTF-8. A line has `prompt`, or `id` or `key`, and `response` or `answer`; the prompt decides where
            both are there. Other columns are passed over.
        suite: whose items are asked.
        whole: the suite that these are some of; answers to its other items are passed over.

    Returns:
        Answers as they stand there, empty ones too. Items without an answer are not in it.

    Raises:
        UserError: the file cannot be read, a line is no answer, or an item is unknown or repeated; names the line.
    """
    known = (whole or suite).items
    ids: dict[str, str | None] = {}
    for item in known:  # a text that two items have tells neither
        ids[item.prompt] = None if item.prompt in ids else item.id
    by_key = {str(item.key): item.id for item in known}
    places: dict[str, str] = {}
    answers: dict[str, str] = {}
    for place, row in read_objects(path):
        text = _answer(row, place)
        id_ = _item(row, place, ids, by_key, suite.title)
        if id_ in places:
            raise UserError(
                f"{place}: the item {id_} has an answer already in {places[id_]}.", "Keep one answer to each prompt."
            )
        places[id_] = place
        if id_ in suite.by_id:
            answers[id_] = text
    return answers


def _answer(row: Mapping[str, Any], place: str) -> str:
    name = next((name for name in _ANSWERS if name in row), None)
    if name is None:
        raise UserError(f'{place}: wanted {{"prompt", "response"}}, found no "response".')
    if not isinstance(row[name], str):
        raise UserError(f'{place}: wanted a text as "{name}", found {row[name]!r}.')
    return row[name]


def _item(
    row: Mapping[str, Any], place: str, prompts: Mapping[str, str | None], keys: Mapping[str, str], title: str
) -> str:
    if "prompt" in row:
        prompt = row["prompt"]
        if not isinstance(prompt, str):
            raise UserError(f'{place}: wanted a text as "prompt", found {prompt!r}.')
        found = prompts.get(prompt)
        if found is not None:
            return found
        if prompt not in prompts:
            raise UserError(
                f"{place}: this prompt is not one of the {len(keys)} prompts of {title}: {excerpt(prompt)}.",
                "Each prompt has to stand there letter for letter, as in the suite's own file.",
            )
    key = next((row[name] for name in _IDS if name in row), None)
    if key is None:
        wanted = (
            "several items have this prompt, so the line needs an" if "prompt" in row else 'found no "prompt" and no'
        )
        raise UserError(f'{place}: {wanted} "id".', 'Write {"prompt", "response"} or {"id", "response"}.')
    if str(key) not in keys:
        raise UserError(f"{place}: {title} has no item {key!r}.", "Give the ids of the suite's own file.")
    return keys[str(key)]
