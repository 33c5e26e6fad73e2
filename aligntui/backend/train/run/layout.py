"""What a run is going to do: its stages with their tokens and steps. Pinned in tests/backend/test_run_training.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aligntui.backend.infer.weights import Base
from aligntui.backend.train.run.arguments import loss_config, step_count
from aligntui.backend.train.run.encoding import EncodedData, Encoder
from aligntui.backend.train.run.figures import world
from aligntui.backend.train.run.folder import RunFolder
from aligntui.backend.train.run.records import Record, read_records
from aligntui.config.training import TrainingConfig


@dataclass
class Stage:
    """One stage of the run, laid out before the first step."""

    config: TrainingConfig
    train: EncodedData
    held_out: EncodedData | None
    encoder: Encoder
    steps: int
    offset: int
    """Steps of the stages before it."""

    @property
    def end(self) -> int:
        """Its last step, counted over all stages."""
        return self.offset + self.steps


def read_data(folder: RunFolder, config: TrainingConfig) -> tuple[list[Record], list[Record]]:
    """The frozen records and the held-out ones; the latter may be none.

    Raises:
        UserError: no data, or data that the method cannot be trained on.
        EnvironmentProblem: a file cannot be read.
    """
    needs, method = config.needs_rejected, config.method.value
    records = read_records(folder.train_data, needs_rejected=needs, method=method)
    if not folder.eval_data.is_file() or not folder.eval_data.stat().st_size:
        return records, []
    return records, read_records(folder.eval_data, needs_rejected=needs, method=method)


def lay_out(
    config: TrainingConfig,
    base: Base,
    records: Sequence[Record],
    held_out: Sequence[Record],
    warn: Callable[[str], None],
) -> list[Stage]:
    """The stages in turn.

    Raises:
        UserError: a prompt cannot be rendered, or nothing that fits is left.
    """
    stages: list[Stage] = []
    offset = 0
    for stage in config.staged():
        encoder = Encoder(
            base.tokenizer, stage.format, injection_every=stage.injection_every, length=stage.steps.length
        )
        rejected = loss_config(stage).needs_rejected
        train = encoder.encode_all(records, rejected=rejected, context=base.context_length)
        other = encoder.encode_all(held_out, rejected=rejected, context=base.context_length) if held_out else None
        steps = step_count(stage, len(train.items), world())
        stages.append(Stage(stage, train, other, encoder, steps, offset))
        offset += steps
    if not stages[0].encoder.end:
        warn("The tokenizer names no token that ends an answer, so the model does not learn to end one.")
    same = sum(r.rejected is not None and r.rejected == r.chosen for r in records)
    if same and config.needs_rejected:
        warn(f"{same:,} of {len(records):,} records have the same chosen and rejected answer: they teach nothing.")
    return stages
