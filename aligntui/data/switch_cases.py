"""Cases of instruction switching: prompts crossed with instructions, the prompt fixed and the instruction varied.

Source: Instruction Switch Dataset of arXiv 2601.06157. A case is one prompt under one wording of one instruction type.
The wordings of a type are its phrasings, the first of them `direct` and the others `paraphrase`, and of the canonical
types an indirect, an underspecified and an adversarially reworded one (datasets/isd/wordings.jsonl).
Pinned in tests/data/test_switch_cases.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace, bundled
from aligntui.core.errors import UserError, nearest
from aligntui.core.files import write_text_atomic
from aligntui.core.instruction import InstructionType
from aligntui.data.prompt_bank import ISD, BankPrompt, json_lines, read_bank, text_field

PLAIN = ("direct", "paraphrase")
"""Those that the phrasings of a library are."""
FURTHER = ("indirect", "underspecified", "adversarial")
WORDINGS = (*PLAIN, *FURTHER)
"""Kinds of wording, as `aligntui.score.switching.WordingKind` names them."""
EVERY = 10
"""In the default sample one prompt in so many meets the other wordings as well."""


@dataclass(frozen=True)
class Wording:
    """One text of one instruction type."""

    type: str
    id: str
    """Which of its type: `1`, `2` ... for its phrasings, else its kind."""
    kind: str
    """One of `WORDINGS`."""
    text: str

    @property
    def label(self) -> str:
        """`concise/2`, `concise/indirect`."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True)
class SwitchCase:
    """One prompt under one wording."""

    prompt: BankPrompt
    wording: Wording

    @property
    def id(self) -> str:
        """Unique in its data set."""
        return f"{self.prompt.id}|{self.wording.label}"


@dataclass(frozen=True)
class SwitchDataSet:
    """Cases, and what answers under each type are expected to be like."""

    name: str
    cases: tuple[SwitchCase, ...]
    characteristics: dict[str, tuple[str, ...]]
    """Sentences about an answer, by instruction type in the order of the types; empty where nobody wrote any."""

    @property
    def types(self) -> tuple[str, ...]:
        """Instruction types, in order."""
        return tuple(self.characteristics)

    @property
    def prompts(self) -> tuple[BankPrompt, ...]:
        """Prompts, in order."""
        return tuple(dict.fromkeys(case.prompt for case in self.cases))

    def sample(self, prompts: int) -> SwitchDataSet:
        """The cases of the first so many prompts: the bundled bank is ordered so that any beginning of it is spread."""
        kept = set(self.prompts[:prompts])
        return replace(self, cases=tuple(case for case in self.cases if case.prompt in kept))

    def only(self, types: Sequence[str]) -> SwitchDataSet:
        """The cases of some types, which stand in the order given.

        Raises:
            UserError: fewer than two types, or one that the data set does not have.
        """
        for name in types:
            if name not in self.characteristics:
                raise UserError(
                    f"The data set {self.name} has no instruction type {name!r}.", nearest(name, list(self.types))
                )
        kept = {name: self.characteristics[name] for name in types}
        _check_types(kept)
        return replace(
            self, cases=tuple(case for case in self.cases if case.wording.type in kept), characteristics=kept
        )


def wordings_of(
    types: Sequence[InstructionType], kinds: Collection[str] = PLAIN, file: Path | None = None
) -> tuple[Wording, ...]:
    """The wordings of some types.

    Args:
        types: of a library; at least two, or nothing is switched.
        kinds: which of `WORDINGS`.
        file: further wordings; the bundled ones where none is named.

    Raises:
        UserError: fewer than two types, an unknown kind, a type whose text is blank, or a malformed line.
    """
    _check_types([one.type for one in types])
    for kind in kinds:
        if kind not in WORDINGS:
            raise UserError(f"There is no kind of wording {kind!r}.", nearest(kind, list(WORDINGS)))
    further = _further(file or bundled("datasets", ISD, "wordings.jsonl")) if set(kinds) & set(FURTHER) else {}
    found: list[Wording] = []
    for one in types:
        for number, text in enumerate(one.phrasings, 1):
            kind = PLAIN[number > 1]
            if kind in kinds:
                found.append(Wording(one.type, str(number), kind, text.strip()))
        found += [further[one.type, kind] for kind in FURTHER if kind in kinds and (one.type, kind) in further]
    for wording in found:
        if not wording.text:
            raise UserError(f"The instruction {wording.label} has no text.", "Write one, or leave the type out.")
    return tuple(found)


def _further(path: Path) -> dict[tuple[str, str], Wording]:
    """Wordings that no library has, by type and kind."""
    found: dict[tuple[str, str], Wording] = {}
    for number, record in json_lines(path):
        kind = _kind(path, number, text_field(path, number, record, "wording"), FURTHER)
        name = text_field(path, number, record, "type")
        if (name, kind) in found:
            raise UserError(
                f"{path}, line {number}: the type {name!r} has an {kind} wording already.", "Write one of each kind."
            )
        found[name, kind] = Wording(name, kind, kind, text_field(path, number, record, "text"))
    return found


def cross(
    name: str, prompts: Iterable[BankPrompt], types: Sequence[InstructionType], wordings: Sequence[Wording]
) -> SwitchDataSet:
    """Every prompt under every wording.

    Raises:
        UserError: a type has no wording: nothing would be asked of it, and yet it would count among the candidates.
    """
    worded = {wording.type for wording in wordings}
    for one in types:
        if one.type not in worded:
            raise UserError(
                f"The instruction type {one.type} has no wording of the kinds asked for.",
                "Leave the type out, or ask for its phrasings as well.",
            )
    cases = tuple(SwitchCase(prompt, wording) for prompt in prompts for wording in wordings)
    return SwitchDataSet(name, cases, {one.type: one.characteristics for one in types})


