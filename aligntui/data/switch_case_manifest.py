"""What a built set of switch cases was made of, and whether its file is still that: the manifest beside it.

`datasets/switch/NAME.jsonl` has its manifest in `NAME.manifest.json`. A file from elsewhere has none; then its form alone
can be checked. Pinned in tests/data/test_switch_case_manifest.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aligntui import __version__
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.files import write_text_atomic
from aligntui.core.ids import now_utc
from aligntui.data.switch_cases import SwitchDataSet, read_cases

FORMAT = 1
"""Of the manifest; a larger one is of a later aligntui."""


@dataclass(frozen=True)
class CaseManifest:
    """What stands in the manifest."""

    sha256: str
    """Of the file of cases."""
    cases: int
    prompts: int
    created_at: str
    """ISO 8601, UTC."""
    tool_version: str
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Bank, library, types and wordings, as they were asked for."""

    def text(self) -> str:
        """The file."""
        made = {"format": FORMAT, "tool": "aligntui", **vars(self)}
        return json.dumps(made, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True)
class CaseCheck:
    """What checking a file of cases brought."""

    problems: tuple[str, ...]
    """What does not hold, a sentence each."""
    notes: tuple[str, ...]
    """What to know of it all the same."""


def manifest_file(cases: Path) -> Path:
    """Where the manifest of a file of cases lies, whether or not it does."""
    return cases.with_name(f"{cases.stem}.manifest.json")


def write_manifest(path: Path, found: SwitchDataSet, origin: Mapping[str, Any]) -> CaseManifest:
    """Write down what a file of cases is, right after it was written.

    Args:
        path: the file of cases.
        found: what was written to it.
        origin: what it was made of, JSON-ready.

    Raises:
        UserError: it cannot be written there.
        EnvironmentProblem: the disk is full, or the file of cases cannot be read.
    """
    made = CaseManifest(_hash(path), len(found.cases), len(found.prompts), now_utc(), __version__, dict(origin))
    write_text_atomic(manifest_file(path), made.text())
    return made


def read_manifest(path: Path) -> CaseManifest | None:
    """The manifest of a file of cases; None where there is none.

    Raises:
        UserError: it is damaged, or a later aligntui wrote it.
        EnvironmentProblem: it cannot be read.
    """
    file = manifest_file(path)
    try:
        record = json.loads(file.read_bytes())
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError("it is not of a format that this aligntui knows")
        names = ("sha256", "cases", "prompts", "created_at", "tool_version", "origin")
        kinds = (str, int, int, str, str, dict)
        values = [record.get(name) for name in names]
        wrong = [name for name, value, kind in zip(names, values, kinds, strict=True) if not isinstance(value, kind)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is missing or of the wrong type")
        return CaseManifest(*values)  # type: ignore[arg-type]  their types were looked at
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentProblem(f"{file} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except (ValueError, RecursionError) as error:
        damaged = isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
        raise UserError(
            f"The manifest {file} cannot be read: {'it is not JSON' if damaged else error}.",
            "Restore it, or build the cases again with `aligntui datasets build`.",
        ) from error


def verify_cases(path: Path) -> CaseCheck:
    """Hold a file of cases against its manifest, and look at what it asks.

    Raises:
        EnvironmentProblem: a file cannot be read.
    """
    problems: list[str] = []
    notes: list[str] = []
    try:
        manifest = read_manifest(path)
    except UserError as error:
        manifest = None
        problems.append(error.message)
    else:
        if manifest is None:
            notes.append(f"{path} has no manifest, so nothing says whether it was changed; its form was checked.")
    try:
        found = read_cases(path)
    except UserError as error:
        return CaseCheck((*problems, error.message), tuple(notes))
    if manifest is not None and (digest := _hash(path)) != manifest.sha256:
        problems.append(
            f"{path} was changed since it was built: its hash is {digest[:12]}, not {manifest.sha256[:12]}; "
            f"it has {len(found.cases):,} cases, and {manifest.cases:,} were written."
        )
    problems += _alike(found)
    notes += _gaps(found)
    return CaseCheck(tuple(problems), tuple(notes))


def _alike(found: SwitchDataSet) -> list[str]:
    """Prompts of one text, and instructions of one text under two types: neither can be told apart in an answer."""
    problems = []
    prompts: dict[str, str] = {}
    for prompt in found.prompts:
        text = " ".join(prompt.text.split())
        if (other := prompts.setdefault(text, prompt.id)) != prompt.id:
            problems.append(f"The prompts {other} and {prompt.id} are the same text.")
    wordings: dict[str, str] = {}
    for wording in dict.fromkeys(case.wording for case in found.cases):
        text = " ".join(wording.text.split())
        if (other := wordings.setdefault(text, wording.type)) != wording.type:
            problems.append(
                f"The types {other} and {wording.type} have an instruction of the same text: {wording.label}."
            )
    return problems


def _gaps(found: SwitchDataSet) -> list[str]:
    """What a switch rate leaves out: prompts that lack a type under plain wording, types that nothing is known of."""
    asked: dict[str, set[str]] = {prompt.id: set() for prompt in found.prompts}
    for case in found.cases:
        if case.wording.kind in ("direct", "paraphrase"):
            asked[case.prompt.id].add(case.wording.type)
    short = sum(len(types) < len(found.types) for types in asked.values())
    silent = [name for name, texts in found.characteristics.items() if not texts]
    notes = []
    if short:
        notes.append(
            f"{short:,} of {len(asked):,} prompts are not asked under every type in plain words; a switch rate leaves them out."
        )
    if silent:
        notes.append(
            f"Nothing says what answers under {', '.join(silent)} are like, so no switch rate can be measured."
        )
    return notes


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    return digest.hexdigest()
