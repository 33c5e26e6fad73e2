"""From what libraries raise to what a user can do about it. Pinned in tests/backend/test_run_failures.py."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import torch
from safetensors import SafetensorError

from aligntui.core.errors import AligntuiError, EnvironmentProblem

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MEMORY_HINT = (
    "Lower steps.batch (and raise steps.accumulation by as much), lower steps.length, set gradient_checkpointing=true, or "
    "quantise the base (quantisation=nf4). Earlier checkpoints are whole: resume the run after the change of the machine, "
    "or submit it again with other settings."
)


def explain(error: BaseException) -> AligntuiError | None:
    """What a user is told; None for what nobody expected."""
    if isinstance(error, AligntuiError):
        return error
    if is_out_of_memory(error):
        first = (str(error).strip().splitlines() or ["no more memory"])[0]
        return EnvironmentProblem(f"The run needs more memory than there is: {first[:300]}", _MEMORY_HINT)
    if isinstance(error, OSError) and error.errno in _FULL:
        return _full("The run's files", error)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on any device: torch has no common class for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    marks = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
    return isinstance(error, RuntimeError | OSError) and any(mark in text for mark in marks)


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Say plainly when something could not be written.

    Args:
        what: the subject of the sentence.

    Raises:
        EnvironmentProblem: the disk is full or failed, by whatever class a library says so.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise _full(what, error) from error
    except RuntimeError as error:
        # torch's writer reports a short write by a RuntimeError of its own
        if "PytorchStreamWriter" in str(error) or "unexpected pos" in str(error) or "inline_container" in str(error):
            raise _full(what, error) from error
        raise


def _full(what: str, error: BaseException) -> EnvironmentProblem:
    reason = getattr(error, "strerror", None) or (str(error).strip().splitlines() or [""])[0][:200]
    return EnvironmentProblem(
        f"{what} could not be written: {reason[:1].lower()}{reason[1:]}.",
        "Free some space on that disk; earlier checkpoints are whole, so go on with `aligntui runs resume`.",
    )
