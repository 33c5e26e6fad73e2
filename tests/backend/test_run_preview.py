"""The first batch as it is fed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.backend.train.run.trainer import PairTrainer
from tests.backend import run_folders


def preview(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict]:
    capsys.readouterr()
    assert run_folders.train_here(folder, "--preview") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_is_what_the_first_step_sees(tiny_llama: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    folder = run_folders.make_run(tmp_path, tiny_llama, ["method=dpo", "batch=2", "accumulation=2", "max_steps=1"])
    head, *sequences = preview(folder, capsys)
    assert not (folder / "events.jsonl").exists()
    seen: list[list[int]] = []
    original = PairTrainer.compute_loss

    def watched(self, model, inputs, *args, **options):
        for pair in inputs["pairs"]:
            seen.extend([[*pair.prompt, *pair.chosen], [*pair.prompt, *pair.rejected]])
        return original(self, model, inputs, *args, **options)

    monkeypatch.setattr(PairTrainer, "compute_loss", watched)
    assert run_folders.train_here(folder) == 0
    assert [line["token_ids"] for line in sequences] == seen
    assert [line["side"] for line in sequences] == ["chosen", "rejected"] * 4
    assert (head["kind"], head["records"], head["in_batch"], head["truncated"], head["dropped"]) == (
        "batch",
        8,
        4,
        0,
        0,
    )
    assert head["template_sha256"] == run_folders.events(folder, "started")[0].event.template_hash
    assert head["trained_tokens"] == run_folders.events(folder, "data")[0].event.trained_tokens


def test_tokens_are_told_apart_and_cuts_counted(tiny_llama: Path, tmp_path: Path, capsys) -> None:
    data = [{"id": "a", "instruction": "Be brief.", "prompt": "Why?", "chosen": "Because of it all.", "rejected": None}]
    folder = run_folders.make_run(tmp_path, tiny_llama, ["method=sft", "length=30"], data=data)
    head, line = preview(folder, capsys)
    assert head["truncated"] == 1 and head["longest"] == head["length"] == 30 and line["truncated"]
    text = "".join(token for token, trained in zip(line["tokens"], line["trained"], strict=True) if not trained)
    assert text == line["rendered"] == "<|system|>Be brief.<|end|><|user|>Why?<|end|><|assistant|>"
    answer = "".join(token for token, trained in zip(line["tokens"], line["trained"], strict=True) if trained)
    assert answer and "Because of it all.".startswith(answer) and len(line["tokens"]) == 30


def test_it_needs_no_weights(tiny_llama: Path, tmp_path: Path, capsys) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in tiny_llama.iterdir():
        if file.suffix != ".safetensors":
            (bare / file.name).write_bytes(file.read_bytes())
    (bare / "model.safetensors").write_bytes(b"")  # a name without weights
    folder = run_folders.make_run(tmp_path, bare, ["method=sft"])
    assert preview(folder, capsys)[0]["records"] == 8
