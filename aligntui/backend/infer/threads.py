"""How many CPU threads read prompts, and how many make steps.

Reading a prompt is arithmetic and takes all threads there are. A step of few rows is some hundred small products whose
threads must meet after each one. On 2 cores, the embedded model, bfloat16, tokens per second of a pair and of 20 rows:
one thread 103 and 410, two that sleep while they wait 80 and 320, two that spin 122 and 610, but 10 and less as
soon as anything else wants a core, and the console does. So threads sleep (`stdio.ENVIRONMENT`), a core is left to the console
while steps of few rows are made, and on larger machines steps are timed once after loading and the fewest threads are taken
that are nearly as fast.

With many rows the cores that are left take rows of their own through the whole step (`fast_step.Part`): they meet once
a step and not at every product, so nobody waits for long, and a busy machine costs what it takes. 32 rows of 240 positions:
85 ms by one thread, 57 ms by two. Pinned in tests/backend/test_threads.py and test_fast_step.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

WORTH = 1.15
"""More threads must be faster by this factor to be taken."""


@dataclass
class Threads:
    """Thread counts of one loaded base; only the CPU's, a GPU does not care."""

    reading: int
    stepping: int

    @property
    def lanes(self) -> int:
        """How many may take rows of a step through the model side by side, with `stepping` threads each."""
        return max(1, self.reading // self.stepping)

    def read(self) -> None:
        """From here on prompts are read."""
        _use(self.reading)

    def step(self) -> None:
        """From here on steps are made."""
        _use(self.stepping)


def choose_threads(most: int, seconds_of_a_step: Callable[[], float]) -> int:
    """Halve the threads as long as steps do not become slower by `WORTH`.

    From the top, so that a large model, where all threads pay, is timed twice only.

    Args:
        most: threads to begin with.
        seconds_of_a_step: makes steps with the threads set and times one.
    """
    best, count = most, most
    _use(most)
    fastest = seconds_of_a_step()
    while count > 1:
        count //= 2
        _use(count)
        seconds = seconds_of_a_step()
        if seconds > WORTH * fastest:
            break
        best, fastest = count, min(fastest, seconds)
    _use(best)
    return best


def _use(count: int) -> None:
    # setting it starts and ends threads, so only where it changes
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
