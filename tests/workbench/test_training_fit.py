"""The arithmetic of memory and time: against tensors that can be counted, and against itself where settings change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aligntui.config.paths import Workspace, embedded_model
from aligntui.config.training import TrainingConfig, apply_settings
from aligntui.data.adapter_weights import number_count, read_header
from aligntui.workbench.memory import measuring
from aligntui.workbench.training import fit as fitting
from aligntui.workbench.training.batch_lengths import Lengths, largest_batch, lengths_of
from aligntui.workbench.training.fit import adapter_bytes, estimate_for, layer_bytes, weight_bytes
from aligntui.workbench.training.model_shape import ModelShape, find_shape, read_shape
from aligntui.workbench.training.pace import operations_of, product_rate
from aligntui.workbench.training.records import Split, split
from aligntui.workbench.training.sources import DataWish, load_source
from tests.workbench.training_data import jsonl, pairs

SHAPE = ModelShape(hidden=8, inner=32, layers=4, query=8, key=4, vocabulary=100, tied=True, stored_bytes=4)


def config(*changes: str) -> TrainingConfig:
    return apply_settings(TrainingConfig(), ["device=cpu", "dtype=float32", *changes])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with a shape and no weights."""
    folder = tmp_path / "model"
    folder.mkdir()
    shape = {
        "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
        "num_key_value_heads": 2, "vocab_size": 32000, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(shape))
    return folder


@pytest.fixture
def parted(tmp_path: Path) -> Split:
    source = load_source(Workspace(tmp_path / "workspace"), DataWish(jsonl(tmp_path / "data.jsonl", pairs(10))))
    return split(source, config("share=0"))


def lengths(prompt: float, chosen: float, rejected: float, count: int = 10) -> Lengths:
    ones = np.ones(count)
    return Lengths(ones * prompt, ones * chosen, ones * rejected, count, False)


# shapes ------------------------------------------------------------------------------------------


@pytest.mark.real_model
def test_the_embedded_model_has_the_numbers_that_its_file_holds() -> None:
    folder, shape = embedded_model(), find_shape("embedded")
    assert folder is not None and shape is not None
    tensors, _ = read_header(folder / "model.safetensors")
    assert shape.parameters == sum(number_count(entry["shape"]) for entry in tensors.values())
    for name, (inputs, outputs) in shape.linear_shapes.items():
        found = next(entry["shape"] for key, entry in tensors.items() if f".{name}." in key)
        assert found == [outputs, inputs]


def test_shapes_of_other_models_are_read_or_not_told(model: Path, tmp_path: Path) -> None:
    shape = read_shape(model)
    assert shape is not None
    assert (shape.query, shape.key, shape.tied, shape.stored_bytes) == (512, 128, False, 2)
    inside = tmp_path / "nested"
    inside.mkdir()
    (inside / "config.json").write_text(json.dumps({"text_config": json.loads((model / "config.json").read_text())}))
    assert read_shape(inside) == shape
    (model / "config.json").write_text('{"n_embd": 768}')
    assert read_shape(model) is None
    assert find_shape(str(tmp_path / "nowhere")) is None and find_shape("owner/not-fetched") is None


# memory ------------------------------------------------------------------------------------------


def test_a_layer_by_hand() -> None:
    every = "target_modules=q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
    # float32: 3*32 + 4*8 numbers, two norms of 8; the inputs of all seven are four tensors: 8 + 8 + 8 + 32
    assert layer_bytes(config(every), SHAPE, 4) == (4 * (3 * 32 + 4 * 8) + 4 * 16 + 4 * 56, 4.0)
    # bfloat16: each adapter casts its own copy: 3*8 + 8 + 2*8 + 32
    assert layer_bytes(config(every, "dtype=bfloat16"), SHAPE, 2) == (2 * (3 * 32 + 4 * 8) + 4 * 16 + 4 * 80, 2.0)
    assert layer_bytes(config("target_modules=q_proj", "method=sft"), SHAPE, 4)[1] == 0.0, "one answer needs no mask"
    one_layer = layer_bytes(config("target_modules=q_proj", "layers=2"), SHAPE, 4)[0]
    assert one_layer == 4 * (3 * 32 + 4 * 8) + 4 * 16 + 4 * 8 / 4


