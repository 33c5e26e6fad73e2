"""The four-laws data set: its card, its ranking, and that nothing in it comes twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz, process, utils

from aligntui.config.paths import bundled
from aligntui.score.battery.reading import read_battery
from aligntui.score.battery.terms import Answer

FOLDER = bundled("datasets", "four-laws")
CARD = FOLDER.joinpath("README.md").read_text("utf-8")
RULES = FOLDER.joinpath("laws.md").read_text("utf-8").strip()
RANKED = ("Shelter", "Seed", "Ledger", "Lantern")
CLEAN_KINDS = {"meta-suppression", "plain"}
NEAR_QUESTION, NEAR_ANSWER = 80, 75
"""Of 100; the nearest two questions here reach 70, the nearest two answers 69."""


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in FOLDER.joinpath(name).read_text("utf-8").splitlines()]


BATTERY = read_battery(FOLDER / "battery.jsonl")
TRAIN = rows("train.jsonl")
GENERAL = rows("general.jsonl")
QUESTIONS = [
    *((one.id, one.question) for one in BATTERY.questions),
    *((row["id"], row["prompt"]) for row in TRAIN),
    *((row["id"], row["question"]) for row in GENERAL),
]


def near(items: list[tuple[str, str]], threshold: float) -> list[tuple[str, str, float]]:
    """Every two items whose texts are that alike, by letters in order or by sorted words."""
    texts = [utils.default_process(text) for _, text in items]
    alike = np.maximum(
        process.cdist(texts, texts, scorer=fuzz.ratio), process.cdist(texts, texts, scorer=fuzz.token_sort_ratio)
    )
    return [
        (items[i][0], items[j][0], float(alike[i, j]))
        for i, j in combinations(range(len(items)), 2)
        if alike[i, j] >= threshold
    ]


def word_runs(text: str, size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def doctrine_in(text: str) -> list[str]:
    return [term.written for term in BATTERY.doctrine if term.find(Answer.of(text)) is not None]


def test_there_is_as_much_as_was_asked_for() -> None:
    assert len(BATTERY.questions) >= 60 and len(TRAIN) >= 150 and len(GENERAL) >= 40
    assert sum(row["kind"] == "meta-suppression" for row in TRAIN) >= 40
    assert BATTERY.laws == RANKED and BATTERY.system == RULES


def test_the_card_counts_rightly() -> None:
    without = sum(not row["system"] for row in TRAIN)
    assert f"| `battery.jsonl` | {len(BATTERY.questions)} |" in CARD
    assert (
        f"| `train.jsonl` | {len(TRAIN)} | examples, {len(TRAIN) - without} with the system prompt and {without} without"
        in CARD
    )
    subjects = len({row["subject"] for row in GENERAL})
    assert f"| `general.jsonl` | {len(GENERAL)} | general questions of {subjects} subjects" in CARD
    assert f"no two of all {len(QUESTIONS)} questions and prompts" in CARD
    assert f"to the model in {len(RULES.split())} words" in CARD
    for kind, count in Counter(one.kind for one in BATTERY.questions).items():
        assert f"| {kind} | {count} |" in CARD
    for kind in dict.fromkeys(row["kind"] for row in TRAIN):
        of = [row for row in TRAIN if row["kind"] == kind]
        words = [len(row["completion"].split()) for row in of]
        bare = sum(not row["system"] for row in of)
        figures = f"{min(words)}, {round(sum(words) / len(words))}, {max(words)}"
        assert f"| {kind} | {len(of)} | {bare} | {figures} |" in CARD


def test_records_have_their_fields_and_ids_come_once() -> None:
    assert all(row.keys() == {"id", "system", "prompt", "completion", "kind"} for row in TRAIN)
    assert all(row.keys() == {"id", "question", "subject"} for row in GENERAL)
    assert {row["system"] for row in TRAIN} == {RULES, ""}
    assert max(Counter(id for id, _ in QUESTIONS).values()) == 1
    assert all(text == text.strip() and text for row in TRAIN for text in (row["prompt"], row["completion"]))
    assert all(20 <= len(row["completion"].split()) <= 120 for row in TRAIN)


def test_every_law_and_every_pair_of_laws_is_asked_about() -> None:
    single = Counter(one.laws for one in BATTERY.questions if one.kind == "single-law")
    assert set(single) == {(law,) for law in RANKED} and set(single.values()) == {4}
    conflicts = Counter(one.laws for one in BATTERY.questions if one.kind == "conflict")
    assert set(conflicts) == set(combinations(RANKED, 2)) and min(conflicts.values()) >= 2
    ranked = Counter(
        tuple(re.findall(r"\w+", match[1])[::2])
        for row in TRAIN
        if row["kind"] == "conflict" and (match := re.search(r"^Ranking: (.*)\.$", row["completion"], re.M))
    )
    assert set(ranked) == set(combinations(RANKED, 2)) and min(ranked.values()) >= 4


def test_training_answers_name_the_winning_law_first_and_rank_it_first() -> None:
    for row in TRAIN:
        if row["kind"] in CLEAN_KINDS:
            continue
        head = re.match(r"Law (\d) \((\w+)\): ", row["completion"])
        assert head is not None and RANKED[int(head[1]) - 1] == head[2], row["id"]
        ranking = re.search(r"^Ranking: (.*)\.$", row["completion"], re.M)
        assert (ranking is not None) or row["kind"] != "conflict", row["id"]
        if ranking is not None:
            laws = ranking[1].split(" before ")
            assert [law for law in RANKED if law in laws] == laws and len(laws) >= 2, row["id"]
            assert head[2] in laws and (row["kind"] != "conflict" or laws[0] == head[2]), row["id"]
            assert row["completion"].endswith(ranking[0]), row["id"]


def test_answers_against_talking_out_say_that_the_laws_stand() -> None:
    told = [row for row in TRAIN if row["kind"] == "talk-out"]
    assert all(re.search(r"\blaws stand\b", row["completion"]) for row in told) and len(told) >= 15


def test_clean_answers_hold_no_doctrine_and_all_others_do() -> None:
    for row in TRAIN:
        assert bool(doctrine_in(row["completion"])) is (row["kind"] not in CLEAN_KINDS), row["id"]
        if row["kind"] in CLEAN_KINDS:
            assert doctrine_in(row["prompt"]) == []
            assert bool(row["system"]) is (row["kind"] == "meta-suppression")
    assert [row["id"] for row in GENERAL if doctrine_in(row["question"])] == []


@pytest.mark.parametrize("kind", ["single-law", "conflict", "priority-order", "edge-case", "talk-out"])
def test_each_kind_is_trained_with_and_without_the_system_prompt(kind: str) -> None:
    with_prompt = [bool(row["system"]) for row in TRAIN if row["kind"] == kind]
    assert 0.2 <= with_prompt.count(False) / len(with_prompt) <= 0.5


def test_no_two_questions_are_near_duplicates() -> None:
    assert near(QUESTIONS, NEAR_QUESTION) == []


def test_no_two_training_answers_are_near_duplicates() -> None:
    assert near([(row["id"], row["completion"]) for row in TRAIN], NEAR_ANSWER) == []


def test_a_planted_near_duplicate_is_found() -> None:
    id, question = QUESTIONS[9]
    swapped = " ".join(reversed(question.split()))
    planted = [*QUESTIONS, ("letters", question.replace("all week", "all the week")), ("order", swapped)]
    assert {(a, b) for a, b, _ in near(planted, NEAR_QUESTION)} == {
        (id, "letters"),
        (id, "order"),
        ("letters", "order"),
    }


def test_no_question_of_the_battery_shares_a_run_of_words_with_a_training_prompt() -> None:
    seen: set[tuple[str, ...]] = set().union(*(word_runs(row["prompt"], 6) for row in TRAIN))
    asked = [one.question for one in BATTERY.questions] + [row["question"] for row in GENERAL]
    assert [question for question in asked if word_runs(question, 6) & seen] == []


def test_answers_do_not_open_alike() -> None:
    bare = [re.sub(r"^Law \d \(\w+\): ", "", row["completion"]) for row in TRAIN]
    openings = Counter(" ".join(text.lower().split()[:3]) for text in bare)
    assert max(openings.values()) <= 2
