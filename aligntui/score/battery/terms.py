"""Key terms: plain words and phrases, or regular expressions, looked for in an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from unicodedata import normalize

import regex

REGEX_MARK = "re:"
"""What a term begins with that is a regular expression and no plain text."""
LIMIT_S = 1.0
"""Seconds that one regular expression may look at one answer."""
MOST_CHARS = 10_000
"""Longest regular expression."""
MOST_NESTED = 10
"""Deepest nesting of brackets in a regular expression: compiling takes memory that doubles with each level."""
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
"""Scripts that put no spaces between words, as the inside of a character class."""

_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
_STRAIGHT = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2010: "-", 0x2011: "-"}
_SPACED_WORD = rf"[^\W_{UNSPACED}]"
"""A character that a neighbour of its kind joins into a longer word; an underscore is emphasis, not a letter."""
_IS_SPACED_WORD = regex.compile(_SPACED_WORD)


class OutOfTime(Exception):
    """A regular expression was stopped before it could tell; nothing is known of the answer then."""

    def __init__(self, pattern: str, limit_s: float) -> None:
        super().__init__(f"the regular expression {pattern!r} was stopped after {limit_s:g} s")
        self.pattern = pattern


@dataclass(frozen=True)
class Answer:
    """An answer in the two forms that terms are looked for in."""

    text: str
    """As the engine gave it, but composed (NFC) and with `\\n` as the only line end."""

    @classmethod
    def of(cls, text: str) -> Answer:
        """The answer of a recorded text."""
        return cls(normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read in it."""
        return not self.text.translate(_INVISIBLE).strip()

    @cached_property
    def folded(self) -> str:
        """For plain terms: see `fold`."""
        return fold(self.text)


@dataclass(frozen=True)
class Term:
    """A key term that compiled; made by `term`."""

    written: str
    """As it stands in the file, with `re:` before a regular expression."""
    pattern: regex.Pattern[str] = field(compare=False, repr=False)

    @property
    def is_regex(self) -> bool:
        """Whether it is a regular expression."""
        return self.written.startswith(REGEX_MARK)

    def find(self, answer: Answer, limit_s: float = LIMIT_S) -> str | None:
        """The first piece of the answer that is this term, or None.

        Raises:
            OutOfTime: the regular expression could not tell within the limit.
        """
        if not self.is_regex:
            found = self.pattern.search(answer.folded)  # a literal between two looks aside: linear time
            return found[0] if found else None
        return search(self.pattern, answer.text, limit_s)


def term(written: str) -> Term:
    """A key term from its text in a file.

    A plain term is found as whole words, whatever its case, width of characters, kind of quotation mark or line breaks
    between its words. A word ends at anything but letters, digits and their marks: `law` is in "law's", "by-law" and
    "_law_", not in "laws". Next to a character of a script without spaces there is no such edge to ask for, so that a Chinese
    or Japanese term is found as a plain piece of text.

    A term that begins with `re:` is a regular expression of the `regex` module, searched for in the answer as it stands;
    case is ignored, `^` and `$` match at line ends, `(?-i:...)` asks for the case.

    Raises:
        ValueError: the term is empty, no regular expression, too long or too deep, or matches the empty text.
    """
    if not written.strip():
        raise ValueError("a term is empty")
    if written.startswith(REGEX_MARK):
        return Term(written, compiled(written[len(REGEX_MARK) :]))
    return Term(written, _plain(written))


def terms(written: Iterable[str]) -> tuple[Term, ...]:
    """Several terms, each as `term` makes it."""
    return tuple(term(one) for one in written)


def fold(text: str) -> str:
    """A text as plain terms see it: case, width, composition, quotation marks and white space are levelled.

    Source: compatibility caseless matching of the Unicode Standard, section 3.13, D146, composed at the end; pinned in
        tests/score/test_battery_terms.py.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = normalize("NFD", text.translate(_INVISIBLE).translate(_STRAIGHT))
    return " ".join(normalize("NFKC", normalize("NFKC", decomposed.casefold()).casefold()).split())


def compiled(pattern: str) -> regex.Pattern[str]:
    """A regular expression whose searches can be stopped.

    Raises:
        ValueError: as `term` says; the text is the reason, in half a sentence.
    """
    if len(pattern) > MOST_CHARS:
        raise ValueError(f"a regular expression has {len(pattern)} characters, more than {MOST_CHARS}")
    if _nested(pattern) > MOST_NESTED:
        raise ValueError(f"the regular expression {pattern[:60]!r} nests brackets more than {MOST_NESTED} deep")
    try:
        made = regex.compile(pattern, regex.IGNORECASE | regex.MULTILINE)
        matches_nothing = search(made, "") is not None
    except OutOfTime as stopped:
        raise ValueError(f"{stopped} on the empty text") from stopped
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error or type(error).__name__}") from error
    if matches_nothing:
        raise ValueError(
            f"the regular expression {pattern!r} matches the empty text, so that nothing need be there for it; "
            "what must not be there belongs into 'none'"
        )
    return made


def search(pattern: regex.Pattern[str], text: str, limit_s: float = LIMIT_S) -> str | None:
    """What a regular expression finds first.

    Raises:
        OutOfTime: it took longer than the limit, or more memory than there is.
    """
    try:
        found = pattern.search(text, timeout=limit_s)
    except (TimeoutError, MemoryError) as error:
        raise OutOfTime(pattern.pattern, limit_s) from error
    return found[0] if found else None


@lru_cache(maxsize=4096)
def _plain(written: str) -> regex.Pattern[str]:
    folded = fold(written)
    if not folded:
        raise ValueError(f"the term {written!r} holds nothing that can be seen")
    before = rf"(?<!{_SPACED_WORD})" if _IS_SPACED_WORD.match(folded[0]) else ""
    after = rf"(?!{_SPACED_WORD})" if _IS_SPACED_WORD.match(folded[-1]) else ""
    return regex.compile(before + re.escape(folded) + after)


def _nested(pattern: str) -> int:
    """How deep round brackets stand within each other; those in a character class count too, which errs on the safe side."""
    depth = deepest = 0
    for bracket in re.findall(r"\\.|[()]", pattern, re.DOTALL):
        depth += (bracket == "(") - (bracket == ")")
        deepest = max(deepest, depth)
    return deepest
