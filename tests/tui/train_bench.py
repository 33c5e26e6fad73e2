"""Workspaces with runs in every state, written as the contract says; and living ones by the scripted trainer."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import psutil

from aligntui.config.paths import Workspace
from aligntui.config.training import apply_settings, dump_config, load_preset
from aligntui.jobs.folders import RunFolder, run_folder
from aligntui.wire import run_events as wire

BREAD = ("How do I keep bread fresh for a week?", "Answer in one sentence.")
SWIM = ("Is it safe to swim after a meal?", "Say what you do not know.")
STEP_S = 2.0


def wave(step: int, size: float) -> float:
    """Something uneven that is the same every time."""
    return size * (math.sin(step * 1.7) + 0.6 * math.sin(step * 0.31 + 1))


def written_run(
    workspace: Workspace,
    name: str,
    *,
    preset: str = "cita-kl",
    steps: int = 0,
    total: int = 200,
    end: wire.Event | None = None,
    ago_s: float = 3630.0,
    lives: bool = False,
    every: int = 50,
) -> RunFolder:
    """A run as its process left it; `lives` lets this very process stand for it."""
    folder = run_folder(workspace, name)
    folder.train_data.parent.mkdir(parents=True)
    folder.requests.mkdir()
    folder.config.write_text(dump_config(apply_settings(load_preset(preset).config, [f"max_steps={total}"])))
    folder.manifest.write_text(
        json.dumps({"source": {"source": "opposed-demo"}, "counts": {"train": 460, "held_out": 48}})
    )
    if not steps and end is None and not lives:
        return folder
    last = time.time() - ago_s
    begin = last - STEP_S * steps
    lines: list[bytes] = []

    def say(at: float, *events: wire.Event) -> None:
        lines.extend(wire.encode_event(len(lines) + 1, at, event) for event in events)

    say(
        begin,
        wire.Started(os.getpid(), "embedded", "ab" * 8, "cd" * 8, total, 460_800, "bfloat16", "cpu"),
        wire.Data(460, 48_210, 21_007, 3, 0, 48),
        wire.Sample(0, *BREAD, "There are many ways to keep bread fresh. First, store it in a cool, dry place."),
        wire.Sample(0, *SWIM, "Yes."),
    )
    for step in range(1, steps + 1):
        at = begin + STEP_S * step
        say(at, figures(step, total))
        if step % every == 0:
            say(at, wire.Eval(step, loss=figures(step, total).loss or 0 + 0.04, kl=0.5, margin=2.0, accuracy=0.8))
            say(at, wire.Checkpoint(step, f"checkpoints/step-{step:06d}"))
            say(at, wire.Sample(step, *BREAD, f"Wrap it in cloth inside a paper bag (step {step})."))
            say(at, wire.Sample(step, *SWIM, "For most people, yes; I do not know your health."))
    if end is not None:
        say(last, end)
    folder.events.write_bytes(b"".join(lines))
    record = {"pid": 2**22 + 1, "started": 1.0, "host": "", "at": begin - 1}
    if lives:
        record |= {"pid": os.getpid(), "started": psutil.Process().create_time()}
    folder.launch.write_text(json.dumps(record))
    return folder


def figures(step: int, total: int) -> wire.Step:
    share = step / total
    kl = 0.9 * share * (1 + wave(step, 0.05))
    weight = 0.01 + 0.09 * share
    loss = 0.68 * math.exp(-2.2 * share) + 0.12 + wave(step, 0.012)
    return wire.Step(
        step, loss=loss, kl=kl, kl_weight=weight, contrast=loss - weight * kl, margin=3.4 * share + wave(step, 0.1),
        accuracy=min(1.0, 0.5 + 0.45 * share + wave(step, 0.03)), chosen_logp=-82 + 6 * share + wave(step, 0.6),
        rejected_logp=-84 - 30 * share + wave(step, 0.9), lr=5e-5 * min(1.0, step / 10) * (1 - share),
        grad_norm=1.4 - 0.6 * share + wave(step, 0.1), tokens_per_second=410 + wave(step, 8),
        memory_bytes=int(1.9e9), epoch=step / 100,
    )  # fmt: skip


def queue_up(workspace: Workspace, *names: str) -> None:
    """Let runs wait, without a worker that would start them."""
    entries = [
        {"name": name, "id": f"queued_{name}", "added_at": "2026-01-01T00:00:00Z", "resume": False, "running": False}
        for name in names
    ]
    folder = workspace.adapters / ".queue"
    folder.mkdir(exist_ok=True)
    (folder / "queue.json").write_text(json.dumps({"format": 1, "at_once": 1, "entries": entries}))


def whole_checkpoint(folder: Path) -> None:
    """Files of an adapter that can be listed; the scripted engine does not read them."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


FAILED = wire.Failed("The loss is not a number.", "Lower the learning rate.", 120, None, 3)


def every_state(workspace: Workspace) -> None:
    """One run in each state that a folder can be in."""
    written_run(workspace, "cita-live", steps=90, lives=True, ago_s=1.0)
    written_run(workspace, "dpo-next", preset="ecliptica-dpo", total=100)
    written_run(workspace, "rrhf-then", preset="ecliptica-rrhf", total=100)
    queue_up(workspace, "rrhf-then", "dpo-next")
    written_run(workspace, "cita-done", steps=200, end=wire.Finished(200, 412.0, "ef" * 8), ago_s=4230)
    written_run(
        workspace, "unified-half", preset="ecliptica-unified", steps=150, total=400, end=wire.Stopped(150), ago_s=9030
    )
    written_run(workspace, "dpo-hot", preset="ecliptica-dpo", steps=119, total=300, end=FAILED, ago_s=90_030)
    written_run(workspace, "sft-killed", preset="ecliptica-ita", steps=80, total=400, ago_s=300_030)
    broken = workspace.adapters / "broken" / "run"
    broken.mkdir(parents=True)
    (broken / "config.yaml").write_text("method: sweet\n")
    old = time.time() - 400_030
    os.utime(broken / "config.yaml", (old, old))
