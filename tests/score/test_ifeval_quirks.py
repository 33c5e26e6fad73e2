"""Where the reference reads an instruction otherwise than a person would: verdicts of lm-evaluation-harness 0.4.13.

Each row was scored by `process_results` of lm_eval.tasks.ifeval.utils with NLTK 3.10.4 and langdetect seeded with 0.
"""

from __future__ import annotations

from typing import Any

import pytest

from aligntui.score.ifeval.prompts import parse_prompts
from aligntui.score.ifeval.scoring import score_answer

AT_LEAST, LESS_THAN = "at least", "less than"


def w(count: int, relation: str = AT_LEAST) -> dict[str, Any]:
    return {"num_words": count, "relation": relation}


def s(count: int, relation: str = AT_LEAST) -> dict[str, Any]:
    return {"num_sentences": count, "relation": relation}


def c(count: int) -> dict[str, Any]:
    return {"capital_frequency": count, "capital_relation": AT_LEAST}


def n(paragraphs: int, nth: int, word: str) -> dict[str, Any]:
    return {"num_paragraphs": paragraphs, "nth_paragraph": nth, "first_word": word}


WORDS, SENTENCES = "length_constraints:number_words", "length_constraints:number_sentences"
PARAGRAPHS, FIRST_WORD = "length_constraints:number_paragraphs", "length_constraints:nth_paragraph_first_word"
BULLETS, HIGHLIGHTS = "detectable_format:number_bullet_lists", "detectable_format:number_highlighted_sections"
PLACEHOLDERS, TITLE, JSON = (
    "detectable_content:number_placeholders",
    "detectable_format:title",
    "detectable_format:json_format",
)
SECTIONS, POSTSCRIPT = "detectable_format:multiple_sections", "detectable_content:postscript"
CAPITALS, FORBIDDEN, EXISTS = "change_case:capital_word_frequency", "keywords:forbidden_words", "keywords:existence"
TWO, END, LANGUAGE = "combination:two_responses", "startend:end_checker", "language:response_language"
QUOTATION, UPPER, LOWER = "startend:quotation", "change_case:english_capital", "change_case:english_lowercase"

