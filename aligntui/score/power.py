"""What a comparison could have seen: the smallest difference that its test finds with the power asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

ALPHA = 0.05
POWER = 0.8
_STEPS = 40


def detectable_share(n: int, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Smallest distance of a share from one half that the exact sign test finds.

    Args:
        n: independent decided verdicts.
        alpha: level of the two-sided test.
        power: how often the test has to find it.

    Returns:
        0 to 0.5; None where not even a share of 1 would be found (n below 6 at the usual level).

    Source: exact power of the binomial test, enumerated; pinned against a direct sum in tests/score/test_power.py.
    """
    from scipy.special import bdtr  # function-level: scipy would slow the console's start

    edge = critical_count(n, alpha)
    if edge < 0:
        return None

    def reached(distance: float) -> float:
        share = 0.5 + distance
        return float(bdtr(edge, n, share) + bdtr(edge, n, 1 - share))

    return _smallest(reached, 0.5, power)


def detectable_paired(n: int, discordant: float, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Smallest difference of two paired pass rates that McNemar's exact test finds.

    Args:
        n: prompts.
        discordant: share of prompts on which the two differ, 0 to 1.
        alpha: level of the two-sided test.
        power: how often the test has to find it.

    Returns:
        0 to `discordant`, as a difference of rates; None where not even a difference in one direction only would be found.

    Raises:
        ValueError: `discordant` lies outside 0 to 1.

    Source: power of the exact conditional test (Miettinen 1968, Biometrics 24, 339-352), summed over the number of
        discordant prompts; pinned against a plain double sum and the normal formula in tests/score/test_power.py.
    """
    import numpy as np  # function-level: numpy and scipy would slow the console's start
    from scipy.special import bdtr, gammaln, xlog1py, xlogy

    if not 0 <= discordant <= 1:
        raise ValueError(f"A share of discordant prompts lies between 0 and 1, not at {discordant}.")
    if n < 1 or discordant == 0:
        return None
    m = np.arange(n + 1)
    log_weight = (
        gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + xlogy(m, discordant) + xlog1py(n - m, -discordant)
    )
    weight = np.exp(log_weight)  # (n + 1,)
    edge = np.array([critical_count(int(count), alpha) for count in m])
    weight, m, edge = weight[edge >= 0], m[edge >= 0], edge[edge >= 0]

    def reached(difference: float) -> float:
        share = min(1.0, 0.5 + difference / (2 * discordant))
        return float(weight @ (bdtr(edge, m, share) + bdtr(edge, m, 1 - share)))

    return _smallest(reached, discordant, power)


def detectable_mean(standard_error: float, clusters: int, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Smallest mean difference that a t test over whole prompts finds.

    Args:
        standard_error: of the mean difference, between prompts; in the unit of the difference.
        clusters: prompts.
        alpha: level of the two-sided test.
        power: how often the test has to find it.

    Returns:
        In the unit of the standard error; None for fewer than two prompts.

    Source: noncentral t distribution; pinned against statsmodels' TTestPower in tests/score/test_power.py.
    """
    from scipy.special import nctdtr, stdtrit  # function-level: scipy would slow the console's start

    if clusters < 2:
        return None
    df = clusters - 1
    edge = float(stdtrit(df, 1 - alpha / 2))

    def reached(shift: float) -> float:
        far = float(nctdtr(df, shift, -edge))
        # the far tail comes as NaN where it is too small to be written down
        return float(1 - nctdtr(df, shift, edge)) + (far if far == far else 0.0)

    shift = _smallest(reached, 4 * edge + 10, power)
    return None if shift is None else shift * standard_error


@lru_cache(maxsize=100_000)
def critical_count(n: int, alpha: float = ALPHA) -> int:
    """Largest count of the rarer side of n fair throws that the two-sided sign test still rejects; -1 for none."""
    from scipy.special import bdtr  # function-level: scipy would slow the console's start

    low, high = -1, n // 2
    while low < high:
        middle = (low + high + 1) // 2
        if bdtr(middle, n, 0.5) <= alpha / 2:
            low = middle
        else:
            high = middle - 1
    return low


def _smallest(reached: Callable[[float], float], most: float, power: float) -> float | None:
    if reached(most) < power:
        return None
    low, high = 0.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high
