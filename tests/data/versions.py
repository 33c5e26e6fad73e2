"""Small data sets for the tests of versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.prompt_format import Mode
from aligntui.data.dataset_versions import SplitRule, VersionItem, VersionWish, Written, write_version
from aligntui.data.pair_layouts import PreferencePair
from tests.data.rows import assistant, user

HALF = SplitRule(0.5, 0)


def pair(number: int, **changes: Any) -> PreferencePair:
    values: dict[str, Any] = {
        "instruction": ("Be brief.", "Be kind.")[number % 2],
        "mode": Mode.SYSTEM,
        "prompt": [user(f"Question {number // 2}?")],
        "chosen": [assistant(f"Good {number}.")],
        "rejected": [assistant(f"Poor {number}.")],
    }
    return PreferencePair(**(values | changes))


def items(*numbers: int, **changes: Any) -> Iterator[VersionItem]:
    return (VersionItem(pair(number, **changes), f"pair_{number}", ("even",) * (number % 2 == 0)) for number in numbers)


def write(workspace: Workspace, *numbers: int, name: str = "set", layout: str = "trl", **wish: Any) -> Written:
    return write_version(workspace, VersionWish(name, layout, **({"split": HALF} | wish)), items(*numbers))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def asked(record: dict[str, Any]) -> str:
    return record["prompt"][-1]["content"]
