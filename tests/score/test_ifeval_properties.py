"""What holds for every text: nothing raises, loose is never below strict, the same text has the same verdict."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.ifeval.loose import variants
from aligntui.score.ifeval.prompts import parse_prompts
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.scoring import score_answer

ARGUMENTS: dict[str, dict[str, Any]] = {
    "keywords:existence": {"keywords": ["a", "é"]},
    "keywords:frequency": {"keyword": "a", "frequency": 2, "relation": "less than"},
    "keywords:forbidden_words": {"forbidden_words": ["a", "i"]},
    "keywords:letter_frequency": {"letter": "A", "let_frequency": 2, "let_relation": "at least"},
    "language:response_language": {"language": "hi"},
    "length_constraints:number_sentences": {"num_sentences": 2, "relation": "at least"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 2},
    "length_constraints:number_words": {"num_words": 3, "relation": "less than"},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "a"},
    "detectable_content:number_placeholders": {"num_placeholders": 1},
    "detectable_content:postscript": {"postscript_marker": "P.S."},
    "detectable_format:number_bullet_lists": {"num_bullets": 1},
    "detectable_format:number_highlighted_sections": {"num_highlights": 1},
    "detectable_format:multiple_sections": {"section_spliter": "Section", "num_sections": 1},
    "combination:repeat_prompt": {"prompt_to_repeat": "a"},
    "startend:end_checker": {"end_phrase": "a"},
    "change_case:capital_word_frequency": {"capital_frequency": 1, "capital_relation": "at least"},
}
(EVERYTHING,) = parse_prompts(
    [("here", {"key": 0, "prompt": "p", "instruction_id_list": list(CHECKERS), "kwargs": [ARGUMENTS.get(i, {}) for i in CHECKERS]})],
    "here",
)  # fmt: skip

PIECES = [
    "*", "**", "***", "******", "\n", "\n\n", "\r\n", "- ", "* ", '"', "“", "[", "]", "[a]", "<<", ">>", "```json", "```", "{", "}",
    "1", ",", ".", "...", "!", "P.S.", "Section 1", "My answer is no.", "a", "A", "Aa", "BIG", "i ", " ", "\u3000", "\u2028", "é", "İ", "ς", "中", "हि",
    "ب", "🛶", "\ud800", "\x00",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_text_makes_a_checker_raise_and_loose_is_never_below_strict(text: str) -> None:
    scored = score_answer(EVERYTHING, text)
    assert all(loose >= strict for strict, loose in zip(scored.strict, scored.loose, strict=True))
    for reason, followed in zip(scored.reasons(), scored.strict, strict=True):
        assert (reason is None) == followed
        assert reason is None or "\n" not in str(reason)
    assert sum(name is not None for name in scored.loosened()) == sum(scored.loose) - sum(scored.strict)


@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_loose_is_strict_on_any_variant(text: str) -> None:
    texts = [variant for _, variant in variants(text)]
    strict = [score_answer(EVERYTHING, variant).strict for variant in texts]
    expected = tuple(any(verdicts) for verdicts in zip(*strict, strict=True)) or (False,) * len(CHECKERS)
    assert score_answer(EVERYTHING, text).loose == expected


@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_variants(text: str) -> None:
    found = [variant for _, variant in variants(text)]
    assert len(set(found)) == len(found) <= 8
    assert all(variant.strip() for variant in found)
    if text.strip():
        assert found[0] == text
    lines = text.split("\n")
    kept = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    everything = {text, *kept}
    everything |= {variant.replace("*", "") for variant in everything}
    assert set(found) == {variant for variant in everything if variant.strip()}
