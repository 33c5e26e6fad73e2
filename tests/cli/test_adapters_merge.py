"""`aligntui adapters merge` and `push`: what is shown, what is written, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.backend import tiny
from tests.cli.conftest import Cli


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


def test_an_adapter_is_merged_and_the_result_can_be_pushed(cli: Cli, base: Path, tmp_path: Path) -> None:
    tiny.save_adapter(base, cli.workspace / "adapters" / "nice", target_modules=["q_proj"])
    out = tmp_path / "merged"
    made = cli.json("adapters", "merge", "nice", "--model", str(base), "--out", str(out), "--strength", "0.5")
    assert made["path"] == str(out) and made["strength"] == 0.5 and len(made["weights_sha256"]) == 64
    name = "model.layers.0.self_attn.q_proj.weight"
    before, after = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert not before[name].equal(after[name])
    assert "is there already" in cli.refused("adapters", "merge", "nice", "--model", str(base), "--out", str(out))
    plan = cli.json("adapters", "push", str(out), "me/nice", "--dry-run")
    assert plan["commit"] is None and "model.safetensors" in {file["name"] for file in plan["files"]}


def test_a_dry_run_names_files_and_sizes(cli: Cli) -> None:
    shown = cli.ok("adapters", "push", "demo", "me/demo", "--dry-run")
    assert "adapter_model.safetensors" in shown.out and "nothing was sent" in shown.err
    assert "no repository of the hub" in cli.refused("adapters", "push", "demo", "demo", "--dry-run")


def test_a_merge_of_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    assert "no adapter 'nice'" in cli.refused("adapters", "merge", "nice", "--out", str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()
