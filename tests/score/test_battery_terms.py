"""Key terms: whole words in any script, and regular expressions that can be stopped."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.battery.terms import MOST_CHARS, MOST_NESTED, Answer, OutOfTime, fold, search, term


def found(written: str, text: str) -> bool:
    return term(written).find(Answer.of(text)) is not None


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("law", "The law holds.", True),
        ("law", "LAW", True),
        ("law", "laws", False),
        ("law", "outlaw", False),
        ("law", "by-law", True),
        ("law", "the law's end", True),
        ("law", "_law_ and **law**", True),
        ("law", "law2", False),
        ("law", "", False),
        ("Law 1 (Shelter)", "law 1\n(shelter): stay", True),
        ("Law 1", "Law 10", False),
        ("next step", "Your next\n   step is near", True),
        ("don't", "I don’t know", True),
        ("C++", "in C++, say", True),
        ("C++", "C+", False),
        ("a.b", "acb", False),
        ("straße", "STRASSE", True),
        ("café", "cafe\u0301", True),
        ("café", "cafe", False),
        ("naïve", "naïvely", False),
        ("soft hyphen", "soft hy\u00adphen", True),
        ("ＡＢＣ", "abc", True),
        ("закон", "Закон первый", True),
        ("закон", "закона", False),
        ("कानून", "यह कानून है", True),
        ("कानून", "यह कानूनी है", False),
        ("법", "법 하나", True),
        ("법", "법은", False),
        ("法律", "四法律は大切", True),
        ("法律", "法 律", False),
        ("law", "这个law很重要", True),
        ("law", "这个laws很重要", False),
        ("กฎ", "สี่กฎหมาย", True),
    ],
)
def test_a_plain_term_is_found_as_whole_words(written: str, text: str, expected: bool) -> None:
    assert found(written, text) is expected


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("re:law [12]", "a LAW 2 b", True),
        ("re:(?-i:Law)", "law", False),
        ("re:^Ranking:", "one\r\nranking: two", True),
        ("re:end$", "the end\r\nmore", True),
        ("re:a.b", "a\nb", False),
        (r"re:\bé", "e\u0301", True),
        (r"re:(?<!\bnot |\bnever )light", "never light it", False),
        ("re:re: ", "Re: your letter", True),
    ],
)
def test_a_regular_expression_sees_the_text_as_it_stands(written: str, text: str, expected: bool) -> None:
    assert found(written, text) is expected


def test_what_was_found_is_given_back() -> None:
    assert term("re:law [12]").find(Answer.of("By Law 2 then")) == "Law 2"
    assert term("Law 2").find(Answer.of("By LAW  2 then")) == "law 2"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("\u200b", "nothing that can be seen"),
        ("re:", "matches the empty text"),
        ("re:x*", "matches the empty text"),
        ("re:(?!a)", "matches the empty text"),
        ("re:[", "no regular expression"),
        ("re:*a", "nothing to repeat"),
        ("re:(a", "missing )"),
        (r"re:\p{Nowhere}", "unknown property"),
        ("re:a{1,99999999999}", "no regular expression"),
        ("re:" + "(" * (MOST_NESTED + 1) + "a" + ")" * (MOST_NESTED + 1), "deep"),
        ("re:" + "(" * 60 + "a" + "){1,9}" * 60, "deep"),
        ("re:" + "a" * (MOST_CHARS + 1), "characters"),
    ],
)
def test_a_term_that_cannot_work_says_why(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=regex.escape(reason)):
        term(written)


def test_brackets_may_nest_to_the_limit_and_escaped_ones_do_not_count() -> None:
    deep = "(" * MOST_NESTED + "a" + ")" * MOST_NESTED
    assert found(f"re:{deep}", "xax")
    assert found("re:" + r"\(" * 30, "(" * 30)


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a+)+$", "(a|aa)+$", "(?:a?){5000}a{5000}x", r"(\w+\s?)+$"])
def test_an_expression_that_backtracks_for_ever_is_stopped(pattern: str) -> None:
    # without the limit these run longer than anyone would wait, so that a limit that does nothing hangs the test
    hostile = Answer.of("a" * 50_000 + "!")
    with pytest.raises(OutOfTime, match=r"was stopped after 0\.1 s") as stopped:
        term(f"re:{pattern}").find(hostile, limit_s=0.1)
    assert stopped.value.pattern == pattern


def test_the_limit_does_not_touch_what_is_quick() -> None:
    assert search(regex.compile("needle"), "a" * 200_000 + "needle", limit_s=5.0) == "needle"


@given(st.text(), st.text(min_size=1))
def test_any_text_is_folded_once_and_for_all(text: str, other: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text + " " + other) == " ".join(f"{fold(text)} {fold(other)}".split())


@given(st.text(), st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_a_plain_term_is_found_wherever_it_stands_alone(text: str, written: str) -> None:
    try:
        made = term(written)
    except ValueError:
        return
    if not made.is_regex:
        assert made.find(Answer.of(f"{text} | {written} | {text}")) is not None
        assert made.find(Answer.of("")) is None


@given(st.text(alphabet="ab()[]{}*+?|\\^$.,-1:re<!=", max_size=40), st.text(alphabet="ab1 \n", max_size=60))
def test_any_expression_compiles_or_says_why_and_any_search_ends(pattern: str, text: str) -> None:
    try:
        made = term(f"re:{pattern}")
    except ValueError as error:
        assert str(error)
        return
    try:
        hit = made.find(Answer.of(text), limit_s=0.2)
    except OutOfTime:
        return
    assert hit is None or hit in text


def test_lone_surrogates_do_no_harm() -> None:
    assert found("law", "\ud800 law \udfff")
    assert not found("\ud800", "law")
    assert Answer.of("\u200b \ufeff\n").is_blank
    assert not Answer.of("\u200b.").is_blank
