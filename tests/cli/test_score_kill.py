"""A score run killed in mid-run and gone on with says cell by cell what an uninterrupted one says."""

from __future__ import annotations

import json
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
from tests.cli.score_runs import QUICK, prompts, track_a
from tests.cli.switch_runs import answers
from tests.cli.test_real_model import small_adapter

DEADLINE_S = 240


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def killed(cli: Cli, words: tuple[str, ...], at_least: int) -> tuple[str, dict[str, Any]]:
    """Start a run in a process of its own and kill it when so many answers are stored; its id, and what it had."""
    process = subprocess.Popen(
        cli.argv("score", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env(), cwd=ROOT
    )
    wait_until(lambda: process.poll() is not None or len(answers(cli, "")) >= at_least)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    with open_store(Workspace(cli.workspace).database) as store:
        (run,) = store.list_runs()
        assert store.verify() == []
    return run.id, answers(cli, run.id)


def gone_on(cli: Cli, run: str, there: dict[str, Any], whole: Cli, words: tuple[str, ...]) -> None:
    told = cli.json("score", words[0], "--resume", run, "--at-once", "2", timeout_s=300)
    assert 0 < len(there) < told["run"]["cells"] == told["run"]["done"]
    found = answers(cli, run)
    assert there.items() <= found.items(), "what was stored is not asked again"
    uninterrupted = whole.json("score", *words, timeout_s=300)
    assert found == answers(whole, uninterrupted["run"]["id"])
    for field in ("table", "deliveries", "fingerprint"):
        assert told[field] == uninterrupted[field]


def test_after_sigkill_the_answers_and_scores_are_those_of_an_uninterrupted_run(cli: Cli, tmp_path: Path) -> None:
    cli.adapter("polite")
    whole = Cli(cli.home, tmp_path / "another", cli.engine)
    whole.adapter("polite")
    cli.script(delay_s=0.03)
    path = track_a(cli.home)
    words = ("tracka", "--prompts", path, *QUICK, "--temperature", "0.9", "--seeds", "2", "--at-once", "2")
    run, there = killed(cli, words, 4)
    Path(path).unlink()
    cli.script(delay_s=0)
    (part,) = cli.json("score", "list")
    assert (part["cells"], part["done"]) == (24, len(there)), "what was stored is there, and the file is not needed"
    assert sum(one["coverage"]["used"] for one in cli.json("score", "report", run)["columns"]) == len(there)
    track_a(cli.home)
    gone_on(cli, run, there, whole, words)


class RealCli(Cli):
    """With the developer's own copy of the embedded model."""

    def env(self, **more: str) -> dict[str, str]:
        return super().env(**{"ALIGNTUI_CACHE": str(cache_dir()), "ALIGNTUI_THREADS": "2", **more})


@pytest.mark.real_model
def test_the_embedded_model_is_scored_killed_resumed_and_reported(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("workspace", "another"):
        small_adapter(tmp_path / name / "adapters" / "wave")
    cli, whole = (RealCli(home, tmp_path / name, engine=None) for name in ("workspace", "another"))
    words = ("ifeval", "--prompts", prompts(home, 4), "--adapter", "wave", "--dtype", "float32", "--max-new-tokens", "24",
             "--at-once", "2")  # fmt: skip
    run, there = killed(cli, words, 2)
    gone_on(cli, run, there, whole, words)
    out = tmp_path / "report"
    told = json.loads(cli.ok("score", "report", run, "--out", str(out), "--json", timeout_s=300).out)
    assert [one["coverage"]["used"] for one in told["columns"]] == [4, 4]
    assert {one["weights_sha256"] for one in told["columns"]} and told["columns"][1]["adapter"] == "wave"
    assert all(0 <= row["low"] <= row["high"] <= 1 for row in told["table"]["rows"][0]["values"])
    assert (out / "report.html").is_file() and (out / "results_wave.json").is_file()
    shown = cli.json("score", "show", run)
    assert len(shown) == 4 and all(one["answers"][0] is not None for one in shown)
