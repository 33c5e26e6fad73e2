"""Small files of prompts and answers, and the suites that tests of `aligntui score` ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.score.suite_builders import ifeval_rows

QUICK = ("--max-new-tokens", "8", "--dtype", "float32", "--adapter", "polite")


def write_lines(path: Path, *lines: Any) -> str:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), "utf-8")
    return str(path)


def prompts(folder: Path, count: int = 6) -> str:
    """IFEval prompts in the hub's shape."""
    return write_lines(folder / "prompts.jsonl", *ifeval_rows(count))


def responses(folder: Path, name: str, texts: dict[int, str]) -> str:
    """Recorded answers in IFEval's public format."""
    asked = {row["key"]: row["prompt"] for row in ifeval_rows(20)}
    return write_lines(
        folder / f"{name}.jsonl", *({"prompt": asked[key], "response": text} for key, text in texts.items())
    )


def track_a(folder: Path, count: int = 6) -> str:
    """Prompts that forbid commas, and others that ask for six words."""
    lines = [
        {"id": f"t{n}", "type": "no_comma", "prompt": f"What about {n}?", "params": {}, "subject": "any"}
        if n % 2
        else {
            "id": f"t{n}",
            "type": "required_word",
            "prompt": f"Why {n}?",
            "params": {"word": "answers"},
            "subject": "any",
        }
        for n in range(count)
    ]
    return write_lines(folder / "tracka.jsonl", *lines)


def battery(folder: Path, count: int = 3, *, system: bool = True) -> str:
    """Questions whose answer has to name the instruction that the scripted engine quotes."""
    header = {"battery": "tiny", "laws": ["Calm"], "doctrine": ["instruction"]}
    lines = [
        {"id": f"q{n}", "question": f"What of {n}?", "kind": ("odd", "even")[n % 2], "expect": {"all": ["keep"]}}
        for n in range(count)
    ]
    return write_lines(
        folder / "battery.jsonl", header | ({"system": "Always keep calm here."} if system else {}), *lines
    )
