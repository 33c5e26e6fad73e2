"""Counting words, also where a script puts no spaces between them."""

from __future__ import annotations

import regex

from aligntui.score.battery.terms import UNSPACED

_UNSPACED = regex.compile(f"[{UNSPACED}]")
_PIECE = regex.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
_CHARACTERS_A_WORD = 2
"""Of a script without spaces, roughly."""


def count_words(text: str) -> int:
    """Pieces between white space, as AISF counts words; 0 for blank text.

    Thai, Lao, Burmese, Khmer, Chinese and Japanese put no spaces between words. In a text that is mostly written in them
    each of their characters counts one, without punctuation and the marks above and below a letter, and so does each run of
    other characters with a letter or digit in it. Korean has spaces.
    """
    return len(_pieces(text)) if is_unspaced(text) else len(text.split())


def is_unspaced(text: str) -> bool:
    """Whether a text is mostly written in scripts without spaces: with two of their characters or more to each other word."""
    if text.isascii():
        return False
    pieces = _pieces(text)
    joined = sum(_UNSPACED.match(piece) is not None for piece in pieces)
    return joined > 0 and joined >= _CHARACTERS_A_WORD * (len(pieces) - joined)


def _pieces(text: str) -> list[str]:
    return [piece for piece in _PIECE.findall(text) if any(map(str.isalnum, piece))]
