"""Text files appear whole or not at all, and what cannot be written is said to whoever can do something about it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.files import write_text_atomic


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_text_or_its_pieces(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text_atomic(target, "one\r\n\ttwo 天気")
    assert target.read_bytes() == "one\r\n\ttwo 天気".encode()
    write_text_atomic(target, (piece for piece in ("a", "\ud800b", "")))
    assert target.read_text() == "a?b"
    write_text_atomic(target, [])
    assert target.read_text() == ""
    assert names(tmp_path) == ["a.txt"]


def test_a_file_has_the_usual_rights(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_text_atomic(tmp_path / "a", "x")
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_text_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"


def test_the_home_folder_and_the_longest_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_text_atomic(Path("~") / ("n" * 255), "x")
    assert names(tmp_path) == ["n" * 255]


def test_a_missing_folder_is_made_only_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "new" / "below" / "a"
    with pytest.raises(UserError, match="no such file or directory") as caught:
        write_text_atomic(target, "x")
    assert caught.value.hint and names(tmp_path) == []
    write_text_atomic(target, "x", make_folder=True)
    assert target.read_text() == "x"


@pytest.mark.parametrize("make_folder", [False, True])
def test_what_is_no_place_for_a_file(tmp_path: Path, make_folder: bool) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = names(tmp_path)
    places = [tmp_path, tmp_path / "file" / "x", tmp_path / "file" / "x" / "y", tmp_path / ("n" * 256)]
    places += [tmp_path / "pipe", tmp_path / "loop" / "x", tmp_path / "a\0b", Path("~nobody-of-this-name") / "x"]
    for place in places:
        with pytest.raises(UserError) as caught:
            write_text_atomic(place, "x", make_folder=make_folder)
        assert caught.value.hint and caught.value.exit_code == 2
    assert (tmp_path / "file").read_text() == "kept" and names(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="permission denied"):
            write_text_atomic(tmp_path / "a", "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_may_be_written_and_not_listed(tmp_path: Path) -> None:
    tmp_path.chmod(0o300)
    try:
        write_text_atomic(tmp_path / "a", "x")
        assert (tmp_path / "a").read_text() == "x"
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("error", [UserError("no more"), KeyboardInterrupt(), ValueError("a bug")])
def test_what_making_a_piece_raises_passes_through(tmp_path: Path, error: BaseException) -> None:
    def failing() -> Iterator[str]:
        yield "new"
        raise error

    target = tmp_path / "a"
    target.write_text("kept")
    with pytest.raises(type(error)):
        write_text_atomic(target, failing())
    assert target.read_text() == "kept" and names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, EnvironmentProblem),
        (errno.EDQUOT, EnvironmentProblem),
        (errno.EIO, EnvironmentProblem),
        (errno.EACCES, UserError),
        (errno.EROFS, UserError),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failures_by_who_can_do_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception], call: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    target = tmp_path / "a"
    target.write_text("kept")
    if call == "fsync":
        monkeypatch.setattr("os.fsync", failing)
    else:
        monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(kind, match=os.strerror(code).lower()) as caught:
        write_text_atomic(target, "new")
    assert type(caught.value) is kind
    assert target.read_text() == "kept" and names(tmp_path) == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("kept")
    code = (
        "import resource, sys, pathlib\n"
        "from aligntui.core.errors import EnvironmentProblem\n"
        "from aligntui.core.files import write_text_atomic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_text_atomic(pathlib.Path(sys.argv[1]), ('x' * 1000 for _ in range(100)))\n"
        "except EnvironmentProblem as error:\n"
        "    print(error.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    assert target.read_text() == "kept" and names(tmp_path) == ["a"]
