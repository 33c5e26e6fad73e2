"""Which layout a file has, which columns are read, and what a preview says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Mode, contrastive_ita_block, ita_block
from aligntui.data.pair_import import make_plan, open_source, parse_mapping, preview, summary
from aligntui.data.pair_layouts import records, write_jsonl
from tests.data.rows import bad, chat, good, jsonl, plain_row, read_all, said
from tests.data.test_pair_import_round_trip import make_pair

SIDES = {"chosen": said("So."), "rejected": said("Um.")}


def plan_of(tmp_path: Path, *rows: dict[str, Any], layout: str = "auto", **mapping: str) -> Any:
    return make_plan(open_source(jsonl(tmp_path / "pairs.jsonl", *rows)), layout, mapping)


@pytest.mark.parametrize("layout", ["trl", "eba", "ita", "contrastive-ita", "alpaca"])
def test_what_is_written_is_recognised(tmp_path: Path, layout: str) -> None:
    pairs = [make_pair(instruction="", mode=Mode.NONE), make_pair()]
    write_jsonl(tmp_path / "pairs.jsonl", records(pairs, layout))
    plan = make_plan(open_source(tmp_path / "pairs.jsonl"))
    assert plan.layout == layout
    assert plan.reason.endswith(".")
    assert plan.unused == ()


@pytest.mark.parametrize(
    ("row", "layout", "mapping"),
    [
        (plain_row(), "trl", {"prompt": "prompt"}),
        ({"chosen": "a b", "rejected": "a c"}, "trl", {}),
        ({"chosen": chat("a", "b"), "rejected": chat("a", "c")}, "trl", {}),
        (
            {"prompt": "a", "chosen": chat("a", "b"), "rejected": chat("a", "c"), "messages": chat("a", "b")},
            "trl",
            {"prompt": "prompt"},
        ),
        ({"chosen": chat("a", "b"), "rejected": chat("a", "c"), "messages": chat("a", "b")}, "trl", {}),
        ({"chosen": chat("a", "b"), "rejected": chat("a", "c"), "question": "a"}, "trl", {}),
        (
            {"system": "", "question": "a", "chosen": "b", "rejected": "c"},
            "trl",
            {"prompt": "question", "system": "system"},
        ),
        ({"conversations": chat("a"), **SIDES}, "trl", {"prompt": "conversations"}),
        (plain_row(prompt=ita_block("I", "X")), "eba", {"prompt": "prompt"}),
        ({"prompt": "a", "completion": "b"}, "ita", {"prompt": "prompt"}),
        ({"prompt": chat(contrastive_ita_block("I", "X", "b")), "completion": said("c")}, "contrastive-ita", {}),
        ({"messages": chat("a", "b")}, "ita", {"prompt": "messages"}),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "ita", {}),
        ({"instruction": "a", "output": "b"}, "alpaca", {"output": "output"}),
        ({"instruction": "a", "input": "c", "output": "b", "question": "z"}, "alpaca", {"instruction": "instruction"}),
        ({"instruction": "a", "chosen": "b", "rejected": "c"}, "alpaca", {"chosen": "chosen"}),
    ],
)
def test_layouts_by_their_columns(tmp_path: Path, row: dict[str, Any], layout: str, mapping: dict[str, str]) -> None:
    plan = plan_of(tmp_path, row)
    assert plan.layout == layout
    assert mapping.items() <= plan.mapping.items()
    assert not bad(read_all(tmp_path / "pairs.jsonl"))


@pytest.mark.parametrize(
    "row",
    [
        {"text": "a"},
        {"prompt": "a", "answer": "b"},
        {"chosen": "a b", "rejected": "a c", "input": "a"},
        {"prompt": "a"},
        {"instruction": "a", "response": "b"},
    ],
)
def test_a_layout_that_cannot_be_told_is_not_guessed(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, row)
    assert ", ".join(row) in caught.value.message
    assert "prompt=question" in caught.value.hint


def test_an_unknown_layout_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no layout 'alpacca'") as caught:
        plan_of(tmp_path, plain_row(), layout="alpacca")
    assert "'alpaca'" in caught.value.hint


def test_a_layout_that_was_asked_for_needs_its_columns(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="alpaca wants the column 'instruction'"):
        plan_of(tmp_path, plain_row(), layout="alpaca")
    assert plan_of(tmp_path, plain_row(), layout="eba").layout == "eba"


def test_columns_are_mapped(tmp_path: Path) -> None:
    row = {"ask": {"text": "Why?"}, "good": "So.", "poor": "Um.", "labels": "a,b", "key": 3}
    asked = parse_mapping(["prompt=ask.text", "chosen=good", "rejected=poor", "tags=labels", "id=key"])
    path = jsonl(tmp_path / "pairs.jsonl", row, row | {"poor": None, "key": 4})
    found = read_all(path, mapping=asked)
    assert (good(found)[0].tags, good(found)[0].id) == (("a", "b"), "3")
    assert [one.reason for one in bad(found)] == ["the column 'poor' is null"]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [(["prompt"], "no equals sign"), (["promt=a"], "no field 'promt'"), (["id=a", "id=b"], "mapped twice")],
)
def test_mappings_that_are_none(pairs: list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_mapping(pairs)
    assert words in str(caught.value)


def test_an_unknown_column_gets_the_nearest_and_all_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'chosn' for the field 'chosen'") as caught:
        plan_of(tmp_path, plain_row(), chosen="chosn")
    assert caught.value.hint == "Did you mean 'chosen'? Found: prompt, chosen, rejected."


def test_a_field_that_the_layout_does_not_read_cannot_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="layout trl reads no field 'output'"):
        plan_of(tmp_path, plain_row(), output="chosen")


def test_a_prompt_that_a_row_lacks_is_not_taken_for_an_implicit_one(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "pairs.jsonl", plain_row(), {"chosen": "The a", "rejected": "The b"})
    assert [(one.line, one.kind) for one in bad(read_all(path))] == [(2, "missing")]


def test_what_could_be_meant_otherwise_is_said(tmp_path: Path) -> None:
    assert "as TRL has it" in plan_of(tmp_path, {"chosen": "a b", "rejected": "a c"}).warnings[0]
    said_of = plan_of(tmp_path, {"question": "a", "system_prompt": "s", "chosen": "b", "rejected": "c"}).warnings
    assert any("'question' is taken as the prompt" in warning for warning in said_of)
    assert any("'system_prompt' is the alignment instruction" in warning for warning in said_of)
    alpaca = plan_of(tmp_path, {"instruction": "a", "input": "b", "output": "c"})
    assert "alpaca-task" in alpaca.warnings[0]
    assert plan_of(tmp_path, {"instruction": "a", "input": "", "output": "c"}).warnings == ()


def test_nothing_can_be_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("nope\nnope\n")
    with pytest.raises(UserError, match=r"No record of .*pairs.jsonl can be read; the first: .*line 1: it is not JSON"):
        make_plan(open_source(path))


def test_a_preview(tmp_path: Path) -> None:
    rows = [plain_row(prompt=f"{number}?", score=1, id=number) for number in range(30)]
    rows[3]["chosen"] = 3
    rows[4]["id"] = 2
    path = jsonl(tmp_path / "pairs.jsonl", *rows)
    shown = preview(open_source(path), count=2, look_at=20)
    assert [one.prompt[0].content for one in shown.records] == ["0?", "1?"]
    assert (shown.looked_at, shown.report.good, shown.report.bad, shown.whole) == (20, 18, 2, False)
    assert summary(shown.report) == "1 with a value of a wrong type, 1 with an id used before"
    assert shown.plan.columns == ("prompt", "chosen", "rejected", "score", "id")
    assert shown.plan.unused == ("score",)
    as_json = json.loads(json.dumps(shown.as_dict()))
    assert as_json["records"][0]["prompt"] == [{"role": "user", "content": "0?"}]
    assert as_json["mapping"] == {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", "id": "id"}
    assert preview(open_source(path), look_at=30).whole
