"""Rendering: the tokenizer's own template with and without a system slot, one that raises, and none at all."""

from __future__ import annotations

import pytest

from aligntui.backend.template import ALPACA, OWN, alpaca_text, encode_rendered, find_template, render_prompt
from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.prompt_format import Message, Mode
from tests.backend import tiny

HISTORY = [Message("user", "First?"), Message("assistant", "Yes."), Message("user", "Second?")]
DROPS_SYSTEM = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endif %}"
    "{% endfor %}<|assistant|>"
)
DEFAULT_SYSTEM = "{% if messages[0]['role'] != 'system' %}<|system|>You are helpful.<|end|>{% endif %}" + tiny.TEMPLATE


def test_a_system_slot_is_used() -> None:
    tokenizer = tiny.make_tokenizer()
    template = find_template(tokenizer)
    assert (template.kind, template.system_slot) == (OWN, True)
    assert template.sha256 == sha256_text(tiny.TEMPLATE)
    text = render_prompt(tokenizer, template, HISTORY, "Be brief.", Mode.SYSTEM)
    assert text == (
        "<|system|>Be brief.<|end|><|user|>First?<|end|><|assistant|>Yes.<|end|><|user|>Second?<|end|><|assistant|>"
    )


@pytest.mark.parametrize("source", [tiny.GEMMA_TEMPLATE, DROPS_SYSTEM], ids=["raises", "drops"])
def test_without_a_system_slot_the_instruction_heads_the_first_user_turn(source: str) -> None:
    tokenizer = tiny.make_tokenizer(source)
    template = find_template(tokenizer)
    assert (template.kind, template.system_slot) == (OWN, False)
    text = render_prompt(tokenizer, template, HISTORY, "Be brief.", Mode.SYSTEM)
    assert text.startswith("<|user|>Be brief.\n\nFirst?<|end|>")
    assert text.count("Be brief.") == 1


def test_a_default_system_prompt_of_the_template_stays_and_is_visible() -> None:
    tokenizer = tiny.make_tokenizer(DEFAULT_SYSTEM)
    template = find_template(tokenizer)
    assert template.system_slot
    assert "You are helpful." in render_prompt(tokenizer, template, HISTORY, "", Mode.SYSTEM)
    assert "You are helpful." not in render_prompt(tokenizer, template, HISTORY, "Be brief.", Mode.SYSTEM)


def test_a_template_that_refuses_the_conversation_is_a_sentence() -> None:
    source = "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}" + tiny.TEMPLATE
    tokenizer = tiny.make_tokenizer(source)
    template = find_template(tokenizer)
    assert not template.system_slot
    with pytest.raises(UserError, match="one turn only"):
        render_prompt(tokenizer, template, HISTORY, "", Mode.NONE)


def test_without_a_template_prompts_are_alpaca_blocks() -> None:
    tokenizer = tiny.make_tokenizer(None)
    template = find_template(tokenizer)
    assert (template.kind, template.sha256, template.begin) == (ALPACA, sha256_text("alpaca"), "")
    assert "### Instruction:" in template.stops
    plain = render_prompt(tokenizer, template, [Message("user", "Why?")], "", Mode.SYSTEM)
    assert plain == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nWhy?\n\n### Response:\n"
    )
    told = render_prompt(tokenizer, template, [Message("user", "Why?")], "Be brief.", Mode.SYSTEM)
    assert told == (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request."
        "\n\n### Instruction:\nBe brief.\n\n### Input:\nWhy?\n\n### Response:\n"
    )


def test_alpaca_blocks_of_several_turns() -> None:
    text = alpaca_text(HISTORY)
    assert text.endswith(
        "### Instruction:\nFirst?\n\n### Response:\nYes.\n\n### Instruction:\nSecond?\n\n### Response:\n"
    )


def test_a_begin_token_that_the_tokenizer_adds_is_part_of_the_rendered_text() -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = tiny.make_tokenizer(None)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|bos|> $A", special_tokens=[("<|bos|>", 1)]
    )
    template = find_template(tokenizer)
    assert template.begin == "<|bos|>"
    ids = encode_rendered(tokenizer, render_prompt(tokenizer, template, [Message("user", "x")], "", Mode.NONE))
    assert (ids[0], ids.count(1)) == (1, 1)


def test_the_ita_mode_goes_through_the_template_as_one_user_turn() -> None:
    tokenizer = tiny.make_tokenizer()
    text = render_prompt(tokenizer, find_template(tokenizer), HISTORY[:1], "Be brief.", Mode.ITA)
    assert text == ("<|user|>### Alignment Instruction:\nBe brief.\n\n### User Prompt:\nFirst?<|end|><|assistant|>")
