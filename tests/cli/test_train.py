"""`aligntui train` with the scripted trainer: what is frozen, shown, refused, and what Ctrl-C does."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace, cache_dir
from aligntui.config.training import load_config
from aligntui.jobs.folders import find_run
from aligntui.jobs.starting import VARIABLE
from aligntui.jobs.state import RunState, look
from tests.cli.conftest import ROOT, Cli, InsideCli
from tests.jobs.runs import SCRIPTED, no_process_left, wait_until

QUICK = ("--preset", "cita-kl", "--data", "opposed-demo", "--model", "embedded")


class TrainCli(Cli):
    trainer = SCRIPTED

    def env(self, **more: str) -> dict[str, str]:
        return super().env(**{VARIABLE: self.trainer, **more})


class InsideTrainCli(InsideCli, TrainCli):
    pass


@pytest.fixture
def trains(tmp_path: Path) -> TrainCli:
    (tmp_path / "home").mkdir()
    return TrainCli(tmp_path / "home", tmp_path / "workspace")


@pytest.fixture
def within(trains: TrainCli) -> InsideTrainCli:
    return InsideTrainCli(trains.home, trains.workspace)


def pairs_file(folder: Path, *records: Mapping[str, object]) -> str:
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def pair(number: int, **more: object) -> dict[str, object]:
    subjects = ("bread", "rain", "trains", "bees", "glass", "salt", "moss", "tin")
    asked = f"What is known about {subjects[number % 8]}?"
    return {"prompt": asked, "chosen": f"Much: {number}.", "rejected": f"Little: {number}.", **more}


def test_it_freezes_shows_starts_and_follows_to_the_end(trains: TrainCli) -> None:
    done = trains.ok("train", *QUICK, "--name", "kind", "--set", "max_steps=6", "--set", "lr=1e-5")
    assert done.out == "kind\n", "standard output is the name alone"
    assert "learning_rate: 1.0e-05" in done.err and "# process  " in done.err
    assert "kind has finished: step 6 of 6" in done.err
    folder = find_run(Workspace(trains.workspace), "kind")
    config = load_config(folder.config)
    assert (config.steps.max_steps, config.optimiser.learning_rate, config.base.model) == (6, 1e-5, "embedded")
    manifest = json.loads(folder.manifest.read_text())
    assert manifest["counts"]["train"] == folder.train_data.read_text().count("\n")
    assert json.loads(folder.lineage.read_text())["preset"] == "cita-kl"


def test_a_dry_run_checks_everything_and_writes_nothing(within: InsideTrainCli) -> None:
    plan = within.json("train", *QUICK, "--name", "kind", "--dry-run", "--model", "owner/model-that-is-not-here")
    assert plan["config"]["base"]["model"] == "owner/model-that-is-not-here"
    assert plan["data"]["train"] + plan["data"]["held_out"] == 508
    assert plan["command"].endswith("/adapters/kind/run")
    assert not (within.workspace / "adapters").exists()
    told = within.ok("train", *QUICK, "--dry-run")
    assert "method: cita-kl" in told.out and "dry run" in told.err


def test_detached_it_leaves_at_the_first_word(trains: TrainCli) -> None:
    done = trains.json("train", *QUICK, "--name", "kind", "--detach")
    folder = find_run(Workspace(trains.workspace), "kind")
    with no_process_left(folder):
        assert done["run"] == "kind" and done["state"] in ("running", "finished")
        wait_until(lambda: look(folder).state is RunState.FINISHED)


def test_queued_it_is_worked_off_in_the_background(trains: TrainCli) -> None:
    for name in ("first", "second"):
        assert trains.json("train", *QUICK, "--name", name, "--queue")["state"] == "queued"
    folders = [find_run(Workspace(trains.workspace), name) for name in ("first", "second")]
    with no_process_left(*folders):
        wait_until(lambda: all(look(folder).state is RunState.FINISHED for folder in folders))
        wait_until(lambda: trains.json("runs", "queue", "list")["worker"] is None)


def begun(trains: TrainCli, name: str) -> subprocess.Popen[bytes]:
    """`train` in a process of its own, followed, with a run of many slow steps."""
    words = ("train", "--preset", "cita-kl", "--data", "opposed-demo", "--model", "embedded", "--name", name)
    slow = {VARIABLE: json.dumps([*json.loads(SCRIPTED)[:1], str(ROOT / "tests/jobs/slow_trainer.py")])}
    process = subprocess.Popen(
        trains.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=trains.env(**slow), cwd=ROOT,
        # a shell that runs the tests in the background lets them inherit an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    workspace = Workspace(trains.workspace)
    wait_until(lambda: (workspace.adapters / name / "run" / "events.jsonl").exists(), 60)
    wait_until(lambda: look(find_run(workspace, name)).story.step >= 2)
    time.sleep(0.5)  # the command has seen it as well
    return process


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_stop_it(trains: TrainCli) -> None:
    process = begun(trains, "kind")
    folder = find_run(Workspace(trains.workspace), "kind")
    with no_process_left(folder):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "aligntui runs stop kind" in err.decode() and "Traceback" not in err.decode()
        before = look(folder).story.step
        wait_until(lambda: look(folder).story.step > before)
        assert look(folder).state is RunState.RUNNING


def test_a_second_ctrl_c_stops_it_safely(trains: TrainCli) -> None:
    process = begun(trains, "kind")
    folder = find_run(Workspace(trains.workspace), "kind")
    with no_process_left(folder):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0
        assert "kind has stopped at step" in err.decode()
        run = look(folder)
        assert run.state is RunState.STOPPED
        assert run.story.checkpoints[-1].step == run.story.step


def test_a_lost_line_leaves_the_run_alone(trains: TrainCli) -> None:
    process = begun(trains, "kind")
    folder = find_run(Workspace(trains.workspace), "kind")
    with no_process_left(folder):
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=120)
        before = look(folder).story.step
        wait_until(lambda: look(folder).story.step > before)


def test_a_failed_run_gives_its_own_exit_code(trains: TrainCli) -> None:
    trainer = json.dumps([*json.loads(SCRIPTED)[:1], str(ROOT / "tests/jobs/failing_trainer.py")])
    trains.trainer = trainer
    done = trains.run("train", *QUICK, "--name", "kind")
    assert done.code == 3
    assert "The loss is not a number." in done.err and "Lower the learning rate." in done.err
    assert "kind@2" in done.err, "its checkpoints are named"


def test_a_process_that_ends_before_it_speaks_is_told_by_its_log(trains: TrainCli) -> None:
    trainer = json.dumps([*json.loads(SCRIPTED)[:1], "-c", "import sys; print('no CUDA driver'); sys.exit(3)"])
    trains.trainer = trainer
    said = trains.refused("train", *QUICK, "--name", "kind", code=3)
    assert "no CUDA driver" in said and "console.log" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "cita-kk", "--data", "pairs", "--name", "a"), "Did you mean 'cita-kl'?"),
        (("--preset", "cita-kl", "--data", "pairs", "--name", "a", "--set", "learning_rat=1"), "learning_rate"),
        (("--preset", "cita-kl", "--data", "pairs", "--name", "a", "--set", "lambda=0"), "The KL is mandatory"),
        (("--preset", "cita-kl", "--data", "pairs", "--name", "a/b"), "cannot be the name"),
        (("--preset", "cita-kl", "--data", "pairs"), "--name is missing"),
        (("--preset", "cita-kl", "--name", "a"), "--data is missing"),
        (("--data", "pairs", "--name", "a"), "--preset is missing"),
        (("--preset", "cita-kl", "--data", "opposed-dem", "--name", "a"), "Did you mean 'opposed-demo'?"),
        (("--preset", "cita-kl", "--data", "pairs", "--name", "a"), "nothing to train on in pairs"),
        (("--preset", "cita-kl", "--data", "opposed-demo", "--name", "a", "--accelerate", "'"), "--accelerate"),
    ],
)
def test_what_is_refused(within: InsideTrainCli, words: tuple[str, ...], said: str) -> None:
    assert said in within.refused("train", *words)
    assert not list(Path(within.workspace).glob("adapters/*")), "nothing is left behind"


def test_a_name_that_is_taken(within: InsideTrainCli) -> None:
    within.adapter("polite")
    assert "There is an adapter 'polite' already" in within.refused("train", *QUICK, "--name", "polite")
    assert "There is an adapter" in within.refused("train", *QUICK, "--name", "polite", "--replace")


def test_a_failed_attempt_is_put_aside_on_demand(trains: TrainCli) -> None:
    trainer = json.dumps([*json.loads(SCRIPTED)[:1], str(ROOT / "tests/jobs/failing_trainer.py")])
    trains.trainer = trainer
    trains.run("train", *QUICK, "--name", "kind")
    trains.trainer = SCRIPTED
    assert "--replace puts it aside" in trains.refused("train", *QUICK, "--name", "kind")
    trains.ok("train", *QUICK, "--name", "kind", "--replace")
    aside = list((trains.workspace / "adapters" / ".replaced").iterdir())
    assert len(aside) == 1 and (aside[0] / "run" / "events.jsonl").exists()
    assert [run["name"] for run in trains.json("runs", "list")] == ["kind"]


def test_records_that_cannot_be_trained_on(within: InsideTrainCli, tmp_path: Path) -> None:
    bad = pairs_file(tmp_path, pair(1), pair(2, chosen=""), pair(3))
    words = ("train", "--preset", "ecliptica-dpo", "--name", "a", "--dry-run", "--data")
    said = within.refused(*words, bad)
    assert "1 of 3 records cannot be read" in said and "line 2" in said and "--skip-bad" in said
    plan = within.json(*words, bad, "--skip-bad")
    assert plan["data"]["train"] + plan["data"]["held_out"] == 2
    (tmp_path / "empty.jsonl").write_text("")
    assert "empty" in within.refused(*words, str(tmp_path / "empty.jsonl"))
    sft_only = pairs_file(tmp_path, *({"prompt": f"Say {n}.", "completion": f"{n}"} for n in range(3)))
    assert "without a rejected answer" in within.refused(*words, sft_only)


def test_overlap_with_an_evaluation_suite_is_a_warning_with_counts(within: InsideTrainCli, tmp_path: Path) -> None:
    suite = tmp_path / "suite.txt"
    suite.write_text("What is known about rain?\n")
    data = pairs_file(tmp_path, *(pair(n) for n in range(8)))
    words = ("train", "--preset", "ecliptica-dpo", "--name", "a", "--dry-run", "--set", "share=0", "--data", data)
    plan = within.json(*words, "--suite", f"rainy={suite}")
    assert any("1 of rainy" in warning for warning in plan["warnings"])
    assert not any("evaluation suites" in warning for warning in within.json(*words)["warnings"])


def test_a_folder_that_cannot_be_written(within: InsideTrainCli, tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file")
    said = within.refused("train", *QUICK, "--name", "a", code=2)
    assert "is a file" in said


def test_presets_are_listed_and_settings_saved_and_read_back(within: InsideTrainCli, tmp_path: Path) -> None:
    assert {"cita-kl", "organism-rank1"} <= {one["name"] for one in within.json("train", "--list-presets")}
    file = tmp_path / "mine.yaml"
    within.ok("train", *QUICK, "--dry-run", "--set", "rank=5", "--save-config", str(file))
    plan = within.json("train", "--config", str(file), "--data", "opposed-demo", "--dry-run")
    assert plan["config"]["adapter"]["rank"] == 5
    assert "exclude each other" in within.refused("train", *QUICK, "--config", str(file), "--dry-run")


def test_a_preview_tells_trained_from_masked_without_colour(within: InsideTrainCli) -> None:
    shown = within.ok("train", *QUICK, "--preview").out
    assert "truncated   1 records lost the end of an answer" in shown
    masked = [line for line in shown.splitlines() if line.startswith("masked  | ")]
    trained = [line for line in shown.splitlines() if line.startswith("trained | ")]
    assert len(masked) == len(trained) == 1 and "\x1b" not in shown
    assert not (within.workspace / "adapters").exists()
    assert [row["kind"] for row in within.json("train", *QUICK, "--preview")] == ["batch", "sequence"]


def test_help_documents_exit_codes_and_ctrl_c(within: InsideTrainCli) -> None:
    told = " ".join(within.ok("train", "--help").out.split())
    assert "Ctrl-C leaves it alone" in told and "Exit codes: 0" in told


@pytest.mark.real_model
def test_the_real_trainer_makes_an_adapter_that_the_lists_know(trains: TrainCli, tmp_path: Path) -> None:
    data = pairs_file(tmp_path, *(pair(n) for n in range(4)))
    words = ("--preset", "ecliptica-dpo", "--model", "embedded", "--data", data, "--name", "small")
    quick = ("--set", "max_steps=2", "--set", "batch=1", "--set", "accumulation=1", "--set", "checkpoint_every=1",
             "--set", "samples.count=0", "--set", "share=0", "--set", "dtype=float32", "--set", "threads=1")  # fmt: skip
    real = {VARIABLE: "", "ALIGNTUI_CACHE": str(cache_dir())}
    shown = trains.ok("train", *words, *quick, "--preview", timeout_s=120, **real).out
    assert "trained | Much: " in shown and "masked  | " in shown
    done = trains.ok("train", *words, *quick, timeout_s=280, **real)
    assert "small has finished: step 2 of 2" in done.err and "# memory   It fits" in done.err
    record = trains.json("runs", "show", "small")
    assert record["lineage"]["base_model"] == "embedded" and len(record["curves"]["loss"]) == 2
    assert [one["step"] for one in record["checkpoints"]] == [1, 2]
    (adapter,) = [one for one in trains.json("adapters", "list") if one["name"] == "small"]
    assert not adapter["problem"] and adapter["rank"] == 8
