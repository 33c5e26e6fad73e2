"""A switch run killed in mid-run and gone on with says cell by cell what an uninterrupted one says."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace, cache_dir
from aligntui.store import open_store
from tests.cli.conftest import ROOT, Cli
from tests.cli.switch_runs import PROMPTS, QUICK, answers, bank
from tests.cli.test_real_model import small_adapter

REAL = ("--adapter", "wave", "--sample", "3", "--instructions", "concise,creative", "--no-noise", "--dtype", "float32",
        "--temperature", "0.7", "--max-new-tokens", "24", "--at-once", "2", "--json")  # fmt: skip


def killed(
    cli: Cli, words: tuple[str, ...], at_least: int, how: int = signal.SIGKILL
) -> tuple[str, dict[str, Any], int]:
    """Start a run in a process of its own, send it a signal when so many answers are stored; its id, what it had, its code."""
    process = subprocess.Popen(
        cli.argv("switch", "run", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env(), cwd=ROOT,
        # a shell that runs the tests in the background lets them inherit an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_until(lambda: process.poll() is not None or len(answers(cli, "")) >= at_least)
    assert process.poll() is None, process.communicate()
    process.send_signal(how)
    process.communicate(timeout=120)
    with open_store(Workspace(cli.workspace).database) as store:
        (run,) = store.list_runs()
        assert store.verify() == []
    return run.id, answers(cli, run.id), process.returncode


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def another(cli: Cli, folder: Path) -> Cli:
    """A second workspace for the same user."""
    return type(cli)(cli.home, folder / "another", cli.engine)


def compare(cli: Cli, run: str, there: dict[str, Any], whole: Cli, words: tuple[str, ...]) -> None:
    told = cli.json("switch", "run", "--resume", run, "--at-once", "2", timeout_s=300)
    assert 0 < len(there) < told["cells"] == told["done"]
    assert told["made"] == told["cells"] - len(there), "what was stored is not asked again"
    found = answers(cli, run)
    assert there.items() <= found.items()
    uninterrupted = whole.ok("switch", "run", *words, timeout_s=300).json["run"]
    assert found == answers(whole, uninterrupted)


def test_after_sigkill_the_answers_are_those_of_an_uninterrupted_run(cli: Cli, tmp_path: Path) -> None:
    cli.script(delay_s=0.03)
    path = bank(cli.home, *PROMPTS)
    words = ("--dataset", path, *QUICK, "--temperature", "0.9", "--at-once", "2", "--json")
    run, there, code = killed(cli, words, 4)
    assert code == -signal.SIGKILL
    Path(path).unlink()
    cli.script(delay_s=0)
    told = cli.json("switch", "list")
    assert (told[0]["cells"], told[0]["done"]) == (24, len(there)), (
        "what was stored is there, and the file is not needed"
    )
    Path(path).write_text("\n".join(PROMPTS))
    compare(cli, run, there, another(cli, tmp_path), words)


def test_ctrl_c_keeps_whole_answers_and_says_how_to_go_on(cli: Cli, tmp_path: Path) -> None:
    cli.script(delay_s=0.03)
    words = ("--dataset", bank(cli.home), *QUICK, "--at-once", "2", "--json")
    run, there, code = killed(cli, words, 3, signal.SIGINT)
    assert code == 130
    assert {one["finish"].value for one in there.values()} <= {"stop", "length"}
    cli.script(delay_s=0)
    compare(cli, run, there, another(cli, tmp_path), words)


# the embedded model --------------------------------------------------------------------------------


class RealCli(Cli):
    """With the developer's own copy of the embedded model."""

    def env(self, **more: str) -> dict[str, str]:
        return super().env(**{"ALIGNTUI_CACHE": str(cache_dir()), "ALIGNTUI_THREADS": "2", **more})


@pytest.fixture
def real(tmp_path: Path) -> Cli:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("workspace", "another"):
        small_adapter(tmp_path / name / "adapters" / "wave")
    return RealCli(home, tmp_path / "workspace", engine=None)


@pytest.mark.real_model
def test_the_embedded_model_killed_and_resumed_says_what_it_would_have_said(real: Cli, tmp_path: Path) -> None:
    words = (
        "--dataset",
        bank(real.home, "Why is the sky blue?", "What makes bread rise?", "Who was Ada Lovelace?"),
        *REAL,
    )
    run, there, _ = killed(real, words, 2)
    compare(real, run, there, another(real, tmp_path), words)
    report = real.json("switch", "report", run, timeout_s=300)
    assert [(row["side"], row["n"], row["chance"]) for row in report["sides"]] == [("base", 6, 0.5), ("wave", 6, 0.5)]
    weights = real.workspace / "adapters" / "wave" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    said = real.refused("switch", "run", "--resume", run, timeout_s=300)
    assert "The adapter wave has other weights than when the run was begun" in said
