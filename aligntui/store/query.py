"""What the user typed into a search box, as words to find."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aligntui.store.values import storable

MAX_QUERY_CHARS = 500
MAX_WORDS = 20
"""Longer queries are cut: an expression tree of SQLite is at most 256 deep."""

TRIGRAM = 3
"""Characters in an entry of the search index; shorter words have no entry of their own."""

_WORD = re.compile(r'"([^"]+)"|(\S+)')


@dataclass(frozen=True)
class Query:
    """Words that all have to occur, anywhere in a text, whatever their case."""

    long: tuple[str, ...]
    """Of three characters or more."""
    short: tuple[str, ...]
    """Of one or two characters."""

    @property
    def words(self) -> tuple[str, ...]:
        """All of them."""
        return self.long + self.short

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the words stand in `text`: start and end of each, in order, without overlaps."""
        pattern = "|".join(re.escape(word) for word in sorted(self.words, key=len, reverse=True))
        return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def parse_query(typed: str) -> Query:
    """Split at white space; "quoted words" stay together. Nothing in `typed` has any other meaning."""
    typed = storable(typed).replace("\0", " ")[:MAX_QUERY_CHARS]
    words = [quoted.strip() or plain for quoted, plain in _WORD.findall(typed)]
    words = list(dict.fromkeys(word for word in words if word))[:MAX_WORDS]
    return Query(
        long=tuple(word for word in words if len(word) >= TRIGRAM),
        short=tuple(word for word in words if len(word) < TRIGRAM),
    )


def phrase(word: str) -> str:
    """`word` as a string of the FTS5 query language, in which nothing but a quotation mark is special."""
    return '"' + word.replace('"', '""') + '"'


def like_pattern(word: str) -> str:
    r"""`word` anywhere, for LIKE with ESCAPE '\'."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
