"""The prompts of Track A: as many, as varied and as checkable as their card says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz import fuzz, process

from aligntui.score.track_a.languages import LANGUAGES
from aligntui.score.track_a.loading import bundled_prompts, load_prompts
from aligntui.score.track_a.prompt import ConstraintType, Prompt
from aligntui.score.track_a.words import occurrences

T = ConstraintType
PROMPTS = load_prompts()
CARD = (bundled_prompts().parent / "README.md").read_text(encoding="utf-8")
LETTERS = dict(zip(T, ("wc", "sc", "fw", "rw", "nc", "lt", "wf", "ss"), strict=True))

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBER = re.compile(
    rf"\b(?:(?:\d+|{'|'.join((*ONES, *TENS))}|hundred|and|twice)\b[- ]?)*(?:\d+|{'|'.join((*ONES, *TENS))}|hundred|twice)\b"
)


def of_type(kind: ConstraintType) -> list[Prompt]:
    return [prompt for prompt in PROMPTS if prompt.type is kind]


def spelled(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")
    return "one hundred" + (f" and {spelled(number - 100)}" if number > 100 else "")


def masked(prompt: Prompt) -> str:
    """The prompt without what a template would have a slot for."""
    text = prompt.prompt.lower()
    if prompt.params.word:
        text = re.sub(rf'"?\b{re.escape(prompt.params.word.lower())}\b"?', "W", text)
    if prompt.params.language:
        text = text.replace(LANGUAGES[prompt.params.language].lower(), "L")
    return NUMBER.sub("N", text)


def near_duplicates(texts: Sequence[str], cutoff: float) -> list[tuple[str, str]]:
    """Pairs that are alike letter by letter, or word by word in any order."""
    found: set[tuple[int, int]] = set()
    for scorer in (fuzz.ratio, fuzz.token_sort_ratio):
        scores = np.triu(process.cdist(texts, texts, scorer=scorer, score_cutoff=cutoff), 1)
        found |= {(int(a), int(b)) for a, b in np.argwhere(scores > 0)}
    return [(texts[a], texts[b]) for a, b in sorted(found)]


def test_there_are_sixty_prompts_of_each_of_eight_types() -> None:
    assert len(PROMPTS) == 480
    assert Counter(prompt.type for prompt in PROMPTS) == dict.fromkeys(T, 60)


def test_ids_say_the_type_and_count_on() -> None:
    for kind in T:
        assert [p.id for p in of_type(kind)] == [f"ta-{LETTERS[kind]}-{number:02d}" for number in range(1, 61)]


def test_every_type_is_spread_over_all_subjects() -> None:
    subjects = {prompt.subject for prompt in PROMPTS}
    assert len(subjects) == 30
    for kind in T:
        assert Counter(prompt.subject for prompt in of_type(kind)) == dict.fromkeys(subjects, 2)


def test_no_two_prompts_are_alike() -> None:
    assert near_duplicates([prompt.prompt for prompt in PROMPTS], 75) == []


def test_no_two_prompts_come_from_one_template() -> None:
    assert near_duplicates([masked(prompt) for prompt in PROMPTS], 80) == []


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("ta-wc-37", "Explain rust in exactly 18 words."),
        ("ta-fw-01", 'How do you cook a pot of rice? The word "steam" must not appear in your answer.'),
        ("ta-sc-49", "Write her a two-sentence message I can honestly send. A friend got the job I wanted too."),
    ],
)
def test_a_planted_near_duplicate_is_found(name: str, planted: str) -> None:
    (original,) = [prompt.prompt for prompt in PROMPTS if prompt.id == name]
    texts = [*(prompt.prompt for prompt in PROMPTS), planted]
    assert near_duplicates(texts, 75) == [(original, planted)]


def test_a_planted_template_is_found_once_its_slots_are_masked() -> None:
    (one,) = [prompt for prompt in PROMPTS if prompt.id == "ta-wf-36"]
    planted = Prompt("x", one.type, one.prompt.replace("mirror", "looking-glass"), one.params, "tests")
    other = Prompt(
        "y", T.WORD_FREQUENCY, 'How does a kite fly? I\'d like "wind" exactly five times.', one.params, "tests"
    )
    assert near_duplicates([masked(one), masked(planted)], 80) != []
    assert near_duplicates([masked(one), masked(other)], 80) == []


def test_openings_vary() -> None:
    openings = Counter(" ".join(prompt.prompt.lower().split()[:2]) for prompt in PROMPTS)
    opening, count = openings.most_common(1)[0]
    assert count <= 0.06 * len(PROMPTS), opening
    assert f'the commonest, "{opening.capitalize()}", opens {count}' in CARD
    for kind in T:
        own = Counter(" ".join(prompt.prompt.lower().split()[:2]) for prompt in of_type(kind))
        assert max(own.values()) <= 0.15 * 60, kind


def test_constraints_stand_in_many_places() -> None:
    for kind in (T.FORBIDDEN_WORD, T.REQUIRED_WORD, T.WORD_FREQUENCY):
        places = Counter(
            min(2, int(3 * p.prompt.lower().rindex(p.params.word.lower()) / len(p.prompt))) for p in of_type(kind)
        )
        assert set(places) == {0, 1, 2}, kind


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_the_prompt_says_what_the_checker_is_told(prompt: Prompt) -> None:
    text = prompt.prompt.lower()
    count = prompt.params.count
    if count:
        words = {str(count), spelled(count), *(["twice"] if count == 2 else [])}
        assert any(re.search(rf"\b{word}\b", text) for word in words)
        assert {T.WORD_COUNT: "word", T.SENTENCE_COUNT: "sentence", T.WORD_FREQUENCY: ""}[prompt.type] in text
    if prompt.params.word:
        assert occurrences(prompt.prompt, prompt.params.word)
    if prompt.params.language:
        assert re.search(rf"\b{LANGUAGES[prompt.params.language].lower()}\b", text)
    if prompt.type is T.NO_COMMA:
        assert "comma" in text
    if prompt.type is T.SINGLE_SENTENCE:
        assert re.search(r"\b(one|single)\b[\w -]{0,12}\bsentence\b", text)


def test_numbers_are_spread() -> None:
    words = [prompt.params.count for prompt in of_type(T.WORD_COUNT)]
    assert (min(words), max(words), len(set(words))) == (8, 120, 60)
    for low, high in ((8, 30), (31, 60), (61, 90), (91, 120)):
        assert sum(low <= count <= high for count in words) >= 8
    sentences = Counter(prompt.params.count for prompt in of_type(T.SENTENCE_COUNT))
    assert set(sentences) == set(range(2, 10))
    assert min(sentences.values()) >= 6
    frequencies = Counter(prompt.params.count for prompt in of_type(T.WORD_FREQUENCY))
    assert set(frequencies) == set(range(2, 7))
    assert min(frequencies.values()) >= 10


def test_numbers_come_in_digits_and_in_words() -> None:
    for kind in (T.WORD_COUNT, T.SENTENCE_COUNT, T.WORD_FREQUENCY):
        digits = sum(str(prompt.params.count) in prompt.prompt for prompt in of_type(kind))
        assert 10 <= digits <= 50, kind


def test_words_are_spread() -> None:
    for kind in (T.FORBIDDEN_WORD, T.REQUIRED_WORD, T.WORD_FREQUENCY):
        assert len({prompt.params.word.lower() for prompt in of_type(kind)}) == 60, kind


def test_languages_are_spread() -> None:
    asked = Counter(prompt.params.language for prompt in of_type(T.LANGUAGE))
    assert len(asked) == 24
    assert set(asked.values()) == {2, 3}
    for times in (2, 3):
        names = sorted(LANGUAGES[code] for code, count in asked.items() if count == times)
        assert f"| {times} times | {', '.join(names)} |" in CARD


PRESUMES = re.compile(
    r"\b(look (at|around|out)|watch(es|ing)?|listen(s|ing)?|you (can )?(see|hear)|walk(s|ing)?|your (car|garden|house|eyes|ears)|"
    r"in our country|the (president|prime minister)|dollars?|euros?)\b",
    re.IGNORECASE,
)


def test_no_prompt_presumes_a_sense_a_gait_an_income_or_a_country() -> None:
    assert PRESUMES.search("Look at the sky and say what you see.")
    assert [prompt.prompt for prompt in PROMPTS if PRESUMES.search(prompt.prompt)] == []


def test_the_card_has_the_numbers_of_the_file() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (\d+) \|", CARD, re.MULTILINE))
    counted = Counter(str(prompt.type) for prompt in PROMPTS) + Counter(prompt.subject for prompt in PROMPTS)
    assert {name: int(count) for name, count in rows.items()} == counted
    lengths = sorted(len(prompt.prompt.split()) for prompt in PROMPTS)
    assert f"{lengths[0]} to {lengths[-1]} words, median {lengths[240]}" in CARD
    lines = Path(bundled_prompts()).read_bytes().count(b"\n")
    assert f"UTF-8, {lines} lines" in CARD
