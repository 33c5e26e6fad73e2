"""What goes wrong is told in a sentence that says what to do, with an exit code and without a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from tests.cli.conftest import Cli, InsideCli
from tests.terminal import Terminal


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("chat", "--prompt", "x", "--model", "missing", "--no-adapter"), "There is no model 'missing'"),
        (("chat", "--prompt", "x", "--adapter", "nobody"), "There is no adapter 'nobody'"),
        (("chat", "--prompt", "x", "--adapter", "nobody"), "--no-adapter"),
        (("chat", "--prompt", "x", "--adapter", "../evil"), "There is no adapter folder"),
        (("chat", "--prompt", "x", "--adapter", ".."), "cannot be the name of an adapter"),
        (("chat", "--prompt", " \n", "--no-adapter"), "The prompt is empty"),
        (("chat", "--no-adapter"), "There is no prompt"),
        (("chat", "--prompt", "x", "--prompt-file", "y"), "exclude each other"),
        (("chat", "--prompt-file", "/no/such/file"), "There is no file /no/such/file"),
        (("chat", "--prompt-file", "/"), "There is no file /"),
        (("chat", "--prompt", "x", "--instruction", "a", "--instruction-type", "concise"), "exclude each other"),
        (("chat", "--prompt", "x", "--adapter", "a", "--no-adapter"), "exclude each other"),
        (("chat", "--prompt", "x", "--temperature", "hot"), "--temperature must be a number from 0 to 5, not 'hot'"),
        (("chat", "--prompt", "x", "--temperature", "9"), "--temperature must be a number from 0 to 5"),
        (("chat", "--prompt", "x", "--strength", "3"), "--strength must be"),
        (("chat", "--prompt", "x", "--seed", "-1"), "--seed must be"),
        (("chat", "--prompt", "x", "--max-new-tokens", "0"), "--max-new-tokens must be"),
        (("chat", "--prompt", "x", "--mode", "sytem"), "Did you mean 'system'?"),
        (("chat", "--prompt", "x", "--dtype", "int8"), "--dtype must be one of"),
        (("chat", "--prompt", "x", "--top-p", "nan"), "--top-p must be"),
        (("chat", "--prompt", "x", "--temperature", "99"), "not 99.\nRandomness of the answers; 0 is greedy."),
        (("sessions", "list", "--limit", "0"), "--limit must be a whole number from 1 to 1000000, not 0."),
        (
            ("sessions", "search", "x", "--limit", "many"),
            "--limit must be a whole number from 1 to 1000000, not 'many'.",
        ),
        (("pairs", "list", "--limit", "9" * 30), "--limit must be a whole number from 1 to 1000000, not 999"),
        (
            ("pairs", "add", "--turn", "x", "--verdict", "best"),
            "--verdict must be one of left, right, tie, bad, skip, not",
        ),
        (("pairs", "add", "--turn", "x", "--verdict", "rigth"), "Did you mean 'right'?"),
        (
            ("pairs", "export", "--out", "x", "--format", "dpo"),
            "--format must be one of trl, eba, ita, contrastive-ita",
        ),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_the_user_can_fix_it(inside: InsideCli, words: tuple[str, ...], says: str) -> None:
    said = inside.refused(*words)
    assert says in said
    assert len(said.strip().splitlines()) <= 2 or "model" in said  # the model's own load is narrated before


def test_a_prompt_that_is_no_text(cli: Cli) -> None:
    assert "not UTF-8" in cli.refused("chat", "--prompt", "-", "--no-adapter", stdin=b"\xff\xfe")
    assert "empty" in cli.refused("chat", "--prompt", "-", "--no-adapter", stdin=b"")


def test_a_prompt_longer_than_the_context(cli: Cli) -> None:
    said = cli.refused("chat", "--prompt", "-", "--no-adapter", stdin="wor " * 9000)
    assert "context holds 8192" in said


def test_a_workspace_that_cannot_be_made(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cli.workspace = tmp_path / "file" / "below"
    for words in (
        ("chat", "--prompt", "x", "--no-adapter"),
        ("sessions", "list"),
        ("pairs", "add", "--turn", "x", "--verdict", "tie"),
    ):
        assert str(tmp_path / "file") in cli.refused(*words, code=3)
    cli.workspace = tmp_path / "file"
    assert "is a file" in cli.refused("sessions", "list")
    assert "is a file" in cli.refused("chat", "--prompt", "x", "--no-adapter")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written(cli: Cli) -> None:
    cli.workspace.mkdir()
    cli.workspace.chmod(0o500)
    try:
        assert "cannot be made" in cli.refused("chat", "--prompt", "x", "--no-adapter", code=3)
    finally:
        cli.workspace.chmod(0o700)


def test_a_damaged_database(cli: Cli) -> None:
    database = Workspace(cli.workspace).database
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database " * 1000)
    for words in (
        ("sessions", "list"),
        ("pairs", "export", "--format", "trl", "--out", str(cli.home / "x")),
        ("pairs", "add", "--turn", "turn_x", "--verdict", "left"),
        ("chat", "--prompt", "x", "--no-adapter"),
        ("chat", "--prompt", "x", "--no-adapter", "--no-store", "--session", "x"),
    ):
        said = cli.refused(*words, code=3)
        assert str(database) in said
        assert "Loading" not in said and "Fetching" not in said, "it is known before a model is loaded"


def test_a_wrong_engine_for_tests(cli: Cli) -> None:
    for value in ("python", "[]", "[1]", "{}"):
        said = InsideCli(cli.home, cli.workspace).refused(
            "chat", "--prompt", "x", "--no-adapter", ALIGNTUI_ENGINE_ARGV=value
        )
        assert "ALIGNTUI_ENGINE_ARGV must be a JSON list" in said
    assert cli.refused("chat", "--prompt", "x", "--no-adapter", code=3, ALIGNTUI_ENGINE_ARGV='["/no/such/program"]')


@pytest.mark.terminal
def test_the_console_refuses_before_it_takes_the_screen(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cli.workspace = tmp_path / "file" / "below"
    for words, code, says in (((), 3, "cannot be made"), (("console", "--mode", "x"), 2, "--mode must be one of")):
        with Terminal(cli.argv(*words), cli.env()) as terminal:
            terminal.wait(says)
            assert terminal.ended() == code
            assert b"\x1b[?1049h" not in terminal.raw and b"Traceback" not in terminal.raw
