"""Prompts of evaluation suites that stand in the training set."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from sys import intern

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.normal import normal, words
from aligntui.data.lint.record import RecordView, digest
from aligntui.data.lint.rule import Context, Rule, Takes, excerpt, plural


@dataclass(frozen=True, slots=True)
class _Item:
    suite: str
    prompt: str
    words: int


class EvaluationOverlap(Rule):
    """Pairs that hold a prompt of an evaluation suite, whole or in large part; scores on it would measure memory.

    A prompt of a suite counts as taken over when a message of the user equals it in normal form, or when more than half
    of its words stand in runs of eight that it shares with the pair, be it with the prompt or with an answer. Wording
    is compared and not meaning: a paraphrase goes unseen.

    Source: see `EvaluationOptions`; the counting of covered words is Tulu 3's (arXiv 2411.15124, section 3.2).
    """

    name = "evaluation-overlap"
    summary = "A pair holds a prompt of an evaluation suite."
    severity = Severity.ERROR
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._size = context.options.evaluation.ngram_words
        self._items: list[_Item] = []
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._runs: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        self._hits: Counter[str] = Counter()
        for suite, prompts in context.suites.items():
            self._index(suite, prompts)

    def add(self, view: RecordView) -> str | None:
        """Look for suite prompts in what was asked and in both answers."""
        if not self._items:
            return "no evaluation suite was given"
        asked = [t for (role, _), t in zip(view.record.prompt, view.prompt_normals, strict=True) if role != "assistant"]
        share: dict[int, float] = {number: 1.0 for text in asked for number in self._whole.get(text, ())}
        where: dict[int, set[str]] = {number: {"prompt"} for number in share}
        covered: dict[int, set[int]] = defaultdict(set)
        for part, of in [*(("prompt", words(text)) for text in asked), *((n, side.words) for n, side in view.sides)]:
            if not self._runs.keys().isdisjoint(self._runs_in(of)):
                for number, places in self._covered(of).items():
                    covered[number] |= places
                    where.setdefault(number, set()).add(part)
        for number, places in covered.items():
            reached = len(places) / self._items[number].words
            if reached > self.context.options.evaluation.covered_share:
                share[number] = max(share.get(number, 0.0), reached)
        for number, reached in share.items():
            self._found(view, self._items[number], reached, sorted(where[number]))
        return None

    def conclude(self) -> None:
        """Count the pairs by suite, and say how many suite prompts are too short for runs."""
        self.statistics["pairs_by_suite"] = {suite: self._hits[suite] for suite in self.context.suites}
        short = sum(item.words < self._size for item in self._items)
        if short:
            self.coverage.notes.append(
                f"{plural(short, 'suite prompt')} of fewer than {self._size} words "
                f"{'was' if short == 1 else 'were'} compared as a whole only."
            )

    def _index(self, suite: str, prompts: tuple[str, ...]) -> None:
        for prompt in prompts:
            folded = normal(prompt)
            if not folded:
                continue
            of = [intern(word) for word in words(folded)]
            number = len(self._items)
            self._items.append(_Item(suite, prompt, len(of)))
            self._whole[folded].append(number)
            for place, run in enumerate(self._runs_in(of)):
                self._runs[run].append((number, place))

    def _runs_in(self, of: list[str]) -> zip[tuple[str, ...]]:
        return zip(*(islice(of, start, None) for start in range(self._size)), strict=False)

    def _covered(self, of: list[str]) -> dict[int, set[int]]:
        covered: dict[int, set[int]] = defaultdict(set)
        for run in self._runs_in(of):
            for number, place in self._runs.get(run, ()):
                covered[number].update(range(place, place + self._size))
        return covered

    def _found(self, view: RecordView, item: _Item, share: float, where: list[str]) -> None:
        self._hits[item.suite] += 1
        what = "a prompt" if share == 1 else f"{share:.0%} of a prompt"
        self.find(
            f"It holds {what} of {item.suite} ({', '.join(where)}).",
            [view.id],
            fix=Fix.DROP,
            subject=item.suite,
            rests_on=digest(item.prompt).hex(),
            evidence={"suite_prompt": excerpt(item.prompt), "covered": round(share, 4), "where": where},
        )
