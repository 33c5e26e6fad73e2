"""Whole runs on the tiny model: what they say, what they leave, and that they learn what their method means."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.weights import load_base
from aligntui.backend.train.run.adapter_files import read_adapter
from aligntui.backend.train.run.card import data_name
from aligntui.config.training import load_config
from aligntui.wire.run_events import Checkpoint, Data, Eval, Finished, Sample, Started, Step, Warned
from tests.backend import run_folders, tiny

FALLS = ["sft", "contrastive-ita"]
RISES = ["dpo", "rrhf", "unified", "cita-kl"]


def trained(tmp_path: Path, model: Path, *settings: str, **options) -> Path:
    folder = run_folders.make_run(tmp_path, model, settings, **options)
    assert run_folders.train_here(folder) == 0, [s.event for s in run_folders.events(folder, "failed")]
    return folder


@pytest.mark.parametrize("method", [*FALLS, *RISES])
def test_every_method_learns(tiny_llama: Path, tmp_path: Path, method: str) -> None:
    folder = trained(
        tmp_path, tiny_llama, f"method={method}", "epochs=8", "batch=4", "rank=8", "evaluation.every=4",
        held_out=run_folders.rows(2),
    )  # fmt: skip
    assert len(run_folders.curve(folder)) == 16
    if method in FALLS:
        losses = run_folders.curve(folder)
        assert sum(losses[-4:]) < 0.97 * sum(losses[:4])
        assert run_folders.curve(folder, "margin") == [None] * 16
    else:
        margins = run_folders.curve(folder, "margin")
        assert sum(margins[-4:]) > sum(margins[:4]) + 0.5
    kls = run_folders.curve(folder, "kl")
    if method in ("dpo", "unified", "cita-kl"):
        assert kls[0] == pytest.approx(0, abs=1e-6) and min(kls) > -1e-6 and kls[-1] > 1e-4
    else:
        assert kls == [None] * 16
    weights = run_folders.curve(folder, "kl_weight")
    if method in ("unified", "cita-kl"):
        assert weights[0] == 0.01 and weights[-1] == pytest.approx(0.1) and sorted(weights) == weights
    else:
        assert weights == [None] * 16


def test_a_run_tells_its_story_and_leaves_an_adapter_that_the_engine_loads(tiny_llama: Path, tmp_path: Path) -> None:
    folder = trained(
        tmp_path, tiny_llama, "max_steps=4", "checkpoints.every=2", "checkpoints.keep=1", "evaluation.every=2",
        "samples.count=1", "max_new_tokens=3", "report_to=tensorboard", held_out=run_folders.rows(3),
    )  # fmt: skip
    kinds = [stamped.kind for stamped in run_folders.events(folder)]
    one = ["step", "step", "eval", "checkpoint", "sample"]
    assert kinds == ["started", "data", "sample", *one, *one, "finished"]
    said = [stamped.event for stamped in run_folders.events(folder)]
    started, data = said[0], said[1]
    assert isinstance(started, Started) and isinstance(data, Data)
    assert (started.total_steps, started.device, started.dtype) == (4, "cpu", "float32")
    assert started.pid == json.loads((folder / "process.json").read_text())["pid"]
    assert data.records == 8 and 0 < data.trained_tokens < data.tokens and data.truncated == data.dropped == 0
    step = next(event for event in said if isinstance(event, Step))
    assert all(value is not None for name, value in asdict(step).items() if name not in ("gpu_bytes", "sft"))
    assert [e.path for e in said if isinstance(e, Checkpoint)] == ["checkpoints/step-000002", "checkpoints/step-000004"]
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["step-000004"]  # keep=1
    assert all(e.loss is not None for e in said if isinstance(e, Eval))
    assert all(e.prompt == "Is rain wet?" and e.answer for e in said if isinstance(e, Sample))
    assert list((folder / "reports" / "tensorboard").glob("events.out.tfevents*"))

    shelf = AdapterShelf(load_base(str(tiny_llama), dtype="float32", device="cpu"))
    finished = said[-1]
    assert isinstance(finished, Finished)
    assert shelf.get(str(folder.parent)).sha256 == finished.adapter_hash
    assert shelf.get(str(folder / "checkpoints" / "step-000004")).rank == 4
    card = (folder.parent / "README.md").read_text()
    for fact in (started.model_hash, started.template_hash, finished.adapter_hash, "cita-kl", "seed", "8 trained"):
        assert fact in card, fact
    conditions = json.loads((folder / "config.json").read_text())
    assert conditions["base_weights_sha256"] == started.model_hash and conditions["mode"] == "system"


def test_accumulated_batches_are_one_large_batch(tiny_llama: Path, tmp_path: Path) -> None:
    settings = ["method=unified", "max_steps=4"]
    small = trained(tmp_path, tiny_llama, *settings, "batch=1", "accumulation=4", name="small")
    large = trained(tmp_path, tiny_llama, *settings, "batch=4", name="large")
    for figure in ("loss", "grad_norm", "kl", "sft", "margin"):
        assert run_folders.curve(small, figure) == pytest.approx(run_folders.curve(large, figure), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("between", ["kept", "merged"])
def test_stages_give_one_adapter_that_does_what_they_did_together(
    tiny_llama: Path, tmp_path: Path, between: str
) -> None:
    """The last sample is written by base + stages in memory; the finished adapter on the bare base must say the same."""
    folder = trained(
        tmp_path, tiny_llama, "stages=sft,dpo", "max_steps=4", f"between={between}", "samples.count=2",
        "max_new_tokens=12", "lr=0.03",
    )  # fmt: skip
    started = run_folders.events(folder, "started")[0].event
    assert started.stages == ("sft", "dpo") and started.stage_ends == (4, 8) and started.total_steps == 8
    assert [s.event.step for s in run_folders.events(folder, "step")] == list(range(1, 9))
    assert run_folders.curve(folder)[4] == pytest.approx(0.6931, abs=1e-3)  # DPO starts where SFT ended
    margins = run_folders.curve(folder, "margin")
    assert margins[:4] == [None] * 4 and margins[4] == pytest.approx(0, abs=1e-3)
    model = tiny.peft_model(tiny_llama, folder.parent)
    tokenizer = tiny.make_tokenizer()
    samples = [s.event for s in run_folders.events(folder, "sample")][-2:]
    for sample in samples:
        messages = [{"role": "system", "content": sample.instruction}] if sample.instruction else []
        messages.append({"role": "user", "content": sample.prompt})
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        found = tiny.reference_tokens(model, tokenizer(text, add_special_tokens=False)["input_ids"], 12)
        assert tokenizer.decode(found, skip_special_tokens=True) == sample.answer
    assert any(sample.answer for sample in samples)


def test_a_parent_adapter_stays_under_the_new_one(tiny_llama: Path, tmp_path: Path) -> None:
    first = trained(tmp_path, tiny_llama, "method=sft", "max_steps=2", "lr=0.05", "stored=bfloat16", name="first")
    kinds = {tensor.dtype for tensor in read_adapter(first.parent)[0].values()}
    assert kinds == {torch.bfloat16}
    second = trained(
        tmp_path, tiny_llama, "method=dpo", "max_steps=1", "lr=1e-12", f"parent={first.parent}", name="second"
    )
    assert run_folders.curve(second)[0] == pytest.approx(0.6931, abs=1e-4)
    ids = torch.tensor([tiny.ids_of("Is rain wet?")])
    with torch.no_grad():
        bare, one, both = (
            tiny.peft_model(tiny_llama, adapter)(input_ids=ids).logits
            for adapter in (None, first.parent, second.parent)
        )
    torch.testing.assert_close(both, one, atol=1e-4, rtol=1e-4)
    assert (one - bare).abs().max() > 0.05


def test_the_reference_of_a_kept_stage_can_be_the_base(tiny_llama: Path, tmp_path: Path) -> None:
    """Against the base a second stage starts with the KL that the first one made, against the stage with none."""
    settings = ["stages=sft,cita-kl", "max_steps=3", "lr=0.05", "schedule=constant"]
    stage = trained(tmp_path, tiny_llama, *settings, "loss.reference=stage", name="stage")
    base = trained(tmp_path, tiny_llama, *settings, "loss.reference=base", name="base")
    assert run_folders.curve(stage, "kl")[3] == pytest.approx(0, abs=1e-6)
    assert run_folders.curve(base, "kl")[3] > 1e-3


def test_a_loss_that_is_no_number_stops_the_run_with_its_batch(tiny_llama: Path, tmp_path: Path) -> None:
    folder = run_folders.make_run(
        tmp_path, tiny_llama, ["method=sft", "max_steps=40", "lr=1e30", "clip=0", "schedule=constant"]
    )
    assert run_folders.train_here(folder) == 2
    failed = run_folders.events(folder)[-1].event
    assert "not a number" in failed.error and failed.step > 1 and failed.where == f"failed/step-{failed.step:06d}.json"
    batch = json.loads((folder / failed.where).read_text())
    assert len(batch["records"]) == 2 and all(row["id"].startswith("r") and row["chosen"] for row in batch["records"])
    assert not (folder.parent / "adapter_model.safetensors").exists()
    assert all(loss is not None for loss in run_folders.curve(folder))


def test_gradient_checkpointing_changes_nothing_but_memory(tiny_llama: Path, tmp_path: Path) -> None:
    settings = ["method=dpo", "max_steps=3"]
    plain = trained(tmp_path, tiny_llama, *settings, name="plain")
    thrifty = trained(tmp_path, tiny_llama, *settings, "gradient_checkpointing=true", name="thrifty")
    assert run_folders.curve(thrifty) == pytest.approx(run_folders.curve(plain), rel=1e-5)


def test_qlora_trains_on_the_cpu(tiny_llama: Path, tmp_path: Path) -> None:
    folder = trained(
        tmp_path, tiny_llama, "method=dpo", "quantisation=nf4", "epochs=6", "batch=4", "evaluation.every=2",
        held_out=run_folders.rows(2),
    )  # fmt: skip
    margins = run_folders.curve(folder, "margin")
    assert margins[0] == pytest.approx(0, abs=1e-4) and sum(margins[-3:]) > 0.5
    assert "nf4" in run_folders.events(folder, "started")[0].event.dtype
    assert AutoModelForCausalLM.from_pretrained(tiny_llama) is not None  # the base's files are as they were


def test_what_needs_a_gpu_is_left_out_aloud(tiny_llama: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path, tiny_llama, "max_steps=1", "optimizer=adamw_bnb_8bit", "max_memory=0=14336MiB,cpu=24GiB")
    said = " ".join(s.event.message for s in run_folders.events(folder, "warning") if isinstance(s.event, Warned))
    assert "max_memory" in said and "8-bit optimiser" in said
    assert load_config(folder / "config.yaml").base.max_memory == {"0": "14336MiB", "cpu": "24GiB"}


@pytest.mark.parametrize(
    ("settings", "data", "words"),
    [
        (["target_modules=q_proj,c_attnn"], None, ["c_attnn", "matches no layer"]),
        (["layers=7"], None, ["layer 7", "2"]),
        (["length=8"], None, ["No record is left", "steps.length"]),
        (["length=4000"], [{"id": "long", "prompt": "x" * 600, "chosen": "a", "rejected": "b"}], ["context", "512"]),
        ([], [], ["empty"]),
        ([], [{"id": "p7", "prompt": "Why?", "chosen": " ", "rejected": "b"}], ["chosen answer", "p7"]),
        ([], [{"id": "p8", "prompt": "Why?", "chosen": "a", "rejected": None}], ["rejected answer", "p8", "sft"]),
        (["model=/no/such/model"], None, ["no model folder"]),
        (["parent=/no/such/adapter"], None, ["/no/such/adapter"]),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_said_in_words(tiny_llama, tmp_path, capsys, settings, data, words) -> None:
    folder = run_folders.make_run(tmp_path, tiny_llama, settings, data=data)
    assert run_folders.train_here(folder) == 2
    failed = run_folders.events(folder)[-1]
    assert failed.kind == "failed" and failed.event.exit_code == 2
    whole = f"{failed.event.error} {failed.event.hint}"
    assert all(word in whole for word in words), whole
    assert failed.event.hint and "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            {"source": {"kind": "folder", "source": "/home/me/opposed", "layout": "opposed answers"}},
            "`opposed` (opposed answers)",
        ),
        ({"source": {"kind": "file", "source": "/data/a.jsonl", "layout": "trl"}}, "`a.jsonl` (trl)"),
        ({"source": {"kind": "data set", "name": "mine@2"}}, "`mine@2`"),
        ({"source": {"kind": "pairs", "source": "pairs", "database": "aligntui.db"}}, "`pairs`"),
        (
            {"source": {"kind": "file", "source": ["/d/a.jsonl", "/d/b.jsonl"], "layout": "trl"}},
            "`a.jsonl`, `b.jsonl` (trl)",
        ),
        ({"source": "given"}, "`given`"),
        ({}, "the data of its run"),
    ],
)
def test_the_card_names_the_data_and_not_the_machine(manifest: dict, said: str) -> None:
    assert data_name(manifest) == said
