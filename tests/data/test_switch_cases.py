"""Cases of instruction switching: wordings of types, crossing, the default sample, files of cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.instruction import CANONICAL_TYPES, InstructionType
from aligntui.data.instruction_library import load_library
from aligntui.data.prompt_bank import BankPrompt, read_bank
from aligntui.data.switch_cases import (
    FURTHER,
    PLAIN,
    WORDINGS,
    SwitchDataSet,
    Wording,
    case_file,
    cross,
    default_sample,
    read_cases,
    wordings_of,
    write_cases,
)
from aligntui.score.switching.cells import WordingKind

TYPES = (
    InstructionType("curt", "Curt", "", (" Be curt. ", "Few words."), ("It is short.", "It stops.")),
    InstructionType("grand", "Grand", "", ("Be grand.",)),
)
PROMPTS = (BankPrompt("a", "Why?", "science", "headline"), BankPrompt("b", "How?\nIn two lines."))
CASE = {"prompt_id": "a", "prompt": "Why?", "type": "curt", "instruction": "Be curt."}
OTHER = {**CASE, "type": "grand", "instruction": "Be grand."}


def written(folder: Path, *records: Any) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in records), "utf-8")
    return path


def canonical(tmp_path: Path) -> list[InstructionType]:
    library = load_library(Workspace(tmp_path))
    return [library.find(name) for name in CANONICAL_TYPES]


def test_the_kinds_of_wording_are_those_of_the_measures() -> None:
    assert tuple(WordingKind) == WORDINGS
    assert tuple(str(kind) for kind in WordingKind if kind.plain) == PLAIN


def test_phrasings_are_direct_and_paraphrase() -> None:
    assert wordings_of(TYPES) == (
        Wording("curt", "1", "direct", "Be curt."),
        Wording("curt", "2", "paraphrase", "Few words."),
        Wording("grand", "1", "direct", "Be grand."),
    )
    assert [one.label for one in wordings_of(TYPES, ("paraphrase",))] == ["curt/2"]


def test_further_wordings_come_from_a_file(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {"type": "grand", "wording": "indirect", "text": "A king listens."},
        {"type": "curt", "wording": "adversarial", "text": "Say it all in one breath."},
        {"type": "nobody", "wording": "indirect", "text": "For nobody."},
    )
    found = wordings_of(TYPES, ("direct", *FURTHER), file)
    assert [(one.label, one.kind) for one in found] == [
        ("curt/1", "direct"),
        ("curt/adversarial", "adversarial"),
        ("grand/1", "direct"),
        ("grand/indirect", "indirect"),
    ]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"type": "curt", "wording": "direct", "text": "x"}, "line 2: there is no kind of wording 'direct'"),
        (
            {"type": "curt", "wording": "indirect", "text": "x"},
            "line 2: the type 'curt' has an indirect wording already",
        ),
        ({"type": "curt", "wording": "adversarial", "text": " "}, "line 2: 'text' is blank"),
        ({"wording": "adversarial", "text": "x"}, "line 2: 'type' is missing"),
    ],
)
def test_a_wrong_line_among_further_wordings(tmp_path: Path, record: dict[str, str], says: str) -> None:
    file = written(tmp_path, {"type": "curt", "wording": "indirect", "text": "x"}, record)
    with pytest.raises(UserError, match=says):
        wordings_of(TYPES, FURTHER, file)


def test_what_is_no_choice_of_wordings() -> None:
    with pytest.raises(UserError, match="at least two instruction types"):
        wordings_of(TYPES[:1])
    with pytest.raises(UserError, match="no kind of wording 'indirekt'") as refused:
        wordings_of(TYPES, ("indirekt",))
    assert "'indirect'" in refused.value.hint
    with pytest.raises(UserError, match="curt/2 has no text"):
        wordings_of([replace(TYPES[0], phrasings=("Be curt.", " ")), TYPES[1]])


def test_crossing_is_every_prompt_under_every_wording() -> None:
    found = cross("mine", PROMPTS, TYPES, wordings_of(TYPES))
    assert [case.id for case in found.cases] == [
        f"{p}|{w}" for p in ("a", "b") for w in ("curt/1", "curt/2", "grand/1")
    ]  # fmt: skip
    assert found.types == ("curt", "grand") and found.prompts == PROMPTS
    assert found.characteristics == {"curt": ("It is short.", "It stops."), "grand": ()}
    with pytest.raises(UserError, match="grand has no wording"):
        cross("mine", PROMPTS, TYPES, wordings_of(TYPES, ("paraphrase",)))


def test_the_default_sample_is_what_its_docstring_counts(tmp_path: Path) -> None:
    found = default_sample(canonical(tmp_path))
    kinds = [case.wording.kind for case in found.cases]
    assert len(found.cases) == len({case.id for case in found.cases}) == 7500
    assert sum(kind in PLAIN for kind in kinds) == 6000
    assert {kind: kinds.count(kind) for kind in FURTHER} == dict.fromkeys(FURTHER, 500)
    assert found.prompts == read_bank() and found.types == CANONICAL_TYPES
    assert all(len(texts) == 3 for texts in found.characteristics.values())


def test_a_beginning_and_some_types(tmp_path: Path) -> None:
    found = default_sample(canonical(tmp_path)).sample(3)
    assert found.prompts == read_bank()[:3] and found.types == CANONICAL_TYPES
    two = found.only(["creative", "concise"])
    assert two.types == ("creative", "concise") and two.prompts == found.prompts
    assert {case.wording.type for case in two.cases} == {"creative", "concise"}
    assert found.sample(10_000) == found
    with pytest.raises(UserError, match="no instruction type 'concize'") as refused:
        found.only(["creative", "concize"])
    assert "'concise'" in refused.value.hint
    with pytest.raises(UserError, match="at least two"):
        found.only(["creative", "creative"])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    found = cross("mine", PROMPTS, TYPES, wordings_of(TYPES))
    write_cases(case_file(workspace, "mine"), found)
    assert read_cases(case_file(workspace, "mine")) == found
    whole = default_sample(canonical(tmp_path)).sample(11)
    write_cases(tmp_path / "isd.jsonl", whole)
    assert read_cases(tmp_path / "isd.jsonl") == whole


def test_what_a_case_need_not_say(tmp_path: Path) -> None:
    found = read_cases(written(tmp_path, CASE, {**OTHER, "characteristics": None, "domain": None}))
    assert found.cases[0].wording == Wording("curt", "1", "direct", "Be curt.")
    assert found == SwitchDataSet("cases", found.cases, {"curt": (), "grand": ()})


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ((), "cases.jsonl has no case"),
        ((CASE,), "has one instruction type, curt"),
        *(
            ((OTHER, {key: value for key, value in CASE.items() if key != name}), f"line 2: '{name}' is missing")
            for name in CASE
        ),
        *(((OTHER, {**CASE, name: " "}), f"line 2: '{name}' is blank") for name in CASE),
        ((OTHER, {**CASE, "type": 3}), "line 2: 'type' has to be a text, not 3"),
        ((OTHER, CASE, "", CASE), "line 4: the case a|curt/1 stands in line 2 already"),
        ((OTHER, {**CASE, "prompt": "Why not?"}), "line 2: the prompt id 'a' stood for another prompt"),
        ((OTHER, {**CASE, "domain": "x"}), "line 2: the prompt id 'a' stood for another prompt, domain or source"),
        ((OTHER, {**CASE, "wording": "direkt"}), "line 2: there is no kind of wording 'direkt'"),
        ((OTHER, {**CASE, "characteristics": "x"}), "line 2: 'characteristics' has to be a list of texts"),
        ((OTHER, {**CASE, "characteristics": ["x", 1]}), "line 2: 'characteristics' has to be a list of texts"),
        (
            (OTHER, CASE, {**CASE, "phrasing": "2", "characteristics": ["It is short."]}),
            "line 3: the characteristics of 'curt' are others",
        ),
        ((OTHER, '{"prompt": '), "line 2: this is not JSON"),
        ((OTHER, {**CASE, "instruction": "\ud800"}), "line 2: 'instruction' holds half a character"),
    ],
)
def test_defects_are_said_with_file_and_line(tmp_path: Path, records: tuple[Any, ...], says: str) -> None:
    path = written(tmp_path, *records)
    with pytest.raises(UserError) as refused:
        read_cases(path)
    assert says in refused.value.message and str(path) in refused.value.message and refused.value.hint
