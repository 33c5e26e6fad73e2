"""The one thread that touches the model.

Requests wait in a queue and are answered in turn; cancelling is heard out of turn, through a set that the decode loop
asks before every token. Whatever goes wrong becomes `RequestFailed` and the engine goes on.
Pinned in tests/backend/test_owner.py and test_protocol.py.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.conditions import engine_name
from aligntui.backend.infer.decode import decode_path
from aligntui.backend.infer.embedding import Embedder
from aligntui.backend.infer.gap import measure_gap
from aligntui.backend.infer.generation import generate
from aligntui.backend.infer.mismatch import adapter_warnings
from aligntui.backend.infer.prepare import load_adapter, render_row
from aligntui.backend.infer.rows import Summary
from aligntui.backend.infer.warm_up import warm_up
from aligntui.backend.infer.weights import choose_device, load_base
from aligntui.core.errors import AligntuiError, EngineError, UserError, kind_of
from aligntui.wire import engine as wire

PROGRESS_S = 0.1
"""Loading reports at most this often within a stage."""


class Owner:
    """Answers requests, one after the other."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self._queue: queue.Queue[Any] = queue.Queue()
        self._waiting: set[str] = set()
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()  # the reader changes the sets while the owner reads them
        self._shelf: AdapterShelf | None = None
        self._embedder: Embedder | None = None
        self._own_threads = torch.get_num_threads()

    def submit(self, request: Any) -> None:
        """Called by the reader: queue a request, or note a cancel at once."""
        if isinstance(request, wire.CancelGeneration):
            with self._lock:
                if request.target in self._waiting:
                    self._cancelled.add(request.target)
            return
        with self._lock:
            self._waiting.add(request.request)
        self._queue.put(request)

    def run(self) -> None:
        """Answer requests for ever."""
        while True:
            self.answer(self._queue.get())

    def answer(self, request: Any) -> None:
        """Answer one request; never raises for what a request did."""
        try:
            self._handle(request)
        except Exception as error:  # noqa: BLE001 - the process edge: everything becomes an event
            self._fail(request.request, error)
        finally:
            with self._lock:
                self._waiting.discard(request.request)
                self._cancelled.discard(request.request)

    def _fail(self, request: str, error: Exception, left: str = "") -> None:
        self._send(failure(request, error, left))
        if is_out_of_memory(error):
            free_memory()

    def _handle(self, request: Any) -> None:
        if isinstance(request, wire.LoadModel):
            self._load(request)
        elif isinstance(request, wire.InspectAdapter):
            self._inspect(request)
        elif isinstance(request, wire.StartGeneration):
            self._generate(request)
        elif isinstance(request, wire.MeasureGap):
            self._gap(request)
        elif isinstance(request, wire.EmbedTexts):
            self._embed(request)
        else:
            raise EngineError(f"The engine was sent {type(request).__name__}, which is no request.")

    def _loaded(self) -> AdapterShelf:
        if self._shelf is None:
            raise UserError("No model is loaded yet.", "Load one first.")
        return self._shelf

    def _load(self, request: wire.LoadModel) -> None:
        began = time.perf_counter()
        if request.threads < 0:
            raise UserError(f"threads must be 0 or more, not {request.threads}.", "0 leaves the choice to the engine.")
        torch.set_num_threads(request.threads or self._own_threads)
        progress = _Throttled(request.request, self._send)
        base = load_base(
            request.model,
            request.dtype,
            request.quantisation,
            request.device,
            trust_remote_code=request.trust_remote_code,
            progress=progress,
            before_load=self._unload,
        )
        shelf = AdapterShelf(base)
        progress("warm-up", 0, 0, "")
        warm_up(shelf, fixed_threads=request.threads > 0)
        free_memory()
        self._shelf = shelf
        self._send(
            wire.ModelLoaded(
                request=request.request,
                model=base.asked,
                model_path=str(base.folder),
                weights_sha256=base.weights_sha256,
                template_sha256=base.template.sha256,
                template=base.template.kind,
                system_slot=base.template.system_slot,
                dtype=base.dtype,
                quantisation=base.quantisation,
                device=base.device,
                context_length=base.context_length,
                parameters=base.parameters,
                architecture=base.architecture,
                engine=engine_name(decode_path(shelf)),
                versions=base.versions,
                warnings=tuple(base.warnings),
                load_s=time.perf_counter() - began,
            )
        )

    def _unload(self) -> None:
        """Free the old base before a new one takes memory: two of them may not fit."""
        if self._shelf is not None:
            self._shelf = None
            free_memory()

    def _inspect(self, request: wire.InspectAdapter) -> None:
        shelf = self._loaded()
        adapter = shelf.get(request.adapter.path)
        self._send(
            wire.AdapterLoaded(
                request=request.request,
                name=request.adapter.name,
                path=request.adapter.path,
                sha256=adapter.sha256,
                rank=adapter.rank,
                alpha=adapter.alpha,
                target_modules=adapter.target_modules,
                parameters=adapter.parameters,
                base_model=adapter.base_model,
                warnings=tuple(adapter_warnings(request.adapter.path, adapter, shelf.base)),
            )
        )

    def _generate(self, request: wire.StartGeneration) -> None:
        shelf, summary = self._loaded(), Summary()
        try:
            generate(shelf, request, summary, self._send, self._between_steps(request.request))
        except Exception as error:  # noqa: BLE001 - here is known what the failure left undone
            left = f"{summary.not_begun:,} of {len(request.rows):,} rows were not begun." if summary.not_begun else ""
            self._fail(request.request, error, left)

    def _gap(self, request: wire.MeasureGap) -> None:
        shelf = self._loaded()
        adapter = load_adapter(request.row, shelf)
        gap = measure_gap(shelf, render_row(request.row, shelf), adapter, request.row.strength, list(request.token_ids))
        self._send(
            wire.GapMeasured(request.request, request.row.row, gap.pieces, gap.base_logprobs, gap.adapter_logprobs)
        )

    def _embed(self, request: wire.EmbedTexts) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(self._shelf.threads.reading if self._shelf else self._own_threads)
        try:
            embedder = self._embedder_of(request)
            made = embedder.embed(list(request.texts))
        finally:
            torch.set_num_threads(before)
        self._send(
            wire.TextsEmbedded(
                request=request.request,
                dim=embedder.dim,
                vectors=base64.b64encode(made.vectors.numpy().astype("<f4").tobytes()).decode("ascii"),
                truncated=made.truncated,
                max_tokens=embedder.max_tokens,
                weights_sha256=embedder.weights_sha256,
            )
        )

    def _embedder_of(self, request: wire.EmbedTexts) -> Embedder:
        """The embedding model asked for; loaded at its first use and kept until another one is asked for."""
        if self._embedder is None or self._embedder.asked != request.model:
            device = self._shelf.base.device if self._shelf else choose_device("auto")
            self._embedder = Embedder(request.model, device, _Throttled(request.request, self._send))
        return self._embedder

    def _between_steps(self, request: str) -> Callable[[], bool]:
        """What the decode loop asks after every token: whether to stop.

        Texts that wait are embedded first, so that answers can be measured while others are still written.
        """
        cancelled = self._is_cancelled(request)

        def between() -> bool:
            while (waiting := self._waiting_texts()) is not None:
                self.answer(waiting)
            return cancelled()

        return between

    def _waiting_texts(self) -> wire.EmbedTexts | None:
        """The next request, where it is one to embed texts."""
        with self._queue.mutex:
            first = self._queue.queue[0] if self._queue.queue else None
        return self._queue.get_nowait() if isinstance(first, wire.EmbedTexts) else None

    def _is_cancelled(self, request: str) -> Callable[[], bool]:
        def asked() -> bool:
            with self._lock:
                return request in self._cancelled

        return asked


