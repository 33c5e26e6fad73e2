"""The instruction of `aligntui chat`: a text, or a name of the library, and none unless somebody said so."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli, InsideCli, stored


def test_instructions_written_out_named_configured_or_none(inside: InsideCli) -> None:
    def instruction(*flags: str, **env: str) -> str:
        return inside.json("chat", "--prompt", "x", "--no-adapter", "--no-store", *flags, **env)["answers"][0][
            "conditions"
        ]["instruction"]

    second = inside.ok("instructions", "show", "concise/2").out.strip()
    assert instruction() == ""
    assert instruction("--instruction-type", "concise/2") == second
    assert instruction(ALIGNTUI_INSTRUCTION="concise/2") == second
    assert instruction("--instruction", "", ALIGNTUI_INSTRUCTION="concise/2") == ""


def test_the_label_of_a_named_instruction_is_stored(talked: Cli) -> None:
    labels = {answer.instruction_label for answer in stored(talked)}
    assert labels == {""}
    tree = talked.json("sessions", "show", "What makes bread rise?")
    assert tree["exchanges"][0]["takes"][0]["answers"][0]["instruction_label"] == "concise/2"


def instruction_of(cli: Cli, *flags: str) -> tuple[str, str, str]:
    """Text and label as stored, and what was said."""
    said = cli.ok("chat", "--prompt", "x", "--no-adapter", *flags).err
    answer = stored(cli)[0]
    return answer.conditions.instruction, answer.instruction_label, said


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("concise/2", "concise/2"),
        (" concise ", "concise/1"),
        ("Regulatory-Aware", "regulatory-aware/1"),
        ("pirate/2", "pirate/2"),
    ],
)
def test_a_text_that_is_a_name_of_the_library_means_that_instruction(inside: InsideCli, typed: str, name: str) -> None:
    for text in ("Arr.", "Ahoy."):
        inside.ok("instructions", "add", "--title", "Pirate", "--text", text)
    wanted = inside.ok("instructions", "show", name).out.strip()
    text, label, said = instruction_of(inside, "--instruction", typed)
    assert (text, label) == (wanted, name)
    assert f"--instruction {typed.strip()} names {name} of the library, whose text is sent\n" in said


@pytest.mark.parametrize("typed", ["Be concise", "concise.", "Pirate", "concise/2 please", "24/7 service", "and/or"])
def test_every_other_text_is_sent_as_it_stands(inside: InsideCli, typed: str) -> None:
    text, label, said = instruction_of(inside, "--instruction", typed)
    assert (text, label) == (typed, "") and "library" not in said


@pytest.mark.parametrize(
    ("typed", "hint"), [("concise/9", "3 phrasings"), ("concis/2", "Did you mean 'concise'"), ("concise/x", None)]
)
def test_a_slip_in_a_name_is_not_sent_as_a_text(inside: InsideCli, typed: str, hint: str | None) -> None:
    if hint is None:
        assert instruction_of(inside, "--instruction", typed)[0] == typed
        return
    said = inside.refused("chat", "--prompt", "x", "--no-adapter", "--instruction", typed)
    assert hint in said and f"--instruction {typed} reads like a name of the library" in said and "full stop" in said
    assert inside.json("sessions", "list") == []


def test_a_session_goes_on_under_what_the_command_line_says(inside: InsideCli) -> None:
    first = inside.json(
        "chat", "--prompt", "x", "--no-adapter", "--instruction", "Be kind.", "--temperature", "0.1", "--mode", "ita"
    )
    reply = inside.json("chat", "--prompt", "y", "--no-adapter", "--session", first["session"])
    made_with = reply["answers"][0]["conditions"]
    assert (made_with["instruction"], made_with["temperature"], made_with["mode"]) == ("", 0.3, "system")
