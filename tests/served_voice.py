"""The weights behind the test server: texts come from the real decode loop of the engine."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from aligntui.backend.stdio import settle_environment

settle_environment()  # as in the engine, before torch is imported

import torch  # noqa: E402

from aligntui.backend.infer.adapters import AdapterShelf  # noqa: E402
from aligntui.backend.infer.decode import decode  # noqa: E402
from aligntui.backend.infer.rows import RowDone, RowPlan, Summary  # noqa: E402
from aligntui.backend.infer.warm_up import warm_up  # noqa: E402
from aligntui.backend.infer.weights import load_base  # noqa: E402
from aligntui.backend.template import encode_rendered, render  # noqa: E402
from aligntui.core.prompt_format import Message  # noqa: E402
from aligntui.core.sampling import Sampling  # noqa: E402


class Voice:
    """The weights behind a server: a base, and adapters by their names on the server. One thread at a time decodes."""

    def __init__(self, model: str, adapters: Mapping[str, Path] | None = None, dtype: str = "float32") -> None:
        torch.set_num_threads(1)
        self._shelf = AdapterShelf(load_base(model, dtype=dtype, device="cpu"))
        warm_up(self._shelf)
        self._adapters = {name: self._shelf.get(str(folder)) for name, folder in (adapters or {}).items()}
        self._lock = threading.Lock()

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text, as it stands."""
        return encode_rendered(self._shelf.base.tokenizer, text)

    def rendered(self, messages: list[dict[str, str]]) -> str:
        """The text of a chat, with the head of the assistant's turn."""
        base = self._shelf.base
        return render(base.tokenizer, base.template, [Message(one["role"], one["content"]) for one in messages])

    def say(self, text: str, sampling: Sampling, model: str) -> RowDone:
        """Continue a text."""
        plan = RowPlan("row", self.tokens(text), sampling, self._adapters.get(model))
        with self._lock:
            for event in decode(self._shelf, [plan], Summary()):
                if isinstance(event, RowDone):
                    return event
        raise AssertionError("a row that was begun has an end")


@functools.cache
def tiny_folders() -> tuple[Path, Path]:
    """A random Llama of 2 layers, and an adapter that changes what it says."""
    from tests.backend import tiny

    folder = Path(tempfile.mkdtemp(prefix="aligntui-served-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    base = tiny.save_llama(folder / "tiny-llama")
    return base, tiny.save_adapter(base, folder / "demo", seed=1, target_modules=["q_proj", "v_proj"])


@functools.cache
def tiny_voice() -> Voice:
    """The tiny model with its adapter under the name `tiny-demo`; made once."""
    base, adapter = tiny_folders()
    with mock.patch.dict(os.environ, {"ALIGNTUI_CACHE": str(base.parent / "cache")}):
        return Voice(str(base), {"tiny-demo": adapter})
