"""Whether the longer answer wins."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.intervals import mean_interval, share_figures, wilson
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, plural

STEP = 0.05
"""Shares within one step of each other give a finding the same key, so that a waiver outlives a few more pairs."""


class LengthSkew(Rule):
    """A preference for length (or brevity) as such, which training picks up before anything else.

    Lengths are tokens where both sides were counted, else words, and characters in scripts without spaces. An
    instruction may well ask for one kind: the figures therefore stand by instruction too.

    Source: length as a confounder of preference data: Singhal et al. 2023 (arXiv 2310.03716).
    """

    name = "length-skew"
    summary = "The chosen answer is the longer (or the shorter) one in most pairs."
    severity = Severity.WARNING

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ids: list[str] = []
        self._log_ratios = array("d")
        self._by_instruction: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._units = {"tokens": 0, "words": 0}

    def add(self, view: RecordView) -> str | None:
        """Compare the lengths of both sides."""
        chosen, rejected = view.both
        lengths, unit = (chosen.tokens, rejected.tokens), "tokens"
        if lengths[0] is None or lengths[1] is None:
            lengths, unit = (len(chosen.words), len(rejected.words)), "words"
        preferred, other = lengths
        if not preferred or not other:
            return "an answer is empty"
        self._units[unit] += 1
        self._ids.append(view.id)
        self._log_ratios.append(math.log(preferred / other))
        counts = self._by_instruction[view.record.instruction_group]
        counts[(preferred > other) - (preferred < other)] += 1
        return None

    def conclude(self) -> None:
        """Report the share of pairs whose chosen answer is the longer one, where it is far from a half."""
        confidence = self.context.options.lengths.confidence
        longer, shorter = (sum(counts[side] for counts in self._by_instruction.values()) for side in (1, -1))
        if not self._ids:
            return
        mean, lower, upper = mean_interval(self._log_ratios, confidence)
        self.statistics |= {
            "confidence": confidence,
            "units": {unit: count for unit, count in self._units.items() if count},
            "chosen_longer": share_figures(longer, longer + shorter, confidence),
            "same_length": len(self._ids) - longer - shorter,
            "mean_log_length_ratio": {
                "mean": mean,
                "lower": lower if math.isfinite(lower) else None,
                "upper": upper if math.isfinite(upper) else None,
            },
            "mean_length_ratio": math.exp(mean),
            "by_instruction": {
                name: share_figures(counts[1], counts[1] + counts[-1], confidence)
                for name, counts in sorted(self._by_instruction.items())
            },
        }
        for sign, word, count in ((1, "longer", longer), (-1, "shorter", shorter)):
            self._skew(sign, word, count, longer + shorter)

    def _skew(self, sign: int, word: str, count: int, of: int) -> None:
        options = self.context.options.lengths
        lower, upper = wilson(count, of, options.confidence)
        limit = options.longer_share
        if lower <= limit:
            return
        # leaving k of them out makes the share (count - k) / (of - k)
        surplus = min(count, math.ceil((count - limit * of) / (1 - limit))) if limit < 1 else count
        ranked = sorted(range(len(self._ids)), key=lambda place: (-sign * self._log_ratios[place], place))
        share = count / of
        mended = (
            f"without the {plural(surplus, 'pair')} named, the most lopsided ones, it would be {limit:.0%}."
            if surplus < of
            else "leaving pairs out cannot mend that: pairs of the other kind are needed."
        )
        self.find(
            f"The chosen answer is the {word} one in {share:.0%} of pairs ({lower:.0%} to {upper:.0%}); {mended}",
            [self._ids[place] for place in ranked[:surplus]],
            fix=Fix.DROP if surplus < of else Fix.NONE,
            subject=word,
            evidence={"share": round(share, 4), "lower": round(lower, 4), "upper": round(upper, 4), "pairs": of},
            whole_set=True,
            rests_on=f"{round(share / STEP) * STEP:.2f}",
        )
