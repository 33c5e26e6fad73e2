"""Where the instruction goes: the exact strings of each mode (methods.md, section 1)."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode, contrastive_ita_block, ita_block, place_instruction

ONE = [Message("user", "Why?")]
THREE = [
    Message("user", "Why?"),
    Message("assistant", "Because."),
    Message("user", "How?"),
    Message("assistant", "So."),
    Message("user", "When?"),
]


def placed(history: list[Message], instruction: str, mode: Mode, **more) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in place_instruction(history, instruction, mode, **more)]


def users(history: list[Message], instruction: str, mode: Mode, **more) -> list[str]:
    return [content for role, content in placed(history, instruction, mode, **more) if role == "user"]


def test_system_goes_into_the_system_slot() -> None:
    assert placed(ONE, "Be brief.", Mode.SYSTEM) == [("system", "Be brief."), ("user", "Why?")]


def test_system_without_a_slot_stands_at_the_head_of_the_first_user_turn() -> None:
    assert users(THREE, "Be brief.", Mode.SYSTEM, system_slot=False) == ["Be brief.\n\nWhy?", "How?", "When?"]


def test_ita_is_a_block_in_every_user_turn() -> None:
    block = "### Alignment Instruction:\nBe brief.\n\n### User Prompt:\n"
    assert placed(ONE, "Be brief.", Mode.ITA) == [("user", block + "Why?")]
    assert users(THREE, "Be brief.", Mode.ITA) == [block + "Why?", block + "How?", block + "When?"]
    assert users(ONE, "Be brief.", Mode.ITA, system_slot=False) == [block + "Why?"]


@pytest.mark.parametrize(
    ("every", "texts"),
    [
        (1, ["Be brief.\n\nWhy?", "Be brief.\n\nHow?", "Be brief.\n\nWhen?"]),
        (2, ["Be brief.\n\nWhy?", "How?", "Be brief.\n\nWhen?"]),
        (3, ["Be brief.\n\nWhy?", "How?", "When?"]),
    ],
)
def test_injection_is_at_turn_one_and_every_k_turns(every: int, texts: list[str]) -> None:
    assert users(THREE, "Be brief.", Mode.INJECTION, every=every) == texts


@pytest.mark.parametrize("mode", list(Mode))
def test_no_instruction_changes_nothing(mode: Mode) -> None:
    assert place_instruction(THREE, " \n", mode) == THREE


def test_mode_none_leaves_the_instruction_out() -> None:
    assert place_instruction(THREE, "Be brief.", Mode.NONE) == THREE


@pytest.mark.parametrize("mode", list(Mode))
def test_the_history_itself_is_not_changed(mode: Mode) -> None:
    before = list(THREE)
    place_instruction(THREE, "Be brief.", mode)[0] = Message("user", "other")
    assert before == THREE


@pytest.mark.parametrize("history", [[], [Message("user", "Why?"), Message("assistant", "Because.")]])
def test_a_history_must_end_with_the_user(history: list[Message]) -> None:
    with pytest.raises(UserError, match="must end with a message of the user"):
        place_instruction(history, "x", Mode.SYSTEM)


def test_injection_every_zero_turns_is_refused() -> None:
    with pytest.raises(UserError, match="at least 1, not 0"):
        place_instruction(ONE, "x", Mode.INJECTION, every=0)


def test_the_blocks() -> None:
    assert ita_block("I", "X") == "### Alignment Instruction:\nI\n\n### User Prompt:\nX"
    assert contrastive_ita_block("I", "X", "N") == (
        "### Alignment Instruction:\nI\n\n### User Prompt:\nX\n\n"
        "### Rejected Response (Bad):\nN\n\n### What's expected instead?"
    )
    assert Message("user", "X").as_dict() == {"role": "user", "content": "X"}
