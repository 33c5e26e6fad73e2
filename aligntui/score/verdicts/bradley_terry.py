"""Ratings of three or more sides from verdicts on pairs of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Literal

from aligntui.score.bootstrap import RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.results import LEVEL, Coverage, Result, coverage
from aligntui.score.verdicts.judgement import Judgement, first_verdicts
from aligntui.score.verdicts.win_rates import outcome_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aligntui.score.bootstrap import Floats

POINTS = 400 / log(10)
"""Points of a difference of 1 in log-odds; 400 points are odds of 10 to 1, the scale that chess and chat arenas use."""
_TOLERANCE = 1e-9
_ITERATIONS = 20_000
"""Two groups of sides joined by a single verdict need some 7,000; a long chain of unbeaten sides never gets below
`_TOLERANCE`, because of rounding alone."""
_SETTLED = 0.01
"""Verdicts by which the wins that the ratings expect of a side may miss those it has."""


@dataclass(frozen=True)
class Rating(Result):
    """One side's strength within its component."""

    side: str
    component: int
    """Sides of one component were compared with each other, directly or through others; numbered from 0."""
    rating: float
    """Log-odds against the reference, or where the component has none against its mean side; that has 0."""
    low: float | None
    """None where there is no interval, or where the rating has no lower bound; see `unbounded`."""
    high: float | None
    points: float
    """`rating` on the scale where 400 points are odds of 10 to 1."""
    rank_low: int
    """Best place within the component that the interval holds, 1 at the top."""
    rank_high: int
    """Worst place within the component that the interval holds."""
    wins: int
    losses: int
    ties: int
    """Ties and both bad."""
    unbounded: Literal["", "above", "below", "both"]
    """`above` where the side, or the group of sides it belongs to, never lost a half point to the others, so that its
    likeliest rating is infinite and the one given is the prior's; `below` where it never won one."""


@dataclass(frozen=True)
class Ratings(Result):
    """Ratings of all sides that were compared."""

    ratings: tuple[Rating, ...]
    """By component, best first."""
    components: int
    """1 where all sides can be compared; ratings of different components cannot."""
    prior: float
    """Virtual ties in all, as a share of one less than the number of sides of a component."""
    level: float
    clusters: int
    """Prompts that were resampled whole."""
    resamples: int
    coverage: Coverage
    note: str
    """What a reader has to know, such as sides that were never compared."""

    def expected(self, side: str, against: str) -> float | None:
        """Expected win rate of one side over another, ties as half; None where they cannot be compared.

        Raises:
            KeyError: a side has no rating.
        """
        rated = {rating.side: rating for rating in self.ratings}
        first, second = rated[side], rated[against]
        if first.component != second.component:
            return None
        return 1 / (1 + exp(second.rating - first.rating))


