"""The answer's own words: without what it quotes, in one spelling of apostrophes, and its opening sentences."""

from __future__ import annotations

import re

OPENING_SENTENCES = 3
OPENING_CHARS = 400

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"})  # fmt: skip
_QUOTED = re.compile(
    r"[“„«][^“”„«»\n]*[”»“]"  # typographic
    r'|"[^"\n]*"'
    # single marks quote only where they stand at the edges of words, so that apostrophes do not
    r"|(?<![\w'])'(?=\w)[^'\n]*(?:(?<=\w)'(?=\w)[^'\n]*)*'(?!\w)"
)
_BLOCK_QUOTE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKS = re.compile(r"[*_#]+")
_LABEL = re.compile(r"^(?:\s*(?:answer|response|reply|assistant|ai|a)\s*:)+\s*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
_WRAPPED = re.compile(r"^\s*(?:\"([^\"]*)\"|“([^“”]*)”)\s*$")


def own_words(answer: str) -> str:
    """An answer without quotations, quoted blocks, code, emphasis marks and a label such as "Answer:".

    Apostrophes come out straight. An answer that stands in quotation marks as a whole is itself what is said, so only the marks go.
    """
    text = _BLOCK_QUOTE.sub(" ", _CODE.sub(" ", answer)).translate(_APOSTROPHES)
    text = _LABEL.sub("", _MARKS.sub("", text).lstrip())
    wrapped = _WRAPPED.match(text)
    if wrapped:
        text = _LABEL.sub("", next(part for part in wrapped.groups() if part is not None))
    return _QUOTED.sub(" ", text)


def opening(answer: str) -> list[str]:
    """The first sentences of an answer's own words: at most `OPENING_SENTENCES` and about `OPENING_CHARS` characters."""
    text = own_words(answer)
    sentences: list[str] = []
    length = 0
    for sentence in _SENTENCE_END.split(text):
        if not sentence.strip():
            continue
        if len(sentences) == OPENING_SENTENCES or length >= OPENING_CHARS:
            break
        sentences.append(sentence.strip())
        length += len(sentence)
    return sentences


def words(text: str) -> int:
    """Words as white space parts them."""
    return len(text.split())
