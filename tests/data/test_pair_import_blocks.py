"""Texts with the headings of ITA and EBA, taken apart and left alone."""

from __future__ import annotations

import pytest

from aligntui.core.prompt_format import Message, contrastive_ita_block, ita_block
from aligntui.data.pair_import.blocks import eba_prompt, take_ita, take_rejected, transcript


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_an_instruction_comes_out_of_every_user_turn() -> None:
    prompt = [user(ita_block("Be kind.", "Hi")), assistant("Hello"), user(ita_block("Be kind.", "Why?"))]
    side = [assistant("So."), user(ita_block("Be kind.", "Really?")), assistant("Yes.")]
    assert take_ita(prompt, [side]) == (
        "Be kind.",
        [user("Hi"), assistant("Hello"), user("Why?")],
        [[assistant("So."), user("Really?"), assistant("Yes.")]],
        [],
    )


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ([user(ita_block("A\n\n### User Prompt:\nB", "C"))], "more than one way"),
        ([user(ita_block("A", "B")), assistant("x"), user("plain")], "not every user turn"),
        ([user(ita_block("A", "B")), assistant("x"), user(ita_block("Z", "B"))], "different ones"),
        ([user("### Alignment Instruction:\nA and no prompt")], "not complete"),
        ([user(ita_block("  ", "B"))], "not complete"),
    ],
)
def test_what_can_be_read_in_two_ways_stays_and_says_so(prompt: list[Message], reason: str) -> None:
    instruction, kept, _, notes = take_ita(prompt, [[assistant("y")]])
    assert (instruction, kept) == ("", prompt)
    assert len(notes) == 1
    assert reason in notes[0]


def test_a_second_turn_settles_which_heading_ends_the_instruction() -> None:
    instruction = "A\n\n### User Prompt:\nB"
    prompt = [user(ita_block(instruction, "C")), assistant("x"), user(ita_block(instruction, "D"))]
    found, plain, _, notes = take_ita(prompt, [[assistant("y")]])
    assert found == "", "both readings of the first turn fit the second one too"
    assert plain == prompt
    assert notes
    prompt[2] = user(ita_block("A", "D"))
    assert take_ita(prompt, [[assistant("y")]])[0] == "A"


def test_text_without_headings_is_no_block() -> None:
    assert take_ita([user("Hi")], [[assistant("y")]]) == ("", [user("Hi")], [[assistant("y")]], [])
    assert eba_prompt("Hi\n\n### Response:\nx") == ("", [user("Hi\n\n### Response:\nx")], [])


def test_an_eba_prompt() -> None:
    assert eba_prompt(ita_block("I", "X")) == ("I", [user("X")], [])
    text = ita_block("I", "X") + "\n\n### Response:\nA\n\n### User Prompt:\nY"
    instruction, turns, notes = eba_prompt(text)
    assert (instruction, turns) == ("I", [user("X"), assistant("A"), user("Y")])
    assert notes == ["the prompt was read as 3 messages by its headings"]
    plain = "### User Prompt:\nX\n\n### Response:\nA\n\n### User Prompt:\nY"
    assert eba_prompt(plain)[:2] == ("", [user("X"), assistant("A"), user("Y")])


@pytest.mark.parametrize(
    "text",
    [
        "### Alignment Instruction:\nI",
        "### User Prompt:\nX",
        ita_block("I", "X") + "\n\n### User Prompt:\nY",
        ita_block("I", "X") + "\n\n### Response:\nA",
        ita_block("I", "X") + "\n\n### Response:\n \n\n### User Prompt:\nY",
        ita_block(" ", "X"),
    ],
)
def test_headings_that_make_no_conversation_stay(text: str) -> None:
    instruction, turns, notes = eba_prompt(text)
    assert (instruction, turns) == ("", [user(text)])
    assert "kept as text" in notes[0]


def test_a_side_as_one_text() -> None:
    assert transcript("Yes.", "the chosen side") == ([assistant("Yes.")], [])
    turns, notes = transcript("So.\n\n### User Prompt:\nReally?\n\n### Response:\nYes.", "the chosen side")
    assert turns == [assistant("So."), user("Really?"), assistant("Yes.")]
    assert notes == ["the chosen side was read as 3 messages by its headings"]
    rambling = "So.\n\n### User Prompt:\nReally?"
    assert transcript(rambling, "the chosen side") == ([assistant(rambling)], [])


def test_a_rejected_answer_comes_out_of_a_contrastive_turn() -> None:
    assert take_rejected(contrastive_ita_block("I", "X", "bad")) == (ita_block("I", "X"), "bad")
    assert take_rejected(ita_block("I", "X")) is None
    twice = contrastive_ita_block("I", "X", "bad\n\n### Rejected Response (Bad):\nworse")
    assert take_rejected(twice) is None