def bradley_terry(
    judgements: Iterable[Judgement],
    *,
    reference: str | None = None,
    prior: float = 1.0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Ratings:
    """Rate every side by the Bradley-Terry model, a tie or both bad counting half a win for each.

    Every pair of sides that met gets a share of a few virtual ties, in all `prior` times (sides of the component - 1). That
    is the weight of Firth's correction: it takes off the bias of few verdicts, vanishes among many, and gives an unbeaten side
    a finite rating, whose interval is then open upwards. Intervals resample whole prompts. Sides that were never
    compared, not even through others, are rated apart.

    Args:
        judgements: over any sides; verdicts over two answers of one side are counted out. Repeats count once.
        reference: side that ratings are held against, such as the base, in the component it belongs to; None for the mean
            side of each component.
        prior: weight of the virtual ties, above 0; near 0 it is plain maximum likelihood.
        level: confidence level.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Ratings; with no usable verdict none, and a note.

    Raises:
        ValueError: `prior` is not above 0.

    Source: Bradley & Terry 1952 (Biometrika 39, 324-345), fitted by evalica (Newman 2023, JMLR 24, 1-25); pinned against
        the baseball example of Agresti 2013 (Categorical Data Analysis, section 11.6.2) and a direct maximisation with
        scipy in tests/score/test_bradley_terry.py. Unbounded ratings: Ford 1957 (American Mathematical Monthly 64, 28-33).
        Weight of the prior: Firth 1993 (Biometrika 80, 27-38), which for two sides is one half in each cell.
    """
    if prior <= 0:
        raise ValueError(f"A prior weighs more than 0, not {prior}: without one an unbeaten side has no rating.")
    given = list(judgements)
    judged = first_verdicts(given)
    left_out = {"repeated": len(given) - len(judged), "skipped": 0, "both answers of one side": 0}
    rows: list[Judgement] = []
    for judgement in judged:
        if judgement.left.side == judgement.right.side:
            left_out["both answers of one side"] += 1
        elif judgement.choice is None:
            left_out["skipped"] += 1
        else:
            rows.append(judgement)
    covered = coverage(len(rows), left_out)
    if not rows:
        return Ratings((), 0, prior, level, 0, 0, covered, "there is no verdict over two sides")
    import numpy as np  # function-level: numpy would slow the console's start

    sides = sorted({shown.side for row in rows for shown in (row.left, row.right)})
    sums = _sums(rows, sides)  # (C, k * k)
    wins = sums.sum(0).reshape(len(sides), len(sides))
    member = _components(wins + wins.T)
    places = [np.flatnonzero(member == number) for number in range(member.max() + 1)]
    zero = [
        sides.index(reference) if reference in sides and sides.index(reference) in inside else None for inside in places
    ]
    virtual = sum((_virtual_ties(wins, inside, prior) for inside in places), np.zeros_like(wins))

    def fit(totals: Floats) -> Floats:
        return np.stack([_fit(total.reshape(wins.shape) + virtual, places, zero) for total in totals])

    drawn = cluster_bootstrap(sums, fit, level=level, resamples=resamples, seed=seed)
    bounds = _unbounded(wins, member)
    tally = _tally(rows)
    rated: list[Rating] = []
    for number, inside in enumerate(places):
        rank = _ranks(drawn.draws[:, inside])  # (R, sides of the component)
        tail = (1 - level) / 2
        for column, i in sorted(enumerate(inside), key=lambda item: (-drawn.value[item[1]], sides[item[1]])):
            rating, open_end = float(drawn.value[i]), bounds[i]
            rated.append(
                Rating(
                    side=sides[i],
                    component=number,
                    rating=rating,
                    low=None if open_end in ("below", "both") or np.isnan(drawn.low[i]) else float(drawn.low[i]),
                    high=None if open_end in ("above", "both") or np.isnan(drawn.high[i]) else float(drawn.high[i]),
                    points=rating * POINTS,
                    rank_low=int(np.quantile(rank[:, column], tail, method="lower")),
                    rank_high=int(np.quantile(rank[:, column], 1 - tail, method="higher")),
                    wins=tally[sides[i]]["win"],
                    losses=tally[sides[i]]["loss"],
                    ties=tally[sides[i]]["tie"] + tally[sides[i]]["bad"],
                    unbounded=open_end,
                )
            )
    return Ratings(
        tuple(rated),
        len(places),
        prior,
        level,
        len(sums),
        resamples,
        covered,
        _note(rated, len(places), len(sums), settled=_misses(wins + virtual, drawn.value) < _SETTLED),
    )


def _sums(rows: Sequence[Judgement], sides: Sequence[str]) -> Floats:
    import numpy as np

    place = {side: i for i, side in enumerate(sides)}
    cluster = {name: i for i, name in enumerate(dict.fromkeys(row.cluster for row in rows))}
    sums = np.zeros((len(cluster), len(sides), len(sides)))
    for row in rows:
        i, j, c = place[row.left.side], place[row.right.side], cluster[row.cluster]
        share = {"win": 1.0, "loss": 0.0}.get(outcome_for(row, row.left.side) or "", 0.5)
        sums[c, i, j] += share
        sums[c, j, i] += 1 - share
    return sums.reshape(len(cluster), -1)


def _components(met: Floats) -> NDArray[np.int32]:
    from scipy.sparse.csgraph import connected_components

    return connected_components(met > 0, directed=False)[1]


def _virtual_ties(wins: Floats, inside: NDArray[np.intp], prior: float) -> Floats:
    import numpy as np

    ties = np.zeros_like(wins)
    if len(inside) < 2:
        return ties
    block = np.ix_(inside, inside)
    met = (wins + wins.T)[block] > 0
    ties[block] = met * (prior * (len(inside) - 1) / met.sum())
    return ties


def _fit(wins: Floats, places: Sequence[NDArray[np.intp]], zero: Sequence[int | None]) -> Floats:
    """Log-odds of each side, 0 for the side of the component named in `zero`, else for its mean."""
    import evalica
    import numpy as np

    log_odds = np.zeros(len(wins))
    for inside, anchor in zip(places, zero, strict=True):
        block = wins[np.ix_(inside, inside)]
        winners, losers = np.nonzero(block)
        result = evalica.bradley_terry(
            winners.tolist(),
            losers.tolist(),
            [evalica.Winner.X] * len(winners),
            weights=block[winners, losers].tolist(),
            tolerance=_TOLERANCE,
            limit=_ITERATIONS,
        )
        found = np.log(result.scores.reindex(range(len(inside))).to_numpy(dtype=np.float64))
        log_odds[inside] = found
        log_odds[inside] -= found.mean() if anchor is None else log_odds[anchor]
    return log_odds


def _misses(wins: Floats, log_odds: Floats) -> float:
    """Most verdicts by which a side's wins differ from those expected; 0 at the maximum of the likelihood."""
    import numpy as np

    expected = (wins + wins.T) / (1 + np.exp(log_odds[None, :] - log_odds[:, None]))
    return float(abs(wins.sum(1) - expected.sum(1)).max())


def _unbounded(wins: Floats, member: NDArray[np.int32]) -> list[Literal["", "above", "below", "both"]]:
    from scipy.sparse.csgraph import connected_components

    strong = connected_components(wins > 0, directed=True, connection="strong")[1]
    found: list[Literal["", "above", "below", "both"]] = []
    for i in range(len(wins)):
        others = (member == member[i]) & (strong != strong[i])
        group = strong == strong[i]
        if not others.any():
            found.append("")
        elif not wins[others][:, group].any():
            found.append("above")
        elif not wins[group][:, others].any():
            found.append("below")
        else:
            found.append("both")
    return found


def _ranks(draws: Floats) -> NDArray[np.int64]:
    """(R, k) ratings to places, 1 for the highest; equal ratings share the better place."""
    return 1 + (draws[:, None, :] > draws[:, :, None] + 1e-9).sum(2)


def _tally(rows: Sequence[Judgement]) -> dict[str, dict[str, int]]:
    tally: dict[str, dict[str, int]] = {}
    for row in rows:
        for shown in (row.left, row.right):
            counts = tally.setdefault(shown.side, {"win": 0, "loss": 0, "tie": 0, "bad": 0})
            counts[outcome_for(row, shown.side) or ""] += 1
    return tally


def _note(ratings: Sequence[Rating], components: int, clusters: int, *, settled: bool) -> str:
    notes: list[str] = []
    if components > 1:
        groups = [
            " and ".join(rating.side for rating in ratings if rating.component == number)
            for number in range(components)
        ]
        notes.append(f"these were never compared with each other, so their ratings are apart: {'; '.join(groups)}")
    open_ended = [rating.side for rating in ratings if rating.unbounded]
    if open_ended:
        notes.append(f"no bound on one side for {', '.join(open_ended)}: all won or all lost against the others")
    if clusters < 2:
        notes.append("one prompt has no spread, so there are no intervals")
    if not settled:
        notes.append("the fit did not settle, so the ratings are rough")
    return "; ".join(notes)
