"""Each layout: which part of a row becomes what, and that implicit prompts are TRL's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.prompt_format import Mode, contrastive_ita_block, ita_block
from aligntui.data.pair_import import ImportedRecord
from aligntui.data.pair_import.columns import Fields
from aligntui.data.pair_import.layouts import read_row
from aligntui.data.pair_import.records import Place, Refused
from tests.data.rows import assistant, chat, plain_row, said, user


def record(layout: str, row: dict[str, Any], **mapping: str) -> ImportedRecord:
    return read_row(layout, Place("f.jsonl", 1), Fields(row, mapping))


def refused(layout: str, row: dict[str, Any], **mapping: str) -> Refused:
    with pytest.raises(Refused) as caught:
        record(layout, row, **mapping)
    return caught.value


def test_trl_with_messages_and_a_system_message() -> None:
    row = {"prompt": chat("Why?", system="Be brief."), "chosen": said("So."), "rejected": said("Um.")}
    made = record("trl", row)
    assert (made.instruction, made.mode) == ("Be brief.", Mode.SYSTEM)
    assert (made.prompt, made.chosen, made.rejected) == ((user("Why?"),), (assistant("So."),), (assistant("Um."),))
    assert made.notes == ()


def test_trl_with_messages_and_an_implicit_prompt() -> None:
    shared = chat("Hi", "Hello", "Why?", system="Be brief.")
    made = record("trl", {"chosen": shared + said("So."), "rejected": shared + said("Um.")})
    assert made.instruction == "Be brief."
    assert made.prompt == (user("Hi"), assistant("Hello"), user("Why?"))
    assert (made.chosen, made.rejected) == ((assistant("So."),), (assistant("Um."),))


def test_an_answer_that_both_sides_share_opens_both() -> None:
    left, right = chat("Hi", "Hello", "Why?", "So."), chat("Hi", "Hello", "How?", "Thus.")
    made = record("trl", {"chosen": left, "rejected": right})
    assert made.prompt == (user("Hi"),)
    assert made.chosen == (assistant("Hello"), user("Why?"), assistant("So."))
    assert made.rejected == (assistant("Hello"), user("How?"), assistant("Thus."))
    assert "both sides share" in made.notes[0]


def test_a_text_prompt_beside_messages_counts_as_implicit_as_in_trl() -> None:
    row = {"prompt": "Why?", "chosen": chat("Why?", "So."), "rejected": chat("Why?", "Um.")}
    assert record("trl", row).prompt == (user("Why?"),)
    assert record("trl", row).notes == ()
    assert "left out" in record("trl", row | {"prompt": "Something else"}).notes[0]


def test_a_text_prompt_beside_answers_as_messages_is_the_prompt() -> None:
    row = {"prompt": "Why?", "chosen": said("So."), "rejected": said("So.")}
    made = record("trl", row)
    assert made.prompt == (user("Why?"),)
    assert made.chosen == made.rejected == (assistant("So."),)
    assert "user's message" in made.notes[0]


def test_trl_with_texts() -> None:
    made = record("trl", plain_row(prompt="The sky is", chosen=" blue.", rejected=" green."))
    assert (made.prompt, made.chosen, made.rejected) == (
        (user("The sky is"),),
        (assistant(" blue."),),
        (assistant(" green."),),
    )
    implicit = record("trl", {"chosen": "The sky is blue.", "rejected": "The sky is green."})
    assert implicit.fingerprint == made.fingerprint


WORDS = st.text(st.sampled_from("ab "), min_size=2, max_size=8)
CHATS = st.lists(st.sampled_from("ab"), min_size=2, max_size=5).map(lambda texts: chat(*texts))


@pytest.fixture(scope="module")
def extract_prompt() -> Any:
    from trl.data_utils import extract_prompt  # here: it loads torch, and no other test needs it

    return extract_prompt


@settings(max_examples=300)
@given(sides=st.one_of(st.tuples(WORDS, WORDS), st.tuples(CHATS, CHATS)))
def test_an_implicit_prompt_is_what_trl_extracts(extract_prompt: Any, sides: tuple[Any, Any]) -> None:
    row = {"chosen": sides[0], "rejected": sides[1]}
    wanted = extract_prompt(dict(row))
    try:
        made = record("trl", row)
    except Refused as error:
        talks = isinstance(sides[0], list)
        parts = [wanted["chosen"], wanted["rejected"]]
        if error.kind == "prompt":  # no common beginning (trl then wraps round), or only blanks
            assert sides[0][0] != sides[1][0] or not any(map(str.strip, map(str, wanted["prompt"])))
        elif error.kind == "empty":
            assert not talks
            assert not all(part.strip() for part in parts)
        else:
            assert error.kind == "roles", "a side that ends with the user is no answer"
            assert talks
            assert any(side[-1]["role"] == "user" for side in sides)
        return
    if isinstance(sides[0], str):
        assert [made.prompt[0].content, made.chosen[0].content] == [wanted["prompt"], wanted["chosen"]]
        assert made.rejected is not None
        assert made.rejected[0].content == wanted["rejected"]
    else:
        assert made.rejected is not None
        whole = [[one.as_dict() for one in (*made.prompt, *side)] for side in (made.chosen, made.rejected)]
        assert whole == list(sides)
        ends_with_user = list(wanted["prompt"])
        while ends_with_user[-1]["role"] != "user":
            ends_with_user.pop()
        assert [one.as_dict() for one in made.prompt] == ends_with_user


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        ({"prompt": "Why?", "chosen": "So."}, "missing", "'rejected' is missing"),
        (plain_row(rejected=None), "missing", "'rejected' is null"),
        (plain_row(chosen=3), "type", "a number where a text"),
        (plain_row(chosen=True), "type", "true or false"),
        (plain_row(prompt=" "), "empty", "'prompt' is empty"),
        (plain_row(chosen=""), "empty", "'chosen' is empty"),
        (plain_row(rejected="\n"), "empty", "'rejected' is empty"),
        (plain_row(chosen=said("So.")), "type", "one holds messages"),
        ({"chosen": "So.", "rejected": "Um."}, "prompt", "no common beginning"),
        ({"chosen": said("So."), "rejected": said("Um.")}, "prompt", "no common beginning"),
        ({"chosen": [], "rejected": []}, "prompt", "no common beginning"),
        (plain_row(prompt=[], chosen=said("a"), rejected=said("b")), "prompt", "no message of the user"),
        (plain_row(prompt=chat("a"), chosen=[], rejected=said("b")), "empty", "nothing is left of the chosen side"),
        (plain_row(prompt=chat("a", "b"), chosen=said("c"), rejected=said("d")), "roles", "message 2 of the chosen"),
        (
            plain_row(prompt=said("a") + chat("b"), chosen=said("c"), rejected=said("d")),
            "roles",
            "message 1 of the prompt",
        ),
        (plain_row(prompt=chat("a"), chosen=chat("b"), rejected=said("d")), "roles", "the assistant is due"),
        (plain_row(prompt=chat("a"), chosen=said("b") + chat("c"), rejected=said("d")), "roles", "ends with the user"),
        (plain_row(prompt=chat("a") + chat("b"), chosen=said("c"), rejected=said("d")), "roles", "of the user where"),
        (
            plain_row(prompt=chat("a", "b") + chat("c", system="x"), chosen=said("c"), rejected=said("d")),
            "roles",
            "of the system",
        ),
        (plain_row(prompt=chat(" "), chosen=said("c"), rejected=said("d")), "empty", "message 1 of 'prompt' (user)"),
        (plain_row(prompt=chat("a"), chosen=said(" "), rejected=said("d")), "empty", "message 1 of 'chosen'"),
        (plain_row(prompt=["a"], chosen=said("c"), rejected=said("d")), "type", "is a text, not an object"),
        (plain_row(prompt=[{"text": "a"}], chosen=said("c"), rejected=said("d")), "type", "neither role and content"),
        (
            plain_row(prompt=[{"role": "tool", "content": "a"}], chosen=said("c"), rejected=said("d")),
            "roles",
            "the role 'tool'",
        ),
        (
            plain_row(prompt=[{"role": "user", "content": None}], chosen=said("c"), rejected=said("d")),
            "type",
            "null where a text",
        ),
        (
            plain_row(prompt=chat("a"), chosen=[said("c")[0] | {"tool_calls": [{"f": 1}]}], rejected=said("d")),
            "type",
            "tool_calls",
        ),
        (plain_row(system="Be brief.", instruction="Be long."), "roles", "two instructions"),
        (plain_row(instruction="Be brief.", mode="loud"), "type", "says 'loud'"),
        (plain_row(id=1.5), "type", "a number where"),
        (plain_row(tags={"a": 1}), "type", "an object where"),
    ],
)
def test_bad_records_of_trl(row: dict[str, Any], kind: str, words: str) -> None:
    error = refused("trl", row)
    assert error.kind == kind
    assert words in error.reason


def test_a_blank_system_message_is_no_instruction() -> None:
    row = {
        "prompt": [{"role": "system", "content": " "}, *chat("Why?")],
        "chosen": said("So."),
        "rejected": said("Um."),
    }
    assert (record("trl", row).instruction, record("trl", row).mode) == ("", Mode.NONE)


def test_instruction_columns() -> None:
    made = record("trl", plain_row(system="Be brief."))
    assert (made.instruction, made.mode) == ("Be brief.", Mode.SYSTEM)
    made = record("trl", plain_row(instruction="Be brief.", mode="ita"))
    assert (made.instruction, made.mode) == ("Be brief.", Mode.ITA)
    made = record("trl", plain_row(instruction="Be brief.", mode="none"))
    assert (made.instruction, made.mode) == ("", Mode.NONE)
    assert "mode is none" in made.notes[0]


def test_ids_and_tags() -> None:
    made = record("trl", plain_row(id=7, tags=["a", "b", "a", " "]))
    assert (made.id, made.tags) == ("7", ("a", "b"))
    assert record("trl", plain_row(id="", tags="a, b,,a")).id is None
    assert record("trl", plain_row(tags="a, b,,a")).tags == ("a", "b")
    assert record("trl", plain_row(id=7, tags=["a"])).fingerprint == record("trl", plain_row()).fingerprint


def test_sharegpt_messages() -> None:
    row = {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Why?"},
        ],
        "chosen": {"from": "gpt", "value": "So."},
        "rejected": {"from": "gpt", "value": "Um.", "weight": 0.5},
    }
    made = record("trl", row, prompt="conversations")
    assert (made.instruction, made.prompt) == ("Be brief.", (user("Why?"),))
    assert (made.chosen, made.rejected) == ((assistant("So."),), (assistant("Um."),))
    assert made.notes == ("left out of messages: weight",)


def test_messages_as_columns() -> None:
    row = plain_row(prompt={"role": ["user"], "content": ["Why?"]}, chosen=said("So."), rejected=said("Um."))
    assert record("trl", row).prompt == (user("Why?"),)


def test_dotted_paths() -> None:
    row = {"turns": [{"q": "Why?"}], "answers": {"good": "So.", "poor": "Um."}, "answers.good": "Exact name."}
    made = record("trl", row, prompt="turns.0.q", chosen="answers.good", rejected="answers.poor")
    assert (made.prompt, made.chosen) == ((user("Why?"),), (assistant("Exact name."),))
    assert made.rejected == (assistant("Um."),)
    assert record("trl", row, prompt="turns.-1.q", chosen="answers.poor", rejected="answers.poor").prompt == (
        user("Why?"),
    )
    for path in ("turns.1.q", "turns.x", "turns.0.q.z", "nowhere"):
        assert refused("trl", row, prompt=path, chosen="answers.poor", rejected="answers.poor").kind == "missing"


def test_an_empty_path_leaves_a_field_out() -> None:
    assert record("trl", plain_row(system="Be brief."), system="").instruction == ""


def test_eba_keeps_texts_without_headings() -> None:
    made = record("eba", plain_row())
    assert (made.instruction, made.mode, made.prompt) == ("", Mode.NONE, (user("Why?"),))


def test_eba_with_messages_is_read_as_trl() -> None:
    row = {"prompt": chat(ita_block("I", "X")), "chosen": said("So."), "rejected": said("Um.")}
    made = record("eba", row)
    assert (made.instruction, made.mode, made.prompt) == ("I", Mode.ITA, (user("X"),))


def test_trl_says_that_it_leaves_a_heading() -> None:
    text = "### User Prompt:\nX\n\n### Response:\nA\n\n### User Prompt:\nY"
    made = record("trl", plain_row(prompt=text))
    assert made.prompt == (user(text),)
    assert "eba takes it apart" in made.notes[0]


@pytest.mark.parametrize("completion", ["So.", said("So.")])
@pytest.mark.parametrize("prompt", [ita_block("I", "X"), chat(ita_block("I", "X"))])
def test_ita_is_an_example(prompt: Any, completion: Any) -> None:
    made = record("ita", {"prompt": prompt, "completion": completion})
    assert (made.instruction, made.mode, made.prompt) == ("I", Mode.ITA, (user("X"),))
    assert (made.chosen, made.rejected) == ((assistant("So."),), None)


def test_a_conversation_alone_is_an_example_of_its_last_answer() -> None:
    made = record("ita", {"messages": chat("Hi", "Hello", "Why?", "So.", system="S")}, prompt="messages")
    assert made.prompt == (user("Hi"), assistant("Hello"), user("Why?"))
    assert (made.instruction, made.chosen) == ("S", (assistant("So."),))
    assert refused("ita", {"messages": chat("Hi")}, prompt="messages").kind == "missing"
    assert refused("ita", {"prompt": "Hi"}).kind == "missing"


def test_contrastive_ita() -> None:
    row = {"prompt": chat(contrastive_ita_block("I", "X", "bad")), "completion": said("So.")}
    made = record("contrastive-ita", row)
    assert (made.instruction, made.mode, made.prompt) == ("I", Mode.ITA, (user("X"),))
    assert (made.chosen, made.rejected) == ((assistant("So."),), (assistant("bad"),))
    as_ita = record("ita", row)
    assert as_ita.rejected is None
    assert "contrastive-ita takes it out" in as_ita.notes[0]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (ita_block("I", "X"), "an example"),
        (contrastive_ita_block("I", "X", "a\n\n### Rejected Response (Bad):\nb"), "more than once"),
        ("X\n\n### Rejected Response (Bad):\nbad\n\n### What's expected instead?", "cannot be read"),
        (contrastive_ita_block("I\n\n### User Prompt:\nJ", "X", "bad"), "cannot be read"),
    ],
)
def test_contrastive_ita_that_stays_an_example(prompt: str, words: str) -> None:
    made = record("contrastive-ita", {"prompt": prompt, "completion": "So."})
    assert made.rejected is None
    assert any(words in note for note in made.notes)


def test_contrastive_ita_with_an_empty_rejected_answer() -> None:
    row = {"prompt": contrastive_ita_block("I", "X", " "), "completion": "So."}
    assert refused("contrastive-ita", row).kind == "empty"


def test_alpaca() -> None:
    made = record("alpaca", {"instruction": "Be brief.", "input": "Why?", "output": "So."})
    assert (made.instruction, made.mode, made.prompt) == ("Be brief.", Mode.SYSTEM, (user("Why?"),))
    assert (made.chosen, made.rejected) == ((assistant("So."),), None)
    for empty in ({"input": ""}, {"input": None}, {}):
        made = record("alpaca", {"instruction": "Why?", "output": "So."} | empty)
        assert (made.instruction, made.prompt) == ("", (user("Why?"),))
    task = record("alpaca-task", {"instruction": "Sum up.", "input": "A text.", "output": "So."})
    assert (task.instruction, task.prompt) == ("", (user("Sum up.\n\nA text."),))
    pair = record("alpaca", {"instruction": "Why?", "chosen": "So.", "rejected": "Um."})
    assert (pair.chosen, pair.rejected) == ((assistant("So."),), (assistant("Um."),))
    assert refused("alpaca", {"instruction": "", "output": "So."}).kind == "empty"
    assert refused("alpaca", {"instruction": "Why?"}).kind == "missing"


def test_an_alpaca_record_renders_as_the_text_it_was_written_for(tmp_path: Path) -> None:
    from aligntui.backend.template import ALPACA_HEAD_WITH_INPUT, alpaca_text
    from aligntui.core.prompt_format import place_instruction

    made = record("alpaca", {"instruction": "Sum up.", "input": "A text.", "output": "So."})
    placed = place_instruction(list(made.prompt), made.instruction, made.mode)
    assert alpaca_text(placed) == (
        f"{ALPACA_HEAD_WITH_INPUT}\n\n### Instruction:\nSum up.\n\n### Input:\nA text.\n\n### Response:\n"
    )
