"""One verdict as statistics need it: two answers with their sides and lengths, who judged them, when and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from aligntui.core.pair import Verdict

COMPARES = (Verdict.LEFT, Verdict.RIGHT, Verdict.TIE, Verdict.BAD, Verdict.SKIP)
"""Verdicts over two answers."""


class Choice(StrEnum):
    """A verdict that no longer depends on which answer stood left."""

    FIRST = "first"
    """The answer that `Judgement.ordered` puts first."""
    SECOND = "second"
    TIE = "tie"
    BAD = "bad"
    """Both are bad."""

    @property
    def decides(self) -> bool:
        """Whether one answer is preferred."""
        return self in (Choice.FIRST, Choice.SECOND)


@dataclass(frozen=True)
class Shown:
    """One answer as it stood under judgement."""

    answer: str
    """Id of the answer."""
    side: str
    """What made it: `base`, or an adapter with its strength; two strengths are two sides."""
    instruction: str = ""
    """Name or hash of the instruction it was made under; empty for none."""
    chars: int | None = None
    """Length in characters."""
    tokens: int | None = None
    """Length in tokens of the model that wrote it; None where it was edited or imported."""


@dataclass(frozen=True)
class Judgement:
    """One standing verdict. Those taken back are not handed in."""

    id: str
    left: Shown
    right: Shown
    verdict: Verdict
    annotator: str
    """Who judged; a model judge is an annotator with a name of its own."""
    at: str
    """When, as sortable text in UTC."""
    prompt: str
    """What the answers answer, the same for every verdict on the same prompt text: statistics resample whole prompts."""
    session: str = ""
    tags: tuple[str, ...] = ()
    blind: bool = False
    """Whether the order was drawn by lot and the sides were unnamed."""
    repeat_of: str | None = None
    """Id of the earlier verdict on the same two answers that this one asks again without showing it. Such a verdict measures
    the annotator and never counts as a preference."""

    def __post_init__(self) -> None:
        if self.verdict not in COMPARES:
            raise ValueError(f"The verdict {self.verdict!r} compares no two answers, so it is no judgement.")

    @property
    def pair(self) -> tuple[str, str]:
        """Ids of the two answers, the same for either order."""
        return (
            (self.left.answer, self.right.answer)
            if self.left.answer < self.right.answer
            else (self.right.answer, self.left.answer)
        )

    @property
    def ordered(self) -> tuple[Shown, Shown]:
        """The two answers, first the one whose side comes first in the alphabet; of one side, the one with the smaller id.

        By the side and not only by the answer, so that a rater who always names one side is seen to agree by chance.
        """
        left_first = (self.left.side, self.left.answer) <= (self.right.side, self.right.answer)
        return (self.left, self.right) if left_first else (self.right, self.left)

    @property
    def choice(self) -> Choice | None:
        """The verdict over `ordered`; None for a skip."""
        if self.verdict is Verdict.SKIP:
            return None
        if self.verdict is Verdict.TIE:
            return Choice.TIE
        if self.verdict is Verdict.BAD:
            return Choice.BAD
        return Choice.FIRST if self.chosen == self.ordered[0] else Choice.SECOND

    @property
    def chosen(self) -> Shown | None:
        """The preferred answer; None where none is."""
        return {Verdict.LEFT: self.left, Verdict.RIGHT: self.right}.get(self.verdict)

    @property
    def rejected(self) -> Shown | None:
        """The answer that lost; None where none did."""
        return {Verdict.LEFT: self.right, Verdict.RIGHT: self.left}.get(self.verdict)

    @property
    def cluster(self) -> str:
        """What is resampled whole: the prompt, or the pair itself where the prompt is not known."""
        return self.prompt or "pair " + " ".join(self.pair)

    @property
    def instruction(self) -> str | None:
        """The instruction both answers were made under; None where they differ in it."""
        return self.left.instruction if self.left.instruction == self.right.instruction else None


def in_order(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Judgements by time; those of one moment stay as they came."""
    return sorted(judgements, key=lambda judgement: judgement.at)


def first_verdicts(judgements: Iterable[Judgement]) -> list[Judgement]:
    """One verdict for each annotator and pair of answers: the first that is no skip, else the skip; no repeats.

    What is asked again is asked to measure the annotator and must not move what is measured. A verdict that was changed on
    purpose has replaced the earlier one already and is the only one handed in; two that stand, neither of them a repeat,
    come from a source that knows no replacing, and there the first was given without the other in mind.
    """
    kept: dict[tuple[str, tuple[str, str]], Judgement] = {}
    for judgement in in_order(judgements):
        key = (judgement.annotator, judgement.pair)
        if judgement.repeat_of is not None:
            continue
        if key not in kept or (kept[key].choice is None and judgement.choice is not None):
            kept[key] = judgement
    return list(kept.values())


def link_repeats(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Mark every later verdict of an annotator on the same two answers as a repeat of the first, where none is marked.

    For verdicts whose source does not say which were asked again on purpose, such as those of another tool.
    """
    first: dict[tuple[str, tuple[str, str]], Judgement] = {}
    linked: list[Judgement] = []
    for judgement in in_order(judgements):
        key = (judgement.annotator, judgement.pair)
        if key in first and judgement.repeat_of is None:
            judgement = replace(judgement, repeat_of=first[key].id)
        first.setdefault(key, judgement)
        linked.append(judgement)
    return linked
