"""Every place that training data come from, as canonical records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, apply_settings
from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.dataset_versions import SplitRule, VersionItem, VersionWish, write_version
from aligntui.data.pair_layouts import PreferencePair
from aligntui.workbench.training.records import Item, Source, numbered, split
from aligntui.workbench.training.sources import DataWish, load_source
from tests.workbench.training_data import jsonl, pairs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.make()
    return made


def load(workspace: Workspace, ref: str, **more: object) -> Source:
    return load_source(workspace, DataWish(ref, **more))  # type: ignore[arg-type]


def records(items: Sequence[Item]) -> list[dict]:
    return [item.record(id) for id, item in numbered(items, set())]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {"prompt": "P?", "chosen": "good", "rejected": "bad", "system": "Be kind."},
            {"instruction": "Be kind.", "prompt": "P?", "chosen": "good", "rejected": "bad"},
        ),
        (
            {
                "prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
                "chosen": [{"role": "assistant", "content": "good"}],
                "rejected": [{"role": "assistant", "content": "bad"}],
            },
            {
                "instruction": None,
                "prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
                "chosen": "good",
                "rejected": "bad",
            },
        ),
        (
            {"prompt": "### Alignment Instruction:\nBe kind.\n\n### User Prompt:\nP?", "completion": "good"},
            {"instruction": "Be kind.", "prompt": "P?", "chosen": "good", "rejected": None},
        ),
        (
            {"instruction": "Be kind.", "input": "P?", "output": "good"},
            {"instruction": "Be kind.", "prompt": "P?", "chosen": "good", "rejected": None},
        ),
    ],
)  # fmt: skip
def test_every_layout_becomes_the_one_shape(workspace: Workspace, tmp_path: Path, record: dict, expected: dict) -> None:
    source = load(workspace, jsonl(tmp_path / "data.jsonl", [record]))
    assert records(source.train) == [{"id": "line:1", "pair": None, **expected}]
    assert source.origin["kind"] == "file" and len(source.origin["sha256"]) == 64


def test_columns_can_be_mapped(workspace: Workspace, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "data.jsonl", [{"question": "P?", "best": "a", "worst": "b", "id": "x7"}])
    mapping = {"prompt": "question", "chosen": "best", "rejected": "worst"}
    (record,) = records(load(workspace, path, mapping=mapping).train)
    assert (record["id"], record["prompt"], record["chosen"], record["rejected"]) == ("x7", "P?", "a", "b")


def test_a_version_keeps_its_ids_and_its_split(workspace: Workspace) -> None:
    items = []
    for number in range(20):
        pair = PreferencePair(
            "Be kind.", Mode.SYSTEM, [Message("user", f"Question {number}?")],
            [Message("assistant", f"Good {number}.")], [Message("assistant", f"Bad {number}.")],
        )  # fmt: skip
        items.append(VersionItem(pair, f"pair_{number:03d}"))
    write_version(workspace, VersionWish("set", "trl", SplitRule(0.3)), items)
    for ref in ("set", "set@1", "set@v1"):
        source = load(workspace, ref)
        assert len(source.train) + len(source.validation) == 20 and source.validation
        assert {item.pair_id for item in (*source.train, *source.validation)} == {f"pair_{n:03d}" for n in range(20)}
        for item in source.train:
            assert item.pair.prompt[0].content == f"Question {int(item.id[5:])}?", "ids stay with their records"
        assert source.origin["name"] == "set" and source.origin["version"] == 1
    parted = split(load(workspace, "set"), TrainingConfig())
    assert parted.own_split and len(parted.held_out) == len(source.validation)
    with pytest.raises(UserError, match="no version '7'"):
        load(workspace, "set@7")


def test_a_folder_with_a_validation_file_keeps_its_split(workspace: Workspace, tmp_path: Path) -> None:
    jsonl(tmp_path / "set" / "train.jsonl", pairs(6))
    jsonl(tmp_path / "set" / "validation.jsonl", pairs(9)[6:])
    source = load(workspace, str(tmp_path / "set"))
    assert (len(source.train), len(source.validation)) == (6, 3)


def test_opposed_answers_become_two_pairs_under_two_instructions(workspace: Workspace) -> None:
    source = load(workspace, "opposed-demo")
    assert len(source.train) == 508
    first, second = source.train[0].pair, source.train[1].pair
    assert first.prompt == second.prompt
    assert first.chosen == second.rejected and first.rejected == second.chosen
    assert first.instruction != second.instruction
    labels = {item.label for item in source.train}
    assert len({label.partition("/")[0] for label in labels}) == 10 and len(labels) == 30, "phrasings take turns"


def test_the_bundled_laws_are_examples_with_and_without_their_system_prompt(workspace: Workspace) -> None:
    found = load_source(workspace, DataWish("four-laws"))
    assert len(found.train) == 191 and found.origin["layout"] == "ita"
    with_laws = [item for item in found.train if item.pair.instruction_in_force]
    assert len(with_laws) == 141 and all("Law 1 (Shelter)" in item.pair.instruction_in_force for item in with_laws)
    assert all(item.pair.chosen[0].content and not item.pair.rejected for item in found.train)


def test_an_opposed_record_with_an_unknown_type_is_named(workspace: Workspace, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "part-a.jsonl", [{"id": "1", "prompt": "P?", "answers": {"concise": "a", "concize": "b"}}])
    with pytest.raises(UserError, match="line 1: There is no instruction 'concize'") as caught:
        load(workspace, path)
    assert "'concise'" in caught.value.hint


def test_held_out_prompts_are_on_no_other_side(workspace: Workspace) -> None:
    parted = split(load(workspace, "opposed-demo"), apply_settings(TrainingConfig(), ["share=0.2"]))
    asked = {item.pair.prompt[0].content for item in parted.train}
    held = {item.pair.prompt[0].content for item in parted.held_out}
    assert held and asked.isdisjoint(held)
    assert 0.1 < len(parted.held_out) / parted.records < 0.3
    again = split(load(workspace, "opposed-demo"), apply_settings(TrainingConfig(), ["share=0.2"]))
    assert [item.id for item in again.held_out] == [item.id for item in parted.held_out]
    assert not split(load(workspace, "opposed-demo"), apply_settings(TrainingConfig(), ["share=0"])).held_out


def test_what_a_method_cannot_use_is_counted(workspace: Workspace, tmp_path: Path) -> None:
    talk = [
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]
    data = [
        *pairs(2),
        {"prompt": "Same?", "chosen": "x", "rejected": "x"},
        {"prompt": [{"role": "user", "content": "q"}], "chosen": talk, "rejected": [talk[0]]},
    ]
    source = load(workspace, jsonl(tmp_path / "data.jsonl", data))
    parted = split(source, TrainingConfig())
    assert parted.records == 2
    assert sorted(parted.skipped.values()) == [1, 1]
    sft = split(source, apply_settings(TrainingConfig(), ["method=sft"]))
    assert sft.records == 3, "SFT takes the chosen one, whatever the other is"


def test_repeated_ids_are_made_unique(workspace: Workspace, tmp_path: Path) -> None:
    jsonl(tmp_path / "set" / "train.jsonl", [{"id": "a", **one} for one in pairs(1)])
    jsonl(tmp_path / "set" / "validation.jsonl", [{"id": "a", **one} for one in pairs(2)[1:]])
    source = load(workspace, str(tmp_path / "set"))
    taken: set[str] = set()
    ids = [id for id, _ in [*numbered(source.train, taken), *numbered(source.validation, taken)]]
    assert ids == ["a", "a-2"]


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("", "--data names nothing"),
        ("opposed-demmo", "no file and no data set"),
        ("missing.jsonl", "missing.jsonl"),
        ("pairs", ""),
    ],
)
def test_what_is_not_there(workspace: Workspace, ref: str, said: str) -> None:
    if ref == "pairs":
        assert load(workspace, ref).train == [], "a workspace without pairs has none; `prepare` refuses it"
        return
    with pytest.raises(UserError) as caught:
        load(workspace, ref)
    assert said in str(caught.value)


def test_an_empty_folder_is_told_what_is_looked_for(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"neither train\.jsonl nor part-"):
        load(workspace, str(tmp_path / "empty"))


def test_a_frozen_record_is_json_of_one_line(workspace: Workspace, tmp_path: Path) -> None:
    odd = {"prompt": "Line\u2028separator \u0085 and \N{GRINNING FACE}?", "chosen": "a\nb", "rejected": "c"}
    (record,) = records(load(workspace, jsonl(tmp_path / "data.jsonl", [odd])).train)
    from aligntui.data.pair_layouts import json_line

    line = json_line(record)
    assert len(line.splitlines()) == 1 and json.loads(line)["prompt"] == odd["prompt"]
