"""Starting: what is imported, how flags come out of the declarations, what stands where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aligntui
from aligntui.cli import console_command, run
from aligntui.cli.app import COMMANDS
from aligntui.cli.console import read_flags
from aligntui.config.options import BY_NAME, OPTIONS
from tests.cli.conftest import ROOT, Cli, InsideCli

HEAVY = ("torch", "transformers", "peft", "textual", "sqlite_utils")


def imported(cli: Cli, *words: str) -> set[str]:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write('\\nmodules: ' + ' '.join(sys.modules)))\n"
        "from aligntui.cli import main\n"
        "main()"
    )
    argv = [sys.executable, "-c", code, "--workspace", str(cli.workspace), *words]
    done = subprocess.run(
        argv, capture_output=True, text=True, env=cli.env(), cwd=ROOT, stdin=subprocess.DEVNULL, check=False
    )
    return set(done.stderr.rpartition("modules: ")[2].split())


@pytest.mark.parametrize("words", [("--help",), ("sessions", "list"), ("config", "show"), ("chat", "--help")])
def test_a_command_imports_nothing_heavy(talked: Cli, words: tuple[str, ...]) -> None:
    modules = imported(talked, *words)
    assert not [module for module in modules if module.split(".")[0] in HEAVY]


def test_a_group_leaves_the_other_groups_alone(talked: Cli) -> None:
    modules = imported(talked, "sessions", "list")
    assert "aligntui.cli.sessions" in modules
    assert not modules & {"aligntui.cli.chat", "aligntui.cli.pairs", "aligntui.engine.client", "asyncio"}


@pytest.mark.parametrize("words", [(), ("console",), ("console", "--seed", "3", "--no-blind"), ("--seed=3",)])
def test_the_console_starts_without_typer(talked: Cli, words: tuple[str, ...]) -> None:
    modules = imported(talked, *words)  # here it stops where it finds no terminal
    assert "aligntui.cli.console" in modules
    assert not [module for module in modules if module.split(".")[0] in ("typer", "pydantic", *HEAVY)]


def through_typer(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> dict[str, Any] | None:
    seen: list[dict[str, Any]] = []

    def opened(workspace: Path | None, flags: dict[str, Any]) -> int:
        seen.append(flags)
        return 0

    monkeypatch.setattr(console_command, "run_console", opened)
    monkeypatch.setattr("aligntui.cli.console.read_flags", lambda words: None)
    code = run(["console", *words])
    return seen[0] if code == 0 and seen else None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--model", "embedded", "--seed=3", "--temperature", "0"],
        ["--adapter", "a", "--adapter=b", "--strength", "-1"],
        ["--adapter", ""],
        ["--blind", "--no-reduced-motion"],
        ["--no-blind", "--blind"],
        ["--blind=1"],
        ["--no-seed", "3"],
        ["--seed"],
        ["--nonsense", "1"],
        ["word"],
        ["--seed", "1", "--seed", "2"],
        *([[BY_NAME[o.name].flag, *([] if o.type is bool else ["1"])] for o in OPTIONS]),
    ],
    ids=" ".join,
)
def test_flags_are_read_as_typer_reads_them(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    assert read_flags(words) == through_typer(monkeypatch, words)


def test_every_option_is_a_flag_of_the_console(cli: Cli) -> None:
    text = cli.ok("console", "--help", COLUMNS="200").out
    for option in OPTIONS:
        assert f" {option.flag} " in text
        assert option.help in " ".join(text.split())


def test_without_a_terminal_the_console_says_what_to_do(cli: Cli) -> None:
    for words in ((), ("console",), ("--model", "x")):
        said = cli.refused(*words)
        assert "terminal" in said and "aligntui chat" in said


def test_help_lists_commands_and_exit_codes(cli: Cli) -> None:
    text = cli.ok("--help").out
    for command, summary in COMMANDS.items():
        assert f"{command} " in text and summary in text
    for code in (0, 1, 2, 3, 130, 141):
        assert f"\n    {code} " in text
    assert cli.ok("-h").out == text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    assert cli.ok(command, "--help").out.startswith(f"Usage: aligntui {command} ")


def test_version(cli: Cli) -> None:
    assert cli.ok("--version").out == f"aligntui {aligntui.__version__}\n"


def test_completion_is_typers_own(cli: Cli) -> None:
    shown = cli.run("--show-completion", "bash", SHELL="/bin/bash").out
    assert "_ALIGNTUI_COMPLETE" in shown
    found = cli.run(_ALIGNTUI_COMPLETE="complete_bash", COMP_WORDS="aligntui sess", COMP_CWORD="1")
    assert "sessions" in found.out


def test_a_slip_in_a_name_is_met_with_the_nearest_one(cli: Cli) -> None:
    assert "Did you mean 'sessions'?" in cli.refused("session", "list")
    assert "--workspace stands before the command" in cli.refused("sessions", "list", "--workspace", "x")
    assert "Usage: aligntui pairs" in cli.refused("pairs")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("chat", "--sed", "3"), "`aligntui chat` has no flag --sed.\nDid you mean --seed?"),
        (("chat", "--blind"), "`aligntui chat` has no flag --blind.\nSee `aligntui chat --help`."),
        (("--nonsense",), "`aligntui console` has no flag --nonsense.\nSee `aligntui console --help`."),
        (("chat", "--prompt"), "--prompt needs a value, and none follows it.\nSee `aligntui chat --help`."),
        (("chat", "--no-adapter=3"), "--no-adapter is a switch and takes no value.\nWrite --no-adapter alone."),
        (("pairs", "add", "--turn", "x"), "--verdict is missing: which is better"),
        (("sessions", "show"), "The argument ID is missing: id, beginning of an id, or name of a session.\nSee"),
        (
            ("sessions", "show", "a", "b c"),
            "`aligntui sessions show` has no place for 'b c'.\nPut a text with spaces in",
        ),
        (("sessions", "lst"), "`aligntui sessions` has no command 'lst'.\nDid you mean 'list'?"),
        (("sessions", "zzz"), "`aligntui sessions` has no command 'zzz'.\nKnown: list, show, search, rename, export."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_read_is_said_in_plain_words(inside: InsideCli, words: tuple[str, ...], says: str) -> None:
    assert inside.refused(*words).startswith(says)


def test_no_words_of_the_libraries_reach_the_user(inside: InsideCli) -> None:
    wrong = (
        ("chat", "--sed", "3"), ("chat", "--prompt"), ("chat", "--no-adapter=3"), ("pairs", "add"), ("sessions", "lst"),
        ("sessions", "list", "--limit", "x"), ("pairs", "export", "--format", "x", "--out", "y"), ("models", "pull", "a", "b"),
    )  # fmt: skip
    for words in wrong:
        said = inside.refused(*words)
        assert not any(
            foreign in said for foreign in ("Invalid", "Value error", "Input should", "Got unexpected", "No such")
        )


@pytest.mark.parametrize("words", [("--workspace=",), ("--workspace", ""), ("--workspace", " ", "sessions", "list")])
def test_a_workspace_without_a_name_is_not_the_current_folder(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "aligntui", *words], capture_output=True, text=True,
        env=cli.env(PYTHONPATH=str(ROOT)), cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "--workspace names no folder" in done.stderr
    assert list(folder.iterdir()) == []


def test_the_workspace_is_the_one_named(cli: Cli, tmp_path: Path) -> None:
    paths = cli.json("config", "path")
    assert paths["workspace"]["path"] == str(cli.workspace)
    other = subprocess.run(
        [sys.executable, "-m", "aligntui", f"--workspace={tmp_path / 'other'}", "config", "path"],
        capture_output=True, text=True, env=cli.env(), cwd=ROOT, check=True,
    )  # fmt: skip
    assert str(tmp_path / "other" / "sessions") in other.stdout


def test_closed_pipes_and_full_disks(talked: Cli) -> None:
    words = talked.argv("instructions", "list", "--json")
    reading, writing = os.pipe()
    os.close(reading)
    closed = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, env=talked.env(), cwd=ROOT, check=False)
    os.close(writing)
    assert (closed.returncode, closed.stderr) == (141, b"")
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, env=talked.env(), cwd=ROOT, check=False)
        assert done.returncode == 3 and b"Traceback" not in done.stderr and b"no space left" in done.stderr


def test_an_unexpected_failure_keeps_its_traceback(cli: Cli) -> None:
    code = "import aligntui.cli.app as app\napp.invoke = None\nimport aligntui.cli\nimport sys\nsys.argv = ['aligntui', '--help']\naligntui.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=cli.env(), cwd=ROOT, check=False
    )
    assert done.returncode == 1 and "Traceback" in done.stderr
