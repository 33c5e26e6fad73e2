"""The names of all settings, and how values that were typed become values of the configuration.

A setting is known by its dotted name (`optimiser.learning_rate`), by its last part where that is unambiguous
(`learning_rate`), and by the common short names of `ALIASES`. Pinned in tests/config/test_training_keys.py.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from aligntui.config.training.parts import Between, Method, PromptFormat, Stage
from aligntui.config.training.training_config import TrainingConfig
from aligntui.core.errors import UserError, nearest

ALIASES: dict[str, tuple[str, ...]] = {
    "lr": ("optimiser.learning_rate",),
    "r": ("adapter.rank",),
    "batch_size": ("steps.batch",),
    "lambda": ("loss.lambda_start", "loss.lambda_end"),
    "lambda2": ("loss.lambda_start", "loss.lambda_end"),
    "loss_engine": ("loss.engine",),
    "checkpoint_every": ("checkpoints.every",),
    "evaluate_every": ("evaluation.every",),
    "max_length": ("steps.length",),
}
"""Short names that people type; the lambdas without annealing set both ends."""
_SHARED = ("base.", "checkpoints.", "evaluation.", "samples.", "report_to", "stages", "between", "preset", "source")
"""What all stages of a run have in common."""
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _walk(cls: type, prefix: str = "") -> Iterable[tuple[str, Any]]:
    hints = get_type_hints(cls)
    for field in fields(cls):
        hint = hints[field.name]
        if is_dataclass(hint):
            yield from _walk(hint, f"{prefix}{field.name}.")  # type: ignore[arg-type]
        else:
            yield prefix + field.name, hint


KEYS: dict[str, Any] = dict(_walk(TrainingConfig))
"""Dotted name of every setting, and its type."""


def full_key(name: str) -> str:
    """The dotted name of a setting; of an alias for two settings the first one.

    Raises:
        UserError: unknown or ambiguous, with the nearest name.
    """
    return full_keys(name)[0]


def full_keys(name: str) -> tuple[str, ...]:
    """The dotted names that a typed name stands for.

    Raises:
        UserError: unknown or ambiguous, with the nearest name.
    """
    name = name.strip().replace("-", "_")
    if name in KEYS:
        return (name,)
    if name in ALIASES:
        return ALIASES[name]
    found = [key for key in KEYS if key.rpartition(".")[2] == name]
    if len(found) == 1:
        return (found[0],)
    if found:
        raise UserError(f"The setting {name!r} could be any of {', '.join(found)}.", "Write the dotted name.")
    short = [key.rpartition(".")[2] for key in KEYS]
    known = [*KEYS, *ALIASES, *(key for key in short if short.count(key) == 1)]
    hint = nearest(name, known)
    if not hint.startswith("Did"):
        hint = "Settings have names such as learning_rate, max_steps or adapter.rank; the configuration shows them all."
    raise UserError(f"There is no setting {name!r}.", hint)


def apply_settings(
    config: TrainingConfig, settings: Iterable[str] | Mapping[str, Any], *, stage: bool = False
) -> TrainingConfig:
    """The configuration with some settings changed, checked as a whole.

    Args:
        config: where the other values come from.
        settings: `key=value` texts as `--set` takes them, or a mapping; later ones win.
        stage: whether they belong to one stage, which may not change what all stages share.

    Raises:
        UserError: an unknown key, a value of the wrong kind, or a configuration that cannot be meant.
    """
    changes: dict[str, Any] = {}
    for name, value in settings.items() if isinstance(settings, Mapping) else map(_split, settings):
        for key in full_keys(name):
            if stage and key.startswith(_SHARED):
                raise UserError(f"{key} is the same for all stages of a run.", "Set it outside of `stages`.")
            changes[key] = convert(value, KEYS[key], key)
    _pair_method_with_format(config, changes)
    return _replace(config, changes)


def convert(value: Any, hint: Any, key: str) -> Any:
    """A value as typed, or as YAML gives it, in the type of its setting.

    Raises:
        UserError: it cannot be read as that type.
    """
    if get_origin(hint) in (Union, types.UnionType):
        if value is None or (isinstance(value, str) and value.strip().lower() in ("none", "null", "")):
            return None
        return convert(value, next(kind for kind in get_args(hint) if kind is not type(None)), key)
    if get_origin(hint) is tuple:
        return _convert_several(value, get_args(hint)[0], key)
    if hint is Stage:
        return _convert_stage(value, key)
    if get_origin(hint) is not None:  # a mapping of texts: max_memory
        return _convert_mapping(value, key)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _convert_choice(value, hint, key)
    if hint is bool:
        return _convert_bool(value, key)
    if hint in (int, float):
        return _convert_number(value, hint, key)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UserError(f"{key} must be a text, not {value!r}.")
    return str(value)


def _split(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise UserError(f"A setting is written key=value, not {setting!r}.", "For example --set max_steps=100.")
    return name, value.strip()


def _convert_several(value: Any, kind: Any, key: str) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        texts = [piece.strip() for piece in value.strip().strip("[]").split(",")]
        value = [piece for piece in texts if piece and piece.lower() != "none"]
    elif not isinstance(value, list | tuple):
        value = [value]
    return tuple(convert(item, kind, key) for item in value)


def _convert_stage(value: Any, key: str) -> Stage:
    if isinstance(value, Stage):
        return value
    if isinstance(value, str):
        return Stage(_convert_choice(value, Method, key))
    if not isinstance(value, Mapping) or not {"method"} <= set(value) <= {"method", "settings"}:
        raise UserError(f"A stage is a method, or a mapping with method and settings, not {value!r}.")
    settings = value.get("settings") or {}
    if not isinstance(settings, Mapping):
        raise UserError(f"The settings of the stage {value['method']} must be a mapping, not {settings!r}.")
    for name, item in settings.items():
        for known in full_keys(str(name)):
            convert(item, KEYS[known], known)
    return Stage(_convert_choice(value["method"], Method, key), dict(settings))


def _convert_mapping(value: Any, key: str) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        pieces = [piece.partition("=") for piece in value.split(",") if piece.strip().lower() not in ("", "none")]
        if any(not equals for _, equals, _ in pieces):
            raise UserError(f"{key} is written 0=14336MiB,cpu=24GiB, not {value!r}.")
        value = {name: amount for name, _, amount in pieces}
    if not isinstance(value, Mapping):
        raise UserError(
            f"{key} must name an amount for each device, not {value!r}.", "For example 0=14336MiB,cpu=24GiB."
        )
    return {str(name).strip(): str(amount).strip() for name, amount in value.items()}


def _convert_choice(value: Any, kind: type[StrEnum], key: str) -> Any:
    known = [choice.value for choice in kind]
    # YAML reads the word none as a text, but null and an empty value as nothing
    text = "none" if value is None else str(value).strip().lower()
    if text not in known:
        hint = nearest(text, known)
        raise UserError(
            f"{key} cannot be {value!r}.", hint if hint.startswith("Known") else f"{hint} Known: {', '.join(known)}."
        )
    return kind(text)


def _convert_bool(value: Any, key: str) -> bool:
    text = str(value).strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise UserError(f"{key} must be true or false, not {value!r}.")
    return text in _TRUE


def _convert_number(value: Any, kind: type, key: str) -> int | float:
    wanted = "a whole number" if kind is int else "a number"
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        if kind is float:
            return number
        if number != int(number):
            raise ValueError
        return int(number)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{key} must be {wanted}, not {value!r}.") from None


def _pair_method_with_format(config: TrainingConfig, changes: dict[str, Any]) -> None:
    """Contrastive ITA is one thing under two names, so that changing the one changes the other where it is not said."""
    method, format_ = changes.get("method"), changes.get("format")
    if method is Method.CONTRASTIVE_ITA and format_ is None:
        changes["format"] = PromptFormat.CONTRASTIVE_ITA
    elif method is not None and format_ is None and config.format is PromptFormat.CONTRASTIVE_ITA:
        changes["format"] = PromptFormat.ITA
    elif format_ is PromptFormat.CONTRASTIVE_ITA and method is None and config.method is Method.SFT:
        changes["method"] = Method.CONTRASTIVE_ITA
    # a run without stages of its own is changed as a whole
    if method is not None and "stages" not in changes and config.stages and config.stages[-1].method is not method:
        changes["stages"] = ()
    elif "stages" in changes and changes["stages"] and method is None:
        changes["method"] = changes["stages"][-1].method
        changes.pop("format", None)
    if "between" in changes:
        changes["between"] = _convert_choice(changes["between"], Between, "between").value


def _replace(config: TrainingConfig, changes: Mapping[str, Any]) -> TrainingConfig:
    whole: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for key, value in changes.items():
        part, dot, name = key.partition(".")
        if dot:
            parts.setdefault(part, {})[name] = value
        else:
            whole[key] = value
    for part, values in parts.items():
        whole[part] = replace(getattr(config, part), **values)
    return replace(config, **whole)
