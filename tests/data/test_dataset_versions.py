"""Versions of a data set: what lies in their folders, that they appear whole or not at all, and how they are found."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.data.dataset_versions import (
    SplitRule,
    VersionItem,
    VersionWish,
    data_sets,
    load_manifest,
    read_index,
    verify,
    versions_of,
    write_version,
    writing,
)
from aligntui.data.dataset_versions.writing import DRAFT_AGE_S
from aligntui.data.pair_import import ImportReport, accept, make_plan, open_source, read
from aligntui.data.pair_layouts import LAYOUTS
from tests.data.rows import good, read_all
from tests.data.versions import asked, items, pair, rows, write


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.make()
    return made


def test_a_version_and_its_manifest(workspace: Workspace) -> None:
    made = write(workspace, *range(40), filters={"tag": ["even"]}, note="first")
    folder = workspace.datasets / "set" / "v1"
    assert made.folder == folder
    assert made.is_new
    assert sorted(one.name for one in folder.iterdir()) == [
        "index.jsonl",
        "manifest.json",
        "train.jsonl",
        "validation.jsonl",
    ]
    manifest = load_manifest(folder)
    assert manifest == made.manifest
    train, validation = rows(folder / "train.jsonl"), rows(folder / "validation.jsonl")
    counts = manifest.counts
    assert (counts.records, counts.train, counts.validation) == (40, len(train), len(validation))
    assert (counts.prompts, counts.pairs, counts.examples, counts.duplicates) == (20, 40, 0, 0)
    assert counts.instructions == {"Be brief.": 20, "Be kind.": 20}
    assert counts.tags == {"even": 20}
    assert (manifest.parent, manifest.layout, manifest.filters, manifest.note) == (
        None,
        "trl",
        {"tag": ["even"]},
        "first",
    )
    for name, entry in manifest.files.items():
        content = (folder / name).read_bytes()
        assert (entry.sha256, entry.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert entry.records == content.count(b"\n")
    assert not {asked(one) for one in train} & {asked(one) for one in validation}
    assert counts.validation == 2 * counts.validation_prompts, "both instructions of a prompt lie on one side"
    assert verify(folder) == []
    if os.name == "posix":
        umask = os.umask(0)
        os.umask(umask)
        assert (folder / "train.jsonl").stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_index_leads_to_each_record(workspace: Workspace) -> None:
    folder = write(workspace, *range(20)).folder
    files = {name: rows(folder / f"{name}.jsonl") for name in ("train", "validation")}
    lines = list(read_index(folder))
    assert [line.id for line in lines] == [f"pair_{number}" for number in range(20)]
    for number, line in enumerate(lines):
        record = files[line.split][line.line - 1]
        assert (asked(record), record["chosen"][0]["content"]) == (line.prompt, line.chosen)
        assert line.fingerprint == pair(number).fingerprint


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_what_was_written_is_read_again(workspace: Workspace, layout: str) -> None:
    folder = write(workspace, *range(20), layout=layout).folder
    lines = {line.fingerprint for line in read_index(folder)}
    found = [one for name in ("train", "validation") for one in good(read_all(folder / f"{name}.jsonl", layout))]
    assert len(found) == 20
    if layout == "trl":
        assert {one.fingerprint for one in found} == lines
    prompts = [
        {one.prompt for one in good(read_all(folder / f"{name}.jsonl", layout))} for name in ("train", "validation")
    ]
    assert not prompts[0] & prompts[1]


def test_the_datasets_library_reads_the_files_as_they_are(workspace: Workspace, tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = write(workspace, *range(20)).folder
    files = {"train": str(folder / "train.jsonl"), "validation": str(folder / "validation.jsonl")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    for name, path in files.items():
        assert loaded[name].to_list() == rows(Path(path))


def test_examples_go_into_layouts_that_can_hold_them(workspace: Workspace) -> None:
    def mixed() -> Iterator[VersionItem]:
        yield from items(0, 1)
        yield from items(2, 3, rejected=None)

    with pytest.raises(UserError, match="cannot hold the record pair_2: it has no rejected answer"):
        write_version(workspace, VersionWish("set", "eba"), mixed())
    assert data_sets(workspace) == []
    made = write_version(workspace, VersionWish("set", "eba", leave_out_misfits=True), mixed())
    assert made.manifest.counts.left_out == {"no rejected answer": 2}
    assert made.manifest.counts.records == 2
    made = write_version(workspace, VersionWish("set", "ita"), mixed())
    assert (made.manifest.counts.pairs, made.manifest.counts.examples) == (2, 2)
    with pytest.raises(UserError, match="can hold none of 2"):
        write_version(workspace, VersionWish("set", "trl", leave_out_misfits=True), items(2, 3, rejected=None))


def test_an_import_becomes_a_version(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{n}?", "chosen": "a", "rejected": "b"}) + "\n" for n in range(9)))
    source = open_source(path)
    records = accept(read(source, make_plan(source)), ImportReport(), skip_bad=False)
    origin = {"file": path.name, "sha256": source.sha256}
    found = (VersionItem(record.as_pair(), record.id or "", record.tags) for record in records)
    made = write_version(workspace, VersionWish("set", "trl", origin=origin), found)
    assert made.manifest.origin == {"file": "in.jsonl", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert made.manifest.counts.records == 9


def test_versions_go_on_from_each_other(workspace: Workspace) -> None:
    first = write(workspace, *range(20))
    second = write(workspace, *range(30))
    assert (second.manifest.version, second.manifest.parent) == (2, 1)
    assert second.manifest.parent_content_sha256 == first.manifest.content_sha256
    third = write(workspace, *range(10), parent=1)
    assert (third.manifest.version, third.manifest.parent) == (3, 1)
    assert versions_of(workspace, "set") == [1, 2, 3]
    assert data_sets(workspace) == ["set"]
    with pytest.raises(UserError, match="no version v9 to go on from"):
        write(workspace, 1, parent=9)


def test_the_same_records_make_no_further_version(workspace: Workspace) -> None:
    first = write(workspace, *range(20), filters={"tags": ("a",)})
    again = write(workspace, *range(20), filters={"tags": ("a",)})
    assert (again.is_new, again.folder, again.manifest) == (False, first.folder, first.manifest)
    assert versions_of(workspace, "set") == [1]
    for wish in ({"layout": "eba"}, {"split": SplitRule(0.5, 1)}, {"filters": {}}):
        assert write(workspace, *range(20), **wish).is_new


def test_the_same_records_give_the_same_bytes(workspace: Workspace) -> None:
    one, two = (write(workspace, *range(20), name=name).folder for name in ("one", "two"))
    for name in ("train.jsonl", "validation.jsonl", "index.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    other_order = write(workspace, *reversed(range(20)), name="three").manifest
    assert other_order.content_sha256 == load_manifest(one).content_sha256


def test_prompts_keep_their_side_from_version_to_version(workspace: Workspace) -> None:
    rule = SplitRule(0.001, 0)  # so small that the one prompt of validation was put there by hand
    sides: list[dict[str, str]] = []
    for count in (4, 40, 400):
        folder = write(workspace, *range(count), split=rule).folder
        sides.append({line.group: line.split for line in read_index(folder)})
    for before, after in ((sides[0], sides[1]), (sides[1], sides[2])):
        assert {group: after[group] for group in before} == before
    assert "validation" in sides[0].values()


def test_no_validation_where_none_is_wanted_or_possible(workspace: Workspace) -> None:
    for name, numbers, rule in (("none", range(20), SplitRule(0.0)), ("one", range(2), SplitRule(0.9))):
        made = write(workspace, *numbers, name=name, split=rule)
        assert made.manifest.counts.validation == 0
        assert not (made.folder / "validation.jsonl").exists()
        assert verify(made.folder) == []


def test_wishes_that_cannot_be_met(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="no layout 'tlr'"):
        write(workspace, 1, layout="tlr")
    with pytest.raises(UserError, match="no record for the data set set"):
        write(workspace)
    assert list(workspace.datasets.iterdir()) == [], "a failed writing leaves nothing"


def test_a_failure_half_way_leaves_the_earlier_versions(workspace: Workspace) -> None:
    write(workspace, *range(4))

    def broken() -> Iterator[VersionItem]:
        yield from items(*range(8))
        raise UserError("The file changed while it was read.")

    with pytest.raises(UserError, match="changed while"):
        write_version(workspace, VersionWish("set", "trl"), broken())
    assert [one.name for one in (workspace.datasets / "set").iterdir()] == ["v1"]


def test_a_folder_that_cannot_be_written(workspace: Workspace) -> None:
    code = (
        "import resource, sys, pathlib\n"
        "from aligntui.config.paths import Workspace\n"
        "from aligntui.core.errors import EnvironmentProblem\n"
        "from tests.data.versions import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write(Workspace(pathlib.Path(sys.argv[1])), *range(200))\n"
        "except EnvironmentProblem as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(workspace.root)], capture_output=True, text=True, check=True)
    assert "could not be written" in run.stdout
    assert list(workspace.datasets.iterdir()) == []


def test_a_writer_that_is_killed_leaves_no_half_version(workspace: Workspace) -> None:
    write(workspace, *range(4))
    code = (
        "import sys, pathlib\n"
        "from aligntui.config.paths import Workspace\n"
        "from aligntui.data.dataset_versions import VersionWish, write_version\n"
        "from tests.data.versions import items\n"
        "def slow():\n"
        "    yield from items(*range(1000))\n"
        "    print('half', flush=True)\n"
        "    sys.stdin.read()\n"
        "write_version(Workspace(pathlib.Path(sys.argv[1])), VersionWish('set', 'trl'), slow())\n"
    )
    command = [sys.executable, "-c", code, str(workspace.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.send_signal(signal.SIGKILL)
    home = workspace.datasets / "set"
    drafts = [one for one in home.iterdir() if one.name != "v1"]
    assert len(drafts) == 1
    assert versions_of(workspace, "set") == [1]
    assert verify(home / "v1") == []
    long_ago = time.time() - DRAFT_AGE_S - 60
    os.utime(drafts[0], (long_ago, long_ago))
    assert write(workspace, *range(8)).manifest.version == 2
    assert sorted(one.name for one in home.iterdir()) == ["v1", "v2"]


def test_two_writers_get_two_versions(workspace: Workspace) -> None:
    def interrupted() -> Iterator[VersionItem]:
        yield from items(*range(4))
        write(workspace, *range(6))

    made = write_version(workspace, VersionWish("set", "trl"), interrupted())
    assert made.manifest.version == 2
    assert [load_manifest(workspace.datasets / "set" / f"v{one}").version for one in (1, 2)] == [1, 2]
    assert verify(made.folder) == []


def test_a_number_that_is_taken_at_the_last_moment(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken_meanwhile(workspace: Workspace, name: str) -> list[int]:
        known = versions_of(workspace, name)
        if list((workspace.datasets / name).glob(".draft-*/index.jsonl")):  # the last look before the rename
            monkeypatch.setattr(writing, "versions_of", versions_of)
            write(workspace, *range(6))
        return known

    monkeypatch.setattr(writing, "versions_of", taken_meanwhile)
    made = write(workspace, *range(4))
    assert made.manifest.version == 2
    assert versions_of(workspace, "set") == [1, 2]
    assert load_manifest(workspace.datasets / "set" / "v1").counts.records == 6
    assert verify(made.folder) == []
