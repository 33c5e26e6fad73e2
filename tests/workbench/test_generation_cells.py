"""The cache key holds everything that decides an answer, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.core.errors import EngineError
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.wire.engine import AdapterRef, ModelLoaded
from aligntui.workbench.generation.cells import Asking, Cell, Side, cache_key

MODEL = ModelLoaded(
    request="load",
    model="embedded",
    model_path="/models/x",
    weights_sha256="w" * 64,
    template_sha256="t" * 64,
    template="own",
    system_slot=True,
    dtype="float32",
    quantisation=None,
    device="cpu",
    context_length=2048,
    parameters=1,
    architecture="Llama",
    engine="aligntui/1 mixed-batch",
    versions={"torch": "2"},
)
SIDE = Side("demo", AdapterRef("demo", "/adapters/demo"), "a" * 64)
ASKING = Asking(Sampling(temperature=0.7, top_p=0.9, max_new_tokens=32))
CELL = Cell("key", "Why?", 1, Instruction("Be brief.", "concise", 1), "concise/1", 5)


def key(cell: Cell = CELL, side: Side = SIDE, asking: Asking = ASKING, model: ModelLoaded = MODEL) -> str:
    return cache_key(cell.row(side, asking), side, model)


def sampling(**changes) -> Asking:
    return replace(ASKING, sampling=replace(ASKING.sampling, **changes))


@pytest.mark.parametrize(
    "other",
    [
        key(replace(CELL, prompt="Why not?")),
        key(replace(CELL, instruction=Instruction("Be very brief."))),
        key(replace(CELL, seed=6)),
        key(side=replace(SIDE, adapter_sha256="b" * 64)),
        key(side=replace(SIDE, strength=0.5)),
        key(side=Side("base")),
        key(asking=sampling(temperature=0.8)),
        key(asking=sampling(top_p=0.8)),
        key(asking=sampling(max_new_tokens=33)),
        key(asking=replace(ASKING, mode=Mode.ITA)),
        key(model=replace(MODEL, weights_sha256="v" * 64)),
        key(model=replace(MODEL, template_sha256="u" * 64)),
        key(model=replace(MODEL, dtype="bfloat16")),
        key(model=replace(MODEL, quantisation="nf4")),
        key(model=replace(MODEL, device="cuda:0")),
        key(model=replace(MODEL, engine="aligntui/2 mixed-batch")),
        key(model=replace(MODEL, versions={"torch": "3"})),
    ],
)
def test_whatever_decides_an_answer_makes_another_key(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    "same",
    [
        key(replace(CELL, key="another", side=0, label="other/3")),
        key(replace(CELL, instruction=Instruction("Be brief.", "another", 2))),
        key(side=replace(SIDE, name="called otherwise", adapter=AdapterRef("moved", "/elsewhere"))),
        key(asking=replace(ASKING, injection_every=4)),
        key(model=replace(MODEL, model="/a/path", model_path="/b", request="again", load_s=9.0, warnings=("w",))),
        key(asking=sampling(seed=99)),
    ],
)
def test_names_and_paths_and_settings_out_of_force_do_not(same: str) -> None:
    assert same == key()


def test_in_greedy_decoding_neither_seed_nor_nucleus_counts() -> None:
    greedy = sampling(temperature=0.0)
    assert key(asking=greedy) == key(replace(CELL, seed=77), asking=sampling(temperature=0.0, top_p=0.5))
    assert key(asking=greedy) != key()


def test_an_interval_counts_where_it_is_in_force() -> None:
    injected = replace(ASKING, mode=Mode.INJECTION)
    assert key(asking=injected) != key(asking=replace(injected, injection_every=2))


def test_without_an_instruction_the_mode_does_not_count() -> None:
    bare = replace(CELL, instruction=Instruction(" "))
    assert key(bare) == key(bare, asking=replace(ASKING, mode=Mode.ITA)) != key()


def test_the_base_has_no_strength() -> None:
    assert key(side=Side("base", strength=0.5)) == key(side=Side("base"))


def test_an_adapter_that_is_not_loaded_is_not_taken_for_the_base() -> None:
    with pytest.raises(EngineError, match="demo was not checked"):
        key(side=replace(SIDE, adapter_sha256=None))


def test_a_report_names_weights_without_the_machine() -> None:
    paths = ("/home/me/work/adapters/mine", "/adapters/old/adapters/mine/run/checkpoints/step-000020", "/data/mine")
    sides = [Side("mine", AdapterRef("mine", path), "f" * 64, 1.0) for path in paths]
    assert [side.place("embedded") for side in (Side("base", None, None, 1.0), *sides)] == [
        "embedded", "adapters/mine", "adapters/mine/run/checkpoints/step-000020", "mine",
    ]  # fmt: skip