def test_weights_and_adapters_by_hand() -> None:
    linear = 4 * (8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 32)
    assert SHAPE.linear_parameters == linear
    other = 100 * 8 + 9 * 8
    assert weight_bytes(config(), SHAPE, 4) == 4 * (linear + other)
    nf4 = weight_bytes(config("quantisation=nf4"), SHAPE, 2)
    assert 2 * other + 0.5 * linear < nf4 < 2 * other + 0.52 * linear
    assert nf4 < weight_bytes(config("quantisation=nf4", "double_quantisation=false"), SHAPE, 2)
    adapter = adapter_bytes(config("rank=2", "target_modules=q_proj,v_proj"), SHAPE)
    assert adapter == 16 * 4 * (2 * (8 + 8) + 2 * (8 + 4)), "value, gradient and two means in float32"
    assert adapter_bytes(config("rank=2", "target_modules=q_proj,v_proj", "optimizer=sgd"), SHAPE) == adapter / 2


def test_the_estimate_moves_as_the_settings_do(model: Path, parted: Split) -> None:
    def peak(*changes: str) -> float:
        found = estimate_for(config(f"model={model}", "batch=4", *changes), parted, with_time=False)
        assert found is not None
        return found.peak_bytes

    plain = peak()
    assert peak("batch=8") > plain > peak("batch=2")
    assert peak("gradient_checkpointing=true") < plain
    assert peak("dtype=bfloat16") < plain
    assert peak("quantisation=nf4", "dtype=bfloat16") < peak("dtype=bfloat16")
    assert peak("method=sft") < plain, "one answer instead of two"
    assert peak("rank=64") > plain
    assert peak("stages=sft,cita-kl") >= plain, "the largest stage counts"


def test_a_model_that_is_not_here_is_not_guessed(parted: Split) -> None:
    assert estimate_for(config("model=owner/not-fetched"), parted) is None


def test_what_does_not_fit_says_what_to_change(model: Path, parted: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(f"model={model}", "batch=8")
    fits = estimate_for(settings, parted, with_time=False)
    assert fits is not None and fits.fits and fits.advice == "" and "It fits" in fits.verdict
    with_half = estimate_for(config(f"model={model}", "batch=4"), parted, with_time=False)
    assert with_half is not None
    # room for half of the batch and not for all of it
    room = (fits.needed_bytes + with_half.needed_bytes) / 2 / fitting.ROOM
    monkeypatch.setattr(fitting, "free_bytes", lambda device: room)
    tight = estimate_for(settings, parted, with_time=False)
    assert tight is not None and not tight.fits
    assert tight.advice == "It would fit with --set batch=4 --set accumulation=2."
    assert "does not fit" in tight.lines()[0]
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 1e6)
    hopeless = estimate_for(settings, parted, with_time=False)
    assert hopeless is not None and "smaller model" in hopeless.advice
    monkeypatch.setattr(fitting, "free_bytes", lambda device: None)
    unknown = estimate_for(settings, parted, with_time=False)
    assert unknown is not None and unknown.fits and "cannot be told" in unknown.verdict


