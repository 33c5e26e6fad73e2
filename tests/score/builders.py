"""Judgements for tests, in as few words as a test needs."""

from __future__ import annotations

from itertools import count

from aligntui.core.pair import Verdict
from aligntui.score.verdicts.judgement import Judgement, Shown

_numbers = count(1)


def judgement(
    verdict: str | Verdict,
    left: str = "base",
    right: str = "tuned",
    *,
    pair: str | None = None,
    left_answer: str | None = None,
    right_answer: str | None = None,
    prompt: str | None = None,
    annotator: str = "me",
    chars: tuple[int | None, int | None] = (100, 100),
    tokens: tuple[int | None, int | None] = (None, None),
    instruction: str | tuple[str, str] = "",
    tags: tuple[str, ...] = (),
    blind: bool = True,
    repeat_of: str | None = None,
    at: str | None = None,
    id: str | None = None,
) -> Judgement:
    """A judgement of `left` against `right`. Answers are named after the pair and their side, so that the same pair
    with the sides swapped is the same two answers."""
    number = next(_numbers)
    pair = pair if pair is not None else f"p{number}"
    both = instruction if isinstance(instruction, tuple) else (instruction, instruction)
    return Judgement(
        id=id or f"j{number}",
        left=Shown(left_answer or f"{pair}/{left}", left, both[0], chars[0], tokens[0]),
        right=Shown(right_answer or f"{pair}/{right}", right, both[1], chars[1], tokens[1]),
        verdict=Verdict(verdict),
        annotator=annotator,
        at=at or f"2026-01-01T00:00:{number:09d}",
        prompt=prompt if prompt is not None else f"prompt of {pair}",
        tags=tags,
        blind=blind,
        repeat_of=repeat_of,
    )


def wins(side: str, over: str, n: int, **more: object) -> list[Judgement]:
    """`n` verdicts on prompts of their own, won by `side`, which stands left and right by turns."""
    return [
        judgement("left", side, over, **more) if i % 2 else judgement("right", over, side, **more)  # type: ignore[arg-type]
        for i in range(n)
    ]
