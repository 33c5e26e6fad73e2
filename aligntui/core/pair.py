"""Verdicts over two answers, and the preference pairs that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

OPPOSED = "opposed"
"""Tag of the two halves of opposed pairs: the same two answers under two instructions, each wanted under its own."""


class Verdict(StrEnum):
    """What the annotator said of two answers."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BAD = "bad"
    """Both are bad."""
    SKIP = "skip"
    EXAMPLE = "example"
    """One answer given as good; there is no other."""

    @property
    def decides(self) -> bool:
        """Whether a chosen and a rejected answer follow."""
        return self in (Verdict.LEFT, Verdict.RIGHT)

    @property
    def trains(self) -> bool:
        """Whether a chosen answer follows, with or without a rejected one."""
        return self.decides or self is Verdict.EXAMPLE


class Scope(StrEnum):
    """What was judged."""

    ANSWER = "answer"
    """Two answers to one prompt turn: the same history."""
    CONVERSATION = "conversation"
    """Two conversations that part at an earlier turn: chosen and rejected run from there."""


@dataclass(frozen=True)
class Pair:
    """One verdict. `left` and `right` are as the annotator saw them."""

    id: str
    session_id: str
    left_id: str
    right_id: str | None
    """None with the verdict `example`, and only then."""
    verdict: Verdict
    scope: Scope
    blind: bool
    """Whether the sides were shuffled and unnamed while it was judged."""
    shuffled: bool
    """Whether the sides stood in the other order than the columns."""
    annotator: str
    created_at: str
    reason: str = ""
    tags: tuple[str, ...] = ()
    undone: bool = False
    """Taken back later; the row stays."""
    repeat_of: str | None = None
    """Pair whose two answers were asked again to measure the annotator; this one then never counts as a preference."""
    prompt_id: str | None = None
    """Prompt turn behind which the sides of a conversation begin, where that was said when the pair was stored: always
    of an example, whose one side does not tell it. None: the last prompt turn that both share, or the one answered."""

    @property
    def chosen_id(self) -> str | None:
        """Answer turn that was preferred or given as good, None where the verdict says neither."""
        sides = {Verdict.LEFT: self.left_id, Verdict.RIGHT: self.right_id, Verdict.EXAMPLE: self.left_id}
        return sides.get(self.verdict)

    @property
    def rejected_id(self) -> str | None:
        """Answer turn that was not preferred, None where the verdict does not decide."""
        return {Verdict.LEFT: self.right_id, Verdict.RIGHT: self.left_id}.get(self.verdict)
