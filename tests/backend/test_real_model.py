"""The embedded SmolLM2-135M-Instruct itself, in the user's cache (fetched there when it is missing)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.embedded import EMBEDDED, GGUF_SHA256
from aligntui.backend.infer.prepare import prepare_row
from aligntui.backend.infer.rows import Summary
from aligntui.backend.infer.warm_up import warm_up
from aligntui.backend.infer.weights import load_base
from aligntui.wire.engine import Row
from tests.backend import tiny

pytestmark = pytest.mark.real_model

USERS_CACHE = os.environ.get("ALIGNTUI_CACHE")
WEIGHTS_SHA256 = "b65e66fedf2d513f3881643ca4f2c96b19ec76bcd7c2d04a7040d62e36eebbfa"
TOKENS = 24


@pytest.fixture(scope="module")
def shelf() -> Iterator[AdapterShelf]:
    own = os.environ.pop("ALIGNTUI_CACHE", None)
    if USERS_CACHE is not None:
        os.environ["ALIGNTUI_CACHE"] = USERS_CACHE
    shelf = AdapterShelf(load_base(EMBEDDED, dtype="float32", device="cpu"))
    warm_up(shelf)
    if own is not None:
        os.environ["ALIGNTUI_CACHE"] = own
    yield shelf


@pytest.fixture(scope="module")
def adapter(shelf: AdapterShelf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter") / "random"
    return tiny.save_adapter(shelf.base.folder, folder, std=0.02, r=8, target_modules=["q_proj", "v_proj"])


def test_embedded_always_means_the_same_weights(shelf: AdapterShelf) -> None:
    assert shelf.base.folder.name.endswith(GGUF_SHA256[:12])
    assert shelf.base.weights_sha256 == WEIGHTS_SHA256
    assert shelf.base.parameters == 134_515_008
    assert (shelf.base.context_length, shelf.base.end_ids) == (8192, {2})
    assert shelf.base.template.system_slot
    assert shelf.fast_step is not None


def test_base_and_adapter_rows_are_what_peft_writes_for_each(shelf: AdapterShelf, adapter: Path) -> None:
    loaded = shelf.get(str(adapter))
    plans, prompts = [], {}
    for name, instruction in (("brief", "Answer in one sentence."), ("warm", "You are a kind and patient teacher.")):
        plan, rendered = prepare_row(Row(name, (("user", "Why is the sky blue?"),), instruction, temperature=0), shelf)
        assert instruction in rendered and "Hugging Face" not in rendered
        prompts[name] = plan.prompt_ids
        plans.append(tiny.plan(f"{name} base", plan.prompt_ids, TOKENS))
        plans.append(tiny.plan(f"{name} tuned", plan.prompt_ids, TOKENS, adapter=loaded))
    done = tiny.run(shelf, plans)
    peft = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(shelf.base.folder, dtype=torch.float32), adapter
    ).eval()
    for name, ids in prompts.items():
        with peft.disable_adapter():
            assert list(done[f"{name} base"].token_ids) == tiny.reference_tokens(peft, ids, TOKENS)
        assert list(done[f"{name} tuned"].token_ids) == tiny.reference_tokens(peft, ids, TOKENS)
    assert done["brief base"].text != done["brief tuned"].text
    assert "blue" in done["brief base"].text


def test_the_templates_own_default_system_prompt_is_visible(shelf: AdapterShelf) -> None:
    _, rendered = prepare_row(Row("r", (("user", "Hi"),)), shelf)
    assert "You are a helpful AI assistant named SmolLM" in rendered


def test_rows_that_join_and_leave_say_what_they_say_alone(shelf: AdapterShelf, adapter: Path) -> None:
    loaded, plans = shelf.get(str(adapter)), []
    questions = ["Why is the sky blue?", "Name three rivers.", "How does one bake bread without an oven at home?"]
    for n in range(9):
        row = Row(f"{n}", (("user", questions[n % 3]),), "Be brief." if n % 2 else "", temperature=0)
        ids = prepare_row(row, shelf)[0].prompt_ids
        plans.append(tiny.plan(row.row, ids, 4 + 3 * (n % 5), 0.7 * (n % 2), n, adapter=loaded if n % 3 else None))
    summary = Summary()
    together = tiny.run(shelf, plans, at_once=3, summary=summary)
    for plan in plans:
        assert together[plan.name].token_ids == tiny.run(shelf, [plan])[plan.name].token_ids
    assert summary.path == "mixed-batch, at most 3 rows, replaced as they end"
    assert summary.work.padding / summary.work.computed < 0.15
