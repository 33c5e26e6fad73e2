"""The whole of a run: its stages in turn, from the frozen data to the adapter in its place.

Pinned in tests/backend/test_run_training.py, test_run_resume.py and test_run_processes.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PrinterCallback, TrainingArguments

from aligntui.backend.infer.weights import Base, choose_device
from aligntui.backend.train.run.adapter_files import (
    adapter_sha256,
    join,
    publish,
    read_adapter,
    trained_config,
    trained_tensors,
    write_adapter,
)
from aligntui.backend.train.run.adapter_model import put_adapter
from aligntui.backend.train.run.arguments import loss_config, reporters, trainer_arguments
from aligntui.backend.train.run.base_model import load_for_training, training_dtype
from aligntui.backend.train.run.card import card
from aligntui.backend.train.run.checkpoints import STATE, Checkpoints, Progress
from aligntui.backend.train.run.event_log import EventLog
from aligntui.backend.train.run.failures import writing
from aligntui.backend.train.run.figures import rank
from aligntui.backend.train.run.folder import RunFolder
from aligntui.backend.train.run.hooks import Clock, Hooks, StopSignals
from aligntui.backend.train.run.layout import Stage, lay_out, read_data
from aligntui.backend.train.run.processes import agree, join_processes, meet, refuse_sharding
from aligntui.backend.train.run.records import Record
from aligntui.backend.train.run.samples import sample_records, write_samples
from aligntui.backend.train.run.telling import data_of, facts, started, write_conditions
from aligntui.backend.train.run.trainer import Driven, PairTrainer
from aligntui.config.training import load_config
from aligntui.config.training.parts import Engine, Stored
from aligntui.core.errors import UserError
from aligntui.core.files import write_text_atomic
from aligntui.wire.run_events import Finished, Resumed, Started, Stopped, Warned, read_events


class Run:
    """One life of a run: from a start or a resume to an end."""

    def __init__(self, folder: RunFolder, log: EventLog, signals: StopSignals, *, resume: bool) -> None:
        self.folder, self.log, self.signals, self.resume = folder, log, signals, resume
        self.config = load_config(folder.config)
        self.checkpoints = Checkpoints(folder.checkpoints, self.config.checkpoints.keep)
        self.clock = Clock()
        self.step = 0
        """Where the run stands, for whoever says how it ended."""
        self._warned: set[str] = set()

    def go(self) -> None:
        """Train to the end, or to a safe stop.

        Raises:
            AligntuiError: what the user or the environment has to mend.
        """
        config = self.config
        refuse_sharding()
        if config.base.threads:
            torch.set_num_threads(config.base.threads)
        records, held_out = read_data(self.folder, config)
        join_processes(config.base.device)
        found = self.checkpoints.newest() if self.resume else None
        base = load_for_training(config.base, self.warn, self._dtype())
        stages = lay_out(config, base, records, held_out, self.warn)
        if rank() == 0:
            write_conditions(self.folder, config, base, stages)
        self.clock.before = found[1].seconds if found else 0.0
        self.clock.start()
        begun = False
        for number, stage in enumerate(stages):
            if self._stage_folder(number).is_dir():
                continue  # an earlier life has finished it
            if begun:  # the one before has an adapter in it
                base = load_for_training(config.base, self.warn, base.dtype)
            here = found if found and found[1].stage == number else None
            model, reference = self._put_on(base, number, stage)
            if not begun:
                self._say_start(base, stages, model, found[1] if found else None)
            begun = True
            if not self._train(number, stage, base, model, reference, here, records, held_out):
                self.log.add(Stopped(self.step))
                return
        if not begun:  # killed between the last stage and the adapter: nothing is left to train
            self._say_start(base, stages, None, found[1] if found else None)
            self.step = stages[-1].end
        if rank() == 0:
            self._finish(base, stages)

    def warn(self, message: str) -> None:
        """Say what the user should know, once."""
        if message not in self._warned:
            self._warned.add(message)
            self.log.add(Warned(message))

    # what there is to do

    def _dtype(self) -> str:
        """The dtype of an earlier life, else one for all processes, since each would measure its own."""
        remembered = self.folder.read_json(self.folder.conditions).get("dtype", "") if self.resume else ""
        return remembered or agree(training_dtype(self.config.base.dtype, choose_device(self.config.base.device)))

    def _stage_folder(self, number: int) -> Path:
        return self.folder.stages / f"{number}-{self.config.staged()[number].method.value}"

    def _earlier(self, number: int) -> list[Path]:
        parent = self.config.adapter.parent
        return [*([Path(parent).expanduser()] if parent else []), *map(self._stage_folder, range(number))]

    def _put_on(self, base: Base, number: int, stage: Stage) -> tuple[PeftModel, tuple[str, ...]]:
        model, reference = put_adapter(base, stage.config, self._earlier(number))
        if stage.config.steps.gradient_checkpointing:
            inner: Any = model.get_base_model()
            model.enable_input_require_grads()
            inner.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        return model, reference

    # what is said

    def _say_start(
        self, base: Base, stages: Sequence[Stage], model: PeftModel | None, progress: Progress | None
    ) -> None:
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad) if model is not None else 0
        self.log.add(started(self.config, base, stages, trainable))
        self.step = progress.step if progress else 0
        if self.resume:
            self.log.add(Resumed(self.step))
        data = data_of(stages[0])
        self.log.add(data)
        if data.dropped:
            self.warn(
                f"{data.dropped:,} records were left out: their prompts fill all {stages[0].config.steps.length:,} tokens "
                "of steps.length."
            )

    # one stage

    def _train(
        self,
        number: int,
        stage: Stage,
        base: Base,
        model: PeftModel,
        reference: tuple[str, ...],
        found: tuple[Path, Progress] | None,
        records: Sequence[Record],
        held_out: Sequence[Record],
    ) -> bool:
        """Train a stage; False when it was stopped before its end."""
        prompts = sample_records(self.config.samples, held_out, records)
        hooks = Hooks(
            self.folder,
            stage.config,
            self.log,
            stage=number,
            earlier=self._earlier(number),
            held_out=stage.held_out.items if stage.held_out else [],
            write_samples=lambda: write_samples(
                model, base, stage.encoder, prompts, self.config.samples.max_new_tokens
            ),
            sample_first=number == 0 and found is None,
            signals=self.signals,
            clock=self.clock,
        )
        trainer = self._trainer(stage, base, model, reference)
        hooks.trainer = trainer
        trainer.set_up(model, stage.train.items, stage.config.seed, self.folder.failed_batches, stage.offset)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(hooks)
        self._add_reporters(trainer)
        model.train()
        try:
            trainer.train(resume_from_checkpoint=str(found[0] / STATE) if found else None)
        finally:
            self.step = stage.offset + trainer.state.global_step
        if trainer.state.global_step < stage.steps:
            return False
        if rank() == 0:
            self._keep_stage(number, model)
        meet()
        return True

    def _trainer(self, stage: Stage, base: Base, model: PeftModel, reference: tuple[str, ...]) -> Driven:
        options = trainer_arguments(stage.config, stage.steps, base.device, self.folder.path / "trainer", self.warn)
        if stage.config.loss.engine is Engine.TRL:
            # takes seconds to import and is needed for this one engine only
            from aligntui.backend.train.run.trl_reference import TrlTrainer, dpo_config

            args = dpo_config(stage.config.loss.beta, **options)
            return TrlTrainer(model, stage.train.items, base.tokenizer, args=args)
        return PairTrainer(
            model, stage.train.items, reference, loss_config(stage.config), args=TrainingArguments(**options)
        )

    def _add_reporters(self, trainer: Driven) -> None:
        if rank() != 0:
            return
        for name in reporters(self.config.report_to, self.warn):
            if name == "tensorboard":
                from torch.utils.tensorboard import SummaryWriter
                from transformers.integrations.integration_utils import TensorBoardCallback

                writer = SummaryWriter(log_dir=str(self.folder.reports / "tensorboard"), purge_step=self.step + 1)
                trainer.add_callback(TensorBoardCallback(tb_writer=writer))
            else:
                from transformers.integrations.integration_utils import get_reporting_integration_callbacks

                for callback in get_reporting_integration_callbacks([name]):
                    trainer.add_callback(callback)

    def _keep_stage(self, number: int, model: PeftModel) -> None:
        target = self._stage_folder(number)
        draft = target.with_name(f".draft-{target.name}")
        with writing(f"The adapter of stage {number + 1}"):
            shutil.rmtree(draft, ignore_errors=True)
            write_adapter(draft, trained_tensors(model), trained_config(model))
            publish(draft, target)

    # the end

    def _finish(self, base: Base, stages: Sequence[Stage]) -> None:
        folder = self.folder
        with writing(f"The adapter {folder.adapter}"):
            tensors, config = join([read_adapter(path) for path in self._earlier(len(stages))])
            if self.config.adapter.stored is Stored.BFLOAT16:
                tensors = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
            write_adapter(folder.adapter, tensors, config)
            digest = adapter_sha256(folder.adapter)
            seconds = self.clock.seconds()
            parameters = sum(t.numel() for t in tensors.values())
            events = read_events(folder.events)[0]
            write_text_atomic(
                folder.adapter / "README.md",
                card(facts(folder, base, stages, digest, seconds, parameters), self.config, events),
            )
            self.log.add(Finished(self.step, round(seconds, 3), digest))


def check_fresh(folder: RunFolder, *, resume: bool) -> None:
    """Refuse to start what has begun, and to go on with what has ended.

    Raises:
        UserError: saying which of the two.
    """
    events, _ = read_events(folder.events)
    begun = any(isinstance(stamped.event, Started) for stamped in events)
    if any(isinstance(stamped.event, Finished) for stamped in events):
        raise UserError(
            f"The run in {folder.path} has finished.", "Submit a new one; adapter.parent builds on this adapter."
        )
    if begun and not resume:
        raise UserError(f"The run in {folder.path} has begun already.", "Go on with it: add --resume.")
