"""Adapters joined into one do what they do together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.weights import load_base
from aligntui.backend.train.run.adapter_files import adapter_sha256, join, read_adapter, write_adapter
from aligntui.core.errors import UserError
from tests.backend import tiny

IDS = torch.tensor([[3, 50, 60, 70, 4, 80]])


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS).logits


def test_a_joined_adapter_is_the_sum_of_its_parts(
    tiny_llama: Path, adapter_a: Path, adapter_b: Path, tmp_path: Path
) -> None:
    """One on q and v with rank 4, one on all layers with rank 3: neither ranks nor layers agree."""
    together = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), adapter_a, adapter_name="a")
    together.load_adapter(str(adapter_b), "b")
    together.base_model.set_adapter(["a", "b"])
    expected = logits(together.eval())
    write_adapter(tmp_path / "joined", *join([read_adapter(adapter_a), read_adapter(adapter_b)]))
    joined = tiny.peft_model(tiny_llama, tmp_path / "joined")
    torch.testing.assert_close(logits(joined), expected, atol=1e-4, rtol=1e-4)
    assert (expected - logits(tiny.peft_model(tiny_llama, adapter_a))).abs().max() > 0.1
    shelf = AdapterShelf(load_base(str(tiny_llama), dtype="float32", device="cpu"))
    assert shelf.get(str(tmp_path / "joined")).sha256 == adapter_sha256(tmp_path / "joined")
    assert shelf.get(str(tmp_path / "joined")).rank == 7


def test_one_part_stays_itself(adapter_a: Path) -> None:
    tensors, config = read_adapter(adapter_a)
    joined, same = join([(tensors, config)])
    assert same == config and all(torch.equal(joined[name], tensor) for name, tensor in tensors.items())


def test_what_is_no_plain_lora_is_not_joined(adapter_a: Path) -> None:
    tensors, config = read_adapter(adapter_a)
    with pytest.raises(UserError, match="use_dora"):
        join([(tensors, {**config, "use_dora": True}), (tensors, config)])
