"""Answers that talk about their own rules."""

from __future__ import annotations

import re
from collections import Counter

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.intervals import share_figures
from aligntui.data.lint.normal import normal
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, Takes


class DoctrineTerms(Rule):
    """Preferred answers with terms of the doctrine in them, to a prompt that does not mention them.

    A rejected answer with such terms is as it should be and only counted: it teaches what to leave out.

    Source: meta-chatter bleed, AISF (methods.md, sections 1 and 3): the share of answers to general questions that
        contain doctrine terms.
    """

    name = "doctrine-terms"
    summary = "A preferred answer talks about the rules it was given (meta-chatter) although nobody asked."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._group = {normal(term): group for group, terms in context.options.doctrine.terms.items() for term in terms}
        longest_first = sorted(self._group, key=len, reverse=True)
        self._terms = (
            re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)") if longest_first else None
        )
        # the longest word of each term is a cheap look: most answers hold none of them
        self._longest_words = sorted({max(term.split(), key=len) for term in self._group if term})
        self._counts: dict[str, Counter[str]] = {"chosen": Counter(), "rejected": Counter()}
        self._with_terms: Counter[str] = Counter()
        self._sides: Counter[str] = Counter()

    def add(self, view: RecordView) -> str | None:
        """Look for terms on both sides that the prompt does not hold."""
        if self._terms is None:
            return "there are no terms"
        for name, side in view.sides:
            self._sides[name] += 1
            found = self.terms_in(side.normal)
            if found:
                asked = " ".join(view.prompt_normals)
                found = Counter({term: times for term, times in found.items() if term not in asked})
            if found:
                self._counts[name].update(found.keys())
                self._with_terms[name] += 1
                if name == "chosen":
                    self._found(view, found)
        return None

    def terms_in(self, normal_text: str) -> Counter[str]:
        """How often each term stands in a normalised text."""
        if self._terms is None or not any(word in normal_text for word in self._longest_words):
            return Counter()
        return Counter(self._terms.findall(normal_text))

    def conclude(self) -> None:
        """Give the share of answers with terms on each side."""
        self.statistics |= {
            "sides": {name: share_figures(self._with_terms[name], of) for name, of in self._sides.items()},
            "terms": {name: dict(sorted(counts.items())) for name, counts in self._counts.items() if counts},
        }

    def _found(self, view: RecordView, found: Counter[str]) -> None:
        groups = sorted({self._group[term] for term in found})
        terms = ", ".join(repr(term) for term in sorted(found))
        self.find(
            f"The chosen answer speaks of {terms}, which the prompt does not.",
            [view.id],
            fix=Fix.DROP,
            subject=", ".join(groups),
            evidence={"terms": dict(sorted(found.items())), "groups": groups},
        )
