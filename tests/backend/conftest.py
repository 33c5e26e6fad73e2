"""Tiny random models, a byte-level tokenizer and PEFT adapters, all made here; nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntui.backend.stdio import settle_environment

settle_environment()  # as in the engine, before torch is imported

import torch  # noqa: E402

from aligntui.backend.infer.adapters import AdapterShelf  # noqa: E402
from aligntui.backend.infer.warm_up import warm_up  # noqa: E402
from aligntui.backend.infer.weights import load_base  # noqa: E402
from tests.backend import tiny  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _steady() -> None:
    # two threads on a busy two-core machine take from 1 to 70 times as long
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Hashes of the tiny models stay out of the user's cache; the real model is looked for in it.

    Per module, because files of other folders may run between two of these in the same process.
    """
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("ALIGNTUI_CACHE")
    os.environ["ALIGNTUI_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ALIGNTUI_CACHE"]
    else:
        os.environ["ALIGNTUI_CACHE"] = before


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Llama of 2 layers and a byte-level tokenizer with a chat template."""
    return tiny.save_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def adapter_a(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA on the query and value projections."""
    return tiny.save_adapter(
        tiny_llama, tmp_path_factory.mktemp("a") / "a", seed=1, target_modules=["q_proj", "v_proj"]
    )


@pytest.fixture(scope="session")
def adapter_b(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA on all linear layers, of another rank."""
    return tiny.save_adapter(tiny_llama, tmp_path_factory.mktemp("b") / "b", seed=2, r=3, target_modules="all-linear")


@pytest.fixture(scope="session")
def shelf_of() -> Callable[..., AdapterShelf]:
    """Load a folder as the engine does."""

    def load(folder: Path, dtype: str = "float32", **options: Any) -> AdapterShelf:
        shelf = AdapterShelf(load_base(str(folder), dtype=dtype, device="cpu", **options))
        warm_up(shelf)
        return shelf

    return load


@pytest.fixture(scope="session")
def shelf(tiny_llama: Path, shelf_of: Callable[..., AdapterShelf]) -> AdapterShelf:
    """The tiny Llama in float32, ready to decode."""
    return shelf_of(tiny_llama)
