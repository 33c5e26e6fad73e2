"""Prompts that are nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nlargest
from itertools import islice
from math import sqrt

from rensa import RMinHash, RMinHashLSH  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.normal import jaccard, shingles, words
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, Takes, excerpt, plural
from aligntui.data.lint.rules.duplicates import place_of

SEED = 1
"""Of the signatures; the same set gives the same candidates."""

LEAST_RECALL = 0.98
"""Chance that two prompts just at the threshold meet as candidates; more similar ones meet more surely."""

AT_ONCE = 2048
"""Prompts whose signatures are made in one call."""

VERIFIED_AT_MOST = 8
"""Candidates of a prompt whose similarity is computed exactly, the most similar by their signatures first."""

ALIKE_BY_CHANCE = 4.0
"""Standard errors by which a signature may underestimate the similarity before a candidate is passed over."""

Under = tuple[bytes, str]
"""Instruction and mode, as in `duplicates.Place`."""


@dataclass(slots=True)
class _Prompt:
    last: str
    history: str
    ids: dict[Under, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Its pairs by instruction and mode."""


@dataclass(slots=True)
class _Kept:
    """The first prompt of its kind under one instruction."""

    prompt: _Prompt
    under: Under
    signature: RMinHash
    copies: list[tuple[float, _Prompt]] = field(default_factory=list)


class NearDuplicatePrompts(Rule):
    """Different prompts under one instruction that share most of their wording.

    Candidates come from MinHash signatures in bands (LSH), so that not all pairs of prompts are compared; each is then
    verified by the exact Jaccard similarity of its shingles, both of the last message and of what came before it, so
    that two turns of one conversation are not taken for copies. Each prompt is held against the first of its kind and
    not against other copies: what is left out is then near to what is kept, and a long series costs no more than its
    length. Prompts that are the same in normal form are the matter of `duplicate-prompts`.

    Source: MinHash LSH: Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.
        Recall against all pairs is pinned in tests/data/test_lint_near_duplicates.py.
    """

    name = "near-duplicate-prompts"
    summary = "Different prompts under one instruction share most of their wording."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._prompts: dict[bytes, _Prompt] = {}
        size = context.options.duplicates.shingle_words
        # the first prompts of a series are compared again and again
        self._shingles = lru_cache(maxsize=4096)(lambda text: frozenset(shingles(words(text), size)))

    def add(self, view: RecordView) -> str | None:
        """Remember the prompt, once for all pairs that share it."""
        if not view.last_asked:
            return "the prompt is empty"
        prompt = self._prompts.get(view.prompt_key)
        if prompt is None:
            prompt = self._prompts[view.prompt_key] = _Prompt(view.last_asked, view.history)
        instruction, mode, _ = place_of(view)
        prompt.ids[(instruction, mode)].append(view.id)
        return None

    def conclude(self) -> None:
        """Group the prompts and report the groups."""
        copies = 0
        for kept in self._search():
            if kept.copies:
                copies += len(kept.copies)
                self._found(kept)
        self.statistics["distinct_prompts"] = len(self._prompts)
        self.statistics["copies"] = copies
        self._prompts.clear()
        self._shingles.cache_clear()

    def _found(self, kept: _Kept) -> None:
        first = kept.prompt.ids[kept.under]
        targets = [one for _, prompt in kept.copies for one in prompt.ids[kept.under]]
        least = min(share for share, _ in kept.copies)
        self.find(
            f"{plural(len(kept.copies) + 1, 'prompt')} share at least {least:.0%} of their wording with the first of them.",
            [*first, *targets],
            fix=Fix.DROP_ALL_BUT_FIRST,
            targets=targets,
            evidence={
                "least_similarity": round(least, 4),
                "prompts": [excerpt(kept.prompt.last), *(excerpt(prompt.last) for _, prompt in kept.copies[:4])],
            },
        )

    def _search(self) -> list[_Kept]:
        options = self.context.options.duplicates
        bands, rows = bands_and_rows(options.near, options.permutations)
        width = bands * rows
        index = RMinHashLSH(threshold=options.near, num_perm=width, num_bands=bands)
        kept: list[_Kept] = []
        crowded = 0
        for prompt, signature in self._signed(width):
            candidates = sorted(index.query(signature))
            is_crowded = len(candidates) > options.compare_at_most
            crowded += is_crowded
            by_place: dict[Under, list[_Kept]] = defaultdict(list)
            for number in candidates[: options.compare_at_most]:
                by_place[kept[number].under].append(kept[number])
            for under in prompt.ids:
                nearest = self._nearest(prompt, signature, by_place[under], width) if under in by_place else None
                if nearest:
                    share, first = nearest
                    first.copies.append((share, prompt))
                elif not is_crowded:
                    index.insert(len(kept), signature)
                    kept.append(_Kept(prompt, under, signature))
        if crowded:
            self.coverage.notes.append(
                f"{plural(crowded, 'prompt')} looked like more than {options.compare_at_most:,} others and "
                f"{'was' if crowded == 1 else 'were'} held against the first of those only."
            )
        return kept

    def _signed(self, width: int) -> Iterator[tuple[_Prompt, RMinHash]]:
        size = self.context.options.duplicates.shingle_words
        prompts = iter(self._prompts.values())
        while batch := list(islice(prompts, AT_ONCE)):
            runs = [shingles(words(prompt.last), size) or [prompt.last] for prompt in batch]
            yield from zip(batch, RMinHash.from_token_sets(runs, num_perm=width, seed=SEED), strict=True)

    def _nearest(
        self, prompt: _Prompt, signature: RMinHash, candidates: list[_Kept], width: int
    ) -> tuple[float, _Kept] | None:
        near = self.context.options.duplicates.near
        least = near - ALIKE_BY_CHANCE * sqrt(near * (1 - near) / width)
        estimated = ((signature.jaccard(one.signature), -place, one) for place, one in enumerate(candidates))
        likely = nlargest(VERIFIED_AT_MOST, (found for found in estimated if found[0] >= least))
        exact = [(self._share(one.prompt, prompt), place, one) for _, place, one in likely]
        share, _, first = max(exact, default=(-1.0, 0, None))
        return (share, first) if first is not None and share >= near else None

    def _share(self, one: _Prompt, other: _Prompt) -> float:
        if (not one.history) != (not other.history):
            return 0.0
        share = self._jaccard(one.last, other.last)
        return share if one.history == other.history else min(share, self._jaccard(one.history, other.history))

    def _jaccard(self, one: str, other: str) -> float:
        return jaccard(self._shingles(one), self._shingles(other))


def bands_and_rows(near: float, permutations: int) -> tuple[int, int]:
    """Layout of a signature for a threshold: the longest rows, and so the fewest false candidates, that still find enough.

    The r rows of a band all agree with probability near**r, so that some band of b agrees with 1 - (1 - near**r)**b.
    That is to be `LEAST_RECALL` or more.

    Returns:
        Bands and rows; one row a band where even that does not reach it.
    """
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - near**rows) ** bands >= LEAST_RECALL:
            return bands, rows
    return permutations, 1
