"""What happens between two steps: events, evaluation, checkpoints, sample answers, and what viewers ask for.

Pinned in tests/backend/test_run_training.py.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist
from transformers import TrainerCallback

from aligntui.backend.train.run.adapter_files import (
    join,
    read_adapter,
    trained_config,
    trained_tensors,
    write_adapter,
)
from aligntui.backend.train.run.checkpoints import STATE, Checkpoints, Progress
from aligntui.backend.train.run.encoding import Encoded
from aligntui.backend.train.run.event_log import EventLog
from aligntui.backend.train.run.failures import writing
from aligntui.backend.train.run.figures import rank, sum_over_processes, world
from aligntui.backend.train.run.folder import RunFolder
from aligntui.backend.train.run.trainer import Driven
from aligntui.config.training import TrainingConfig
from aligntui.wire.run_events import Checkpoint, Eval, Event, Sample, Step, Stopping


class StopSignals:
    """Ctrl-C and SIGTERM ask for a safe stop; a lost terminal asks for nothing."""

    def __init__(self) -> None:
        self.asked = False

    def install(self) -> None:
        """Take the signals of this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _ask(self, *_: Any) -> None:
        self.asked = True


@dataclass
class Clock:
    """Seconds of training, over all resumes."""

    before: float = 0.0
    began: float = 0.0

    def start(self) -> None:
        """From here on it counts."""
        self.began = time.monotonic()

    def seconds(self) -> float:
        """So far."""
        return self.before + time.monotonic() - self.began


class Hooks(TrainerCallback):
    """One stage's."""

    trainer: Driven

    def __init__(
        self,
        folder: RunFolder,
        config: TrainingConfig,
        log: EventLog,
        *,
        stage: int,
        earlier: Sequence[Path],
        held_out: Sequence[Encoded],
        write_samples: Callable[[], list[tuple[str, str, str]]],
        sample_first: bool,
        signals: StopSignals,
        clock: Clock,
    ) -> None:
        self.folder, self.config, self.log = folder, config, log
        self.stage, self.earlier, self.held_out = stage, earlier, held_out
        self.write_samples, self.signals, self.clock = write_samples, signals, clock
        self.sample_first = sample_first
        self.checkpoints = Checkpoints(folder.checkpoints, config.checkpoints.keep)
        self.stopped = False
        self._process = psutil.Process()
        self._step_began = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """What is answered before the first step, for later samples to be held against."""
        if self.sample_first:
            self._sample(0)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The order of this epoch's records."""
        self.trainer.order.set_epoch(int((state.epoch or 0.0) + 1e-6))

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The step's clock."""
        self._step_began = time.monotonic()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The rate that this step is made with."""
        self.trainer.learning_rate = float(self.trainer.lr_scheduler.get_last_lr()[0])  # type: ignore[union-attr]

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say what the step did, then do what is due."""
        trainer = self.trainer
        step = trainer.offset + state.global_step
        self._say_step(step, state.epoch)
        asked = self._asked()
        last = state.global_step >= state.max_steps
        if "stop" in asked and not last:
            self.stopped = True
            self.say(Stopping())
        every = self.config.evaluation.every
        if self.held_out and every and (last or _due(state.global_step, every)):
            self._evaluate(step)
        if last or self.stopped or "checkpoint" in asked or _due(state.global_step, self.config.checkpoints.every):
            self._checkpoint(step, state.global_step)
        if self.stopped:
            control.should_training_stop = True

    def say(self, event: Event) -> None:
        """Write an event; a full disk is the user's to mend."""
        with writing(f"The events of {self.folder.path}"):
            self.log.add(event)

    def _say_step(self, step: int, epoch: float | None) -> None:
        trainer = self.trainer
        values = trainer.figures()
        seconds = max(1e-9, time.monotonic() - self._step_began)
        tokens = values.get("chosen_tokens", 0.0) + values.get("rejected_tokens", 0.0)
        gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        event = Step(
            step=step,
            loss=values.get("loss"),
            kl=next((values[name] for name in ("kl", "kl_draft", "kl_log_ratio") if name in values), None),
            kl_weight=values.get("lambda"),
            margin=values.get("margin"),
            accuracy=values.get("accuracy"),
            chosen_logp=values.get("chosen_logp"),
            rejected_logp=values.get("rejected_logp"),
            lr=trainer.learning_rate,
            grad_norm=trainer.gradient_norm,
            sft=values.get("sft"),
            contrast=values.get("contrast", values.get("rank")),
            tokens_per_second=round(tokens / seconds, 1) if tokens else None,
            memory_bytes=self._process.memory_info().rss,
            gpu_bytes=gpu,
            epoch=epoch,
        )
        self.say(event)
        shown = {"train/" + k: v for k, v in vars(event).items() if isinstance(v, float) and k != "epoch"}
        trainer.log(shown)
        trainer.state.log_history.clear()  # events.jsonl has it; each checkpoint would carry all of it again

    def _asked(self) -> set[str]:
        """What is asked for, agreed on by all processes."""
        mine = self.folder.take_requests() if rank() == 0 else set()
        flags = [float("stop" in mine or self.signals.asked), float("checkpoint" in mine)]
        stop, checkpoint = sum_over_processes(flags, self.trainer.args.device)
        return {name for name, asked in (("stop", stop), ("checkpoint", checkpoint)) if asked}

    def _evaluate(self, step: int) -> None:
        values = self.trainer.evaluated(self.held_out)
        names = ("loss", "kl", "margin", "accuracy")
        self.say(Eval(step, **{name: values.get(name) for name in names}))
        self.trainer.log({f"eval/{name}": values[name] for name in names if name in values})

    def _checkpoint(self, step: int, stage_step: int) -> None:
        trainer: Any = self.trainer
        with writing(f"The checkpoint of step {step}"):
            draft = self.checkpoints.begin(step) if rank() == 0 else self.checkpoints.draft(step)
            _together()
            state = draft / STATE
            # the Trainer's own methods write what its resume reads, every process its random numbers
            trainer._save_optimizer_and_scheduler(str(state))
            trainer._save_rng_state(str(state))
            _together()
            if rank() == 0:
                trainer.state.save_to_json(str(state / "trainer_state.json"))
                tensors, config = trained_tensors(trainer.peft), trained_config(trainer.peft)
                if self.earlier:
                    write_adapter(state, tensors, config)
                    tensors, config = join([*map(read_adapter, self.earlier), (tensors, config)])
                write_adapter(draft, tensors, config)
                target = self.checkpoints.finish(Progress(step, self.stage, stage_step, self.clock.seconds()))
                self.log.add(Checkpoint(step, self.folder.relative(target)))
        _together()
        self._sample(step)

    def _sample(self, step: int) -> None:
        if rank() == 0:
            for prompt, instruction, answer in self.write_samples():
                self.say(Sample(step, prompt, instruction, answer))
        _together()


def _together() -> None:
    if world() > 1:
        dist.barrier()


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
