"""Each checker of Track A at its boundary, with the sentence that says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.score.track_a.checking import Outcome, check_answer, check_answers, commas
from aligntui.score.track_a.prompt import ConstraintType, Params, Prompt

T = ConstraintType
EXAMPLES = {
    T.WORD_COUNT: Params(count=10),
    T.SENTENCE_COUNT: Params(count=3),
    T.FORBIDDEN_WORD: Params(word="water"),
    T.REQUIRED_WORD: Params(word="water"),
    T.NO_COMMA: Params(),
    T.LANGUAGE: Params(language="fr"),
    T.WORD_FREQUENCY: Params(word="water", count=2),
    T.SINGLE_SENTENCE: Params(),
}


def asked(kind: ConstraintType, params: Params | None = None) -> Prompt:
    return Prompt("p1", kind, "A question.", params or EXAMPLES[kind], "tests")


def outcome(kind: ConstraintType, answer: str) -> tuple[Outcome, str]:
    verdict = check_answer(asked(kind), answer)
    return verdict.outcome, verdict.reason


@pytest.mark.parametrize(("words", "passes"), [(7, False), (8, True), (10, True), (12, True), (13, False)])
def test_two_words_more_or_fewer_are_allowed_and_three_are_not(words: int, passes: bool) -> None:
    assert outcome(T.WORD_COUNT, " ".join(["word"] * words)) == (
        (Outcome.PASSED, "") if passes else (Outcome.FAILED, f"wanted 10 words, 2 more or fewer allowed, found {words}")
    )


@pytest.mark.parametrize(("count", "passes"), [(2, False), (3, True), (4, False)])
def test_sentences_are_counted_without_tolerance(count: int, passes: bool) -> None:
    assert outcome(T.SENTENCE_COUNT, " ".join(["The lamp is lit."] * count)) == (
        (Outcome.PASSED, "") if passes else (Outcome.FAILED, f"wanted 3 sentences, found {count}")
    )


@pytest.mark.parametrize(("count", "passes"), [(1, True), (2, False)])
def test_a_single_sentence_is_one(count: int, passes: bool) -> None:
    assert outcome(T.SINGLE_SENTENCE, " ".join(["The lamp is lit."] * count)) == (
        (Outcome.PASSED, "") if passes else (Outcome.FAILED, "wanted 1 sentence, found 2")
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Dry land.", 0),
        ("Waterfalls and underwater.", 0),
        ("Water.", 1),
        ("The water's edge, the water\u2019s edge", 2),
    ],
)
def test_a_word_is_forbidden_or_required_as_a_whole(answer: str, found: int) -> None:
    times = f"{found} time{'s' * (found != 1)}"
    forbidden, required = outcome(T.FORBIDDEN_WORD, answer), outcome(T.REQUIRED_WORD, answer)
    if found:
        assert forbidden == (Outcome.FAILED, f"wanted no 'water', found it {times}")
        assert required == (Outcome.PASSED, "")
    else:
        assert forbidden == (Outcome.PASSED, "")
        assert required == (Outcome.FAILED, "wanted 'water' as a whole word, found none")


@pytest.mark.parametrize(("count", "passes"), [(1, False), (2, True), (3, False)])
def test_a_frequency_is_exact(count: int, passes: bool) -> None:
    answer = "Still " + ", ".join(["water"] * count) + " and waters."
    found = f"wanted 'water' as a whole word 2 times, found it {count} time{'s' * (count != 1)}"
    assert outcome(T.WORD_FREQUENCY, answer) == ((Outcome.PASSED, "") if passes else (Outcome.FAILED, found))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none; at all", 0),
        ("a, b,c", 2),
        ("1,000", 1),
        ("\u6c34\uff0c\u706b\u3001\u571f", 2),
        ("\u0645\u0627\u0621\u060c", 1),
        ("\u02bbokina", 0),
        ("o\u0313 \u201alow quotes\u2018", 0),
    ],
)
def test_commas_of_every_script_are_commas(text: str, found: int) -> None:
    assert commas(text) == found
    if found:
        assert outcome(T.NO_COMMA, text) == (Outcome.FAILED, f"wanted no comma, found {found}")
    else:
        assert outcome(T.NO_COMMA, text) == (Outcome.PASSED, "")


@pytest.mark.parametrize("kind", list(T))
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "the answer is empty"),
        (" \n\t", "the answer is empty"),
        ("...", "the answer has no letter or digit"),
        ("\U0001f642 !", "the answer has no letter or digit"),
    ],
)
def test_silence_never_passes(kind: ConstraintType, answer: str, reason: str) -> None:
    verdict = check_answer(asked(kind), answer)
    assert (verdict.outcome, verdict.reason, verdict.empty) == (Outcome.FAILED, reason, True)


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        (T.WORD_COUNT, "\u6c34\u5f88\u91cd\u8981\u3002", "white space cannot count"),
        (T.SENTENCE_COUNT, "\u6c34\u5f88\u91cd\u8981\u3002", "English Punkt cannot tell"),
        (
            T.SINGLE_SENTENCE,
            "\u092a\u093e\u0928\u0940 \u0939\u0948\u0964 \u0939\u093e\u0901\u0964",
            "English Punkt does not know",
        ),
        (T.LANGUAGE, "12345 67890", "langdetect found nothing to go by"),
    ],
)
def test_what_cannot_be_checked_says_so_and_does_not_pass(kind: ConstraintType, answer: str, reason: str) -> None:
    verdict = check_answer(asked(kind), answer)
    assert verdict.outcome is Outcome.COULD_NOT_CHECK
    assert reason in verdict.reason
    assert not verdict.passed
    assert not verdict.empty


def test_a_wrong_language_is_named() -> None:
    found, reason = outcome(T.LANGUAGE, "Das ist leider die falsche Sprache, und daran besteht kein Zweifel.")
    assert found is Outcome.FAILED
    assert reason.startswith("wanted French, found German (probability 1.00")


def test_answers_are_checked_in_the_order_of_the_suite_and_gaps_stay_gaps() -> None:
    suite = [Prompt(f"p{i}", T.NO_COMMA, f"Question {i}.", Params(), "tests") for i in range(3)]
    verdicts = check_answers(suite, {"p2": "no", "p0": "a, b"})
    assert [(verdict.prompt_id, verdict.passed) for verdict in verdicts] == [("p0", False), ("p2", True)]


def test_an_answer_to_no_prompt_is_an_error_of_the_user() -> None:
    with pytest.raises(UserError, match="answer to 'p9', and no prompt"):
        check_answers([asked(T.NO_COMMA)], {"p9": "text"})


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        (T.WORD_COUNT, Params(), "'count' must be at least 1, not 0"),
        (T.WORD_COUNT, Params(count=-3), "'count' must be at least 1, not -3"),
        (T.WORD_COUNT, Params(count=5, word="water"), "word_count_exact takes no 'word'"),
        (T.FORBIDDEN_WORD, Params(word="two words"), "must be one word"),
        (T.REQUIRED_WORD, Params(word="\u6c34"), "whole words cannot be told"),
        (T.LANGUAGE, Params(language="xx"), "not 'xx'"),
        (T.LANGUAGE, Params(language="zh-cn"), "not 'zh-cn'"),
        (T.NO_COMMA, Params(count=1), "no_comma takes no 'count'"),
    ],
)
def test_a_prompt_that_could_not_be_checked_cannot_be_made(kind: ConstraintType, params: Params, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        asked(kind, params)


def test_a_verdict_turns_into_plain_data() -> None:
    assert check_answer(asked(T.NO_COMMA), "a, b").as_dict() == {
        "prompt_id": "p1",
        "type": "no_comma",
        "outcome": "failed",
        "reason": "wanted no comma, found 1",
        "empty": False,
    }


@settings(deadline=None)  # the first call of some checkers loads their tables
@given(st.sampled_from(list(T)), st.text())
def test_any_text_gets_a_verdict_with_a_reason_unless_it_passes(kind: ConstraintType, answer: str) -> None:
    verdict = check_answer(asked(kind), answer)
    assert verdict.passed == (verdict.reason == "")
    assert check_answer(asked(kind), answer) == verdict


@given(st.integers(1, 120), st.integers(1, 140))
def test_the_word_count_passes_within_its_tolerance_and_nowhere_else(wanted: int, found: int) -> None:
    verdict = check_answer(asked(T.WORD_COUNT, Params(count=wanted)), "word " * found)
    assert verdict.passed == (abs(wanted - found) <= 2)


@given(st.text("ab ,\uff0c", max_size=30))
def test_the_frequency_and_the_bans_agree_with_each_other(text: str) -> None:
    answer = f"x{text}"
    assert check_answer(asked(T.NO_COMMA), answer).passed == (not set(text) & {",", "\uff0c"})
    forbidden = check_answer(asked(T.FORBIDDEN_WORD, Params(word="a")), answer).passed
    assert forbidden != check_answer(asked(T.REQUIRED_WORD, Params(word="a")), answer).passed
