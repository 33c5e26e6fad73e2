"""The demo's data as a run: both directions, every phrasing, no held-out prompt among the trained ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from aligntui.backend.train.demo.__main__ import main
from aligntui.backend.train.demo.run import demo_rows
from aligntui.config.training import load_config
from tests.backend import run_folders


def test_opposed_pairs_stand_side_by_side_under_every_phrasing() -> None:
    rows, held_out, digest = demo_rows()
    assert len(digest) == 64 and len(rows) % 6 == 0
    assert len({row["id"] for row in rows}) == len(rows)
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert first["pair"] == second["pair"] and first["prompt"] == second["prompt"]
        assert (first["chosen"], first["rejected"]) == (second["rejected"], second["chosen"])
        assert first["instruction"] != second["instruction"]
    phrasings = Counter((row["id"].rpartition("/")[0], row["instruction"]) for row in rows)
    assert set(phrasings.values()) == {1}
    assert not {row["prompt"] for row in rows} & {row["prompt"] for row in held_out}


def test_one_command_makes_the_run_and_trains_it(tiny_llama: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "demo"
    settings = [
        f"model={tiny_llama}",
        "device=cpu",
        "max_steps=1",
        "samples.count=0",
        "evaluation.every=0",
        "length=4096",
    ]
    changed = [part for setting in settings for part in ("--set", setting)]
    # the tiny model's context holds 512 bytes, which real answers overflow: what the run says of that is its own affair
    assert main(["--out", str(out), *changed]) == 2
    assert "context" in run_folders.events(out / "run")[-1].event.error
    config = load_config(out / "run" / "config.yaml")
    assert [stage.method for stage in config.stages] == ["sft", "cita-kl"] and config.preset == "demo-cita"
    assert json.loads((out / "run" / "data" / "manifest.json").read_text())["records"] > 1000
    assert main(["--out", str(out)]) == 2 and "has begun" in capsys.readouterr().err


def test_it_trains(tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    settings = [
        f"model={tiny_llama}",
        "device=cpu",
        "max_steps=1",
        "samples.count=0",
        "evaluation.every=0",
        "length=500",
    ]
    assert main(["--out", str(out), *[part for setting in settings for part in ("--set", setting)]]) == 0
    assert (out / "adapter_model.safetensors").is_file() and "opposed-demo" in (out / "README.md").read_text()