CASES: list[tuple[str, dict[str, Any], str, bool, bool]] = [
    # instruction, arguments, answer, strict, loose
    # marks belong to their letter, so that a word of Hindi, Thai or Arabic stays one word
    (WORDS, w(4), "नदी बहुत शांत थी", True, True),
    (WORDS, w(5), "नदी बहुत शांत थी", False, False),
    (WORDS, w(2), "แม่น้ำเงียบมาก", False, False),
    (WORDS, w(3), "كانَ النَّهرُ هادئًا", True, True),
    (WORDS, w(4), "كانَ النَّهرُ هادئًا", False, False),
    # an apostrophe, a point and a hyphen part words; an underscore does not
    (WORDS, w(6), "don't 3.5 well-worn", True, True),
    (WORDS, w(2), "lamp_post", False, False),
    (WORDS, w(1), "… — 🎣", False, False),
    # an accent that stands by itself is no gap, a zero-width joiner neither
    (WORDS, w(2), "cafe\u0301", False, False),
    (WORDS, w(2), "a\u200db", False, False),
    # Punkt
    (SENTENCES, s(2), "The kiln cooled. we waited.", True, True),
    (SENTENCES, s(2), "Dr. Okafor waited", False, False),
    (SENTENCES, s(2), "It cooled at 5 p.m. The kiln was red.", True, True),
    (SENTENCES, s(2), "It cooled at 5 p.m. on Monday", False, False),
    (SENTENCES, s(2), "川は静かだった。鳥が鳴いた。", False, False),
    (SENTENCES, s(2), "नदी शांत थी। पक्षी बोला।", False, False),
    (SENTENCES, s(3), "The kiln\ncooled\nslowly", False, False),
    (SENTENCES, s(2), "What a haul!!!", True, True),
    (SENTENCES, s(3), "What a haul!!!", False, False),
    (SENTENCES, s(2), "He said “Row.” She rowed.", True, True),
    (SENTENCES, s(3), "(He rowed.) She slept. «Enfin.» Noon", True, True),
    (SENTENCES, s(2), "Wait... then row", False, False),
    (SENTENCES, s(2), "Wait... Then row", False, False),
    (SENTENCES, s(2), "Wait! then row", True, True),
    (SENTENCES, s(2), "See No. 5 for the knots", True, True),
    # dividers
    (PARAGRAPHS, {"num_paragraphs": 2}, "***\nRope.\n***\nTar.\n***", True, True),
    (PARAGRAPHS, {"num_paragraphs": 2}, "Rope.\n******\nTar.", False, False),
    (PARAGRAPHS, {"num_paragraphs": 2}, "Rope. *** Tar.", True, True),
    (PARAGRAPHS, {"num_paragraphs": 2}, "Sure:\n***\nRope.\n***\nTar.", False, True),
    (FIRST_WORD, n(2, 2, "tar"), "Rope.\n\n\n\nTar.", False, False),
    (FIRST_WORD, n(2, 2, "tar"), "Rope.\n\n\nTar.", True, True),
    (FIRST_WORD, n(1, 1, "tar"), '\'"Tar" it is', True, True),
    (FIRST_WORD, n(1, 1, "tar"), "\"'Tar' it is", False, False),
    (FIRST_WORD, n(1, 1, "tar"), "*Tar* it is", False, True),
    (FIRST_WORD, n(1, 1, "tar"), "Tar's smell", True, True),
    (FIRST_WORD, n(1, 1, "tar"), "Tar: it sticks", False, False),
    (FIRST_WORD, n(1, 1, "ΟΔΟΣ"), "ΟΔΟΣ", False, False),
    (FIRST_WORD, n(2, 1, "rope"), "Rope.\r\n\r\nTar.", False, False),
    # brackets and marks
    (PLACEHOLDERS, {"num_placeholders": 2}, "[] and [ [x]", True, True),
    (PLACEHOLDERS, {"num_placeholders": 1}, "[on two\nlines]", False, False),
    (PLACEHOLDERS, {"num_placeholders": 2}, "[[twice]]", False, False),
    (BULLETS, {"num_bullets": 2}, "-5 degrees\n---", True, True),
    (BULLETS, {"num_bullets": 1}, "** no\n* yes", True, True),
    (BULLETS, {"num_bullets": 1}, "*\n* swallowed", True, True),
    (BULLETS, {"num_bullets": 1}, "\u3000\n \t* after blank lines", True, True),
    (BULLETS, {"num_bullets": 1}, "*", False, False),
    (BULLETS, {"num_bullets": 1}, "• no\n+ no\n1. no", False, False),
    (HIGHLIGHTS, {"num_highlights": 2}, "**rope** and **tar**", True, True),
    (HIGHLIGHTS, {"num_highlights": 3}, "**rope** and **tar**", False, False),
    (HIGHLIGHTS, {"num_highlights": 1}, "* *\n** **", False, False),
    (HIGHLIGHTS, {"num_highlights": 1}, "*over\nlines*", False, False),
    (HIGHLIGHTS, {"num_highlights": 2}, "***rope***", True, True),
    (HIGHLIGHTS, {"num_highlights": 2}, "*rope* and *", False, False),
    (TITLE, {}, "<<a\nb>>", False, False),
    (TITLE, {}, "<< >> <<Rope>>", True, True),
    (TITLE, {}, "<<<>>>", False, False),
    (TITLE, {}, "x << 2 and y >> 3", True, True),
    (SECTIONS, {"section_spliter": "Section", "num_sections": 3}, "Section1 Section\t2 Section ٣", True, True),
    (SECTIONS, {"section_spliter": "SECTION", "num_sections": 1}, "Section 1", False, False),
    (SECTIONS, {"section_spliter": "Section", "num_sections": 2}, "**Section** 1 and Section: 2", False, False),
    (SECTIONS, {"section_spliter": "(Day)", "num_sections": 2}, "Day 1", True, True),
    # JSON as Python reads it
    (JSON, {}, "NaN", True, True),
    (JSON, {}, "12", True, True),
    (JSON, {}, "```json\n{}\n``` ", True, True),
    (JSON, {}, "```\n```json\n{}\n```", False, True),
    (JSON, {}, "Here:\n[1]", False, True),
    (JSON, {}, '{"a": 1,}', False, False),
    (JSON, {}, "\ufeff{}", False, False),
    # a postscript need not stand at the end, nor at the beginning of a line
    (POSTSCRIPT, {"postscript_marker": "P.S."}, "The p. s. is here. And more.", True, True),
    (POSTSCRIPT, {"postscript_marker": "P.S."}, "P. S bring tar", False, False),
    (POSTSCRIPT, {"postscript_marker": "P.P.S"}, "P. P. S", True, True),
    (POSTSCRIPT, {"postscript_marker": "P.P.S."}, "apples", False, False),
    (POSTSCRIPT, {"postscript_marker": "P.P.S."}, "pop-st", True, True),
    (POSTSCRIPT, {"postscript_marker": "P.P.S."}, "papasa", True, True),
    # words in capitals, as NLTK cuts them
    (CAPITALS, c(3), "NATO's UN/EU I", True, True),
    (CAPITALS, c(4), "NATO's UN/EU I", False, False),
    (CAPITALS, c(1), "B2b", False, False),
    (CAPITALS, c(2), "B2B! ΑΒ,", True, True),
    (CAPITALS, c(2), "CANNOT", True, True),
    (CAPITALS, c(2), "GOTTA", True, True),
    (CAPITALS, c(1), "𝐀 Ⅷ", True, True),
    (CAPITALS, c(1), "ǅ", False, False),
    (CAPITALS, c(2), "I'M", True, True),
    # keywords are patterns, and forbidden words end where Python says that words do
    (EXISTS, {"keywords": ["r.pe"]}, "ripe", True, True),
    (EXISTS, {"keywords": ["cask"]}, "CASKET", True, True),
    (EXISTS, {"keywords": ["kelp"]}, "\u212aelp", True, True),
    (FORBIDDEN, {"forbidden_words": ["tar"]}, "tar-barrel", False, False),
    (FORBIDDEN, {"forbidden_words": ["tar"]}, "tar_barrel", True, True),
    (FORBIDDEN, {"forbidden_words": ["tar"]}, "タtar", True, True),
    (FORBIDDEN, {"forbidden_words": ["c++"]}, "We use C here.", False, False),
    (FORBIDDEN, {"forbidden_words": ["c#"]}, "We use C# here.", True, True),
    (FORBIDDEN, {"forbidden_words": ["tar"]}, "Tar.\nRope only.", False, True),
    # the ends of the answer
    (END, {"end_phrase": "So long."}, 'He waved: "SO LONG."', True, True),
    (END, {"end_phrase": "So long."}, 'He waved: "So long." ', True, True),
    (END, {"end_phrase": "So long."}, 'So long. "', False, False),
    (END, {"end_phrase": "So long."}, "So long.*", False, True),
    (END, {"end_phrase": "So long."}, "So long.”", False, False),
    (QUOTATION, {}, '"', False, False),
    (QUOTATION, {}, '""', True, True),
    (QUOTATION, {}, 'Sure:\n"Rope."', False, True),
    (TWO, {}, "******\nRope.\n******\nTar.", True, True),
    (TWO, {}, "Rope.\n******\n\n******\nTar.", False, False),
    (TWO, {}, "Rope.\n*******\nTar.", True, True),
    (TWO, {}, "Rope.\n******\n Rope. ", False, False),
    # what langdetect cannot tell passes
    (LANGUAGE, {"language": "hi"}, "12345 !!!", True, True),
    (LANGUAGE, {"language": "hi"}, "🎣🎣", True, True),
    (LANGUAGE, {"language": "hi"}, "HI", False, False),
    (UPPER, {}, "12345", False, False),
    (LOWER, {}, "ⓐⓑ", True, True),
    (LOWER, {}, "der fluss war heute morgen noch ganz still.", False, False),
]


@pytest.mark.parametrize(("instruction", "arguments", "answer", "strict", "loose"), CASES)
def test_verdict_is_the_references(
    instruction: str, arguments: dict[str, Any], answer: str, strict: bool, loose: bool
) -> None:
    row = {"key": 1, "prompt": "p", "instruction_id_list": [instruction], "kwargs": [arguments]}
    (prompt,) = parse_prompts([("here", row)], "here")
    scored = score_answer(prompt, answer)
    assert (scored.strict, scored.loose) == ((strict,), (loose,))


def test_json_nested_deeper_than_python_reads_fails() -> None:
    # the reference ends with RecursionError here
    row = {"key": 1, "prompt": "p", "instruction_id_list": [JSON], "kwargs": [{}]}
    (prompt,) = parse_prompts([("here", row)], "here")
    scored = score_answer(prompt, "[" * 100_000 + "]" * 100_000)
    assert scored.strict == (False,)
    (reason,) = scored.reasons()
    assert reason is not None and "nested too deep" in reason.found
