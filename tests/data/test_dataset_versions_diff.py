"""What changed between two versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.data.dataset_versions import SplitRule, VersionItem, VersionWish, compare, write_version
from aligntui.data.pair_layouts import PreferencePair
from tests.data.rows import assistant, user
from tests.data.versions import HALF, items, pair


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.make()
    return made


def version(workspace: Workspace, found: Iterator[VersionItem] | list[VersionItem], **wish: Any) -> Path:
    return write_version(workspace, VersionWish("set", **({"layout": "trl", "split": HALF} | wish)), found).folder


def item(made: PreferencePair, *tags: str) -> VersionItem:
    return VersionItem(made, "", tags)


def test_added_removed_and_changed(workspace: Workspace) -> None:
    one = version(workspace, items(0, 1, 2, 3))
    better = pair(3, chosen=[assistant("Better 3.")])
    two = version(workspace, [*items(1, 2), item(better, "new"), item(pair(9), "new")], filters={"minimum": 3})
    found = compare(one, two)
    assert [line.chosen for line in found.added] == ["Good 9."]
    assert [line.chosen for line in found.removed] == ["Good 0."]
    assert [(old.chosen, new.chosen) for old, new in found.changed] == [("Good 3.", "Better 3.")]
    assert found.unchanged == 2
    assert not found.is_empty
    assert found.instructions == {"Be brief.": (2, 1), "Be kind.": (2, 3)}
    assert found.tags == {"new": (0, 2), "even": (2, 1)}
    lines = found.lines()
    assert lines[0].startswith("set v1 (")
    assert lines[1] == "1 added, 1 removed, 1 changed, 0 moved between train and validation, 2 in both"
    assert "filter minimum: none -> 3" in lines
    assert "  Be brief.  2 -> 1 (-1)" in lines
    assert "  + [Be kind.] Question 4?: Good 9. | not: Poor 9." in lines
    assert "  - [Be brief.] Question 0?: Good 0. | not: Poor 0." in lines
    at = lines.index("  ~ [Be kind.] Question 1?")
    assert lines[at + 1 : at + 3] == ["    - Good 3. | not: Poor 3.", "    + Better 3. | not: Poor 3."]
    as_json = json.loads(json.dumps(found.as_dict()))
    assert as_json["counts"] == {"added": 1, "removed": 1, "changed": 1, "moved": 0, "unchanged": 2}
    assert as_json["changed"][0]["after"]["chosen"] == "Better 3."


def test_nothing_changed(workspace: Workspace) -> None:
    one = version(workspace, items(*range(20)))
    two = version(workspace, items(*reversed(range(20))))
    found = compare(one, two)
    assert found.is_empty
    assert (found.unchanged, found.instructions, found.tags) == (20, {}, {})
    assert len(found.lines()) == 2 + 3


def test_the_other_way_round(workspace: Workspace) -> None:
    one, two = version(workspace, items(0, 1, 2)), version(workspace, items(1, 2, 3, 4))
    there, back = compare(one, two), compare(two, one)
    assert [line.fingerprint for line in there.added] == [line.fingerprint for line in back.removed]
    assert [line.fingerprint for line in there.removed] == [line.fingerprint for line in back.added]


def test_records_that_change_sides(workspace: Workspace) -> None:
    one = version(workspace, items(*range(40)))
    two = version(workspace, items(*range(40)), split=SplitRule(0.5, 1))
    found = compare(one, two)
    assert (found.added, found.removed, found.changed, found.unchanged) == ((), (), (), 40)
    assert found.moved
    assert all(old.split != new.split for old, new in found.moved)
    assert "seed: 0 -> 1" in found.lines()
    assert f"moved (first 3 of {len(found.moved)}):" in found.lines()


def test_records_that_stand_more_than_once(workspace: Workspace) -> None:
    one = version(workspace, items(0, 0, 2))
    two = version(workspace, items(0, 2, 2, 2))
    found = compare(one, two)
    assert [len(found.added), len(found.removed), found.unchanged] == [2, 1, 2]


def test_an_example_and_a_pair_of_one_question_are_a_change(workspace: Workspace) -> None:
    one = version(workspace, items(0, 2, rejected=None), layout="ita")
    two = version(workspace, items(0, 2), layout="ita")
    found = compare(one, two)
    assert len(found.changed) == 2
    assert "    - Good 0." in found.lines()


def test_hostile_texts_are_safe_to_print(workspace: Workspace) -> None:
    one = version(workspace, items(0, 2))
    nasty = pair(4, instruction="\x1b[2J\u202e", prompt=[user("a\nb\x07")], chosen=[assistant("\x9b31m" * 500)])
    text = "\n".join(compare(one, version(workspace, [*items(0, 2), item(nasty, "\x1b]0;x")])).lines())
    assert not any(char in text for char in "\x1b\x07\x9b\u202e")
    assert max(map(len, text.splitlines())) < 400


def test_a_damaged_index_is_named(workspace: Workspace) -> None:
    one, two = version(workspace, items(0, 2)), version(workspace, items(0, 2, 4))
    lines = (two / "index.jsonl").read_text().splitlines()
    for broken in ("nope", "{}", lines[1].replace('"tags":[', '"tags":[3,'), lines[1].replace("train", "tain")):
        if broken == lines[1]:
            broken = lines[1].replace("validation", "x")
        (two / "index.jsonl").write_text("\n".join([lines[0], broken, lines[2]]))
        with pytest.raises(UserError, match=r"index.jsonl, line 2: the index is damaged"):
            compare(one, two)
    (two / "index.jsonl").unlink()
    with pytest.raises(UserError, match=r"has no index.jsonl"):
        compare(one, two)
