"""What a training run does: the configuration, its presets, its keys and its file.

`TrainingConfig` is the whole of it; `presets` loads one by name; `keys` reads `--set`; `yaml_file` reads and writes the
file that a run keeps. Standard library and PyYAML only.
"""

from aligntui.config.training.keys import KEYS, apply_settings, full_key
from aligntui.config.training.parts import Method, PromptFormat, Stage
from aligntui.config.training.presets import Preset, load_preset, preset_names, presets
from aligntui.config.training.training_config import TrainingConfig
from aligntui.config.training.yaml_file import dump_config, load_config, parse_config, save_config

__all__ = [
    "KEYS",
    "Method",
    "Preset",
    "PromptFormat",
    "Stage",
    "TrainingConfig",
    "apply_settings",
    "dump_config",
    "full_key",
    "load_config",
    "load_preset",
    "parse_config",
    "preset_names",
    "presets",
    "save_config",
]
