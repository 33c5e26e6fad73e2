"""One short generation after loading, so that the first answer's times are honest."""

from __future__ import annotations

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import RowPlan, Summary, decode
from aligntui.core.sampling import Sampling

ROWS = 2
PROMPT_TOKENS = 16
NEW_TOKENS = 3


def warm_up(shelf: AdapterShelf) -> None:
    """Start thread pools, choose kernels and touch all weights."""
    sampling = Sampling(temperature=0.7, max_new_tokens=NEW_TOKENS)
    plans = [RowPlan(str(row), [shelf.base.pad_id] * (PROMPT_TOKENS + row), sampling) for row in range(ROWS)]
    for _ in decode(shelf, plans, Summary()):
        pass
