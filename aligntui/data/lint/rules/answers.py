"""Answers that are not there, and answers that broke off."""

from __future__ import annotations

import re
from typing import Any

from aligntui.core.turn import Finish
from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.record import RecordView, SideView
from aligntui.data.lint.rule import Rule, Takes

_FENCE = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_BROKEN_OFF = {
    Finish.LENGTH: "it reached the limit of new tokens",
    Finish.CONTEXT: "the context was full",
    Finish.CANCELLED: "it was cancelled",
    Finish.FAILED: "the engine failed",
}
_WHOLE = (Finish.STOP, Finish.EDITED)

FINISH_UNKNOWN = "nobody knows why an answer ended"


class EmptyAnswers(Rule):
    """Sides with an answer that holds nothing to read."""

    name = "empty-answers"
    summary = "An answer is empty or holds white space only."
    severity = Severity.ERROR
    takes = Takes.DECIDED

    def add(self, view: RecordView) -> str | None:
        """Look for blank messages on each side."""
        blank = [name for name, side in view.sides if is_blank(side)]
        if blank:
            self.find(
                f"The {' and the '.join(blank)} side has an empty answer.",
                [view.id],
                fix=Fix.DROP,
                evidence={"sides": blank},
            )
        return None


class TruncatedAnswers(Rule):
    """Sides that ended before the model or a person ended them.

    The finish says so; where none is known, an open code block still does, and the rest counts as not checked.
    """

    name = "truncated-answers"
    summary = "An answer was cut off, cancelled or failed, or leaves a code block open."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def add(self, view: RecordView) -> str | None:
        """Look at why each side ended."""
        why: dict[str, Any] = {}
        unknown = False
        for name, side in view.sides:
            if side.finish in _BROKEN_OFF:
                why[name] = _BROKEN_OFF[Finish(side.finish)]
            elif leaves_block_open(side.raw):
                why[name] = "it leaves a code block open"
            elif side.finish not in _WHOLE:
                unknown = True
        if why:
            told = "; ".join(f"{name}: {reason}" for name, reason in why.items())
            self.find(f"An answer is cut off ({told}).", [view.id], fix=Fix.DROP, evidence=why)
            return None
        return FINISH_UNKNOWN if unknown else None


def is_blank(side: SideView) -> bool:
    """Whether an answer of the side is missing or blank."""
    return not side.messages or not all(text.strip() for role, text in side.messages if role != "user")


def leaves_block_open(text: str) -> bool:
    """Whether a fenced code block begins and does not end.

    Source: CommonMark 0.31, section 4.5: a block ends at a fence of the same character, at least as long, with nothing
        behind it.
    """
    if "```" not in text and "~~~" not in text:
        return False
    opened = ""
    for found in _FENCE.finditer(text):
        fence, rest = found.groups()
        if not opened:
            if not (fence[0] == "`" and "`" in rest):
                opened = fence
        elif fence[0] == opened[0] and len(fence) >= len(opened) and not rest.strip():
            opened = ""
    return bool(opened)
