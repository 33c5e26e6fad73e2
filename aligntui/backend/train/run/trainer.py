"""transformers' Trainer with our loss step, or with TRL's for reference.

The Trainer brings optimiser, schedule, accumulation, processes and the state to resume from; what is minimised, what a
step divides by and in which order records come is ours. Pinned in tests/backend/test_run_training.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from torch.utils.data import Sampler
from transformers import Trainer

from aligntui.backend.train.losses.config import LossConfig, SftReduction
from aligntui.backend.train.losses.pairs import Pair, collate
from aligntui.backend.train.losses.policy import Policy, prepare
from aligntui.backend.train.losses.step import Totals, pair_step
from aligntui.backend.train.run.adapter_files import load_into
from aligntui.backend.train.run.encoding import Encoded
from aligntui.backend.train.run.figures import Figures, rank, sum_over_processes, totals_of, world
from aligntui.core.errors import UserError


class NonFinite(UserError):
    """A loss or a gradient that is no number."""

    def __init__(self, what: str, step: int, where: Path | None) -> None:
        """`where` is the file with the step's batch."""
        super().__init__(
            f"The {what} of step {step} is not a number any more, so training was stopped before the weights took it.",
            "Lower the learning rate, or clip gradients (optimiser.clip); the step's batch is saved for a look.",
        )
        self.step = step
        self.where = where


class EpochOrder(Sampler[int]):
    """A new order of the records for each epoch, the same for the same seed, in every process and after every resume."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed, self.epoch = count, seed, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.randperm(self.count, generator=generator).tolist())

    def set_epoch(self, epoch: int) -> None:
        """From here on the order of this epoch."""
        self.epoch = epoch


class Driven(Trainer):
    """What both trainers share: the order of records, the gradient's norm, the adapter that a resume loads."""

    peft: PeftModel
    order: EpochOrder
    items: Sequence[Encoded]
    failed: Path
    """Folder for the batch of a step that is no number."""
    offset: int
    """Steps of earlier stages."""
    gradient_norm: float | None
    learning_rate: float | None

    def set_up(self, model: PeftModel, items: Sequence[Encoded], seed: int, failed: Path, offset: int) -> None:
        """What the Trainer's own constructor does not take."""
        self.peft, self.items, self.failed, self.offset = model, items, failed, offset
        self.order = EpochOrder(len(items), seed)
        self.gradient_norm = self.learning_rate = None

    @property
    def step(self) -> int:
        """The number of the step in work, over all stages, from 1."""
        return self.offset + self.state.global_step + 1

    def figures(self) -> dict[str, float]:
        """The figures of the step that has ended; call once a step, in every process."""
        raise NotImplementedError

    def evaluated(self, items: Sequence[Encoded]) -> dict[str, float]:
        """The figures over held-out records; call in every process."""
        raise NotImplementedError

    def _get_train_sampler(self, *args: Any, **options: Any) -> Sampler[int]:
        return self.order

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        found: Any = super()._get_grad_norm(model, grad_norm=grad_norm)
        self.gradient_norm = float(found)
        if not math.isfinite(self.gradient_norm):
            raise self.refuse("gradient", [])
        return found

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        state = Path(resume_from_checkpoint)
        load_into(self.peft, state if (state / "adapter_model.safetensors").is_file() else state.parent)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: batches hold token ids of pairs, not a model's inputs."""
        return 0

    def refuse(self, what: str, pairs: Sequence[Pair]) -> NonFinite:
        """Save the step's batch and say what went wrong."""
        name = f"step-{self.step:06d}" + (f"-process-{rank()}" if world() > 1 else "")
        where = self.failed / f"{name}.json"
        by_pair = {id(item.pair): item for item in self.items}
        rows = []
        for pair in pairs:
            item = by_pair.get(id(pair))
            rows.append(
                {
                    "id": item.record.id if item else None,
                    "rendered": item.rendered if item else None,
                    "prompt": list(pair.prompt),
                    "chosen": list(pair.chosen),
                    "rejected": None if pair.rejected is None else list(pair.rejected),
                }
            )
        try:
            self.failed.mkdir(parents=True, exist_ok=True)
            where.write_text(json.dumps({"step": self.step, "what": what, "records": rows}, indent=1), "utf-8")
        except OSError:
            return NonFinite(what, self.step, None)
        return NonFinite(what, self.step, where)


