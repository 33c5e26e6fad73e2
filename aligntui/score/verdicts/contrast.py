"""Which of several sampled answers to put next to each other: the pairs that differ most, so that a verdict teaches most."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt, tanh
from typing import Literal

from aligntui.score.results import Coverage, Result, coverage

GRAM = 3
"""Characters of a piece of text that is compared."""
EVEN = 2.0
"""Length ratio from which on the longer answer's length is held against the pair."""

Part = Literal["text", "gap", "meaning"]


@dataclass(frozen=True)
class Sampled:
    """One sampled answer to the prompt."""

    id: str
    side: str
    """What made it: `base`, or an adapter with its strength."""
    text: str
    gap: float | None = None
    """Mean log-probability per token under the adapter minus the same under the base, nats; None where not scored."""
    embedding: tuple[float, ...] | None = None
    """Sentence embedding of any length other than 0; None where not embedded."""


@dataclass(frozen=True)
class Proposal(Result):
    """Two answers to judge against each other."""

    first: str
    """Id of the answer whose side comes first in the alphabet."""
    second: str
    contrast: float
    """0 to 1: the mean of the parts, times `evenness`."""
    text: float
    """Share of the shorter answer's pieces of text that the longer one lacks."""
    gap: float | None
    """How surely the gaps tell the answers apart: tanh(difference / 2), 0 to 1. None where not every answer has one."""
    meaning: float | None
    """Half of 1 minus the cosine of the embeddings. None where not every answer has one."""
    evenness: float
    """1 up to a length ratio of 2, then falling as 2 divided by the ratio."""


@dataclass(frozen=True)
class Proposals(Result):
    """Pairs in the order in which they should be judged."""

    pairs: tuple[Proposal, ...]
    parts: tuple[Part, ...]
    """What the contrast is the mean of. A part counts only where every answer has it, or the pairs would not compare."""
    coverage: Coverage
    """Of all pairs that the sides allow."""


def propose_pairs(answers: Iterable[Sampled], limit: int | None = None, *, same_side: bool = False) -> Proposals:
    """Propose pairs of answers with the highest contrast, every answer once before any comes again.

    Contrast is the mean of what is known of: how little the texts share, how far apart the adapter's and the base's
    log-probabilities set them, how far apart their meanings are. The text part asks what of the *shorter* answer is
    missing in the longer one, so that an answer and the same answer with more behind it have no contrast; and a pair
    whose lengths differ by more than `EVEN` times is marked down for it. The order depends on the answers alone, not on how
    they were handed in.

    Args:
        answers: of one prompt, ids all different.
        limit: propose at most so many; None for as many as bring every answer that can be paired in once.
        same_side: also pair answers of one side.

    Returns:
        Pairs of different, non-empty texts.

    Raises:
        ValueError: two answers share an id, or embeddings differ in length.

    Source: overlap coefficient (Szymkiewicz & Simpson) of character trigrams; tanh(d / 2) is |2p - 1| for the preference
        probability p that DPO's implicit reward (arXiv:2305.18290) gives a difference d, here per token. Pinned by hand in
        tests/score/test_contrast.py.
    """
    pool = sorted(answers, key=lambda answer: (answer.side, answer.id))
    if len({answer.id for answer in pool}) < len(pool):
        raise ValueError("Every sampled answer needs an id of its own.")
    if len({len(answer.embedding) for answer in pool if answer.embedding is not None}) > 1:
        raise ValueError("Embeddings of different lengths do not compare.")
    left_out = {"an answer is empty": 0, "the texts are the same": 0, "past the limit": 0}
    grams = {answer.id: _grams(answer.text) for answer in pool}
    with_gap = bool(pool) and all(answer.gap is not None for answer in pool)
    with_meaning = bool(pool) and all(answer.embedding for answer in pool)
    candidates: list[Proposal] = []
    for a, b in combinations(pool, 2):
        if a.side == b.side and not same_side:
            continue
        if not grams[a.id] or not grams[b.id]:
            left_out["an answer is empty"] += 1
        elif _plain(a.text) == _plain(b.text):
            left_out["the texts are the same"] += 1
        else:
            candidates.append(_proposal(a, b, grams, with_gap=with_gap, with_meaning=with_meaning))
    chosen = _spread(candidates, limit)
    left_out["past the limit"] = len(candidates) - len(chosen)
    parts: list[Part] = ["text"]
    if with_gap:
        parts.append("gap")
    if with_meaning:
        parts.append("meaning")
    return Proposals(tuple(chosen), tuple(parts), coverage(len(chosen), left_out))


def _proposal(
    a: Sampled, b: Sampled, grams: dict[str, Counter[str]], *, with_gap: bool, with_meaning: bool
) -> Proposal:
    mine, theirs = grams[a.id], grams[b.id]
    sizes = sorted((mine.total(), theirs.total()))
    text = 1 - (mine & theirs).total() / sizes[0]
    gap = tanh(abs(a.gap - b.gap) / 2) if with_gap and a.gap is not None and b.gap is not None else None
    meaning = (1 - _cosine(a.embedding, b.embedding)) / 2 if with_meaning and a.embedding and b.embedding else None
    known = [part for part in (text, gap, meaning) if part is not None]
    evenness = min(1.0, EVEN * sizes[0] / sizes[1])
    return Proposal(a.id, b.id, sum(known) / len(known) * evenness, text, gap, meaning, evenness)


def _spread(candidates: Sequence[Proposal], limit: int | None) -> list[Proposal]:
    """Highest contrast first, but pairs of two fresh answers before those of one, and those before pairs of none."""
    uses: Counter[str] = Counter()

    def worn(pair: Proposal) -> tuple[int, int]:
        first, second = uses[pair.first], uses[pair.second]
        return min(first, second), max(first, second)

    left = sorted(candidates, key=lambda pair: (-pair.contrast, pair.first, pair.second))
    chosen: list[Proposal] = []
    while left and (limit is None or len(chosen) < limit):
        best = min(left, key=worn)
        if limit is None and worn(best)[0] > 0:
            break
        left.remove(best)
        uses.update((best.first, best.second))
        chosen.append(best)
    return chosen


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _grams(text: str) -> Counter[str]:
    """Overlapping pieces of the text without case and spacing; a shorter text is one piece; no piece for none."""
    plain = _plain(text)
    if not plain:
        return Counter()
    return Counter(plain[i : i + GRAM] for i in range(max(1, len(plain) - GRAM + 1)))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    size = sqrt(sum(x * x for x in a)) * sqrt(sum(x * x for x in b))
    return max(-1.0, min(1.0, sum(x * y for x, y in zip(a, b, strict=True)) / size)) if size else 0.0
