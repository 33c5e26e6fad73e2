"""The three tiers of instruction types, by how they stand to a doctrine that an adapter was trained on."""

from __future__ import annotations

from enum import StrEnum

from aligntui.score.ifeval.registry import CHECKERS

NO_COMMA = "punctuation:no_comma"
LANGUAGE = "language:response_language"


class Tier(StrEnum):
    """A tier."""

    NEUTRAL = "T1"
    """Types that such a training leaves alone."""
    OTHER = "T2"
    """The rest."""
    CONFLICTING = "T3"
    """Types that ask for a form which such a training works against."""


_NEUTRAL = (
    "keywords:forbidden_words",
    "keywords:frequency",
    "keywords:existence",
    LANGUAGE,
    "length_constraints:number_words",
    "length_constraints:number_sentences",
    NO_COMMA,
    "detectable_format:constrained_response",
)
_CONFLICTING = (
    "combination:repeat_prompt",
    "detectable_format:number_highlighted_sections",
    "detectable_content:number_placeholders",
)


def tier_of(instruction: str) -> Tier:
    """The tier of an instruction type.

    Source: AISF (Rojas). Its text puts `keywords:letter_frequency` in no tier and
        `length_constraints:nth_paragraph_first_word` in one of its tables only; both are in the second tier here.
        Pinned against its lists in tests/score/test_ifeval_tiers.py.
    """
    if instruction in _NEUTRAL:
        return Tier.NEUTRAL
    return Tier.CONFLICTING if instruction in _CONFLICTING else Tier.OTHER


TIERS: dict[str, tuple[str, ...]] = {
    **{str(tier): tuple(id_ for id_ in CHECKERS if tier_of(id_) is tier) for tier in Tier},
    "T1 without language": tuple(id_ for id_ in CHECKERS if id_ in _NEUTRAL and id_ != LANGUAGE),
}
"""Instruction types by the name under which their average is reported."""
