"""A run as it is wished for on a screen, and all that is to be read before it starts. Pinned in tests/workbench/test_training_desk.py."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, apply_settings, dump_config, load_config, load_preset
from aligntui.core.errors import UserError
from aligntui.workbench.memory.measuring import Device
from aligntui.workbench.training.checks import check_data
from aligntui.workbench.training.fit import estimate_for
from aligntui.workbench.training.sources import DataWish, load_source
from aligntui.workbench.training.submitting import Submission, check_name, prepare


@dataclass(frozen=True)
class TrainWish:
    """What the form says."""

    preset: str = "demo-cita"
    """Name of a preset, or a file with a configuration."""
    data: str = ""
    name: str = ""
    model: str = ""
    """Empty takes the preset's."""
    settings: tuple[str, ...] = ()
    """`key=value`, as `--set` takes them."""

    @property
    def is_file(self) -> bool:
        """Whether the settings come from a file and not from a preset."""
        return self.preset.endswith((".yaml", ".yml"))

    def command(self, *, queued: bool = False) -> str:
        """The command line that does the same."""
        words = ["aligntui", "train", "--config" if self.is_file else "--preset", self.preset]
        words += ["--data", self.data, "--name", self.name]
        words += ["--model", self.model] if self.model else []
        for setting in self.settings:
            words += ["--set", setting]
        return shlex.join([*words, "--queue" if queued else "--detach"])

    def config(self) -> TrainingConfig:
        """The whole configuration.

        Raises:
            UserError: no such preset, or a setting that cannot be meant.
        """
        if not self.preset:
            raise UserError("No preset is named.", "Choose one of the list.")
        config = load_config(Path(self.preset).expanduser()) if self.is_file else load_preset(self.preset).config
        path = Path(self.model).expanduser()
        # the run starts in another folder than the console
        model = str(path.absolute()) if self.model and path.is_dir() else self.model
        return apply_settings(config, [*([f"base.model={model}"] if model else []), *self.settings])


@dataclass(frozen=True)
class Plan:
    """A run that could be started now; nothing of it is on disk."""

    wish: TrainWish
    submission: Submission
    warnings: tuple[str, ...]
    need: int | None = None
    """Memory that it needs at its peak, in bytes; None where it cannot be estimated."""
    device: Device = field(default_factory=Device)
    fit: tuple[str, ...] = ()
    """What memory is needed for, and how long it takes; a sentence each."""
    advice: str = ""
    """What to change when it does not fit."""

    @property
    def config(self) -> TrainingConfig:
        """As it will be frozen."""
        return self.submission.config

    @property
    def configuration(self) -> str:
        """The configuration as YAML."""
        return dump_config(self.config)


def make_plan(workspace: Workspace, wish: TrainWish) -> Plan:
    """Put a run together: configuration, data, checks, estimate.

    Raises:
        UserError: what is wished for cannot be trained.
        EnvironmentProblem: data or model cannot be read.
    """
    config = wish.config()
    if not wish.name:
        raise UserError("The run has no name.", "Its adapter will be called so, as in `polite-dpo`.")
    check_name(workspace, wish.name)
    if not wish.data:
        raise UserError("No data are named.", "Choose from the list, or name a file.")
    submission = prepare(workspace, wish.name, config, load_source(workspace, DataWish(wish.data)))
    warnings = (*submission.warnings, *check_data(submission.split.train, submission.config))
    fit = estimate_for(submission.config, submission.split)
    if fit is None:
        return Plan(wish, submission, warnings)
    said = tuple(text for text in (fit.shares, fit.lost, fit.pace.sentence if fit.pace else "") if text)
    return Plan(wish, submission, warnings, int(fit.needed_bytes), fit.device, said, fit.advice)
