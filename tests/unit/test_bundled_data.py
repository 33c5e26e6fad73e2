"""The bundled data keep what their cards promise: whole, varied, no near-duplicates, both preferences for every prompt."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from aligntui.config.paths import bundled
from aligntui.core.instruction import CANONICAL_TYPES

PAIRS = bundled("datasets", "opposed-demo")
LIBRARY = bundled("datasets", "instructions", "canonical.jsonl")
WORDS = {
    "neutral": (35, 70), "conservative": (35, 70), "liberal": (35, 70), "regulatory-aware": (35, 70), "empathetic": (35, 70),
    "safety-first": (35, 70), "educational": (55, 95), "concise": (1, 25), "professional": (40, 75), "creative": (40, 75),
}  # fmt: skip


def rows(*files: Path) -> list[dict]:
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def jaccard(a: set, b: set) -> float:
    return len(a & b) / max(1, len(a | b))


@pytest.fixture(scope="module")
def records() -> list[dict]:
    return rows(*sorted(PAIRS.glob("part-*.jsonl")))


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.lower())


def shingles(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}


def overlap(a: set, b: set) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))


def test_library_has_ten_types_with_three_wordings_and_three_characteristics():
    library = rows(LIBRARY)
    assert tuple(kind["type"] for kind in library) == CANONICAL_TYPES
    for kind in library:
        assert len(set(kind["phrasings"])) == 3 and len(set(kind["characteristics"])) == 3
        for a, b in combinations(kind["phrasings"], 2):
            assert overlap(shingles(a, 3), shingles(b, 3)) < 0.2, (kind["type"], a, b)


def test_every_record_answers_one_prompt_under_two_types(records):
    assert len(records) >= 240
    assert len({r["id"] for r in records}) == len({r["prompt"].strip().lower() for r in records}) == len(records)
    for record in records:
        assert len(record["answers"]) == 2 and set(record["answers"]) <= set(CANONICAL_TYPES), record["id"]
        assert record["kind"] in ("headline", "educational", "task", "everyday")


def test_types_are_balanced_and_every_combination_occurs(records):
    counts = Counter(kind for r in records for kind in r["answers"])
    assert max(counts.values()) - min(counts.values()) <= 8, counts
    assert len({tuple(sorted(r["answers"])) for r in records}) == 45


def test_answers_keep_the_length_of_their_type(records):
    for record in records:
        for kind, text in record["answers"].items():
            low, high = WORDS[kind]
            assert low <= len(text.split()) <= high, (record["id"], kind, len(text.split()))


def test_no_two_prompts_are_near_duplicates(records):
    sets = [(r["id"], set(words(r["prompt"])), shingles(r["prompt"], 3)) for r in records]
    close = [(a[0], b[0]) for a, b in combinations(sets, 2) if jaccard(a[2], b[2]) >= 0.4 or jaccard(a[1], b[1]) >= 0.6]
    assert not close, close


def test_no_two_answers_share_a_run_of_eight_words_or_their_opening(records):
    seen: dict[tuple[str, ...], str] = {}
    openings: Counter[tuple[str, ...]] = Counter()
    for record in records:
        for kind, text in record["answers"].items():
            openings[tuple(words(text)[:4])] += 1
            for run in shingles(text, 8):
                assert seen.setdefault(run, record["id"]) == record["id"], (run, seen[run], record["id"], kind)
    assert max(openings.values()) <= 2, openings.most_common(5)


def test_texts_are_plain(records):
    for record in records:
        for text in (record["prompt"], *record["answers"].values()):
            assert text == text.strip() and text.isprintable() and "**" not in text and "#" not in text, record["id"]
