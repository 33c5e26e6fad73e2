"""Flags out of the declarations in `aligntui.config.options`, so that no option is written down twice."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import typer

from aligntui.config.options import BY_NAME, OPTIONS, Option


def with_options(names: Iterable[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one flag for each option; it gets them as one mapping, `flags`, option name to what was typed.

    Flags that were not typed are left out. Values stay text where the option is no switch: the option itself reads
    them (`Option.parse`), so that a wrong one is refused in the same words on the command line, in the environment and
    in a file.
    """
    options = [BY_NAME[name] for name in names]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "flags"]

        @functools.wraps(command)
        def call(**values: Any) -> Any:
            typed = {option.name: values.pop(option.name) for option in options}
            return command(**values, flags={name: value for name, value in typed.items() if value not in (None, [])})

        parameters = [*own, *map(_parameter, options)]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  what typer reads
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return call

    return decorate


def options_of(*groups: str) -> list[str]:
    """Names of the options under these headings, in their own order."""
    return [option.name for option in OPTIONS if option.group in groups]


def value_of(option: Option) -> Callable[[Any], Any]:
    """A parser for `typer.Option` with which a command's own value is read and refused as those of the options are."""

    def read(value: Any) -> Any:
        return option.parse(value) if isinstance(value, str) else option.check(value)

    return read


def _parameter(option: Option) -> inspect.Parameter:
    kind = bool if option.type is bool else list[str] if option.several else str
    flag = f"{option.flag}/--no-{option.flag[2:]}" if option.type is bool else option.flag
    declared = typer.Option(
        None, flag, help=_help(option), metavar=option.metavar or None, show_default=False, show_choices=False
    )
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=declared, annotation=kind | None)


def _help(option: Option) -> str:
    default = ", ".join(option.default) if option.several else str(option.default)
    if option.type is bool:
        default = "on" if option.default else "off"
    known = f" One of {', '.join(filter(None, option.choices))}." if option.choices else ""
    return option.help + known + (f" [{default}]" if default else "")
