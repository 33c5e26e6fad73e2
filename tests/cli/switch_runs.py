"""Small banks, and the answers of a switch run by their cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.store import open_store
from tests.cli.conftest import Cli

PROMPTS = tuple(f"What about number {n}?" for n in range(6))
QUICK = ("--instructions", "concise,creative", "--max-new-tokens", "8", "--dtype", "float32", "--no-noise")


def bank(folder: Path, *prompts: str) -> str:
    """A file of prompts, one a line."""
    path = folder / "bank.txt"
    path.write_text("\n".join(prompts or PROMPTS) + "\n", "utf-8")
    return str(path)


def answers(cli: Cli, run: str) -> dict[str, dict[str, Any]]:
    """What was said in each cell, and under which seed and weights; nothing where the database is not there yet."""
    database = Workspace(cli.workspace).database
    if not database.exists():
        return {}
    with open_store(database) as store:
        found = [one for one in store.list_runs() if run in ("", one.id)]
        return {
            key: {
                "text": answer.text,
                "tokens": answer.token_ids,
                "logprobs": answer.logprobs,
                "finish": answer.finish,
                "prompt": answer.conditions.rendered_prompt,
                "seed": answer.conditions.seed,
                "adapter": answer.conditions.adapter,
            }
            for one in found
            for key, answer in store.run_answers(one)
        }
