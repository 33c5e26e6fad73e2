"""Sentences of an English answer, as Punkt counts them."""

from __future__ import annotations

import regex

from aligntui.score.punkt import sentence_tokenizer
from aligntui.score.track_a.words import is_mostly_unspaced

_FOREIGN_END = regex.compile(r"(?V1)[\p{Sentence_Terminal}--[.!?]]")


def sentences(text: str) -> int:
    """Number of sentences; 0 for a text without a character that can be printed.

    Args:
        text: an answer in English or another language that ends sentences with `.`, `!` and `?`; see `why_no_sentences`.

    Raises:
        EnvironmentProblem: NLTK or its English parameters are missing.

    Source: `sentence_count_exact` and `single_sentence` of the AISF study, section 4.3: NLTK's `sent_tokenize` (Kiss & Strunk
        2006, Computational Linguistics 32, 485-525) with its English parameters. Pinned in tests/score/test_track_a_sentences.py.
    """
    return len(sentence_tokenizer().tokenize(text.strip())) if text.strip() else 0


def why_no_sentences(text: str) -> str:
    """What keeps English Punkt from counting the sentences of a text; empty where nothing does."""
    if is_mostly_unspaced(text):
        return "the answer is in a script without spaces, whose sentences English Punkt cannot tell"
    if found := _FOREIGN_END.search(text):
        return f"the answer ends sentences with {found.group()!r}, which English Punkt does not know"
    return ""
