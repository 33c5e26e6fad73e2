"""Text comes in whole characters, joined it is the answer, and stop strings are never shown."""

from __future__ import annotations

import pytest

from aligntui.backend.infer.text_stream import TextStream, decode, pieces
from tests.backend import tiny

TOKENIZER = tiny.make_tokenizer()
TEXTS = [
    "plain words.",
    "naïve café",
    "日本語のテキスト",
    "👩‍👩‍👧 family 🏳️‍🌈",
    "a\tb\r\n  c",
    "كيف حالك",
    "é̂́ marks",
    "",
    " ",
]


def stream(text: str, stops: tuple[str, ...] = (), every: int = 1) -> tuple[TextStream, list[str]]:
    """Feed a text token by token, taking what is certain after every few tokens."""
    growing = TextStream(TOKENIZER, stops)
    parts = []
    for number, token in enumerate(TOKENIZER(text, add_special_tokens=False)["input_ids"]):
        growing.ids.append(token)
        if number % every == 0:
            parts.append(growing.take())
        if growing.stopped:
            break
    parts.append(growing.take(last=True))
    return growing, parts


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("every", [1, 3, 100])
def test_parts_joined_are_the_text_and_never_hold_half_a_character(text: str, every: int) -> None:
    growing, parts = stream(text, every=every)
    assert "".join(parts) == growing.text == text
    assert not any("\N{REPLACEMENT CHARACTER}" in part for part in parts)


def test_a_text_cut_inside_a_character_ends_with_the_replacement_character() -> None:
    ids = TOKENIZER("ok 日", add_special_tokens=False)["input_ids"][:-1]
    growing = TextStream(TOKENIZER)
    growing.ids += ids
    assert growing.take() == ""
    assert growing.take(last=True).startswith("ok ")
    assert growing.text == decode(TOKENIZER, ids)


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_joined_are_the_text_with_a_character_on_its_last_token(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    found = pieces(TOKENIZER, ids)
    assert len(found) == len(ids)
    assert "".join(found) == text
    if text == "日本語のテキスト":
        assert found == [part for character in text for part in ("", "", character)]


def test_special_tokens_have_no_text() -> None:
    ids = [*TOKENIZER("hi", add_special_tokens=False)["input_ids"], tiny.END_ID]
    assert pieces(TOKENIZER, ids) == ["h", "i", ""]


def test_a_stop_string_ends_the_text_and_no_part_of_it_is_shown() -> None:
    growing, parts = stream("An answer.\n\n### Instruction:\nNext", ("### Instruction:", "### Input:"))
    assert growing.stopped
    assert "".join(parts) == growing.text == "An answer."
    assert growing.kept == len("An answer.")
    assert not any("#" in part for part in parts)


def test_what_only_looked_like_a_stop_string_is_shown_after_all() -> None:
    growing, parts = stream("A ### In the end\n", ("### Instruction:",))
    assert not growing.stopped
    assert "".join(parts) == growing.text == "A ### In the end\n"


def test_a_stop_string_at_the_very_start_leaves_nothing() -> None:
    growing, _ = stream("### Input: x", ("### Input:",))
    assert (growing.text, growing.stopped, growing.kept) == ("", True, 0)
