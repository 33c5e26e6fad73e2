"""Small training data of several kinds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SUBJECTS = ("bread", "rain", "trains", "bees", "glass", "salt", "moss", "tin", "wool", "chalk")


def jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def pairs(count: int, **more: Any) -> list[dict[str, Any]]:
    """Preference pairs on different subjects."""
    return [
        {"prompt": f"What is {subject} made of?", "chosen": f"Of {subject} stuff.", "rejected": "No idea.", **more}
        for subject in SUBJECTS[:count]
    ]


def switched(subject: str) -> list[dict[str, Any]]:
    """Two pairs on one prompt that prefer opposite answers under two instructions."""
    prompt, short, long = f"Tell me of {subject}.", f"{subject.title()}.", f"Well, {subject} is a long story to tell."
    return [
        {"system": "Be brief.", "prompt": prompt, "chosen": short, "rejected": long},
        {"system": "Be thorough.", "prompt": prompt, "chosen": long, "rejected": short},
    ]
