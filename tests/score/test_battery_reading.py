"""Reading a battery: what is wrong is named with file, line and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.score.battery.battery import UNSORTED, Battery
from aligntui.score.battery.reading import read_battery

GOOD: dict[str, Any] = {"id": "q1", "question": "Why?", "expect": {"all": ["harm"]}}


def write(path: Path, *lines: Any) -> Path:
    file = path / "own.jsonl"
    file.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + b"\n"
    )
    return file


def test_a_whole_battery_comes_back(tmp_path: Path) -> None:
    (tmp_path / "rules.md").write_text("Be kind.\n", "utf-8")
    file = write(
        tmp_path,
        {"battery": "mine", "laws": ["One", "Two"], "doctrine": ["re:Law [12]", "my rule"], "system_file": "rules.md"},
        {
            "id": "a",
            "question": "First?",
            "kind": "conflict",
            "expect": {"all": ["x"], "any": ["y", "re:z+"], "none": ["w"]},
            "structure": [{"starts_with": "Law 1"}, {"lines": ["Law 1", "Ranking:"]}],
            "laws": ["One", "Two"],
        },
        b"",
        {"id": "b", "question": "Second?", "structure": [{"regex": "[.]$"}]},
    )
    battery = read_battery(file)
    first, second = battery.questions
    assert (battery.name, battery.laws, battery.system) == ("mine", ("One", "Two"), "Be kind.")
    assert [term.written for term in battery.doctrine] == ["re:Law [12]", "my rule"]
    assert [len(part) for part in (first.all, first.any, first.none, first.structure)] == [1, 2, 1, 2]
    assert (first.line, second.line, second.kind, battery.kinds) == (2, 4, UNSORTED, ("conflict", UNSORTED))
    assert first.as_record() == json.loads(file.read_text("utf-8").splitlines()[1])


def test_a_battery_needs_no_header(tmp_path: Path) -> None:
    battery = read_battery(write(tmp_path, b"\xef\xbb\xbf" + json.dumps(GOOD).encode()))
    assert (battery.name, battery.laws, battery.doctrine, battery.system) == ("own", (), (), "")


def test_the_fingerprint_tells_of_questions_and_demands_alone(tmp_path: Path) -> None:
    def of(*lines: Any) -> str:
        return read_battery(write(tmp_path, *lines)).fingerprint

    plain = of(GOOD)
    assert plain == of({"battery": "other name"}, b"", GOOD)
    assert plain != of({**GOOD, "question": "Why not?"})
    assert plain != of({**GOOD, "expect": {"any": ["harm"]}})
    assert plain != of(GOOD, {**GOOD, "id": "q2"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "the line is not JSON"),
        (b"[1]", "no JSON object"),
        (b"\xff{}", "not UTF-8 text (byte 1)"),
        (b'{"id": "a", "id": "b"}', "the field 'id' stands twice"),
        (b"[" * 100_000, "cannot be read"),
        ({"question": "Why?", "expect": {"all": ["a"]}}, "the field 'id' is missing"),
        ({"id": "a", "expect": {"all": ["a"]}}, "the field 'question' is missing"),
        ({**GOOD, "id": 3}, "'id' is a text, not 3"),
        ({**GOOD, "question": " "}, "'question' is a text"),
        ({**GOOD, "kind": None}, "'kind' is a text"),
        ({**GOOD, "expects": {}}, "unknown field 'expects'. Did you mean 'expect'?"),
        ({**GOOD, "expect": {"al": ["a"]}}, "'expect' has an unknown field 'al'. Did you mean 'all'?"),
        ({**GOOD, "expect": ["a"]}, "'expect' is an object"),
        ({**GOOD, "expect": {"all": "a"}}, "'all' is a list of texts"),
        ({**GOOD, "expect": {"none": [""]}}, "'none' is a list of texts"),
        ({**GOOD, "expect": {"any": ["re:(a"]}}, "in 'any', '(a' is no regular expression: missing ) at position 2"),
        ({**GOOD, "structure": {"regex": "a"}}, "'structure' is a list of markers"),
        ({**GOOD, "structure": [{"begins_with": "a"}]}, "there is no marker 'begins_with'"),
        ({**GOOD, "structure": [{"regex": "(a"}]}, "in 'structure', '(a' is no regular expression"),
        ({"id": "a", "question": "Why?"}, "nothing is expected of the answer"),
        ({**GOOD, "expect": {}}, "nothing is expected of the answer"),
        ({**GOOD, "laws": "One"}, "'laws' is a list of texts"),
        (
            {**GOOD, "expect": {"all": ["Law 1 (A)"], "none": ["law 1"]}},
            "'Law 1 (A)' is demanded and 'law 1' forbidden",
        ),
        ({**GOOD, "expect": {"any": ["a b", "b c"], "none": ["b"]}}, "every term of 'any' is forbidden"),
    ],
)
def test_a_wrong_line_is_named_with_file_line_and_reason(tmp_path: Path, line: Any, reason: str) -> None:
    file = write(tmp_path, {**GOOD, "id": "before"}, line)
    with pytest.raises(UserError) as error:
        read_battery(file)
    assert f"{file}, line 2: " in error.value.message
    assert reason in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"battery": "x", "law": ["A"]}, "the header has an unknown field 'law'. Did you mean 'laws'?"),
        ({"battery": ""}, "'battery' is a text"),
        ({"battery": "x", "laws": ["A", "a"]}, "a law stands twice"),
        ({"battery": "x", "doctrine": ["re:[0"]}, "in 'doctrine', '[0' is no regular expression"),
        ({"battery": "x", "system": "a", "system_file": "b"}, "both 'system' and 'system_file'"),
        ({"battery": "x", "system_file": "nowhere.md"}, "nowhere.md, cannot be read: no such file"),
    ],
)
def test_a_wrong_header_is_named_like_a_line(tmp_path: Path, header: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError) as error:
        read_battery(write(tmp_path, header, GOOD))
    assert "line 1: " in error.value.message
    assert reason in f"{error.value.message} {error.value.hint}"


def test_ids_and_headers_come_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 3: the id 'q1' was there before, in line 1"):
        read_battery(write(tmp_path, GOOD, b"", GOOD))
    with pytest.raises(UserError, match="line 2: the header is not the first line"):
        read_battery(write(tmp_path, GOOD, {"battery": "late"}))


def test_a_law_that_the_header_does_not_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no law 'Sheltr' in the header") as error:
        read_battery(write(tmp_path, {"battery": "x", "laws": ["Shelter"]}, {**GOOD, "laws": ["Sheltr"]}))
    assert error.value.hint == "Did you mean 'Shelter'?"
    assert read_battery(write(tmp_path, {**GOOD, "laws": ["Sheltr"]})).questions[0].laws == ("Sheltr",)


def test_all_wrong_lines_are_counted_and_the_first_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_battery(write(tmp_path, *[b"{"] * 8))
    assert error.value.message.count(", line ") == 5
    assert error.value.message.endswith("3 more lines are wrong.")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b'{"battery": "x"}\n'])
def test_a_battery_without_a_question_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "own.jsonl"
    file.write_bytes(content)
    with pytest.raises(UserError, match="has no question"):
        read_battery(file)


@pytest.mark.parametrize("name", ["nowhere.jsonl", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_battery(tmp_path / name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "question", "kind", "expect", "structure", "laws", "all", "none", "regex", "battery"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@settings(max_examples=200)
@given(lines=st.lists(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40), max_size=4))
def test_any_file_is_a_battery_or_a_user_error(folder: Path, lines: list[bytes]) -> None:
    file = write(folder, *lines)
    try:
        assert isinstance(read_battery(file), Battery)
    except UserError as error:
        assert str(file) in error.message
