"""From flags, environment and files to one resolved `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aligntui.config import keys
from aligntui.config.key_overrides import override_keys
from aligntui.config.options import BY_NAME, OPTIONS, Layer, Settings, Source
from aligntui.config.paths import Workspace, user_config_file
from aligntui.config.toml_file import ConfigFile, line_of, read_config
from aligntui.core.errors import UserError


def prevail(layers: Sequence[Mapping[str, tuple[Any, Source]]]) -> dict[str, tuple[Any, Source]]:
    """Join layers of values, strongest first: of each name, the value of the first layer that has it."""
    joined: dict[str, tuple[Any, Source]] = {}
    for layer in reversed(layers):
        joined.update(layer)
    return joined


def resolve_settings(
    workspace: Workspace,
    flags: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    known_key_ids: Sequence[str] | None = None,
    *,
    key_defaults: Mapping[str, str] | None = None,
    key_clashes: Sequence[tuple[str, str]] = (),
) -> Settings:
    """Resolve every option: flag, else environment, else workspace file, else user file, else default.

    Args:
        workspace: its `aligntui.toml` is read where it is there.
        flags: option name to value, for the flags that were typed; None as a value, or no values for an
            option that takes several, counts as not typed.
        env: environment variables; None reads those of the process. Empty ones count as not set.
        known_key_ids: ids that may stand in `[keys]`; None takes ids, defaults and clashes of
            `aligntui.config.keys`.
        key_defaults: default keys by id, see `override_keys`.
        key_clashes: contexts that are live together, see `override_keys`.

    Raises:
        UserError: a wrong value, an unknown table, option or action, one key twice, or an option in the workspace's
            file that is the user's alone; names the flag, the variable, or file and line.
        EnvironmentProblem: a configuration file cannot be read.
    """
    env = os.environ if env is None else env
    names = list(BY_NAME)
    project = read_config(workspace.config, known_options=names)
    user = read_config(user_config_file(env), known_options=names, required=bool(env.get("ALIGNTUI_CONFIG")))
    _refuse_personal(project, user.path)
    joined = prevail(
        (
            _from_flags(flags or {}),
            _from_environment(env),
            _from_file(project, Layer.WORKSPACE),
            _from_file(user, Layer.USER),
            {option.name: (option.default, Source(Layer.DEFAULT)) for option in OPTIONS},
        )
    )
    values = {name: value for name, (value, _) in joined.items()}
    values["annotator"] = values["annotator"] or login_name(env)
    if known_key_ids is None:
        known_key_ids = tuple(keys.BY_ID)
        key_defaults = {action.id: action.keys for action in keys.ACTIONS}
        key_clashes = keys.CLASHES
    return Settings(
        **values,
        keys=override_keys((project, user), known_key_ids, defaults=key_defaults, clashes=key_clashes),
        sources={name: source for name, (_, source) in joined.items()},
    )


def explain(settings: Settings) -> list[dict[str, Any]]:
    """What `config show` prints: each option with its value and where that came from, JSON-ready."""
    values = settings.as_dict()
    rows: list[dict[str, Any]] = []
    for option in OPTIONS:
        source = settings.sources.get(option.name, Source(Layer.DEFAULT))
        from_file = source.layer in (Layer.WORKSPACE, Layer.USER)
        default = list(option.default) if option.several else option.default
        rows.append(
            {
                "option": option.name,
                "value": values[option.name],
                "default": default,
                "source": source.layer.value,
                "place": source.place,
                "line": _line(source.place, option.name) if from_file else None,
            }
        )
    return rows


def login_name(env: Mapping[str, str]) -> str:
    """The name that the user logged in under, `unknown` where the system does not tell."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if env.get(variable):
            return env[variable]
    try:
        import pwd  # not on every system

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, OSError):
        return "unknown"


def _from_flags(flags: Mapping[str, Any]) -> dict[str, tuple[Any, Source]]:
    read: dict[str, tuple[Any, Source]] = {}
    for name, value in flags.items():
        option = BY_NAME[name]
        if value is None or (option.several and not isinstance(value, str) and not value):
            continue
        value = option.parse(value) if isinstance(value, str) and not option.several else option.check(value)
        read[name] = (value, Source(Layer.FLAG, option.flag))
    return read


def _from_environment(env: Mapping[str, str]) -> dict[str, tuple[Any, Source]]:
    return {
        option.name: (option.parse(env[option.env], option.env), Source(Layer.ENVIRONMENT, option.env))
        for option in OPTIONS
        if env.get(option.env)
    }


def _from_file(file: ConfigFile, layer: Layer) -> dict[str, tuple[Any, Source]]:
    read: dict[str, tuple[Any, Source]] = {}
    for name, value in file.options.items():
        try:
            checked = BY_NAME[name].check(value, name)
        except UserError as error:
            # finding the line costs a few parses, so it is done only when there is something to complain about
            line = file.line("options", name)
            raise UserError(f"{file.path}, line {line}: {error.message}", error.hint) from None
        read[name] = (checked, Source(layer, str(file.path)))
    return read


def _refuse_personal(project: ConfigFile, user_file: Path) -> None:
    for name in project.options:
        option = BY_NAME[name]
        if option.personal:
            raise UserError(
                f"{project.path}, line {project.line('options', name)}: {name} cannot be set in the file of a workspace: "
                "it lets programs run, and a folder that came from somebody else must not.",
                f"Put it under [options] in your own file {user_file}, or give {option.flag} or {option.env}.",
            )


def _line(place: str, name: str) -> int | None:
    try:
        return line_of(Path(place).read_text("utf-8-sig"), "options", name) or None
    except (OSError, UnicodeDecodeError):
        return None
