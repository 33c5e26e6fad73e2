"""An adapter merged into its base, by a process that may import torch. Pinned in tests/cli/test_adapters_merge.py."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.jobs.asking import ask_process

MODULE = "aligntui.backend.merge"


@dataclass(frozen=True)
class MergeOrder:
    """What to merge into what."""

    model: str
    """`embedded`, a folder, or a hub id."""
    adapter: Path
    name: str
    out: Path
    strength: float = 1.0
    dtype: str = "auto"
    base_sha256: str = ""
    """Base weights that the adapter says it was trained on."""
    anyway: bool = False
    trust_remote_code: bool = False

    @property
    def argv(self) -> list[str]:
        """The command line of the process."""
        words = [
            sys.executable, "-m", MODULE, "--model", self.model, "--adapter", str(self.adapter), "--name", self.name,
            "--out", str(self.out), "--strength", f"{self.strength!r}", "--dtype", self.dtype,
        ]  # fmt: skip
        if self.base_sha256:
            words += ["--base-sha256", self.base_sha256]
        return [*words, *["--anyway"] * self.anyway, *["--trust-remote-code"] * self.trust_remote_code]


def merge_adapter(order: MergeOrder) -> dict[str, Any]:
    """Merge and write; returns what the process says of the result.

    Raises:
        UserError: adapter and base do not belong together, or the folder is taken.
        EnvironmentProblem: memory or disk is full.
    """
    return ask_process(order.argv, "The merged model")[-1]
