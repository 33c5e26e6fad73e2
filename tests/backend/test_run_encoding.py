"""Records as tokens: formats, ends of turns, masks, cuts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.backend.template import encode_rendered, find_template, render_prompt
from aligntui.backend.train.run.encoding import Encoder, end_of_turn
from aligntui.backend.train.run.records import Record, read_records
from aligntui.config.training import PromptFormat
from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from tests.backend import tiny

RECORD = Record("one", "Be brief.", (Message("user", "Why?"),), "So.", "No reason.")


def text_of(encoder: Encoder, ids) -> str:
    return encoder.tokenizer.decode(list(ids))


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("chat", "<|system|>Be brief.<|end|><|user|>Why?<|end|><|assistant|>"),
        (
            "ita",
            "<|user|>### Alignment Instruction:\nBe brief.\n\n### User Prompt:\nWhy?<|end|><|assistant|>",
        ),
        (
            "contrastive-ita",
            "<|user|>### Alignment Instruction:\nBe brief.\n\n### User Prompt:\nWhy?\n\n### Rejected Response (Bad):\n"
            "No reason.\n\n### What's expected instead?<|end|><|assistant|>",
        ),
        ("injection", "<|user|>Be brief.\n\nWhy?<|end|><|assistant|>"),
    ],
)
def test_a_format_is_rendered_by_the_model_s_own_template(format_: str, expected: str) -> None:
    encoder = Encoder(tiny.make_tokenizer(), PromptFormat(format_))
    assert encoder.render(RECORD) == expected
    found = encoder.encode(RECORD, rejected=True)
    assert found is not None
    assert text_of(encoder, found.pair.prompt) == expected
    assert text_of(encoder, found.pair.chosen) == "So.<|end|>"
    assert text_of(encoder, found.pair.rejected or ()) == "No reason.<|end|>"


def test_training_and_chat_render_alike() -> None:
    tokenizer = tiny.make_tokenizer()
    encoder = Encoder(tokenizer, PromptFormat.CHAT)
    chat = render_prompt(tokenizer, find_template(tokenizer), list(RECORD.history), "Be brief.", Mode.SYSTEM)
    found = encoder.encode(RECORD, rejected=False)
    assert found is not None and list(found.pair.prompt) == encode_rendered(tokenizer, chat)
    assert found.pair.rejected is None


def test_alpaca_ignores_the_chat_template() -> None:
    encoder = Encoder(tiny.make_tokenizer(), PromptFormat.ALPACA)
    text = encoder.render(RECORD)
    assert "### Instruction:\nBe brief." in text and text.endswith("### Response:\n") and "<|user|>" not in text
    assert encoder.template.kind == "alpaca"
    found = encoder.encode(RECORD, rejected=False)
    assert found is not None and text_of(encoder, found.pair.chosen) == "So.<|end|>"  # the end of the sequence


def test_the_end_of_a_turn_is_the_template_s_own() -> None:
    tokenizer = tiny.make_tokenizer(tiny.TEMPLATE.replace("<|end|>", "<|pad|>"))
    assert end_of_turn(tokenizer, find_template(tokenizer)) == [0]
    plain = tiny.make_tokenizer("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    assert end_of_turn(plain, find_template(plain)) == [tiny.END_ID]


def test_a_history_keeps_its_turns() -> None:
    history = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    encoder = Encoder(tiny.make_tokenizer(), PromptFormat.INJECTION, injection_every=2)
    text = encoder.render(Record("h", "I", history, "x", None))
    assert text == "<|user|>I\n\na<|end|><|assistant|>b<|end|><|user|>c<|end|><|assistant|>"


def test_what_does_not_fit_is_cut_at_its_end_or_left_out_and_counted() -> None:
    tokenizer = tiny.make_tokenizer()
    prompt = len(encode_rendered(tokenizer, Encoder(tokenizer, PromptFormat.CHAT).render(RECORD)))
    encoder = Encoder(tokenizer, PromptFormat.CHAT, length=prompt + 5)
    long = Record("long", "x" * 60, RECORD.history, "So.", "No.")
    data = encoder.encode_all([RECORD, long], rejected=True, context=512)
    (item,) = data.items
    assert text_of(encoder, item.pair.chosen) == "So.<|end|>"
    assert text_of(encoder, item.pair.rejected or ()) == "No re" and item.truncated
    assert data.truncated == 1 and data.dropped == ["long"] and data.longest == prompt + 5
    assert data.trained_tokens == 4 + 5 and data.tokens == prompt + 9
    with pytest.raises(UserError, match="context of this model holds 20"):
        encoder.encode_all([RECORD], rejected=True, context=20)


def read(tmp_path: Path, *values: object, needs: bool = True) -> list[Record]:
    path = tmp_path / "train.jsonl"
    path.write_text("".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values))
    return read_records(path, needs_rejected=needs, method="dpo")


def test_records_are_read_with_messages_and_system_texts(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    (found,) = read(
        tmp_path, {"id": "m", "instruction": "Be brief.", "prompt": messages, "chosen": "x", "rejected": "y"}
    )
    assert found.instruction == "Be brief.\n\nBe kind." and [m.content for m in found.history] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["{"], "line 1 is not JSON"),
        (["[1]"], "line 1 is no record"),
        ([{"prompt": 3, "chosen": "a", "rejected": "b"}], "text or messages"),
        ([{"prompt": " ", "chosen": "a", "rejected": "b"}], "ends with what the user said"),
        ([{"prompt": [{"role": "assistant", "content": "a"}], "chosen": "a"}], "ends with what the user said"),
        ([{"prompt": "a", "chosen": ["b"], "rejected": "c"}], "chosen must be a text"),
        (["", " "], "empty"),
    ],
)
def test_lines_that_are_no_records(tmp_path: Path, values: list, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, *values)


def test_missing_answers_are_counted_and_named(tmp_path: Path) -> None:
    whole = {"id": "w", "prompt": "p", "chosen": "c", "rejected": "r"}
    lacking = [{**whole, "id": f"l{n}", "rejected": None} for n in range(7)]
    with pytest.raises(UserError, match=r"7 of 8 have none: l0, l1, l2, l3, l4, \.\.\."):
        read(tmp_path, whole, *lacking)
    assert len(read(tmp_path, whole, *lacking, needs=False)) == 8