class _Throttled:
    """A `Progress` that sends events, the first of each stage at once and then not too many."""

    def __init__(self, request: str, send: Callable[[Any], None]) -> None:
        self._request, self._send = request, send
        self._stage, self._sent_at = "", 0.0

    def __call__(self, stage: str, done: int, total: int, unit: str) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._sent_at < PROGRESS_S and not (total and done >= total):
            return
        self._stage, self._sent_at = stage, now
        self._send(wire.LoadProgressed(self._request, stage, done, total, unit))


def failure(request: str, error: Exception, left: str = "") -> wire.RequestFailed:
    """The event for an exception; what nobody expected keeps its traceback for the log.

    Args:
        request: id of the request that failed.
        error: why.
        left: a sentence on what was not done, where no other event tells of it.
    """
    details = "".join(traceback.format_exception(error))
    kind, message, hint = _told(error)
    return wire.RequestFailed(request, kind, f"{message} {left}".rstrip(), hint, details)


def _told(error: Exception) -> tuple[str, str, str]:
    """Who can fix it, what happened, and what to do."""
    if isinstance(error, AligntuiError):
        return kind_of(error), error.message, error.hint
    if is_out_of_memory(error):
        return (
            "environment",
            "There is not enough memory for this.",
            "Use fewer columns or rows, a shorter prompt, fewer new tokens, or load the model as nf4 or bfloat16.",
        )
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        message = f"The system refused a file operation: {error.strerror or error}{where}."
        return "environment", message, "Check the disk and the rights of that file."
    message = f"The engine failed unexpectedly: {type(error).__name__}: {error}"
    return "engine", message, "The log has the details."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the GPU or the CPU."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "not enough memory" in text)


def free_memory() -> None:
    """Give back to the system what nobody uses any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        # glibc keeps freed blocks: 200 MB after the embedded model was laid out anew; other C libraries lack the call
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
