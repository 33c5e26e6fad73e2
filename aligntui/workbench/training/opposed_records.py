"""Records with two answers to one prompt, each written for an instruction type: `{"prompt", "answers": {type: text}}`.

That is the shape of `datasets/opposed-demo`. Each record gives two preferences over the same two answers, one for either
type, so nothing but the instruction tells which is wanted (methods.md, section 4). The phrasings of a type take turns.
Pinned in tests/workbench/test_training_sources.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.instruction_library import InstructionLibrary
from aligntui.data.pair_layouts import PreferencePair
from aligntui.data.prompt_bank import json_lines, text_field
from aligntui.workbench.training.records import Item


def is_opposed(path: Path) -> bool:
    """Whether the first record of a JSON lines file has two answers by type; a file that cannot be read has not."""
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        return False
    try:
        _, first = next(iter(json_lines(path)))
    except (UserError, StopIteration):
        return False
    return isinstance(first.get("answers"), dict) and "prompt" in first


def opposed_items(paths: Sequence[Path], library: InstructionLibrary) -> list[Item]:
    """Both preferences of every record, one after the other.

    Raises:
        UserError: a record has not exactly two answers, or a type that the library does not know; with file and line.
        EnvironmentProblem: a file cannot be read.
    """
    turns: Counter[str] = Counter()
    items: list[Item] = []
    for path in paths:
        for number, record in json_lines(path):
            answers = record.get("answers")
            texts = list(answers.items()) if isinstance(answers, dict) else []
            if len(texts) != 2 or not all(isinstance(text, str) and text.strip() for _, text in texts):
                raise UserError(
                    f"{path}, line {number}: two answers by instruction type are expected.", "Correct the record."
                )
            prompt = [Message("user", text_field(path, number, record, "prompt"))]
            id = text_field(path, number, record, "id", required=False) or f"{path.stem}:{number}"
            for (kind, chosen), (_, rejected) in (texts, texts[::-1]):
                try:
                    known = library.find(kind)
                except UserError as error:
                    raise UserError(f"{path}, line {number}: {error.message}", error.hint) from error
                place = turns[kind] % len(known.phrasings)
                turns[kind] += 1
                pair = PreferencePair(
                    known.phrasings[place],
                    Mode.SYSTEM,
                    prompt,
                    [Message("assistant", chosen)],
                    [Message("assistant", rejected)],
                )
                items.append(Item(pair, f"{id}:{kind}", label=f"{kind}/{place + 1}"))
    return items
