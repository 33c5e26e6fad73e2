"""Data sets of cases in a workspace: built by crossing a prompt bank with an instruction library, listed, summed up.

Pinned in tests/workbench/test_switching_crossing.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, UserError, nearest
from aligntui.data.dataset_versions.folders import data_set_folder
from aligntui.data.prompt_bank import ISD, JSON_LINES, BankPrompt, read_bank
from aligntui.data.switch_case_manifest import write_manifest
from aligntui.data.switch_cases import (
    FURTHER,
    PLAIN,
    SwitchDataSet,
    Wording,
    case_file,
    cross,
    read_cases,
    wordings_of,
    write_cases,
)
from aligntui.workbench.switching.data_sets import built_names, chosen_types, is_file

PHRASINGS = {"all": PLAIN, "1": PLAIN[:1]}
"""Which phrasings of a type are crossed, and the kinds of wording that they are."""


@dataclass(frozen=True)
class CrossWish:
    """Which prompts under which instructions."""

    name: str
    prompts: int | None = None
    """So many from the beginning of the bank; None for all."""
    instructions: tuple[str, ...] = ()
    """Types; none means the ten canonical ones, or all of `library`."""
    bank: Path | None = None
    """None is the bundled one."""
    library: Path | None = None
    """None is the bundled one and the workspace's own instructions."""
    phrasings: str = "all"
    """One of `PHRASINGS`."""
    wordings: tuple[str, ...] = ()
    """Of `FURTHER`, besides the phrasings."""


@dataclass(frozen=True)
class CaseCounts:
    """What a data set of cases holds."""

    name: str
    path: Path
    cases: int
    prompts: int
    types: dict[str, int]
    """Cases by instruction type."""
    wordings: dict[str, int]
    """Cases by kind of wording."""
    domains: dict[str, int]
    """Prompts by domain; those without one under an empty text."""
    without_characteristics: tuple[str, ...]
    """Types of whose answers nothing says what they are like, so that they cannot be recognised."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {**vars(self), "path": str(self.path), "without_characteristics": list(self.without_characteristics)}


def cross_bank(workspace: Workspace, wish: CrossWish) -> SwitchDataSet:
    """Cross prompts with instructions.

    Raises:
        UserError: the name cannot be one; bank or library are empty or malformed, with file and line; the bank has fewer
            prompts; there is no such type or kind of wording, or a type was never put into words of that kind.
        EnvironmentProblem: a file cannot be read.
    """
    data_set_folder(workspace, wish.name)  # the same names as those of data sets out of pairs
    for kind in wish.wordings:
        if kind not in FURTHER:
            raise UserError(f"There is no further wording {kind!r}.", nearest(kind, list(FURTHER)))
    types = chosen_types(workspace, wish.instructions, wish.library)
    kinds = (*PHRASINGS[wish.phrasings], *wish.wordings)
    if wish.wordings and wish.library is not None:
        raise UserError(
            "The indirect, underspecified and adversarial wordings were written for the bundled instructions, not for "
            f"those of {wish.library}.",
            "Leave out --wordings; further phrasings can stand in the library.",
        )
    wordings = wordings_of(types, kinds)
    _check_worded(wordings, [one.type for one in types], wish.wordings)
    return cross(wish.name, _prompts(wish), types, wordings)


def build_cases(workspace: Workspace, wish: CrossWish, out: Path | None = None) -> CaseCounts:
    """Cross prompts with instructions and write the cases; a file of that name is replaced.

    Args:
        workspace: where they go.
        wish: which prompts under which instructions.
        out: another place.

    Raises:
        UserError: as `cross_bank`, or the file cannot be written there.
        EnvironmentProblem: a file cannot be read, or the disk is full.
    """
    found = cross_bank(workspace, wish)
    path = out or case_file(workspace, wish.name)
    write_cases(path, found)
    if out is None:
        write_manifest(path, found, _origin(wish, found))
    return counted_cases(path, found)


def case_sets(workspace: Workspace) -> tuple[list[CaseCounts], list[str]]:
    """The data sets of cases of a workspace, and a sentence for each file that cannot be read."""
    found: list[CaseCounts] = []
    problems: list[str] = []
    for name in built_names(workspace):
        path = case_file(workspace, name)
        try:
            found.append(counted_cases(path, read_cases(path)))
        except AligntuiError as error:
            problems.append(error.message)
    return found, problems


def find_cases(workspace: Workspace, name: str) -> Path | None:
    """The file of a data set of cases; None where there is none of that name."""
    path = case_file(workspace, name)
    return path if Path(name).name == name and is_file(path) else None


def counted_cases(path: Path, found: SwitchDataSet) -> CaseCounts:
    """Count what a data set holds."""
    types, wordings, domains = dict.fromkeys(found.types, 0), dict[str, int](), dict[str, int]()
    for case in found.cases:
        types[case.wording.type] += 1
        wordings[case.wording.kind] = wordings.get(case.wording.kind, 0) + 1
    for prompt in found.prompts:
        domains[prompt.domain] = domains.get(prompt.domain, 0) + 1
    silent = tuple(name for name, texts in found.characteristics.items() if not texts)
    return CaseCounts(found.name, path, len(found.cases), len(found.prompts), types, wordings, domains, silent)


def _origin(wish: CrossWish, found: SwitchDataSet) -> dict[str, Any]:
    """What a set of cases was made of, for its manifest."""
    return {
        "bank": str(wish.bank or ISD),
        "library": str(wish.library or "bundled"),
        "prompts": wish.prompts,
        "instructions": list(found.types),
        "phrasings": wish.phrasings,
        "wordings": list(wish.wordings),
    }


def named_cases(workspace: Workspace, name: str) -> Path | None:
    """The file of a set of cases named by its name in the workspace or by its path; None where it is neither."""
    found = find_cases(workspace, name)
    if found is not None or Path(name).suffix.lower() not in JSON_LINES:
        return found
    return Path(name) if is_file(Path(name)) else None


def _prompts(wish: CrossWish) -> tuple[BankPrompt, ...]:
    prompts = read_bank(wish.bank)
    if wish.prompts is None:
        return prompts
    if wish.prompts > len(prompts):
        bank = wish.bank or f"The bundled bank {ISD}"
        raise UserError(f"{bank} has {len(prompts):,} prompts, not {wish.prompts:,}.", "Ask for fewer.")
    return prompts[: wish.prompts]


def _check_worded(wordings: tuple[Wording, ...], types: list[str], kinds: tuple[str, ...]) -> None:
    """Refuse a kind of wording that some type has not: what is compared must be asked of all."""
    there = {(wording.type, wording.kind) for wording in wordings}
    for kind in kinds:
        missing = [name for name in types if (name, kind) not in there]
        if missing:
            raise UserError(
                f"There is no {kind} wording of {', '.join(missing)}: those that come with aligntui are of the ten "
                "bundled types.",
                "Leave these types or that kind of wording out.",
            )
