"""Which languages a set is in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import heappush, heappushpop

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.intervals import share_figures, wilson
from aligntui.data.lint.language import NAMES, are_kin, detect, excerpt_of, names_a_language
from aligntui.data.lint.record import RecordView, digest
from aligntui.data.lint.rule import Context, Rule, Takes

NOT_IN_SAMPLE = "not in the sample"
CANNOT_TELL = "no language could be told"
OTHER_LANGUAGE = "other-language"
SIDES_DIFFER = "sides-differ"
SINGLE = "single-language"


@dataclass(frozen=True, slots=True)
class _Drawn:
    id: str
    asked: str
    chosen: str
    rejected: str | None
    may_differ: bool


class Languages(Rule):
    """Shares of languages, answers in another language than their prompt, and sets in one language only.

    langdetect takes about a millisecond a text, so a sample stands for the set unless all pairs are asked for. It is
    drawn by a hash of the ids: pairs that are added later do not change which of the others are in it, save by crowding
    some out.

    Source: English-only data suppresses other languages: AISF (methods.md, section 1), where the share of languages was
        topped up afterwards (section 2, "LANG fix").
    """

    name = "languages"
    summary = "Shares of languages; an answer in another language than its prompt; a set in one language only."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._options = context.options.languages
        self._drawn: list[tuple[int, int, _Drawn]] = []
        self._seen = 0
        self._told: dict[str, Counter[str]] = {"prompt": Counter(), "chosen": Counter(), "rejected": Counter()}
        self._untold: Counter[str] = Counter()
        self._ids: dict[str, list[str]] = {}

    def add(self, view: RecordView) -> str | None:
        """Draw the pair or pass it over; without a sample, look at it now."""
        self._seen += 1
        if not self._options.sample:
            return self._look(_drawn(view))
        rank = -int.from_bytes(digest(view.id)[:8])
        if len(self._drawn) < self._options.sample:
            heappush(self._drawn, (rank, self._seen, _drawn(view)))
        elif rank > self._drawn[0][0]:
            heappushpop(self._drawn, (rank, self._seen, _drawn(view)))
        return None

    def conclude(self) -> None:
        """Tell the languages of the sample and report what stands out."""
        if self._options.sample:
            self.coverage.checked = 0
            for _, _, drawn in sorted(self._drawn, key=lambda entry: entry[1]):
                reason = self._look(drawn)
                if reason:
                    self.coverage.not_checked[reason] += 1
                else:
                    self.coverage.checked += 1
            if self._seen > len(self._drawn):
                self.coverage.not_checked[NOT_IN_SAMPLE] += self._seen - len(self._drawn)
            self._drawn.clear()
        confidence = self._options.confidence
        self.statistics |= {
            "seed": 0,
            "sampled": sum(self._told["chosen"].values()) + self._untold["chosen"],
            "of": self._seen,
            "could_not_tell": dict(sorted(self._untold.items())),
            "shares": {
                part: {code: share_figures(count, told.total(), confidence) for code, count in told.most_common()}
                for part, told in self._told.items()
                if told
            },
        }
        self._single_language()
        self._too_little()

    def _look(self, drawn: _Drawn) -> str | None:
        told: dict[str, str] = {}
        for part, text in (("prompt", drawn.asked), ("chosen", drawn.chosen), ("rejected", drawn.rejected)):
            if text is None:
                continue
            code = detect(text, self._options.least_letters, self._options.least_probability)
            if code is None:
                self._untold[part] += 1
            else:
                told[part] = code
                self._told[part][code] += 1
        if "chosen" not in told:
            return CANNOT_TELL
        self._ids.setdefault(told["chosen"], []).append(drawn.id)
        if not drawn.may_differ:
            self._mismatch(drawn, told)
        return None

    def _mismatch(self, drawn: _Drawn, told: dict[str, str]) -> None:
        asked, chosen, rejected = (told.get(part) for part in ("prompt", "chosen", "rejected"))
        if asked and chosen and not are_kin(asked, chosen):
            message = f"The prompt is in {NAMES[asked]} and the chosen answer in {NAMES[chosen]}."
            self.find(message, [drawn.id], fix=Fix.DROP, subject=OTHER_LANGUAGE, evidence=told)
        elif chosen and rejected and not are_kin(chosen, rejected):
            self.find(
                f"The chosen answer is in {NAMES[chosen]} and the rejected one in {NAMES[rejected]}.",
                [drawn.id],
                fix=Fix.DROP,
                subject=SIDES_DIFFER,
                evidence=told,
                severity=Severity.NOTICE,
            )

    def _single_language(self) -> None:
        told = self._told["chosen"]
        for code, count in told.most_common(1):
            lower, upper = wilson(count, told.total(), self._options.confidence)
            if count / told.total() >= self._options.single_share:
                self.find(
                    f"{count / told.total():.0%} of the chosen answers are in {NAMES[code]} ({lower:.0%} to {upper:.0%}); "
                    "training on one language can suppress the others.",
                    self._ids[code],
                    subject=SINGLE,
                    evidence={"language": code, "count": count, "of": told.total()},
                    whole_set=True,
                    rests_on=code,
                    severity=Severity.NOTICE,
                )

    def _too_little(self) -> None:
        told = self._told["chosen"]
        for code, wanted in self._options.wanted.items():
            lower, upper = wilson(told[code], told.total(), self._options.confidence)
            if upper < wanted:
                self.find(
                    f"{told[code] / told.total():.1%} of the chosen answers are in {NAMES.get(code, code)} "
                    f"({lower:.1%} to {upper:.1%}); {wanted:.0%} were wanted.",
                    self._ids.get(code, []),
                    subject=f"too-little-{code}",
                    evidence={"language": code, "count": told[code], "of": told.total(), "wanted": wanted},
                    whole_set=True,
                    rests_on=f"{wanted}",
                )


def _drawn(view: RecordView) -> _Drawn:
    record = view.record
    asked = record.prompt[-1][1] if record.prompt else ""
    named = names_a_language(view.last_asked) or names_a_language(view.record.instruction_in_force.lower())
    rejected = None if view.rejected is None else excerpt_of(view.rejected.raw)
    return _Drawn(view.id, excerpt_of(asked), excerpt_of(view.chosen.raw), rejected, named)