class PairTrainer(Driven):
    """Trains with `pair_step`."""

    def __init__(
        self, model: PeftModel, items: Sequence[Encoded], reference: tuple[str, ...], loss: LossConfig, **options: Any
    ) -> None:
        """`options` are the Trainer's own."""
        self.policy: Policy = prepare(model, reference=reference)
        self.loss = loss
        super().__init__(
            model=model,
            train_dataset=[item.pair for item in items],  # type: ignore[arg-type]
            data_collator=_as_they_are,
            compute_loss_func=_never,
            **options,
        )
        self._totals: Totals | None = None
        self._batches: list[list[Pair]] = []
        self._figures = self._empty()

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list, int | None]:
        """The micro-batches of a step, and what its means divide by."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._batches = [batch["pairs"] for batch in batches]
        self._totals = totals_of(self._batches, device)
        return batches, self._totals.pairs

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """One micro-batch's part of the step's loss.

        Several processes get the mean of their gradients, so that the loss is multiplied by their number.
        """
        pairs = inputs["pairs"]
        batch = self._laid_out(pairs)
        result = pair_step(
            self.policy.called_through(model), batch, self.loss, kl_weight=self.kl_weight(), totals=self._totals
        )
        values = result.values()
        bad = 0.0 if math.isfinite(values["loss"]) else 1.0
        if sum_over_processes([bad], self.args.device)[0]:
            raise self.refuse("loss", pairs)
        self._figures.add(values)
        return result.loss * world()

    def kl_weight(self) -> float:
        """The weight lambda at the step in work."""
        return self.loss.kl_weight.at(self.state.global_step, self.state.max_steps)

    def figures(self) -> dict[str, float]:
        """See `Driven`."""
        found, self._figures = self._figures, self._empty()
        means = found.means(self.args.device)
        if "lambda" in means:  # as it was set, not as float32 holds it
            means["lambda"] = self.loss.kl_weight.at(self.state.global_step - 1, self.state.max_steps)
        return means

    def evaluated(self, items: Sequence[Encoded]) -> dict[str, float]:
        """See `Driven`; each process takes its share of the records."""
        mine = [item.pair for item in items][rank() :: world()]
        size = self.args.per_device_train_batch_size
        batches = [mine[start : start + size] for start in range(0, len(mine), size)]
        totals = totals_of(batches, self.args.device)
        figures = self._empty()
        weight = self.loss.kl_weight.at(max(0, self.state.global_step - 1), self.state.max_steps)
        training = self.peft.training
        self.peft.eval()
        try:
            with torch.no_grad():
                for batch in batches:
                    step = pair_step(self.policy, self._laid_out(batch), self.loss, kl_weight=weight, totals=totals)
                    figures.add(step.values())
        finally:
            self.peft.train(training)
        return figures.means(self.args.device)

    def refuse(self, what: str, pairs: Sequence[Pair]) -> NonFinite:
        """See `Driven`; a gradient belongs to all micro-batches of the step."""
        return super().refuse(what, pairs or [pair for batch in self._batches for pair in batch])

    def _laid_out(self, pairs: Sequence[Pair]) -> Any:
        policy = self.policy
        batch = collate(pairs, rejected=self.loss.needs_rejected, packed=policy.packs, multiple=policy.row_multiple)
        return batch.to(self.args.device)

    def _empty(self) -> Figures:
        token_mean = self.loss.sft_reduction is SftReduction.TOKEN_MEAN
        return Figures(token_mean=token_mean)


def _as_they_are(pairs: list[Pair]) -> dict[str, list[Pair]]:
    return {"pairs": pairs}


def _never(*args: Any, **options: Any) -> Tensor:
    """Told to the Trainer so that it leaves the scaling of the loss to `compute_loss`, which it calls instead."""
    raise AssertionError("compute_loss is overridden")
