"""A curve in one line of text."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-=+*#@"
"""Where the output cannot print blocks; rising like them."""


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Values as bars of eight heights between their least and largest; of more than fit, means of neighbours.

    Args:
        values: in order; those that are no finite number leave a gap.
        width: cells at most.
    """
    marks = _BLOCKS if (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8" else _PLAIN
    shown = _squeezed(values, width)
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    return "".join(_mark(value, low, span, marks) for value in shown)


def _mark(value: float, low: float, span: float, marks: str) -> str:
    if not math.isfinite(value):
        return " "
    if span <= 0:
        return marks[len(marks) // 2 - 1]
    return marks[min(len(marks) - 1, int((value - low) / span * len(marks)))]


def _squeezed(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    found = []
    for cell in range(width):
        part = values[cell * len(values) // width : (cell + 1) * len(values) // width]
        finite = [value for value in part if math.isfinite(value)]
        found.append(math.fsum(finite) / len(finite) if finite else math.nan)
    return found
