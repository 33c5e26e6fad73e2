"""Estimated against measured peak memory of training, for four settings on the CPU.

Each setting trains one step in a process of its own, by the command that a user types; its resident memory is watched
from outside, less that of a process that has imported the same libraries. The ratio measured / estimated should lie
between 0.8 and 1.25.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aligntui.config.child_environment import child_environment
from aligntui.config.paths import Workspace
from aligntui.config.training import apply_settings, load_preset
from aligntui.jobs.folders import run_folder
from aligntui.jobs.starting import start_run
from aligntui.workbench.training.fit import estimate_for
from aligntui.workbench.training.sources import DataWish, load_source
from aligntui.workbench.training.submitting import prepare, submit

WORDS = [
    "river",
    "stone",
    "garden",
    "winter",
    "bread",
    "lamp",
    "paper",
    "window",
    "forest",
    "music",
    "letter",
    "island",
    "market",
    "engine",
    "summer",
]
BASE = (
    "model=embedded",
    "device=cpu",
    "max_steps=1",
    "accumulation=1",
    "samples.count=0",
    "evaluation.every=0",
    "share=0",
    "checkpoints.every=0",
    "report_to=none",
    "rank=8",
)
ALL = "target_modules=q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
SETTINGS = {
    "cita-kl, float32, 2 pairs": (120, ("dtype=float32", "batch=2", ALL)),
    "dpo, bfloat16, 3 pairs, q and v": (
        70,
        ("method=dpo", "dtype=bfloat16", "batch=3", "target_modules=q_proj,v_proj"),
    ),
    "unified, float32, 3 pairs, checkpointing": (
        90,
        ("method=unified", "dtype=float32", "batch=3", "gradient_checkpointing=true", ALL),
    ),
    "sft, nf4 in bfloat16, 4 answers": (100, ("method=sft", "dtype=bfloat16", "quantisation=nf4", "batch=4", ALL)),
}
IMPORTS = (
    "from aligntui.backend.stdio import settle_environment; settle_environment()\n"
    "import aligntui.backend.train.run.running\n"
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


def main() -> None:
    imports = 1024 * int(
        subprocess.run(
            [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True, env=child_environment()
        ).stdout
    )
    print(f"after imports                             {imports / 1e6:6.0f} MB")
    print(f"{'setting':<42}{'measured':>10}{'estimated':>11}{'ratio':>7}")
    with tempfile.TemporaryDirectory() as root:
        workspace = Workspace(Path(root))
        workspace.make()
        for number, (name, (words, changes)) in enumerate(SETTINGS.items()):
            data = Path(root) / f"{number}.jsonl"
            data.write_text("".join(_records(words)))
            config = apply_settings(load_preset("cita-kl").config, [*BASE, *changes])
            submission = prepare(workspace, f"run{number}", config, load_source(workspace, DataWish(str(data))))
            found = estimate_for(submission.config, submission.split, with_time=False)
            assert found is not None, "the embedded model is needed: aligntui models pull"
            submit(workspace, submission)
            measured = _peak(workspace, f"run{number}") - imports
            print(
                f"{name:<42}{measured / 1e6:7.0f} MB{found.peak_bytes / 1e6:8.0f} MB{measured / found.peak_bytes:7.2f}"
            )


def _records(words: int) -> list[str]:
    dice = random.Random(7)

    def text(count: int) -> str:
        return " ".join(dice.choice(WORDS) for _ in range(count))

    return [
        json.dumps({"prompt": text(words // 3), "chosen": text(words), "rejected": text(words)}) + "\n"
        for _ in range(16)
    ]


def _peak(workspace: Workspace, name: str) -> int:
    """Largest resident memory of a run, in bytes."""
    started = start_run(run_folder(workspace, name))
    peak = 0
    while started.process.poll() is None:
        with contextlib.suppress(OSError, StopIteration):
            status = Path(f"/proc/{started.process.pid}/status").read_text()
            peak = max(peak, next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")))
        time.sleep(0.02)
    assert started.process.returncode == 0, run_folder(workspace, name).console_log.read_text()[-2000:]
    return 1024 * peak


if __name__ == "__main__":
    main()
