"""Makers of run folders for the trainer's tests, and the real process on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aligntui.backend.train.run.__main__ import main
from aligntui.config.training import TrainingConfig, apply_settings, save_config
from aligntui.wire.run_events import Stamped, read_events

ROOT = Path(__file__).resolve().parents[2]

RECORDS = [
    ("Answer in one word.", "Is rain wet?", "Yes.", "Rain is made of drops."),
    ("Answer in one word.", "Are bricks soft?", "No.", "Bricks are baked clay."),
    ("Be kind.", "I lost my keys.", "Oh, I am sorry.", "Look for them."),
    ("Be kind.", "My tea is cold.", "What a pity!", "Then warm it up."),
    ("", "Name a river.", "The Niger.", "A river is water."),
    ("", "Count to three.", "One, two, three.", "I can count."),
    ("Mention the law.", "May I park here?", "Ask the council.", "Sure, go on."),
    ("Mention the law.", "Can I burn leaves?", "Bylaws decide it.", "Burn them all."),
]


def rows(count: int = len(RECORDS)) -> list[dict[str, Any]]:
    """Records as a run folder has them, some without an instruction."""
    found = []
    for number in range(count):
        instruction, prompt, chosen, rejected = RECORDS[number % len(RECORDS)]
        suffix = f" ({number})" if number >= len(RECORDS) else ""
        found.append(
            {
                "id": f"r{number}",
                "instruction": instruction or None,
                "prompt": prompt + suffix,
                "chosen": chosen,
                "rejected": rejected,
                "pair": None,
            }
        )
    return found


def make_run(
    home: Path,
    model: Path | str,
    settings: Sequence[str] = (),
    *,
    name: str = "tried",
    data: Iterable[dict[str, Any]] | None = None,
    held_out: Iterable[dict[str, Any]] = (),
    base: TrainingConfig | None = None,
) -> Path:
    """A run folder ready to start: tiny settings in float32 on one CPU thread."""
    folder = home / "adapters" / name / "run"
    (folder / "data").mkdir(parents=True)
    (folder / "requests").mkdir()
    plain = [
        *("device=cpu", "dtype=float32", "threads=1", "rank=4", "alpha=8", "batch=2", "length=256", "lr=0.01"),
        *("checkpoints.every=0", "evaluation.every=0", "samples.count=0", "report_to="),
    ]
    config = apply_settings(base or TrainingConfig(), [*plain, f"model={model}", *settings])
    save_config(config, folder / "config.yaml")
    write_rows(folder / "data" / "train.jsonl", rows() if data is None else data)
    held_out = list(held_out)
    if held_out:
        write_rows(folder / "data" / "eval.jsonl", held_out)
    return folder


def write_rows(path: Path, values: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")


def environment(**more: str) -> dict[str, str]:
    """That of the process: no launcher's variables, few threads, the tests' own cache."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    kept = {key: value for key, value in os.environ.items() if key not in names}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "aligntui.backend.train.run", str(folder), *options]


def train(folder: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the real process to its end."""
    return subprocess.run(
        command(folder, *options), cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=240
    )


def train_here(folder: Path, *options: str) -> int:
    """The same in this process, which has torch already; signals stay as they are."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return main([str(folder), *options])
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def begin(folder: Path, *options: str, **more: str) -> subprocess.Popen[str]:
    """Start the real process; its output goes to `console.log`."""
    with (folder / "console.log").open("a") as console:
        return subprocess.Popen(
            command(folder, *options),
            cwd=ROOT,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            text=True,
        )


def events(folder: Path, kind: str | None = None) -> list[Stamped]:
    found, _ = read_events(folder / "events.jsonl")
    return [stamped for stamped in found if kind in (None, stamped.kind)]


def curve(folder: Path, figure: str = "loss") -> list[float]:
    """A figure over the steps, as said last of each."""
    last = {stamped.event.step: getattr(stamped.event, figure) for stamped in events(folder, "step")}
    return [last[step] for step in sorted(last)]
