"""Where two texts part: a word diff."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_LETTER = rf"[^\W{_CJK}]"
_WORD = re.compile(rf"[{_CJK}]|{_LETTER}+(?:['’]{_LETTER}+)*|\s+|[^\w\s]")


LONG = 400
"""Words of the longer text from which on frequent words no longer line the texts up."""


@dataclass(frozen=True)
class Span:
    """A piece of one text. `same` is False where the other text has something else or nothing."""

    text: str
    same: bool


def split_words(text: str) -> list[str]:
    """Words, runs of white space and punctuation marks; CJK characters one by one. Joined they give `text`."""
    return _WORD.findall(text)


@lru_cache(maxsize=128)
def word_diff(left: str, right: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Split both texts into spans that they share and spans that they do not.

    Words and punctuation are compared, white space is not: it counts as changed only between two
    changed words, so that a replaced phrase is one span. Joining the spans of a side gives that side back. From
    `LONG` words on, very frequent words are not used to line the texts up, which keeps the cost from growing
    with the square of the length. Results are kept: a screen asks for the same pair at every repaint.
    Pinned in tests/unit/test_word_diff.py.
    """
    a, b = split_words(left), split_words(right)
    a_words, b_words = [w for w in a if not w.isspace()], [w for w in b if not w.isspace()]
    a_same, b_same = [False] * len(a_words), [False] * len(b_words)
    matcher = SequenceMatcher(None, a_words, b_words, autojunk=max(len(a_words), len(b_words)) >= LONG)
    for block in matcher.get_matching_blocks():
        a_same[block.a : block.a + block.size] = [True] * block.size
        b_same[block.b : block.b + block.size] = [True] * block.size
    return _spans(a, a_same), _spans(b, b_same)


def _spans(pieces: list[str], same: list[bool]) -> tuple[Span, ...]:
    spans: list[Span] = []
    word = 0
    for piece in pieces:
        if piece.isspace():
            # shared unless the words on both sides of it are changed
            beside = same[max(0, word - 1) : word + 1]
            is_same = any(beside) if beside else True
        else:
            is_same = same[word]
            word += 1
        if spans and spans[-1].same == is_same:
            spans[-1] = Span(spans[-1].text + piece, is_same)
        else:
            spans.append(Span(piece, is_same))
    return tuple(spans)
