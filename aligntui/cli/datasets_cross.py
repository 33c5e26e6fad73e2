"""`aligntui datasets build NAME --prompts N ...`: cases of instruction switching, and how they are listed and shown."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.option_flags import value_of
from aligntui.cli.out_file import check_out_file
from aligntui.cli.output import counted
from aligntui.cli.shared import workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.config.paths import Workspace
    from aligntui.data.switch_case_diff import CaseDiff
    from aligntui.workbench.switching.crossing import CaseCounts

_PROMPTS = Option("prompts", 1, "Cross so many prompts, of the beginning of the bank; all without it.", "build", low=1)
_PHRASINGS = Option(
    "phrasings", "all", "All phrasings of each instruction, or its first.", "build", choices=("all", "1")
)
_FURTHER = "indirect, underspecified, adversarial"
_SHARED = ("name", "as_json")
"""Arguments of both kinds of building."""


def _flag(kind: Any, *words: str, **declared: Any) -> Any:
    return Annotated[kind | None, typer.Option(*words, show_default=False, **declared)]


_FLAGS: dict[str, Any] = {
    "prompts": _flag(int, "--prompts", metavar="N", parser=value_of(_PROMPTS), help=_PROMPTS.help),
    "instructions": _flag(
        str, "--instructions", metavar="TYPE,...", help="Cross with these types; without it the ten bundled ones."
    ),
    "bank": _flag(
        Path, "--bank", metavar="FILE", help="Prompts: JSON lines, or one a line; without it the bundled 500."
    ),
    "library": _flag(Path, "--library", metavar="FILE", help="Instruction types in place of the bundled ones."),
    "phrasings": _flag(
        str, "--phrasings", metavar="<all|1>", parser=value_of(_PHRASINGS), help=f"{_PHRASINGS.help} [all]"
    ),
    "wordings": _flag(str, "--wordings", metavar="KIND,...", help=f"Also these wordings: {_FURTHER}."),
    "out": _flag(
        Path, "--out", metavar="FILE", help="Write the cases there, not to datasets/switch/NAME.jsonl."
    ),
}  # fmt: skip
"""Name to flag; any of them means a data set of cases."""


def with_crossing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags of crossing; where one was typed, cases are built and the command is not called."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values()]

    @functools.wraps(command)
    def call(**values: Any) -> Any:
        typed = {name: values.pop(name) for name in _FLAGS}
        crossing = {name: value for name, value in typed.items() if value is not None}
        if not crossing:
            return command(**values)
        _refuse_mixed(values["ctx"], crossing)
        return _build(values["ctx"], values["name"], crossing, as_json=values["as_json"])

    made = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=flag)
        for name, flag in _FLAGS.items()
    ]
    call.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]  what typer reads
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *made)}
    return call


def _refuse_mixed(ctx: typer.Context, crossing: dict[str, Any]) -> None:
    for param in ctx.command.params:
        if param.name is None or param.name in (*_SHARED, *_FLAGS):
            continue
        source = ctx.get_parameter_source(param.name)
        if source and source.name == "COMMANDLINE":
            raise UserError(
                f"--{next(iter(crossing))} crosses prompts with instructions, and {param.opts[0]} builds out of pairs: a data "
                "set is one or the other.",
                "Leave one of the two out.",
            )


def _build(ctx: typer.Context, name: str, crossing: dict[str, Any], *, as_json: bool) -> None:
    from aligntui.workbench.switching.crossing import CrossWish, build_cases, find_cases

    wish = CrossWish(
        name,
        crossing.get("prompts"),
        _names("--instructions", crossing),
        crossing.get("bank"),
        crossing.get("library"),
        crossing.get("phrasings", "all"),
        _names("--wordings", crossing),
    )
    workspace, out = workspace_of(ctx), crossing.get("out")
    replaced = find_cases(workspace, name) is not None if out is None else check_out_file(out, may_replace=True)
    counts = build_cases(workspace, wish, out)
    if as_json:
        output.json_data(counts.as_dict())
        return
    called = name if out is None else str(counts.path)
    output.data(called)
    output.say(f"{in_words(counts)} written to {counts.path}{', in place of what was there' if replaced else ''}")
    for line in _notes(counts):
        output.say(line)
    output.say(f"ask them with `aligntui switch run --dataset {called}`")


def in_words(counts: CaseCounts) -> str:
    """`60 cases of 3 prompts under 4 instructions`."""
    prompts, types = counted(counts.prompts, "prompt"), counted(len(counts.types), "instruction")
    return f"{counted(counts.cases, 'case')} of {prompts} under {types}"


def cases_lines(counts: CaseCounts) -> list[str]:
    """What `datasets show` prints."""
    return [
        f"{counts.name}: {in_words(counts)}",
        f"file         {counts.path}",
        f"instructions {_plain(counts.types)}",
        f"wordings     {_plain(counts.wordings)}",
        f"domains      {_plain(counts.domains)}",
        *_notes(counts),
    ]


def case_pair(workspace: Workspace, earlier: str, later: str) -> tuple[Path, Path] | None:
    """The files of two sets of switch cases; None where neither name is one alone.

    A name that is a data set out of pairs as well means that one, unless the other name is of cases alone.

    Raises:
        UserError: one is of cases and the other is not.
    """
    from aligntui.data.dataset_versions import data_sets
    from aligntui.workbench.switching.crossing import named_cases

    first, second = (named_cases(workspace, name) for name in (earlier, later))
    out_of_pairs = data_sets(workspace)
    both = [name in out_of_pairs for name in (earlier, later)]
    if first is not None and second is not None and not all(both):
        return first, second
    for file, name, other, also in ((first, earlier, later, both[0]), (second, later, earlier, both[1])):
        if file is not None and not also:
            raise UserError(
                f"{name} is a set of switch cases and {other} is none.",
                "Compare cases with cases, versions with versions.",
            )
    return None


def diff_of_cases(earlier: Path, later: Path) -> CaseDiff:
    """What changed between two files of cases."""
    from aligntui.data.switch_case_diff import compare_cases
    from aligntui.data.switch_cases import read_cases

    return compare_cases(read_cases(earlier), read_cases(later))


def tell_case_check(path: Path, as_json: bool) -> bool:
    """Check a file of cases and say what was found; whether something does not hold."""
    from aligntui.data.switch_case_manifest import verify_cases

    found = verify_cases(path)
    if as_json:
        output.json_data({"file": str(path), "problems": list(found.problems), "notes": list(found.notes)})
        return bool(found.problems)
    for note in found.notes:
        output.say(one_line(note))
    if found.problems:
        output.data("\n".join(map(one_line, found.problems)))
        output.say("Restore the file, or build the cases again.")
    elif not found.notes:
        output.say(f"{path}: the cases are as they were written")
    return bool(found.problems)


def _notes(counts: CaseCounts) -> list[str]:
    if not counts.without_characteristics:
        return []
    return [
        f"no characteristics of {', '.join(map(one_line, counts.without_characteristics))}: answers can be asked and read, "
        "but not recognised, so no switch rate can be measured"
    ]


def _plain(values: dict[str, int]) -> str:
    return ", ".join(f"{one_line(name, 60) or '(none)'} {count:,}" for name, count in values.items())


def _names(flag: str, crossing: dict[str, Any]) -> tuple[str, ...]:
    text = crossing.get(flag.removeprefix("--"))
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UserError(f"{flag} lacks a name in {text!r}.", "Write names with commas between.")
    return names
