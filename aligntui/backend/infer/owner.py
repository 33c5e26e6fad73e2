"""The one thread that touches the model.

Requests wait in a queue and are answered in turn; cancelling is heard out of turn, through a set that the decode loop
asks before every token. Whatever goes wrong becomes `RequestFailed` and the engine goes on.
Pinned in tests/backend/test_owner.py and test_protocol.py.
"""

from __future__ import annotations

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

from aligntui.backend.infer.adapters import MAX_LOADED, AdapterShelf
from aligntui.backend.infer.conditions import conditions_of, engine_name
from aligntui.backend.infer.decode import NewText, RowDone, Summary, decode, decode_path
from aligntui.backend.infer.gap import measure_gap
from aligntui.backend.infer.mismatch import adapter_warnings
from aligntui.backend.infer.prepare import load_adapter, prepare_row, render_row
from aligntui.backend.infer.warm_up import warm_up
from aligntui.backend.infer.weights import load_base
from aligntui.core.errors import AligntuiError, EngineError, EnvironmentProblem, UserError, kind_of
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
            self._send(failure(request.request, error))
            if is_out_of_memory(error):
                free_memory()
        finally:
            with self._lock:
                self._waiting.discard(request.request)
                self._cancelled.discard(request.request)

    def _handle(self, request: Any) -> None:
        if isinstance(request, wire.LoadModel):
            self._load(request)
        elif isinstance(request, wire.InspectAdapter):
            self._inspect(request)
        elif isinstance(request, wire.StartGeneration):
            self._generate(request)
        elif isinstance(request, wire.MeasureGap):
            self._gap(request)
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
        shelf = self._loaded()
        _check_rows(request.rows)
        path = decode_path(shelf)
        # every row is looked at before the first one starts, so a batch is never half refused
        prepared = [(row, *prepare_row(row, shelf)) for row in request.rows]
        if len({plan.adapter.sha256 for _, plan, _ in prepared if plan.adapter}) > MAX_LOADED:
            raise UserError(f"One batch holds at most {MAX_LOADED} different adapters.", "Use fewer columns.")
        prompts = {}
        for row, plan, rendered in prepared:
            prompts[row.row] = len(plan.prompt_ids)
            conditions = conditions_of(row, shelf.base, plan.adapter, rendered, path)
            self._send(wire.AnswerStarted(request.request, row.row, conditions.as_dict(), len(plan.prompt_ids)))
        summary = Summary()
        for event in decode(shelf, [p for _, p, _ in prepared], summary, self._is_cancelled(request.request)):
            self._forward(request.request, event, prompts)
        self._send(
            wire.GenerationFinished(request.request, summary.tokens, summary.decode_s, summary.prefill_s, summary.path)
        )

    def _forward(self, request: str, event: NewText | RowDone, prompts: dict[str, int]) -> None:
        if isinstance(event, NewText):
            self._send(wire.TextArrived(request, event.name, event.text, event.tokens, event.elapsed_s))
            return
        self._send(
            wire.AnswerFinished(
                request=request,
                row=event.name,
                text=event.text,
                token_ids=event.token_ids,
                logprobs=event.logprobs,
                finish=event.finish,
                prompt_tokens=prompts[event.name],
                decode_s=event.decode_s,
                first_token_s=event.first_token_s,
            )
        )

    def _gap(self, request: wire.MeasureGap) -> None:
        shelf = self._loaded()
        adapter = load_adapter(request.row, shelf)
        gap = measure_gap(shelf, render_row(request.row, shelf), adapter, request.row.strength, list(request.token_ids))
        self._send(
            wire.GapMeasured(request.request, request.row.row, gap.pieces, gap.base_logprobs, gap.adapter_logprobs)
        )

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


def failure(request: str, error: Exception) -> wire.RequestFailed:
    """The event for an exception; what nobody expected keeps its traceback for the log."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, AligntuiError):
        return wire.RequestFailed(request, kind_of(error), error.message, error.hint, details)
    if is_out_of_memory(error):
        problem = EnvironmentProblem(
            "There is not enough memory for this.",
            "Use fewer columns or rows, a shorter prompt, fewer new tokens, or load the model as nf4 or bfloat16.",
        )
        return wire.RequestFailed(request, "environment", problem.message, problem.hint, details)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        message = f"The system refused a file operation: {error.strerror or error}{where}."
        return wire.RequestFailed(
            request, "environment", message, "Check the disk and the rights of that file.", details
        )
    name = type(error).__name__
    return wire.RequestFailed(
        request, "engine", f"The engine failed unexpectedly: {name}: {error}", "The log has the details.", details
    )


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


def _check_rows(rows: tuple[wire.Row, ...]) -> None:
    if not rows:
        raise UserError("A generation needs at least one row.")
    names = [row.row for row in rows]
    if len(set(names)) != len(names):
        raise UserError("Every row of a generation needs a name of its own.")
