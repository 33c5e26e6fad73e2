"""A training configuration as a YAML file that people read and edit. Pinned in tests/config/test_training_file.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from aligntui.config.training.keys import KEYS, convert
from aligntui.config.training.training_config import TrainingConfig
from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.core.files import write_text_atomic

MAX_BYTES = 1 << 20
"""Largest file that is read; a configuration has about 2 kilobytes."""


def dump_config(config: TrainingConfig) -> str:
    """The configuration as YAML: every setting in the order of its declaration, so that the same one gives the same text."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True, width=1000)


def save_config(config: TrainingConfig, path: Path) -> None:
    """Write the configuration; the file appears whole or not at all.

    Raises:
        UserError: it may not be written there.
        EnvironmentProblem: the disk is full or failed.
    """
    write_text_atomic(path, dump_config(config))


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration.

    Raises:
        UserError: no such file, not YAML, an unknown key, or a value that cannot be meant.
        EnvironmentProblem: the file may not be read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is too large for a training configuration.", "Name a YAML file of settings.")
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"There is no configuration {path}.", "`aligntui train --dry-run` shows one.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text.", "Name a YAML file of settings.") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"{path} cannot be read: {error.strerror or error}.", "Look at its permissions."
        ) from error
    return parse_config(text, str(path))


def parse_config(text: str, origin: str) -> TrainingConfig:
    """Read a configuration from YAML text; settings that it leaves out have their defaults.

    Args:
        text: YAML.
        origin: what to call it in errors.

    Raises:
        UserError: not YAML, an unknown key, or a value that cannot be meant.
    """
    return build(read_mapping(text, origin), origin)


def read_mapping(text: str, origin: str) -> dict[str, Any]:
    """The settings of a YAML text, not yet looked at.

    Raises:
        UserError: not YAML, or something else than keys with values.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{origin} is not YAML: {reason}.", "Each line is `key: value`.") from error
    if not isinstance(values, dict):
        raise UserError(f"{origin} holds no settings.", "Each line is `key: value`.")
    return values


def build(values: Mapping[str, Any], origin: str) -> TrainingConfig:
    """A configuration from nested settings.

    Raises:
        UserError: an unknown key, or a value that cannot be meant.
    """
    try:
        return _build(TrainingConfig, values, "")
    except UserError as error:
        raise UserError(f"{origin}: {error.message}", error.hint) from error


def plain(value: Any) -> Any:
    """A configuration, or a part of one, as texts, numbers, lists and dictionaries."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def _build(cls: Any, values: Any, prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise UserError(f"{prefix.rstrip('.')} must hold settings of its own, not {values!r}.")
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if name not in names:
            raise UserError(f"There is no setting {key!r}.", nearest(str(name), names))
        if is_dataclass(hints[name]):
            found[name] = _build(hints[name], value, f"{key}.")
        else:
            found[name] = convert(value, KEYS[key], key)
    return cls(**found)
