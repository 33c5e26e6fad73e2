"""Texts as lint compares them: normal form, words, shingles."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from itertools import islice
from unicodedata import normalize

_PUNCTUATION = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
"""Soft hyphen, zero-width space and joiners, byte order mark: what copied text brings along unseen."""
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
"""Scripts that put no spaces between words, as the inside of a character class."""

_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")


def normal(text: str) -> str:
    """Fold what the eye hardly sees: width and composition of characters, case, runs of white space, invisible ones.

    Twice is the same as once: pinned with the rest in tests/data/test_lint_normal.py.

    Source: compatibility caseless matching of the Unicode Standard, section 3.13, D146, composed at the end.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = normalize("NFD", text.translate(_INVISIBLE))
    return " ".join(normalize("NFKC", normalize("NFKC", decomposed.casefold()).casefold()).split())


def words(normal_text: str) -> list[str]:
    """Words without punctuation; a character each in Chinese, Japanese, Thai, Lao, Burmese and Khmer, which have no spaces.

    Args:
        normal_text: what `normal` returned.
    """
    if normal_text.isascii():
        return normal_text.translate(_PUNCTUATION).split()
    return _WORD.findall(normal_text)


def shingles(of: list[str], size: int) -> list[str]:
    """Runs of `size` words, one for each place they begin; a shorter text is one run.

    Returns:
        Empty only where there are no words.
    """
    if len(of) <= size:
        return [" ".join(of)] if of else []
    return list(map(" ".join, zip(*(islice(of, start, None) for start in range(size)), strict=False)))


def jaccard(a: AbstractSet[str], b: AbstractSet[str]) -> float:
    """Shared members over all members, 0 to 1; two empty sets are the same."""
    if not a and not b:
        return 1.0
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)
