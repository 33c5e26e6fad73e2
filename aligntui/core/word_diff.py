"""Where two texts part: a word diff."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_LETTER = rf"[^\W{_CJK}]"
_WORD = re.compile(rf"[{_CJK}]|{_LETTER}+(?:['’]{_LETTER}+)*|\s+|[^\w\s]")


@dataclass(frozen=True)
class Span:
    """A piece of one text. `same` is False where the other text has something else or nothing."""

    text: str
    same: bool


def split_words(text: str) -> list[str]:
    """Words, runs of white space and punctuation marks; CJK characters one by one. Joined they give `text`."""
    return _WORD.findall(text)


def word_diff(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """Split both texts into spans that they share and spans that they do not.

    White space counts as part of its surroundings: a shared space between two changed words is shown as
    changed, so that a replaced phrase is one span. Joining the spans of a side gives that side back.
    Pinned in tests/unit/test_word_diff.py.
    """
    a, b = split_words(left), split_words(right)
    left_same, right_same = [False] * len(a), [False] * len(b)
    for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            left_same[block.a + offset] = True
            right_same[block.b + offset] = True
    return _spans(a, left_same), _spans(b, right_same)


def _spans(words: list[str], same: list[bool]) -> list[Span]:
    for i in range(1, len(words) - 1):
        if words[i].isspace() and not same[i - 1] and not same[i + 1]:
            same[i] = False
    spans: list[Span] = []
    for word, is_same in zip(words, same, strict=True):
        if spans and spans[-1].same == is_same:
            spans[-1] = Span(spans[-1].text + word, is_same)
        else:
            spans.append(Span(word, is_same))
    return spans
