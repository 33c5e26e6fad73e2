"""Counting without the engine gives what the engine gives."""

from __future__ import annotations

import pytest

from aligntui.backend.infer.embedded import embedded_folder
from aligntui.backend.template import encode_rendered, find_template, render_prompt
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.token_count import read_token_counter

HISTORIES = (
    [Message("user", "Why is the sky blue?")],
    [Message("user", "Zażółć gęślą jaźń 天気 🙂"), Message("assistant", "Tak."), Message("user", "And\nnow?")],
)


@pytest.mark.real_model
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("instruction", ["Reply in one short sentence.", ""])
def test_rendering_and_counts_are_the_engines(mode, instruction):
    from transformers import AutoTokenizer

    folder = embedded_folder()
    counter = read_token_counter(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    template = find_template(tokenizer)
    assert counter is not None and counter.system_slot == template.system_slot
    for history in HISTORIES:
        expected = render_prompt(tokenizer, template, history, instruction, mode, 2)
        assert counter.rendered(history, instruction, mode, 2) == expected
        assert counter.ids(expected) == encode_rendered(tokenizer, expected)
        assert counter.counts([expected, "x"]) == [len(encode_rendered(tokenizer, expected)), 1]


def test_a_folder_without_a_tokenizer_has_no_counter(tmp_path):
    assert read_token_counter(tmp_path) is None
