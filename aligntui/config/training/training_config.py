"""The whole configuration of a training run; it cannot exist in a state that cannot be meant.

Pinned in tests/config/test_training_config.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from aligntui.config.training.checking import check
from aligntui.config.training.parts import (
    AdapterPart,
    BasePart,
    CheckpointPart,
    EvaluationPart,
    LossPart,
    Method,
    OptimiserPart,
    PromptFormat,
    SamplePart,
    Stage,
    StepsPart,
)


@dataclass(frozen=True)
class TrainingConfig:
    """One run: frozen when it is submitted.

    Raises:
        UserError: a value is out of range, or two values contradict each other.
    """

    method: Method = Method.CITA
    """Of a run of several stages: the last one's."""
    format: PromptFormat = PromptFormat.CHAT
    """Prompt format."""
    injection_every: int = 1
    """For the format `injection`: every how many turns of the user the instruction stands."""
    seed: int = 42
    """Of the adapter's start, the order of the data and dropout."""
    base: BasePart = field(default_factory=BasePart)
    adapter: AdapterPart = field(default_factory=AdapterPart)
    optimiser: OptimiserPart = field(default_factory=OptimiserPart)
    steps: StepsPart = field(default_factory=StepsPart)
    loss: LossPart = field(default_factory=LossPart)
    stages: tuple[Stage, ...] = ()
    """All stages in turn, the last one with this configuration's method; empty is one stage."""
    between: str = "kept"
    """`merged` or `kept`: what becomes of an earlier stage."""
    checkpoints: CheckpointPart = field(default_factory=CheckpointPart)
    evaluation: EvaluationPart = field(default_factory=EvaluationPart)
    samples: SamplePart = field(default_factory=SamplePart)
    report_to: tuple[str, ...] = ("tensorboard",)
    """tensorboard, wandb, trackio: those that are installed are used."""
    preset: str = ""
    """Name of the preset that this came from; empty for none."""
    source: str = ""
    """Where the preset's values come from."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check(self)
        if self.stages:
            self.staged()

    @property
    def needs_rejected(self) -> bool:
        """Whether any stage needs a rejected answer in every record."""
        return any(stage.method.needs_rejected for stage in self.stages) or self.method.needs_rejected

    @property
    def pairs_per_step(self) -> int:
        """Records that one step sees on one device."""
        return self.steps.batch * self.steps.accumulation

    def staged(self) -> tuple[TrainingConfig, ...]:
        """The configuration of each stage, in turn; one without stages is its own.

        Raises:
            UserError: a stage's settings are wrong, or change what all stages share.
        """
        if not self.stages:
            return (self,)
        from aligntui.config.training.keys import apply_settings  # keys knows this class

        found = []
        for stage in self.stages:
            alone = replace(self, stages=())
            settings = {"method": stage.method.value, **stage.settings}
            found.append(apply_settings(alone, settings, stage=True))
        return tuple(found)
