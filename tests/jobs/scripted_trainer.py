"""Speaks the contract of a training process without a model: events, requests, checkpoints, lock, resume.

    python scripted_trainer.py RUN_FOLDER [--resume] [--preview]

`script.json` beside the data says how it behaves: `steps`, `step_s`, `fail_at`, `die_at` (SIGKILL to itself),
`checkpoint_every`, `silent_s` (before the first event), `linger_s` (after a stop, as large libraries do), `refuse` (leave with this exit code before anything is written).
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import psutil

from aligntui.wire import run_events as wire

DEFAULTS = {"steps": 6, "step_s": 0.02, "checkpoint_every": 2, "silent_s": 0.0}


class Trainer:
    def __init__(self, run: Path, resume: bool) -> None:
        self.run, self.resume = run, resume
        script = run / "script.json"
        self.script = {**DEFAULTS, **(json.loads(script.read_text()) if script.exists() else {})}
        self.asked_to_stop = False
        events, _ = wire.read_events(run / "events.jsonl")
        self.seq = events[-1].seq if events else 0

    def say(self, event: wire.Event) -> None:
        self.seq += 1
        log = os.open(self.run / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, wire.encode_event(self.seq, time.time(), event))
        os.close(log)

    def train(self) -> int:
        if self.script.get("refuse"):
            print("the scripted trainer refuses")
            return self.script["refuse"]
        lock = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another process trains here")
            return 2
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        time.sleep(self.script["silent_s"])
        self._end_torn_line()
        me = {"pid": os.getpid(), "started": psutil.Process().create_time(), "host": socket.gethostname()}
        (self.run / "process.json").write_text(json.dumps(me))
        done = self._last_checkpoint() if self.resume else 0
        total = self.script["steps"]
        self.say(wire.Started(os.getpid(), "scripted", "aa", "bb", total, 1000, "float32", "cpu", {"torch": "none"}))
        records = (self.run / "data" / "train.jsonl").read_text().count("\n")
        self.say(wire.Data(records, 100 * records, 60 * records, truncated=1, dropped=0))
        if self.resume:
            self.say(wire.Resumed(done))
        began = time.time()
        for step in range(done + 1, total + 1):
            time.sleep(self.script["step_s"])
            if step == self.script.get("die_at"):
                os.kill(os.getpid(), signal.SIGKILL)
            if step == self.script.get("fail_at"):
                self.say(
                    wire.Failed("The loss is not a number.", "Lower the learning rate.", step, "bad-batch.json", 3)
                )
                return 3
            self.say(self._step(step))
            wanted = self.run / "requests" / "checkpoint"
            if step % self.script["checkpoint_every"] == 0 or wanted.exists():
                self._checkpoint(step)
                wanted.unlink(missing_ok=True)
            stop = self.run / "requests" / "stop"
            if self.asked_to_stop or stop.exists():
                self.say(wire.Stopping())
                self._checkpoint(step)
                stop.unlink(missing_ok=True)
                self.say(wire.Stopped(step))
                time.sleep(self.script.get("linger_s", 0))
                return 0
        self._adapter(self.run.parent)
        self.say(wire.Finished(total, time.time() - began, "cc"))
        return 0

    def _step(self, step: int) -> wire.Step:
        loss = 0.7 * math.exp(-0.1 * step)
        return wire.Step(
            step, loss=loss, kl=0.01 * step, kl_weight=0.01, margin=0.1 * step, accuracy=min(1.0, 0.5 + 0.1 * step),
            chosen_logp=-50 - step, rejected_logp=-50 - 2.0 * step, lr=1e-4, grad_norm=1.0, tokens_per_second=120.0,
            memory_bytes=10**9, epoch=step / 10,
        )  # fmt: skip

    def _checkpoint(self, step: int) -> None:
        name = f"checkpoints/step-{step:06d}"
        if (self.run / name).exists():
            return
        draft = self.run / "checkpoints" / f".draft-{step}"
        draft.mkdir(parents=True, exist_ok=True)
        self._adapter(draft)
        (draft / "state.json").write_text(json.dumps({"step": step}))
        draft.rename(self.run / name)
        self.say(wire.Checkpoint(step, name))
        self.say(wire.Sample(step, "Hello?", "", f"Hello at step {step}."))

    def _adapter(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))

    def _last_checkpoint(self) -> int:
        for draft in (self.run / "checkpoints").glob(".draft-*"):
            shutil.rmtree(draft)
        return max((int(one.name[5:]) for one in (self.run / "checkpoints").glob("step-*")), default=0)

    def _end_torn_line(self) -> None:
        events = self.run / "events.jsonl"
        if events.exists() and events.read_bytes()[-1:] not in (b"", b"\n"):
            with events.open("ab") as stream:
                stream.write(b"\n")

    def _stop(self, *_: object) -> None:
        self.asked_to_stop = True


def preview(run: Path) -> int:
    """The first record, its answer trained and the rest masked."""
    first = json.loads((run / "data" / "train.jsonl").read_text().splitlines()[0])
    prompt, answer = str(first["prompt"]).split(" "), first["chosen"].split(" ")
    tokens = [f"{word} " for word in (*prompt, *answer)]
    trained = [False] * len(prompt) + [True] * len(answer)
    head = {"method": "dpo", "format": "chat", "template_sha256": "bb", "records": 1, "in_batch": 1, "truncated": 1}
    print(json.dumps({"kind": "batch", **head, "dropped": 0, "tokens": 9, "trained_tokens": 4, "longest": 9,
                      "length": 64, "context": 128}))  # fmt: skip
    row = {"id": first["id"], "side": "chosen", "rendered": "".join(tokens), "tokens": tokens, "trained": trained}
    print(json.dumps({"kind": "sequence", **row, "truncated": True}))
    return 0


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.exit(preview(folder) if "--preview" in sys.argv else Trainer(folder, "--resume" in sys.argv).train())
