"""Sentence embeddings from the engine, each text once.

Pinned in tests/workbench/test_embedding.py.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aligntui.core.ids import new_id
from aligntui.wire.engine import EmbedTexts, TextsEmbedded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

MODEL = "minilm"
"""all-MiniLM-L6-v2, the model of the switch measures."""
PORTION = 256
"""Texts of one request: what a person waits for when they stop."""


class Embedder:
    """Embeds texts, and remembers what was embedded.

    Args:
        ask: sends a request to an engine and returns its answer.
        on_progress: told how many of how many texts are done.
        model: `minilm`, a folder or a hub id.
    """

    def __init__(
        self,
        ask: Callable[[EmbedTexts], Awaitable[TextsEmbedded]],
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        model: str = MODEL,
    ) -> None:
        self._ask = ask
        self._on_progress = on_progress
        self._model = model
        self.truncated = 0
        """Texts of which only the beginning was read."""
        self._known: dict[str, Vectors] = {}

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors of the texts, (n, d), unit norm, float32.

        Raises:
            UserError: there is no such model, or it is none for sentences.
            EnvironmentProblem: it cannot be had.
            EngineError: the engine went away.
        """
        import numpy as np

        wanted = list(dict.fromkeys(texts))
        missing = [text for text in wanted if text not in self._known]
        for start in range(0, len(missing), PORTION):
            self._on_progress(len(wanted) - len(missing) + start, len(wanted))
            some = missing[start : start + PORTION]
            answer = await self._ask(EmbedTexts(new_id("embed"), tuple(some), self._model))
            self.truncated += answer.truncated
            vectors = np.frombuffer(base64.b64decode(answer.vectors), dtype="<f4").reshape(len(some), answer.dim)
            self._known.update(zip(some, vectors.astype(np.float32), strict=True))
        self._on_progress(len(wanted), len(wanted))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)
