"""One column against another, item by item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from aligntui.score.answers.verbosity import Verbosity, verbosity
from aligntui.score.paired import PairedRates, compare_rates
from aligntui.score.results import LEVEL, Coverage, Estimate, Result, coverage
from aligntui.score.suites.columns import At, Column, Pick
from aligntui.score.suites.suite import Item, Marks, Part, Suite
from aligntui.score.wording import Finding, Wording, word_difference


@dataclass(frozen=True)
class Versus(Result):
    """What the second column has over the first. Differences are second minus first."""

    first: str
    second: str
    difference: Estimate
    p: float | None
    p_method: str
    p_corrected: float | None
    """After Holm's correction over the categories; `p` itself for a row that is one test."""
    detectable: float | None
    """Smallest difference found with power 0.8 at level 0.05."""
    gained: int
    """Verdicts that only the second passes."""
    lost: int
    finding: str
    """`better`, `worse`, `null` or `unknown`; for lengths `longer`, `shorter`, `null` or `unknown`."""
    sentence: str
    coverage: Coverage
    percent: Estimate | None = None
    """Change in per cent of the first column's mean; of lengths only."""


def versus_rates(
    suite: Suite, first: Column, second: Column, pick: Pick, *, higher_is_better: bool = True, level: float = LEVEL
) -> Versus:
    """Compare two columns over what both have a verdict on.

    Source: `compare_rates`: McNemar exact where an item has one verdict, else whole items. Pinned against the comparisons of
        `ifeval` and `track_a` in tests/score/test_suites_table.py.
    """
    ones: list[bool | None] = []
    others: list[bool | None] = []
    keys: list[str] = []
    missing = {f"no answer of {first.name}": 0, f"no answer of {second.name}": 0, "no answer of either": 0}
    seeds = first.seeds if first.seeds == second.seeds else tuple(s for s in first.seeds if s in second.seeds)
    for item in suite.items:
        for seed in seeds:
            at = (item.id, seed)
            a, b = first.marks.get(at), second.marks.get(at)
            if a is not None and b is not None:
                picked = pick(item, a), pick(item, b)
                ones += picked[0]
                others += picked[1]
                keys += [item.id] * len(picked[0])
            elif size := len(pick(item, found)) if (found := a or b) is not None else _size(item, pick):
                missing[_who(a is None, b is None, first.name, second.name)] += size
    rates = compare_rates(ones, others, keys, level)
    return _from_rates(_with_missing(rates, missing), first.name, second.name, higher_is_better)


def versus_answers(
    suite: Suite, first: Column, second: Column, bad: Callable[[str, str], bool | None], level: float = LEVEL
) -> Versus:
    """Compare two columns by a sign that answers had better not have; `bad` is given the item's id and the answer."""
    keys = _shared(suite, first, second)
    rates = compare_rates(
        [bad(at[0], first.answers[at]) for at in keys],
        [bad(at[0], second.answers[at]) for at in keys],
        [at[0] for at in keys],
        level,
    )
    return _from_rates(_with_missing(rates, _missing(suite, first, second)), first.name, second.name, False)


def versus_words(suite: Suite, first: Column, second: Column, level: float = LEVEL) -> Versus:
    """Compare the lengths of answers, in words and in per cent; longer is neither better nor worse."""
    keys = _shared(suite, first, second)
    found = verbosity(
        [first.answers[at] for at in keys], [second.answers[at] for at in keys], [at[0] for at in keys], level
    )
    wording = _length_wording(found, first.name, second.name)
    cover = found.words.coverage
    return Versus(
        first.name,
        second.name,
        found.words.difference,
        found.words.p,
        found.words.p_method,
        found.words.p,
        found.words.detectable,
        found.longer,
        found.shorter,
        wording[0],
        wording[1],
        coverage(cover.used, {**dict(cover.left_out), **_missing(suite, first, second)}),
        found.percent,
    )


def corrected_by(one: Versus, p: float | None, *, higher_is_better: bool) -> Versus:
    """The same with a p-value corrected over its family, and worded by it."""
    wording = word_difference(
        one.difference,
        one.first,
        one.second,
        higher_is_better=higher_is_better,
        detectable=one.detectable,
        p_corrected=p,
    )
    return replace(one, p_corrected=p, finding=str(wording.finding), sentence=wording.sentence)


def versus_estimate(difference: Estimate, first: str, second: str, cover: Coverage) -> Versus:
    """A difference that has an interval and no test, such as that of two tiers."""
    wording = word_difference(difference, first, second)
    return Versus(
        first, second, difference, None, "none", None, None, 0, 0, str(wording.finding), wording.sentence, cover
    )


def _from_rates(rates: PairedRates, first: str, second: str, higher_is_better: bool) -> Versus:
    wording: Wording = word_difference(
        rates.difference, first, second, higher_is_better=higher_is_better, detectable=rates.detectable
    )
    return Versus(
        first=first,
        second=second,
        difference=rates.difference,
        p=rates.p,
        p_method=rates.p_method,
        p_corrected=rates.p,
        detectable=rates.detectable,
        gained=rates.only_second,
        lost=rates.only_first,
        finding=str(wording.finding),
        sentence=wording.sentence,
        coverage=rates.coverage,
    )


def _with_missing(rates: PairedRates, missing: dict[str, int]) -> PairedRates:
    cover = rates.coverage
    return replace(rates, coverage=coverage(cover.used, {**dict(cover.left_out), **missing}))


def _shared(suite: Suite, first: Column, second: Column) -> list[At]:
    keys = ((item.id, seed) for item in suite.items for seed in first.seeds)
    return [at for at in keys if at in first.answers and at in second.answers]


def _missing(suite: Suite, first: Column, second: Column) -> dict[str, int]:
    missing: dict[str, int] = {}
    for item in suite.items:
        for seed in first.seeds:
            at = (item.id, seed)
            a, b = at not in first.answers, at not in second.answers
            if a or b:
                who = _who(a, b, first.name, second.name)
                missing[who] = missing.get(who, 0) + 1
    return missing


def _who(first_lacks: bool, second_lacks: bool, first: str, second: str) -> str:
    if first_lacks and second_lacks:
        return "no answer of either"
    return f"no answer of {first if first_lacks else second}"


def _size(item: Item, pick: Pick) -> int:
    """How many verdicts an item would have that nobody answered."""
    return len(pick(item, Marks(tuple(Part(category, None, None) for category in item.categories), empty=True)))


def _length_wording(found: Verbosity, first: str, second: str) -> tuple[str, str]:
    words, percent = found.words.difference, found.percent
    if words.value is None or words.low is None or words.high is None:
        return str(Finding.UNKNOWN), f"The lengths of {second} and {first} cannot be told apart: {words.note}."
    change = f", {percent.value:+.1f}%" if percent.value is not None else ""
    numbers = f"{words.value:+.1f} {found.counted} an answer (95% interval {words.low:+.1f} to {words.high:+.1f}, n = {words.n}){change}"
    if words.low <= 0 <= words.high:
        return str(Finding.NULL), f"No difference in length shown between {second} and {first}: {numbers}."
    kind = "longer" if words.low > 0 else "shorter"
    return kind, f"Answers of {second} are {kind} than those of {first}: {numbers}."
