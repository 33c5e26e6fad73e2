"""The effect of the demo adapter: checks, recogniser, the measured table, and the card it is written into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aligntui.backend.infer.weights import Base, load_base
from aligntui.backend.train.demo import effect
from aligntui.backend.train.demo.answering import EXAMPLE_TYPES, answer_all
from aligntui.backend.train.demo.card import CARD_FILE, COMMAND, write_effect
from aligntui.backend.train.demo.measuring import measure
from aligntui.backend.train.demo.records import bundled_records
from aligntui.core.instruction import CANONICAL_TYPES


@pytest.fixture(scope="module")
def bundled():
    """Instruction types, training records, held-out records, hash."""
    return bundled_records()


@pytest.fixture(scope="module")
def base(tiny_llama: Path) -> Base:
    return load_base(str(tiny_llama), dtype="float32", device="cpu")


def test_answers_do_not_depend_on_their_batch(base, bundled):
    cases = [
        (k.type, k.phrasings[0], prompt)
        for k in list(bundled[0].values())[:2]
        for prompt in ("Why?", "How does it go?")
    ]
    together = answer_all(base, base.model, cases, max_new_tokens=6)
    alone = [answer_all(base, base.model, [case], max_new_tokens=6)[0] for case in cases]
    assert together == alone
    assert [(a.type, a.prompt) for a in together] == [(case[0], case[2]) for case in cases]


def test_checks_and_recogniser_know_the_written_answers(bundled):
    _, train, held_out, _ = bundled
    records = [*train, *held_out]
    rates = effect.check_rates([pair for r in records for pair in r.answers])
    for name, (own, others) in rates.items():
        assert own > 0.6, name
        assert others < 0.1, name
    recogniser = effect.Recogniser([pair for r in train for pair in r.answers])
    written = [pair for r in held_out for pair in r.answers]
    assert sum(recogniser.name(text) == kind for kind, text in written) / len(written) > 0.8


def test_looping():
    assert effect.looping("a b c d e f " * 3)
    assert not effect.looping("The quick brown fox jumps over the lazy dog and goes home again.")


def test_base_and_adapter_are_measured_and_written_into_the_card_of_the_run(
    tiny_llama: Path, adapter_b: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(adapter_b, folder)
    (folder / CARD_FILE).write_text(
        "---\nlibrary_name: peft\n---\n# demo\n\nA LoRA adapter.\n\n## Training\n\n| run | x |\n", "utf-8"
    )
    found = measure(folder, str(tiny_llama), prompts=("Why do we yawn?", "Should I get a dog?"))
    assert set(found.base.obeyed) == set(found.adapter.recognised) == set(CANONICAL_TYPES)
    assert found.prompts == 2 and len(found.examples) == 4
    # a random adapter on a random base changes what is written
    assert any(ours.text != theirs.text for ours, theirs in found.examples)
    assert {theirs.type for _, theirs in found.examples} == set(EXAMPLE_TYPES)
    assert all(ours.prompt == theirs.prompt == "Why do we yawn?" for ours, theirs in found.examples)

    write_effect(folder, found)
    once = (folder / CARD_FILE).read_text("utf-8")
    assert (
        COMMAND in once and "license: apache-2.0" in once and once.index("## What it does") < once.index("## Training")
    )
    write_effect(folder, found)
    assert (folder / CARD_FILE).read_text("utf-8") == once
