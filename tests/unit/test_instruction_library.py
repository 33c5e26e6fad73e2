"""The instruction library: strict with the canonical file, forgiving with the user's own, and it loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.instruction import CANONICAL_TYPES, Instruction
from aligntui.data.instruction_library import add_own, load_library

ROOT = Path(__file__).resolve().parents[2]
CONCISE = {
    "type": "concise",
    "title": "Concise",
    "summary": "Short",
    "phrasings": ["Be brief.", "Few words.", "No padding."],
    "characteristics": ["Short."],
}
NEUTRAL = {"type": "neutral", "title": "Neutral", "summary": "", "phrasings": ["Take no side."]}


@pytest.fixture
def canonical(tmp_path: Path) -> Path:
    path = tmp_path / "canonical.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in (CONCISE, NEUTRAL)))
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def write_own(workspace: Workspace, *lines: str | bytes) -> Path:
    path = workspace.own_instructions
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


def own_line(type: str = "pirate", **more: object) -> str:
    return json.dumps({"type": type, "title": "Pirate", "phrasings": ["Arr."], **more})


# lookup -----------------------------------------------------------------------------------------


def test_a_type_or_a_phrasing_of_it_is_found(workspace, canonical) -> None:
    library = load_library(workspace, canonical)
    assert library.get("concise") == Instruction("Be brief.", "concise", 1)
    assert library.get(" Concise/3 ") == Instruction("No padding.", "concise", 3)
    assert library.get("concise/2").label == "concise/2"
    assert library.get("") == Instruction()
    assert library.find("neutral").own is False


def test_a_text_of_the_library_has_its_name_whoever_typed_it(workspace, canonical) -> None:
    library = load_library(workspace, canonical)
    assert library.named("  No padding.\n") == Instruction("No padding.", "concise", 3)
    assert library.named(" No padding, please. ") == Instruction("No padding, please.")
    assert library.named(" \n") == Instruction()


@pytest.mark.parametrize(
    ("ref", "complaint"),
    [
        ("consise", "There is no instruction 'consise' in the library. Did you mean 'concise'?"),
        ("zzz", "There is no instruction 'zzz' in the library. Known: concise, neutral."),
        (
            "concise/4",
            "The instruction concise has 3 phrasings, and '4' is none of them. Write concise/1 to concise/3.",
        ),
        ("concise/0", "The instruction concise has 3 phrasings, and '0' is none of them."),
        ("concise/", "The instruction concise has 3 phrasings, and '' is none of them."),
        ("concise/one", "The instruction concise has 3 phrasings, and 'one' is none of them."),
        ("neutral/2", "The instruction neutral has 1 phrasing, and '2' is none of them. Write neutral/1."),
        ("concise/" + "9" * 9000, "The instruction concise has 3 phrasings"),
    ],
)
def test_a_wrong_name_is_answered_with_a_sentence(workspace, canonical, ref: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        load_library(workspace, canonical).get(ref)
    assert str(caught.value).startswith(complaint)


def test_the_bundled_file_has_the_ten_types_with_three_phrasings_each(workspace) -> None:
    library = load_library(workspace)
    assert tuple(known.type for known in library.types) == CANONICAL_TYPES
    assert {len(known.phrasings) for known in library.types} == {3}
    assert {len(known.characteristics) for known in library.types} == {3}


# malformed lines --------------------------------------------------------------------------------

MALFORMED = [
    ("{", "the line is not JSON (expecting property name enclosed in double quotes at column 2)"),
    ("[]", "the line is no JSON object"),
    (b'{"type": "\xff"}', "the line is not UTF-8 text"),
    (own_line(type=""), "'type' must be a text, not ''"),
    (own_line(type="a/b"), "'type' must be small letters and digits with hyphens between, not 'a/b'"),
    (own_line(title=3), "'title' must be a text, not 3"),
    (own_line(phrasings=[]), "'phrasings' must have at least one text"),
    (own_line(phrasings="Arr."), "'phrasings' must be a list of texts"),
    (own_line(phrasings=["Arr.", " "]), "'phrasings' must be a list of texts; number 2 is ' '"),
    (own_line(characteristics=[1]), "'characteristics' must be a list of texts"),
    ("[" * 100_000, "maximum recursion depth exceeded"),
]


@pytest.mark.parametrize(("line", "reason"), MALFORMED)
def test_a_malformed_canonical_line_is_an_error_with_its_place(workspace, canonical, line, reason: str) -> None:
    with canonical.open("ab") as file:
        file.write(b"\n" + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(UserError) as caught:
        load_library(workspace, canonical)
    assert str(caught.value).startswith(f"{canonical}, line 4: {reason}")


@pytest.mark.parametrize(("line", "reason"), MALFORMED)
def test_a_malformed_own_line_is_skipped_with_a_warning_and_kept(workspace, canonical, line, reason: str) -> None:
    path = write_own(workspace, line, own_line("sailor"))
    before = path.read_bytes()
    library = load_library(workspace, canonical)
    assert [known.type for known in library.types] == ["concise", "neutral", "sailor"]
    assert len(library.warnings) == 1
    assert library.warnings[0].startswith(f"{path}, line 1 was skipped: {reason}")
    add_own(workspace, "Other", "Text.", canonical=canonical)
    assert path.read_bytes().startswith(before)


def test_a_canonical_type_twice_is_an_error(workspace, canonical) -> None:
    with canonical.open("a") as file:
        file.write(json.dumps(CONCISE) + "\n")
    with pytest.raises(UserError, match="line 3: the type 'concise' was there before"):
        load_library(workspace, canonical)


def test_an_own_line_cannot_take_a_canonical_name(workspace, canonical) -> None:
    write_own(workspace, own_line("concise"))
    library = load_library(workspace, canonical)
    assert library.get("concise").text == "Be brief."
    assert "'concise' is a canonical one" in library.warnings[0]


def test_the_latest_line_of_a_type_is_in_force(workspace, canonical) -> None:
    write_own(workspace, own_line("a"), own_line("b"), own_line("a", phrasings=["Two.", "Three."]), "")
    library = load_library(workspace, canonical)
    assert [known.type for known in library.types[2:]] == ["a", "b"]
    assert library.get("a/2").text == "Three."
    assert library.find("a").own is True
    assert library.warnings == ()


def test_a_missing_canonical_file_and_an_unreadable_own_one_are_said(workspace, canonical, tmp_path) -> None:
    with pytest.raises(EnvironmentProblem, match="are missing"):
        load_library(workspace, tmp_path / "absent.jsonl")
    workspace.own_instructions.mkdir(parents=True)
    with pytest.raises(EnvironmentProblem, match=r"cannot be read: Is a directory"):
        load_library(workspace, canonical)


# saving -----------------------------------------------------------------------------------------


def test_a_saved_instruction_is_found_again(workspace, canonical) -> None:
    saved = add_own(workspace, " Ship's  Pirate! ", " Talk like one. ", summary="Arr", canonical=canonical)
    assert saved == Instruction("Talk like one.", "ship-s-pirate", 1)
    library = load_library(workspace, canonical)
    assert library.get("ship-s-pirate") == saved
    assert library.find("ship-s-pirate").title == "Ship's Pirate!"
    assert library.find("ship-s-pirate").summary == "Arr"


def test_the_same_title_gets_a_further_phrasing(workspace, canonical) -> None:
    add_own(workspace, "Pirate", "Arr.", summary="At sea", characteristics=["Arr"], canonical=canonical)
    assert add_own(workspace, "pirate", "Ahoy.", canonical=canonical) == Instruction("Ahoy.", "pirate", 2)
    known = load_library(workspace, canonical).find("pirate")
    assert (known.phrasings, known.summary, known.characteristics) == (("Arr.", "Ahoy."), "At sea", ("Arr",))
    assert len(workspace.own_instructions.read_text().splitlines()) == 2


def test_the_same_text_is_not_saved_twice(workspace, canonical) -> None:
    first = add_own(workspace, "Pirate", "Arr.", canonical=canonical)
    before = workspace.own_instructions.read_bytes()
    assert add_own(workspace, "Pirate", "Arr.\n", canonical=canonical) == first
    assert workspace.own_instructions.read_bytes() == before


def test_identifiers_are_unique_whatever_the_title(workspace, canonical) -> None:
    write_own(workspace, '{"type": "own", broken')
    titles = ("Concise", "concise!", "日本語", "海", "Ça va", "x" * 200)
    types = [add_own(workspace, title, "Text.", canonical=canonical).type for title in titles]
    assert types == ["concise-2", "concise-3", "own-2", "own-3", "ca-va", "x" * 48]
    assert len(load_library(workspace, canonical).types) == 2 + len(titles)


def test_any_text_comes_back_as_it_was(workspace, canonical) -> None:
    text = 'a\nb\u2028c\x1b[31m "q" \\ 日本 \udc80 😀'
    add_own(workspace, "Odd", text, canonical=canonical)
    assert load_library(workspace, canonical).get("odd").text == text


@pytest.mark.parametrize(("title", "text"), [("", "x"), ("x", " \n")])
def test_nothing_is_not_saved(workspace, canonical, title: str, text: str) -> None:
    with pytest.raises(UserError, match="needs a title and a text"):
        add_own(workspace, title, text, canonical=canonical)


def test_a_torn_last_line_does_not_swallow_the_next(workspace, canonical) -> None:
    path = write_own(workspace, own_line("a"))
    with path.open("ab") as file:
        file.write(b'{"type": "b", "ti')
    add_own(workspace, "Sailor", "Ahoy.", canonical=canonical)
    library = load_library(workspace, canonical)
    assert [known.type for known in library.types[2:]] == ["a", "sailor"]
    assert "line 2 was skipped" in library.warnings[0]


def test_a_full_disk_leaves_the_file_as_it_was(workspace, canonical, monkeypatch) -> None:
    add_own(workspace, "Pirate", "Arr.", canonical=canonical)
    before = workspace.own_instructions.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with pytest.raises(EnvironmentProblem, match=r"could not be saved in .*No space left"):
        add_own(workspace, "Pirate", "Ahoy.", canonical=canonical)
    assert workspace.own_instructions.read_bytes() == before


def test_a_place_that_cannot_be_written_is_said(workspace, canonical) -> None:
    workspace.root.mkdir()
    workspace.datasets.write_text("in the way")
    with pytest.raises(EnvironmentProblem, match="could not be saved"):
        add_own(workspace, "Pirate", "Arr.", canonical=canonical)


def test_two_consoles_that_save_at_once_lose_nothing(workspace, canonical) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from aligntui.config.paths import Workspace\n"
        "from aligntui.data.instruction_library import add_own\n"
        "root, canonical, who = sys.argv[1:]\n"
        "for n in range(15): add_own(Workspace(Path(root)), 'Pirate', f'{who} {n}', canonical=Path(canonical))\n"
    )
    command = [sys.executable, "-c", code, str(workspace.root), str(canonical)]
    consoles = [subprocess.Popen([*command, who], cwd=ROOT) for who in ("left", "right")]
    assert [console.wait(30) for console in consoles] == [0, 0]
    library = load_library(workspace, canonical)
    assert library.warnings == ()
    assert set(library.find("pirate").phrasings) == {f"{who} {n}" for who in ("left", "right") for n in range(15)}
