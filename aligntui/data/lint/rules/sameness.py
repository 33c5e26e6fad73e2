"""Chosen and rejected that say the same."""

from __future__ import annotations

from rapidfuzz.distance import Indel

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Rule
from aligntui.data.lint.rules.answers import is_blank


class IdenticalAnswers(Rule):
    """Pairs without a difference: the preference loss stays at ln 2 whatever the model does."""

    name = "identical-answers"
    summary = "Chosen and rejected are the same text."
    severity = Severity.ERROR

    def add(self, view: RecordView) -> str | None:
        """Compare both sides to the letter, white space at the ends aside."""
        chosen, rejected = view.both
        if _stripped(chosen.messages) == _stripped(rejected.messages) and not is_blank(chosen):
            self.find("Chosen and rejected are identical.", [view.id], fix=Fix.DROP)
        return None


class NearIdenticalAnswers(Rule):
    """Pairs that differ by next to nothing, or only in case, width and white space.

    A single changed word can be the very thing that was meant to be taught, so this is a warning.
    """

    name = "near-identical-answers"
    summary = "Chosen and rejected differ by a few characters only."
    severity = Severity.WARNING

    def add(self, view: RecordView) -> str | None:
        """Measure how much of both sides is shared."""
        chosen, rejected = view.both
        if is_blank(chosen) or is_blank(rejected):
            return "an answer is empty"
        near = self.context.options.sameness.near
        if chosen.normal == rejected.normal:
            if _stripped(chosen.messages) != _stripped(rejected.messages):
                self._found(view, 1.0, "Chosen and rejected differ in case, width or white space only.")
            return None
        alike = Indel.normalized_similarity(chosen.normal, rejected.normal, score_cutoff=near)
        if alike >= near and alike > 0:
            self._found(view, alike, f"Chosen and rejected are {alike:.1%} the same.")
        return None

    def _found(self, view: RecordView, alike: float, message: str) -> None:
        self.find(message, [view.id], fix=Fix.DROP, evidence={"similarity": round(alike, 4)})


def _stripped(messages: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(role, text.strip()) for role, text in messages]
