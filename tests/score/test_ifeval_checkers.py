"""Every instruction type on answers that just follow it and on answers that just do not."""

from __future__ import annotations

from typing import Any

import pytest

from aligntui.core.errors import UserError
from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.registry import CHECKERS, checker_for


def verdict(instruction: str, arguments: dict[str, Any], answer: str) -> bool:
    return checker_for(instruction, arguments, "here").passes(AnswerText(answer))


def words(count: int) -> str:
    return " ".join(["pebble"] * count)


def sentences(count: int) -> str:
    return " ".join(["The tide came in."] * count)


AT_LEAST, LESS_THAN = "at least", "less than"

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    # instruction, arguments, an answer that follows it, one that does not
    ("keywords:existence", {"keywords": ["kiln", "glaze"]}, "A kiln fires the GLAZE.", "A kiln fires the clay."),
    ("keywords:frequency", {"keyword": "oar", "frequency": 3, "relation": AT_LEAST}, "oar Oar oar", "oar oar"),
    ("keywords:frequency", {"keyword": "oar", "frequency": 3, "relation": LESS_THAN}, "oar oar", "oar oar board"),
    ("keywords:forbidden_words", {"forbidden_words": ["salt"]}, "A salty soup.", "Soup (salt)."),
    ("keywords:letter_frequency", {"letter": "z", "let_frequency": 2, "let_relation": AT_LEAST}, "Zigzag", "zinc"),
    ("keywords:letter_frequency", {"letter": "z", "let_frequency": 2, "let_relation": LESS_THAN}, "zinc", "zigzag"),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": AT_LEAST}, "#a #b", "#ab"),
    (
        "language:response_language",
        {"language": "de"},
        "Heute Morgen war der Fluss noch ganz still.",
        "This morning the river was still quiet.",
    ),
    ("length_constraints:number_sentences", {"num_sentences": 4, "relation": AT_LEAST}, sentences(4), sentences(3)),
    ("length_constraints:number_sentences", {"num_sentences": 4, "relation": LESS_THAN}, sentences(3), sentences(4)),
    ("length_constraints:number_words", {"num_words": 40, "relation": AT_LEAST}, words(40), words(39)),
    ("length_constraints:number_words", {"num_words": 40, "relation": LESS_THAN}, words(39), words(40)),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "One.\n***\nTwo.", "One.\n\nTwo."),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        "First light.\n\nThen, noon.",
        "First light.\n\nThence noon.",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "Dear [name] of [town],", "Dear [name],"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\nP.S. Bring rope.", "Bye.\nPS: Bring rope."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye. p.p.s one more", "Bye.\nP.S. one more"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* sail\n- keel", "* sail\n- keel\n* mast"),
    ("detectable_format:constrained_response", {}, "My answer is maybe.", "My answer is perhaps."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*up* and **down**", "*up* and * *"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\nWool.\nSection 2\nFlax.",
        "Section 1\nWool.\nSECTION 2\nFlax.",
    ),
    ("detectable_format:json_format", {}, '```json\n{"dye": "madder"}\n```', "{'dye': 'madder'}"),
    ("detectable_format:title", {}, "<<Of Dyes>>\nMadder.", "<Of Dyes>\nMadder."),
    ("combination:two_responses", {}, "Walk.\n******\nRide.", "Walk.\n******\nWalk."),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Why salt?"}, "why salt? It keeps.", "“Why salt?” It keeps."),
    ("startend:end_checker", {"end_phrase": "That is all."}, 'So it goes. that is ALL."  ', "That is all, friends."),
    ("startend:quotation", {}, ' "So be it." ', "“So be it.”"),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": AT_LEAST},
        "The UN met NATO.",
        "The UN met Nato.",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": LESS_THAN},
        "The UN met Nato.",
        "The UN met NATO.",
    ),
    (
        "change_case:english_capital",
        {},
        "IT WAS ONE OF THOSE DAYS WHEN THE WHOLE TOWN WALKED DOWN TO THE RIVER.",
        "IT WAS ONE OF THOSE DAYS WHEN THE WHOLE TOWN WALKED DOWN TO THE river.",
    ),
    (
        "change_case:english_lowercase",
        {},
        "it was one of those days when the whole town walked down to the river.",
        "it was one of those days when the whole town walked down to the River.",
    ),
    ("punctuation:no_comma", {}, "No; not now、never。", "No, not now."),
]


