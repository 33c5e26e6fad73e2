"""The opposed pairs of the demo adapter: distinct, expanded both ways, split by their own hash."""

import json
from collections import Counter

import pytest

from aligntui.backend.train.demo import records as demo_records
from aligntui.backend.train.demo.answering import UNSEEN_PROMPTS
from aligntui.backend.train.demo.records import expand, split
from aligntui.config.paths import bundled
from aligntui.core.errors import UserError
from aligntui.core.instruction import CANONICAL_TYPES


@pytest.fixture(scope="module")
def library():
    return demo_records.read_library(bundled("datasets", "instructions", "canonical.jsonl"))


@pytest.fixture(scope="module")
def records(library):
    return demo_records.read_records(sorted(bundled("datasets", "opposed-demo").glob("part-*.jsonl")), library)


def test_each_record_gives_two_examples_with_opposite_preferences(records, library):
    examples = expand(records, library)
    assert len(examples) == 2 * len(records)
    for record, first, second in zip(records, examples[::2], examples[1::2], strict=True):
        assert first.prompt == second.prompt == record.prompt
        assert (first.chosen, first.rejected) == (second.rejected, second.chosen)
        assert first.type != second.type
        assert dict(record.answers)[first.type] == first.chosen
        assert dict(record.answers)[second.type] == second.chosen
        for example in (first, second):
            assert library[example.type].phrasings[example.phrasing - 1] == example.instruction


def test_phrasings_take_turns_and_rotate(records, library):
    examples = expand(records, library)
    for kind in CANONICAL_TYPES:
        counts = Counter(e.phrasing for e in examples if e.type == kind)
        assert set(counts) == {1, 2, 3}
        assert max(counts.values()) - min(counts.values()) <= 1
    rotated = [expand(records, library, rotation=r) for r in range(3)]
    assert all({e.phrasing for e in same} == {1, 2, 3} for same in zip(*rotated, strict=True))
    assert expand(records, library) == examples


def test_bundled_records_are_distinct_and_cover_all_types(records):
    assert len(records) >= 250
    assert len({r.id for r in records}) == len(records)
    counts = Counter(kind for r in records for kind, _ in r.answers)
    assert set(counts) == set(CANONICAL_TYPES)
    assert min(counts.values()) >= 45


def test_a_prompt_that_occurs_twice_is_refused(tmp_path, library):
    line = {"id": "x-1", "prompt": "Why?", "answers": {"concise": "So.", "neutral": "Some say so."}}
    file = tmp_path / "part-x.jsonl"
    file.write_text("\n".join(json.dumps(line | {"id": f"x-{i}"}) for i in (1, 2)), "utf-8")
    with pytest.raises(UserError, match=r"x-1 and x-2"):
        demo_records.read_records([file], library)


def test_held_out_records_are_about_a_tenth_and_do_not_move(records):
    train, held_out = split(records)
    assert 0.05 < len(held_out) / len(records) < 0.15
    assert not {r.prompt for r in train} & {r.prompt for r in held_out}
    assert split(records[::-1])[1] == held_out[::-1]


def test_unseen_prompts_are_unseen(records):
    assert not {p.lower() for p in UNSEEN_PROMPTS} & {r.prompt.lower() for r in records}
