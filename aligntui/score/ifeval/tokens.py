r"""Words and sentences as NLTK cuts them: verdicts have to equal those of a reference that asks NLTK.

NLTK itself is asked, with no rule of ours in between, because its versions differ: from 3.10 on `\w` takes in the marks
that Hindi, Thai or Arabic letters carry, and typographic quotation marks close a sentence.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aligntui.score.punkt import sentence_tokenizer

if TYPE_CHECKING:
    from nltk.tokenize import NLTKWordTokenizer, RegexpTokenizer


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
def _word_pattern() -> RegexpTokenizer:
    from nltk.tokenize import RegexpTokenizer  # function-level: NLTK takes about a second to load

    return RegexpTokenizer(r"\w+")


@cache
def _word_tokenizer() -> NLTKWordTokenizer:
    from nltk.tokenize import NLTKWordTokenizer  # function-level: NLTK takes about a second to load

    return NLTKWordTokenizer()