@pytest.mark.parametrize(("instruction", "arguments", "good", "bad"), CASES)
def test_boundary(instruction: str, arguments: dict[str, Any], good: str, bad: str) -> None:
    assert verdict(instruction, arguments, good)
    assert not verdict(instruction, arguments, bad)


@pytest.mark.parametrize(("instruction", "arguments", "good", "bad"), CASES)
def test_a_failure_says_what_was_wanted_and_found(
    instruction: str, arguments: dict[str, Any], good: str, bad: str
) -> None:
    reason = checker_for(instruction, arguments, "here").reason(AnswerText(bad))
    assert reason.instruction == instruction
    assert reason.wanted and reason.found and reason.wanted != reason.found
    assert str(reason).startswith("wanted ") and "\n" not in str(reason)


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\u3000\t\r\n"])
def test_a_blank_answer_follows_nothing(blank: str) -> None:
    for instruction, arguments, _, _ in CASES:
        assert not verdict(instruction, arguments, blank), instruction
        assert checker_for(instruction, arguments, "here").reason(AnswerText(blank)).found == "an empty answer"


def test_every_type_is_tried_here() -> None:
    assert len(CHECKERS) == 25
    assert {instruction for instruction, *_ in CASES} == set(CHECKERS)
    assert all(name == checker.id for name, checker in CHECKERS.items())


def test_reasons_carry_the_numbers() -> None:
    checker = checker_for("length_constraints:number_words", {"num_words": 300, "relation": AT_LEAST}, "here")
    assert str(checker.reason(AnswerText(words(212)))) == "wanted at least 300 words, found 212 words"
    checker = checker_for("keywords:forbidden_words", {"forbidden_words": ["salt", "brine"]}, "here")
    assert str(checker.reason(AnswerText("Salt it."))) == "wanted no “brine” or “salt”, found “Salt”"
    checker = checker_for("keywords:frequency", {"keyword": "oar", "frequency": 1, "relation": LESS_THAN}, "here")
    assert str(checker.reason(AnswerText("An oar."))) == "wanted “oar” less than 1 time, found 1 time"


@pytest.mark.parametrize(
    ("instruction", "arguments", "said"),
    [
        ("length_constraints:number_word", {}, "Did you mean 'length_constraints:number_words'?"),
        ("length_constraints:number_words", {"num_words": 5}, "'relation', which is missing"),
        ("length_constraints:number_words", {"num_words": 0, "relation": AT_LEAST}, "'num_words', which is missing"),
        ("length_constraints:number_words", {"num_words": -5, "relation": AT_LEAST}, "a whole number from 1 up"),
        ("length_constraints:number_words", {"num_words": "5", "relation": AT_LEAST}, "a whole number from 1 up"),
        ("length_constraints:number_words", {"num_words": 5.5, "relation": AT_LEAST}, "a whole number from 1 up"),
        ("length_constraints:number_words", {"num_words": 5, "relation": "at most"}, "'less than' or 'at least'"),
        ("length_constraints:number_words", {"num_word": 5, "relation": AT_LEAST}, "Did you mean 'num_words'?"),
        ("punctuation:no_comma", {"commas": 1}, "no argument, not 'commas'"),
        ("keywords:existence", {"keywords": "kiln"}, "a list of texts"),
        ("keywords:existence", {"keywords": ["kiln("]}, "a regular expression that compiles"),
        ("keywords:existence", {"keywords": ["kiln", 3]}, "a text that is not blank"),
        ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": AT_LEAST}, "one character"),
        ("language:response_language", {"language": "zh"}, "vi, zh-cn, zh-tw"),
        ("detectable_content:postscript", {"postscript_marker": "(P.S."}, "a regular expression that compiles"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "so"},
            "'nth_paragraph' to be at most 2, not 3",
        ),
    ],
)
def test_wrong_arguments_are_refused(instruction: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised:
        checker_for(instruction, arguments, "prompts.jsonl, line 7")
    assert "prompts.jsonl, line 7" in str(raised.value)
    assert said in str(raised.value)


def test_arguments_of_other_instructions_are_empty_in_the_hubs_table() -> None:
    arguments = {"num_words": 5.0, "relation": AT_LEAST, "keywords": None, "forbidden_words": [], "language": ""}
    assert verdict("length_constraints:number_words", arguments, words(5))
