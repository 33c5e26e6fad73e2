"""DPO by trl.DPOTrainer, on the same tokens in the same order: the reference that our step is held against.

Pinned in tests/backend/test_run_trl.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from aligntui.backend.train.run.encoding import Encoded
from aligntui.backend.train.run.trainer import Driven
from datasets import Dataset

_NAMES = {
    "margin": "rewards/margins",
    "accuracy": "rewards/accuracies",
    "chosen_logp": "logps/chosen",
    "rejected_logp": "logps/rejected",
}


class TrlTrainer(Driven, DPOTrainer):
    """TRL's trainer with the hooks of a run."""

    def __init__(self, model: PeftModel, items: Sequence[Encoded], tokenizer: Any, **options: Any) -> None:
        """`options` are DPOTrainer's own; its `args` are a DPOConfig."""
        self._losses: list[float] = []
        DPOTrainer.__init__(self, model=model, train_dataset=_rows(items), processing_class=tokenizer, **options)  # type: ignore[arg-type]

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """TRL's loss, looked at on its way."""
        loss = DPOTrainer.compute_loss(self, model, inputs, False, num_items_in_batch)
        value = float(loss.detach())
        if model.training:
            if not math.isfinite(value):
                raise self.refuse("loss", [])
            self._losses.append(value)
        return loss

    def figures(self) -> dict[str, float]:
        """See `Driven`; TRL has no KL, and counts no tokens of an answer."""
        found = self._taken("train")
        found["loss"] = found["contrast"] = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        return found

    def evaluated(self, items: Sequence[Encoded]) -> dict[str, float]:
        """See `Driven`; means over batches, as TRL has them."""
        self._taken("eval")
        rows: list[dict[str, Any]] = list(_rows(items))  # type: ignore[arg-type]
        size = self.args.per_device_train_batch_size
        losses: list[float] = []
        training = self.model.training  # type: ignore[union-attr]
        self.model.eval()  # type: ignore[union-attr]
        try:
            with torch.no_grad():
                for start in range(0, len(rows), size):
                    inputs = self._prepare_inputs(self.data_collator(rows[start : start + size]))
                    losses.append(float(self.compute_loss(self.model, inputs)))
        finally:
            self.model.train(training)  # type: ignore[union-attr]
        return {**self._taken("eval"), "loss": sum(losses) / max(1, len(losses))}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """To the reporters alone: TRL would add its own averages, which the step's event has."""
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def _prepare_dataset(self, dataset: Any, *args: Any, **options: Any) -> Any:
        return dataset  # holds token ids already

    def _taken(self, mode: str) -> dict[str, float]:
        metrics = self._metrics[mode]
        found = {ours: sum(metrics[name]) / len(metrics[name]) for ours, name in _NAMES.items() if metrics.get(name)}
        metrics.clear()
        return found


def dpo_config(beta: float, **options: Any) -> DPOConfig:
    """TRL's arguments; `options` are those of transformers."""
    return DPOConfig(
        beta=beta, max_length=None, precompute_ref_log_probs=False, gradient_checkpointing=False, **options
    )


def _rows(items: Sequence[Encoded]) -> Dataset:
    rows = [
        {
            "prompt_ids": list(i.pair.prompt),
            "chosen_ids": list(i.pair.chosen),
            "rejected_ids": list(i.pair.rejected or ()),
        }
        for i in items
    ]
    return Dataset.from_list(rows)