def default_sample(types: Sequence[InstructionType]) -> SwitchDataSet:
    """The bundled bank under the direct wording of each type; every tenth prompt under all its other wordings as well.

    500 prompts and ten types make 7,500 cases, 6,000 of them under the library's own phrasings.
    """
    bank = read_bank()
    direct, rest = wordings_of(types, ("direct",)), wordings_of(types, WORDINGS[1:])
    cases = tuple(
        SwitchCase(prompt, wording)
        for place, prompt in enumerate(bank)
        for wording in (*direct, *(rest if place % EVERY == 0 else ()))
    )
    return SwitchDataSet(ISD, cases, {one.type: one.characteristics for one in types})


# files ------------------------------------------------------------------------------------------------


def case_file(workspace: Workspace, name: str) -> Path:
    """Where the cases of that name lie in a workspace, whether or not they do."""
    return workspace.datasets / "switch" / f"{name}.jsonl"


def write_cases(path: Path, found: SwitchDataSet) -> None:
    """Write a data set as JSON lines; the file appears whole or not at all.

    Raises:
        UserError: it cannot be written there.
        EnvironmentProblem: the disk is full.
    """
    write_text_atomic(path, _records(found), make_folder=True)


def _records(found: SwitchDataSet) -> Iterator[str]:
    for case in found.cases:
        record = {
            "id": case.id,
            "prompt_id": case.prompt.id,
            "prompt": case.prompt.text,
            "domain": case.prompt.domain,
            "source": case.prompt.source,
            "type": case.wording.type,
            "phrasing": case.wording.id,
            "wording": case.wording.kind,
            "instruction": case.wording.text,
            "characteristics": list(found.characteristics[case.wording.type]),
        }
        yield json.dumps(record, ensure_ascii=False) + "\n"


def read_cases(path: Path) -> SwitchDataSet:
    """Read what `write_cases` wrote, or a file of the same shape.

    Every line needs `prompt_id`, `prompt`, `type` and `instruction`; `phrasing` is 1 and `wording` direct where they are
    missing, `domain`, `source` and `characteristics` are empty.

    Raises:
        UserError: a field is missing or wrong, a case occurs twice, one id stands for two prompts, the characteristics of
            one type differ, or there is but one type; with file and line.
        EnvironmentProblem: it cannot be read.
    """
    prompts: dict[str, BankPrompt] = {}
    characteristics: dict[str, tuple[str, ...]] = {}
    cases: dict[str, SwitchCase] = {}
    lines: dict[str, int] = {}
    for number, record in json_lines(path):
        case = _case(path, number, record)
        expected = _characteristics(path, number, record)
        name = case.wording.type
        if prompts.setdefault(case.prompt.id, case.prompt) != case.prompt:
            raise UserError(
                f"{path}, line {number}: the prompt id {case.prompt.id!r} stood for another prompt, domain or source before.",
                "Give every prompt an id of its own.",
            )
        if characteristics.setdefault(name, expected) != expected:
            raise UserError(
                f"{path}, line {number}: the characteristics of {name!r} are others than in a line before.",
                "Write the same ones in every line of a type.",
            )
        if case.id in cases:
            raise UserError(
                f"{path}, line {number}: the case {case.id} stands in line {lines[case.id]} already.",
                'Give each wording of a type a "phrasing" of its own, such as "2".',
            )
        cases[case.id], lines[case.id] = case, number
    if not cases:
        raise UserError(f"{path} has no case.", "Build one with `aligntui datasets build NAME --prompts N`.")
    if len(characteristics) < 2:
        raise UserError(
            f"{path} has one instruction type, {next(iter(characteristics))}: nothing is switched.", "Add another one."
        )
    return SwitchDataSet(path.stem, tuple(cases.values()), characteristics)


def _case(path: Path, number: int, record: dict[str, Any]) -> SwitchCase:
    kind = text_field(path, number, record, "wording", required=False) or PLAIN[0]
    return SwitchCase(
        BankPrompt(
            text_field(path, number, record, "prompt_id"),
            text_field(path, number, record, "prompt"),
            text_field(path, number, record, "domain", required=False),
            text_field(path, number, record, "source", required=False),
        ),
        Wording(
            text_field(path, number, record, "type"),
            text_field(path, number, record, "phrasing", required=False) or "1",
            _kind(path, number, kind, WORDINGS),
            text_field(path, number, record, "instruction"),
        ),
    )


def _characteristics(path: Path, number: int, record: dict[str, Any]) -> tuple[str, ...]:
    written = record.get("characteristics") or []
    if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
        raise UserError(f"{path}, line {number}: 'characteristics' has to be a list of texts.", "Correct the line.")
    return tuple(one.strip() for one in written if one.strip())


def _kind(path: Path, number: int, kind: str, known: Sequence[str]) -> str:
    if kind not in known:
        raise UserError(f"{path}, line {number}: there is no kind of wording {kind!r}.", f"It is {_or(known)}.")
    return kind


def _check_types(names: Collection[str]) -> None:
    if len(names) < 2:
        raise UserError("Switching needs at least two instruction types.", "Name them with --instructions A,B.")


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
