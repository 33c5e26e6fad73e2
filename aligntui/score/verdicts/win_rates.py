"""How often a side wins: base against each adapter, over all verdicts, for each instruction and for each tag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from aligntui.core.pair import Verdict
from aligntui.score.corrections import Correction, corrected
from aligntui.score.intervals import clustered_rate
from aligntui.score.paired import sign_flip
from aligntui.score.power import detectable_share
from aligntui.score.results import LEVEL, Coverage, Rate, Result, coverage
from aligntui.score.verdicts.judgement import Judgement, first_verdicts

CHANCE = 0.5


@dataclass(frozen=True)
class WinRate(Result):
    """One side against another."""

    side: str
    """Whose wins are counted."""
    against: str
    wins: int
    losses: int
    ties: int
    bad: int
    """Verdicts that both are bad: no preference, so they count as ties in `ties_half`."""
    decided: Rate
    """Wins of wins and losses; ties and both bad are passed over. Chance one half."""
    ties_half: Rate
    """Wins and half the ties and both bad, of all of them. Chance one half."""
    shares: tuple[tuple[str, Rate], ...]
    """`win`, `loss`, `tie` and `bad`, each of all four together: ties kept apart."""
    p: float | None
    """Two-sided test of "as likely to win as to lose": sign flips over whole prompts, which is the exact sign test where each
    prompt has one verdict. None without a decided verdict."""
    detectable: float | None
    """Smallest distance of `decided` from one half that is found with power 0.8 at level 0.05; None where none is."""
    coverage: Coverage
    """Of all verdicts on these two sides."""

    @property
    def judged(self) -> int:
        """Verdicts that count: all but the skipped and the repeated."""
        return self.wins + self.losses + self.ties + self.bad

    def as_dict(self) -> dict[str, Any]:
        """The fields by name; `shares` as a mapping of name to rate."""
        return {**super().as_dict(), "shares": {name: rate.as_dict() for name, rate in self.shares}}


@dataclass(frozen=True)
class GroupWinRate(Result):
    """One side against another within a group of verdicts."""

    group: str
    win_rate: WinRate
    p_corrected: float | None
    """`win_rate.p` corrected for the number of groups that had a test."""


@dataclass(frozen=True)
class GroupedWinRates(Result):
    """One side against another in every group."""

    groups: tuple[GroupWinRate, ...]
    """By name."""
    correction: Correction
    family: int
    """How many groups the correction counts."""
    coverage: Coverage
    """Of all verdicts on the two sides; a verdict with several tags is used in several groups and counted once here."""


def win_rate(judgements: Iterable[Judgement], side: str, against: str, level: float = LEVEL) -> WinRate:
    """Wins of one side over another, with the interval for prompts that may have several verdicts.

    A pair that one annotator judged several times counts once, with the first verdict, and what was asked again to
    measure the annotator does not count; see `first_verdicts`. Verdicts of several annotators all count, as verdicts of
    one prompt.

    Args:
        judgements: of any sides; those over other sides are passed over and not counted anywhere.
        side: whose wins are counted.
        against: the other side.
        level: confidence level.

    Returns:
        Counts, rates and test; empty rates where there is no verdict.

    Raises:
        ValueError: both sides are the same.

    Source: ties and both bad as half a win as in Chiang et al. 2024 (Chatbot Arena, arXiv:2403.04132). Intervals:
        `clustered_rate`. Pinned by hand in tests/score/test_win_rates.py.
    """
    if side == against:
        raise ValueError(f"A side cannot win over itself: {side!r}.")
    given = [j for j in judgements if {j.left.side, j.right.side} == {side, against}]
    judged = first_verdicts(given)
    rows = [(j.cluster, outcome) for j in judged if (outcome := outcome_for(j, side)) is not None]
    counts = {name: sum(outcome == name for _, outcome in rows) for name in ("win", "loss", "tie", "bad")}
    decided = clustered_rate(
        ((cluster, float(outcome == "win")) for cluster, outcome in rows if outcome in ("win", "loss")), CHANCE, level
    )
    margins: dict[str, int] = {}
    for cluster, outcome in rows:
        margins[cluster] = margins.get(cluster, 0) + {"win": 1, "loss": -1}.get(outcome, 0)
    independent = decided.n if decided.n_effective is None else min(floor(decided.n_effective), decided.n)
    return WinRate(
        side=side,
        against=against,
        wins=counts["win"],
        losses=counts["loss"],
        ties=counts["tie"],
        bad=counts["bad"],
        decided=decided,
        ties_half=clustered_rate(
            ((cluster, {"win": 1.0, "loss": 0.0}.get(outcome, 0.5)) for cluster, outcome in rows), CHANCE, level
        ),
        shares=tuple(
            (name, clustered_rate(((cluster, float(outcome == name)) for cluster, outcome in rows), level=level))
            for name in counts
        ),
        p=sign_flip(list(margins.values())) if decided.n else None,
        detectable=detectable_share(independent),
        coverage=coverage(len(rows), {"repeated": len(given) - len(judged), "skipped": len(judged) - len(rows)}),
    )


def win_rates(judgements: Iterable[Judgement], base: str = "base", level: float = LEVEL) -> tuple[WinRate, ...]:
    """Every other side against `base`, in alphabetical order; sides that never met it are left out."""
    given = list(judgements)
    met = {j.left.side for j in given if j.right.side == base} | {j.right.side for j in given if j.left.side == base}
    return tuple(win_rate(given, side, base, level) for side in sorted(met - {base}))


def win_rates_by_instruction(
    judgements: Iterable[Judgement], side: str, against: str, correction: Correction = "holm", level: float = LEVEL
) -> GroupedWinRates:
    """One side against another under each instruction; verdicts over two instructions belong to none and are counted out."""
    return _grouped(
        judgements,
        side,
        against,
        lambda j: () if j.instruction is None else (j.instruction,),
        "instructions differ",
        correction,
        level,
    )


def win_rates_by_tag(
    judgements: Iterable[Judgement], side: str, against: str, correction: Correction = "holm", level: float = LEVEL
) -> GroupedWinRates:
    """One side against another for each tag; a verdict with several tags counts in each of them."""
    return _grouped(judgements, side, against, lambda j: j.tags, "no tag", correction, level)


def outcome_for(judgement: Judgement, side: str) -> str | None:
    """`win`, `loss`, `tie` or `bad` as seen from `side`; None for a skip."""
    if judgement.verdict is Verdict.SKIP:
        return None
    if judgement.chosen is None:
        return "tie" if judgement.verdict is Verdict.TIE else "bad"
    return "win" if judgement.chosen.side == side else "loss"


def _grouped(
    judgements: Iterable[Judgement],
    side: str,
    against: str,
    groups_of: Callable[[Judgement], Sequence[str]],
    without: str,
    correction: Correction,
    level: float,
) -> GroupedWinRates:
    given = [j for j in judgements if {j.left.side, j.right.side} == {side, against}]
    judged = first_verdicts(given)
    groups: dict[str, list[Judgement]] = {}
    left_out = {"repeated": len(given) - len(judged), "skipped": 0, without: 0}
    for judgement in judged:
        names = dict.fromkeys(groups_of(judgement))
        if judgement.choice is None:
            left_out["skipped"] += 1
        elif not names:
            left_out[without] += 1
        else:
            for name in names:
                groups.setdefault(name, []).append(judgement)
    rates = [(name, win_rate(groups[name], side, against, level)) for name in sorted(groups)]
    p_values = corrected([rate.p for _, rate in rates], correction)
    return GroupedWinRates(
        groups=tuple(GroupWinRate(name, rate, p) for (name, rate), p in zip(rates, p_values, strict=True)),
        correction=correction,
        family=sum(p is not None for p in p_values),
        coverage=coverage(len(judged) - left_out["skipped"] - left_out[without], left_out),
    )
