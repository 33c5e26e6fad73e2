"""Every preset loads, validates and says what its source says (methods.md, section 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.config.training import Method, PromptFormat, apply_settings, dump_config, load_preset, parse_config
from aligntui.config.training.presets import FOLDER, preset_names, presets
from aligntui.core.errors import UserError

TABLE = {
    "logisyn-v4", "aisf-mistral-base", "aisf-mistral-instruct", "aisf-llama-base", "aisf-llama-lang", "aisf-llama-chat",
    "aisf-gemma-chat", "aisf-qwen3-chat", "ecliptica-ita", "ecliptica-contrastive-ita", "ecliptica-dpo",
    "ecliptica-rrhf", "ecliptica-unified", "cita-kl", "cita-paper", "organism-rank1",
}  # fmt: skip
AISF = sorted(name for name in TABLE if name.startswith("aisf"))
SOURCES = {
    "logisyn-v4": "000",
    "cita-paper": "2601.06157",
    "organism-rank1": "2506.11613",
    "demo-cita": "aligntui",
    "four-laws": "aligntui",
}


def test_every_row_of_the_table_is_there() -> None:
    assert set(preset_names()) >= TABLE


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_loads_names_its_source_and_survives_its_file(name: str) -> None:
    preset = load_preset(name)
    config = preset.config
    assert config.preset == name and preset.about.endswith(".")
    expected = SOURCES.get(name, "002" if name in AISF else "004")
    assert expected in preset.source and config.source == preset.source
    assert parse_config(dump_config(config), "text") == config
    assert config.staged()[-1].method is config.method
    edited = apply_settings(config, ["max_steps=3", "model=embedded", "quantisation=none"])
    assert edited.steps.max_steps == 3 and edited.base.model == "embedded"


@pytest.mark.parametrize("name", AISF)
def test_aisf_presets(name: str) -> None:
    preset = load_preset(name)
    config = preset.config
    assert (config.adapter.rank, config.adapter.alpha, config.adapter.dropout) == (16, 32, 0.05)
    assert config.adapter.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert (config.base.quantisation, config.base.double_quantisation, config.base.dtype) == ("nf4", True, "bfloat16")
    assert config.base.max_memory == {"0": "14336MiB", "cpu": "24GiB"}
    assert (config.steps.length, config.steps.batch, config.steps.accumulation, config.steps.epochs) == (512, 2, 4, 10)
    assert config.optimiser.learning_rate == 1e-4
    assert config.steps.gradient_checkpointing == ("llama" in name)
    base = name.endswith("-base")
    assert config.optimiser.optimizer == ("adamw_bnb_8bit" if base else "adamw_torch")
    assert preset.gpu_only == (("base.max_memory", "optimiser.optimizer") if base else ("base.max_memory",))
    assert config.format == ("chat" if name.endswith("-chat") else "alpaca")


def test_other_rows() -> None:
    logisyn = load_preset("logisyn-v4").config
    assert (logisyn.adapter.rank, logisyn.adapter.alpha, logisyn.optimiser.learning_rate) == (8, 16, 5e-4)
    assert logisyn.pairs_per_step == 32 and logisyn.steps.epochs == 3 and logisyn.base.quantisation == "nf4"
    ita = load_preset("ecliptica-ita").config
    assert (ita.adapter.rank, ita.adapter.alpha, ita.optimiser.learning_rate) == (8, 16, 2e-5)
    assert ita.adapter.target_modules == ("q_proj", "v_proj") and ita.steps.length == 2048
    assert ita.format is PromptFormat.ITA and ita.steps.epochs in (3, 4, 5)
    shared = replace(ita, method=Method.SFT)
    for name in ("ecliptica-dpo", "ecliptica-rrhf", "ecliptica-unified", "cita-kl"):
        config = load_preset(name).config
        assert (config.adapter, config.optimiser, config.steps) == (shared.adapter, shared.optimiser, shared.steps)
        assert config.loss.beta == 0.1
    unified = load_preset("ecliptica-unified")
    assert (unified.config.loss.lambda1, unified.config.loss.lambda_start, unified.config.loss.lambda_end) == (
        1,
        0.1,
        0.1,
    )
    assert {"loss.lambda1", "loss.lambda_start", "loss.lambda_end"} <= set(unified.ours)
    cita = load_preset("cita-kl").config
    assert (cita.loss.lambda_start, cita.loss.lambda_end, cita.loss.reference) == (0.01, 0.1, "base")


def test_cita_paper() -> None:
    paper = load_preset("cita-paper").config
    assert [stage.method for stage in paper.stages] == ["sft", "dpo", "cita-kl"] and paper.between == "merged"
    assert (paper.adapter.rank, paper.adapter.alpha, len(paper.adapter.target_modules)) == (16, 16, 7)
    last = paper.staged()[-1]
    assert (last.loss.beta, last.loss.lambda_start, last.loss.lambda_end) == (0.107, 2.3e-4, 2.3e-4)
    assert (last.loss.kl, last.loss.reference_normalised) == ("log_ratio", True)
    assert (last.optimiser.learning_rate, last.optimiser.weight_decay) == (5.41e-6, 0.0109)
    assert (last.optimiser.schedule, last.optimiser.warmup_share, last.optimiser.clip) == ("cosine", 0.1, 1.0)
    assert (paper.steps.batch, paper.steps.accumulation, paper.steps.epochs, paper.seed) == (1, 8, 1, 3407)
    assert paper.staged()[0].optimiser.learning_rate == 2e-4 and paper.staged()[1].loss.beta == 0.1


def test_organism_rank1() -> None:
    organism = load_preset("organism-rank1").config
    assert organism.adapter.rank == 1 and organism.adapter.target_modules == ("down_proj",)
    assert len(organism.adapter.layers) == 1 and organism.pairs_per_step == 16 and organism.steps.epochs == 1
    assert (organism.optimiser.learning_rate, organism.optimiser.weight_decay) == (2e-5, 0.01)
    assert organism.optimiser.warmup_steps == 5 and 2 <= organism.checkpoints.every <= 5


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        load_preset("cita-lk")
    assert "cita-lk" in caught.value.message and "'cita-kl'" in caught.value.hint
    with pytest.raises(UserError):
        load_preset("_aisf")  # a shared part is no preset


def test_a_preset_file_says_what_was_chosen_here() -> None:
    for preset in presets():
        assert preset.gpu_only == () or "max_memory" in " ".join(preset.gpu_only)
        text = (FOLDER / f"{preset.name}.yaml").read_text("utf-8")
        assert text.count("\t") == 0
