"""Words in an answer: how many there are, and how often one of them occurs."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import normalize

import regex

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
_OF_A_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]"
_ONE_WORD = regex.compile(rf"(?V1){_OF_A_WORD}+(?:['-]{_OF_A_WORD}+)*")
_UNSPACED_LETTER = regex.compile(f"[{_UNSPACED}]")
_CONTENT = regex.compile(r"[\p{L}\p{N}]")

_FOLDS = {
    **dict.fromkeys((0x2018, 0x2019, 0x02BC, 0xFF07, 0x00B4, 0x0060), "'"),
    **dict.fromkeys((0x2010, 0x2011, 0xFE63, 0xFF0D), "-"),
    # soft hyphen, zero-width space and joiners, byte order mark: what copied text brings along unseen
    **dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF)),
    # emoji selectors and the keycap are marks to Unicode and would glue a word to the emoji before it
    **dict.fromkeys((0xFE0E, 0xFE0F, 0x20E3)),
}


def whitespace_words(text: str) -> int:
    """Number of runs without white space; a dash or a list marker between spaces counts like a word.

    Source: `word_count_exact` of the AISF study, section 4.3. Pinned in tests/score/test_track_a_words.py.
    """
    return len(text.split())


def occurrences(text: str, word: str) -> int:
    r"""How often a word occurs as a whole, whatever its case.

    A whole word has no letter, digit or combining mark beside it. So the parts of `well-known` are words, `river's` is a
    use of `river`, and `rivers` is none; underscores and asterisks of Markdown are no part of a word. Apostrophes and
    hyphens are the same straight, curly or unbreakable; width and composition of characters do not matter. A word beside
    a script without spaces stands alone.

    Args:
        text: an answer.
        word: one word of a script with spaces, for which `why_no_word` has nothing to say.

    Raises:
        ValueError: `word` is not one word, or it is of a script in which whole words cannot be told.

    Source: whole-word, case-insensitive matching of the AISF study, section 4.3, which is the regular expression `\bword\b`
        on plain English text. Pinned in tests/score/test_track_a_words.py.
    """
    if reason := why_no_word(word):
        raise ValueError(f"The word {reason}")
    return sum(1 for _ in _pattern(_folded(word)).finditer(_folded(text)))


def why_no_word(word: str) -> str:
    """What keeps `word` from being matched as a whole word; empty where nothing does."""
    if _UNSPACED_LETTER.search(word):
        return f"must be of a script with spaces between words: in that of {word!r} whole words cannot be told"
    if not _ONE_WORD.fullmatch(_folded(word)):
        return f"must be one word, with hyphens or apostrophes only inside, not {word!r}"
    return ""


def has_content(text: str) -> bool:
    """Whether there is a letter or a digit in a text."""
    return _CONTENT.search(text) is not None


def is_mostly_unspaced(text: str) -> bool:
    """Whether more than half of the letters belong to scripts that put no spaces between words."""
    unspaced = len(_UNSPACED_LETTER.findall(text))
    return bool(unspaced) and 2 * unspaced > sum(map(str.isalpha, text))


def _folded(text: str) -> str:
    # compatibility caseless matching (Unicode Standard, section 3.13, D146), composed at the end
    if text.isascii():
        return text.translate(_FOLDS).casefold()
    decomposed = normalize("NFD", text.translate(_FOLDS))
    return normalize("NFKC", normalize("NFKC", decomposed.casefold()).casefold())


@lru_cache(maxsize=256)
def _pattern(folded: str) -> regex.Pattern[str]:
    return regex.compile(rf"(?V1)(?<!{_OF_A_WORD}){regex.escape(folded)}(?!{_OF_A_WORD})")
