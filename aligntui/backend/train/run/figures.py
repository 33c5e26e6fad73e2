"""What a step's figures come to over its micro-batches and over all processes. Pinned in tests/backend/test_run_processes.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist

from aligntui.backend.train.losses.pairs import Pair
from aligntui.backend.train.losses.step import Totals

_COUNTS = ("pairs", "chosen_tokens", "rejected_tokens")


def world() -> int:
    """Processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process among them."""
    return dist.get_rank() if world() > 1 else 0


def sum_over_processes(values: Sequence[float], device: torch.device | str) -> list[float]:
    """Each value summed over all processes; what each has must have the same length."""
    if world() == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def totals_of(batches: Sequence[Sequence[Pair]], device: torch.device | str) -> Totals:
    """What the means of a step divide by: its pairs and chosen tokens, over all micro-batches and processes."""
    pairs = sum(len(batch) for batch in batches)
    tokens = sum(len(pair.chosen) for batch in batches for pair in batch)
    found = sum_over_processes([pairs, tokens], device)
    return Totals(round(found[0]), round(found[1]))


class Figures:
    """Sums of one step, or of one evaluation."""

    def __init__(self, *, token_mean: bool) -> None:
        """`token_mean` says whether `sft` is a mean over tokens (else over answers)."""
        self._by_tokens = ("token_accuracy", "sft") if token_mean else ("token_accuracy",)
        self._sums: dict[str, float] = {}

    def add(self, values: Mapping[str, float]) -> None:
        """Add a micro-batch: the metrics of `pair_step`, whose `loss` was divided by the totals of the whole step."""
        pairs, tokens = values["pairs"], values["chosen_tokens"]
        for name, value in values.items():
            weight = 1.0 if name == "loss" or name in _COUNTS else tokens if name in self._by_tokens else pairs
            self._sums[name] = self._sums.get(name, 0.0) + weight * value

    def means(self, device: torch.device | str) -> dict[str, float]:
        """The figures over all processes; empty when nothing was added anywhere."""
        names = sorted(self._sums)
        if world() > 1:
            known: list[list[str]] = [[] for _ in range(world())]
            dist.all_gather_object(known, names)  # a process without records of its own knows no names
            names = sorted({name for some in known for name in some})
        sums = dict(zip(names, sum_over_processes([self._sums.get(n, 0.0) for n in names], device), strict=True))
        if not sums.get("pairs"):
            return {}
        pairs, tokens = sums["pairs"], sums["chosen_tokens"]
        return {
            name: value if name == "loss" or name in _COUNTS else value / (tokens if name in self._by_tokens else pairs)
            for name, value in sums.items()
        }
