"""The data set of a switch run by its name: built in the workspace, a file, or the bundled one.

Pinned in tests/workbench/test_switching_data_sets.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError, nearest
from aligntui.core.instruction import CANONICAL_TYPES, InstructionType
from aligntui.data.instruction_library import load_library
from aligntui.data.prompt_bank import ISD, JSON_LINES, json_lines, read_bank
from aligntui.data.switch_cases import PLAIN, SwitchDataSet, case_file, cross, default_sample, read_cases, wordings_of

_OF_A_CASE = frozenset({"instruction", "prompt_id"})
"""Fields that every case needs and a prompt of a bank has not."""


def chosen_types(
    workspace: Workspace, names: Sequence[str] = (), library: Path | None = None
) -> tuple[InstructionType, ...]:
    """Instruction types by name, in the order given.

    Args:
        workspace: whose own instructions count as well.
        names: which; none means the ten canonical ones, or all of `library`.
        library: file of instruction types in place of the canonical ones.

    Raises:
        UserError: there is no such type or file, or the file is malformed; with file and line.
    """
    if library is None:
        known = load_library(workspace)
        return tuple(known.find(name) for name in dict.fromkeys(names or CANONICAL_TYPES))
    if not is_file(library):
        raise UserError(f"There is no file {library}.", "Check its path.")
    try:
        known = load_library(workspace, library)
    except UserError as error:
        shape = '{"type": "x-y", "title": "X y", "phrasings": ["Do this.", ...], "characteristics": ["It is so.", ...]}'
        raise UserError(error.message, f"Every line is an instruction type of its own: {shape}.") from error
    types = tuple(one for one in known.types if not one.own)
    if not types:
        raise UserError(f"{library} has no instruction type.", "Write one a line, as JSON.")
    return tuple(known.find(name) for name in dict.fromkeys(names)) if names else types


def load_data_set(workspace: Workspace, name: str = ISD, instructions: Sequence[str] = ()) -> SwitchDataSet:
    """Find a data set.

    Args:
        workspace: where built ones lie.
        name: of a built one; a file of cases or of prompts; or `isd`, the bundled one, where none was built under that
            name. Prompts alone are crossed with the first phrasing of each type.
        instructions: only these types; none means all of the data set, of prompts alone the ten canonical ones.

    Raises:
        UserError: there is no such data set or type, or a file is malformed, with file and line.
    """
    file = Path(name)
    if file.name == name and is_file(built := case_file(workspace, name)):
        return _only(read_cases(built), instructions)
    if is_file(file):
        if _has_cases(file):
            return _only(read_cases(file), instructions)
        types = chosen_types(workspace, instructions)
        return cross(file.stem, read_bank(file), types, wordings_of(types, PLAIN[:1]))
    if name == ISD:
        return default_sample(chosen_types(workspace, instructions))
    known = dict.fromkeys((*built_names(workspace), ISD))
    raise UserError(f"There is no data set and no file {name!r}.", nearest(name, list(known)))


def built_names(workspace: Workspace) -> list[str]:
    """Names of the data sets of cases in a workspace, sorted."""
    return sorted(path.stem for path in case_file(workspace, "any").parent.glob("*.jsonl"))


def is_file(path: Path) -> bool:
    """Whether there is a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except OSError:  # too long a name
        return False


def _has_cases(file: Path) -> bool:
    """Whether a file has cases and no mere prompts; told by its first line, which may lack one of the fields."""
    if file.suffix.lower() not in JSON_LINES:
        return False
    _, first = next(json_lines(file), (0, {}))
    return not _OF_A_CASE.isdisjoint(first)


def _only(found: SwitchDataSet, names: Sequence[str]) -> SwitchDataSet:
    return found.only(names) if names else found
