"""What a user is told of errors that libraries raise; the errors here are real ones."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aligntui.backend.train.run.failures import explain, writing
from aligntui.core.errors import EnvironmentProblem, UserError


def test_memory_that_torch_does_not_get() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 58)
    found = explain(caught.value)
    assert isinstance(found, EnvironmentProblem) and "memory" in found.message
    for advice in ("steps.batch", "steps.length", "gradient_checkpointing", "nf4"):
        assert advice in found.hint


def test_memory_that_python_does_not_get() -> None:
    with pytest.raises(MemoryError) as caught:
        bytearray(1 << 60)
    assert isinstance(explain(caught.value), EnvironmentProblem)


@pytest.mark.parametrize("writer", ["torch", "safetensors", "python"])
def test_a_file_that_may_not_grow_is_a_full_disk_whoever_writes_it(tmp_path: Path, writer: str) -> None:
    tensor = torch.zeros(100_000)
    write = {
        "torch": lambda: torch.save(tensor, tmp_path / "a.pt"),
        "safetensors": lambda: save_file({"a": tensor}, tmp_path / "a.safetensors"),
        "python": lambda: (tmp_path / "a.txt").write_bytes(bytes(400_000)),
    }[writer]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(EnvironmentProblem) as caught, writing("The checkpoint of step 3"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.message.startswith("The checkpoint of step 3 could not be written")
    assert "earlier checkpoints are whole" in caught.value.hint


def test_our_own_errors_stay_and_bugs_are_not_dressed_up() -> None:
    error = UserError("a", "b")
    assert explain(error) is error
    assert explain(KeyError("a")) is None and explain(RuntimeError("shapes differ")) is None
    with pytest.raises(RuntimeError, match="shapes"), writing("x"):
        raise RuntimeError("shapes differ")