def test_a_gpu_is_counted_without_the_libraries(model: Path, parted: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (fitting, measuring):
        monkeypatch.setattr(module, "free_bytes", lambda device: 80e9 if device.kind == "gpu" else 8e9)
    auto = estimate_for(apply_settings(TrainingConfig(), [f"model={model}"]), parted)
    assert auto is not None and auto.device == measuring.Device("gpu")
    assert auto.needed_bytes == auto.peak_bytes and auto.pace is None
    cpu = estimate_for(config(f"model={model}"), parted, with_time=False)
    assert cpu is not None and cpu.needed_bytes - cpu.peak_bytes == fitting.IMPORTS_BYTES


# lengths and time --------------------------------------------------------------------------------


def test_answers_lose_their_ends_and_prompts_do_not() -> None:
    found = lengths(30, 50, 10).cut(60, with_rejected=True)
    assert (found.packed[0], found.answers[0]) == (30 + 30 + 10, 40)
    assert lengths(30, 50, 10).cut(60, with_rejected=False).packed[0] == 60
    assert len(lengths(70, 50, 10).cut(60, with_rejected=True).packed) == 10, "too long everywhere: nothing to say"
    mixed = Lengths(np.array([70.0, 10.0]), np.array([5.0, 5.0]), np.zeros(2), 2, False)
    assert len(mixed.cut(60, with_rejected=True).packed) == 1, "a prompt that fills the length is dropped"


def test_the_largest_batch_is_one_that_can_come_up() -> None:
    costs = np.array([1.0] * 99 + [100.0])
    worst, at = largest_batch(costs, config("batch=4", "epochs=1"))
    assert worst == 103.0 and 99 in at and len(set(at.tolist())) == 4, "an epoch meets every record"
    seldom = [largest_batch(costs, config("batch=1", "max_steps=1", f"seed={n}"))[0] for n in range(20)]
    assert seldom.count(1.0) > 15, "a run of one step hardly meets the longest record"
    assert largest_batch(np.array([5.0]), config("batch=8"))[0] == 5.0


def test_lengths_are_guessed_where_there_is_no_tokenizer(model: Path, parted: Split) -> None:
    found = lengths_of(config(f"model={model}"), parted.train)
    assert found.guessed and found.records == len(found.prompt) == 10
    asked = parted.train[0].pair.prompt[0].content
    assert found.prompt[0] == pytest.approx(len(asked) / 4 + 20)


@pytest.mark.real_model
def test_lengths_are_counted_by_the_tokenizer_of_the_model(parted: Split) -> None:
    found = lengths_of(config(), parted.train)
    assert not found.guessed
    assert 20 < found.prompt[0] < 60 and 2 < found.chosen[0] < 12, "template and all"


def test_operations_by_hand() -> None:
    pair = 2 * 100 * 8  # the head, of one answer token
    linear = SHAPE.linear_parameters
    assert operations_of(config("method=sft"), SHAPE, 10, 4) == linear * 10 * 4 + pair * 4 * 2
    assert operations_of(config("method=dpo"), SHAPE, 10, 4) == linear * 10 * 6 + pair * 4 * 3
    assert operations_of(config("method=cita-kl"), SHAPE, 10, 4) == linear * 10 * 6 + pair * 4 * 4
    again = config("method=sft", "gradient_checkpointing=true")
    assert operations_of(again, SHAPE, 10, 4) == linear * 10 * 6 + pair * 4 * 2


def test_time_follows_the_number_of_steps(model: Path, parted: Split) -> None:
    assert product_rate() > 1e8
    short, long = (estimate_for(config(f"model={model}", f"max_steps={steps}"), parted) for steps in (10, 40))
    assert short is not None and long is not None and short.pace is not None and long.pace is not None
    assert long.pace.tokens == pytest.approx(4 * short.pace.tokens)
    assert long.pace.operations == pytest.approx(4 * short.pace.operations)
    told = replace(short.pace, seconds=600.0).sentence
    assert told.startswith("about 7 min to 20 min for")


def test_records_that_are_cut_or_left_out_are_told_before_the_start(model: Path, parted: Split) -> None:
    some = Lengths(np.array([10.0, 10, 50, 49]), np.array([5.0, 40, 5, 5]), np.array([5.0, 5, 5, 5]), 4, False)
    assert some.lost(50, with_rejected=True) == (
        0.25,
        0.25,
    )  # 50 leaves no room; 49 leaves one token; 10 + 40 just fits
    assert some.lost(51, with_rejected=True) == (0.0, 0.5)
    assert some.lost(15, with_rejected=False) == (0.5, 0.25)
    roomy = estimate_for(config(f"model={model}"), parted, with_time=False)
    short = estimate_for(config(f"model={model}", "length=8"), parted, with_time=False)
    assert roomy is not None and short is not None and roomy.gone == roomy.cut == 0
    assert "length" not in " ".join(roomy.lines()) and "are left out: their prompts fill it" in short.lines()[2]
    assert short.as_dict()["gone"] == short.gone > 0
