"""`aligntui pairs`: verdicts by id, undo, and files that a trainer reads."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aligntui.cli.pairs_verdict import OVER_TWO
from aligntui.config.paths import Workspace
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Answer, Finish
from aligntui.store import PairFilter, Store, open_store
from aligntui.workbench.pair_export import ExportWish, export_pairs
from tests.cli.conftest import Cli, InsideCli


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    return inside


@pytest.fixture
def asked(cli: Cli) -> dict[str, Any]:
    cli.adapter("polite")
    reply = cli.json("chat", "--prompt", "What makes bread rise?", "--adapter", "polite", "--instruction", "Be brief.")
    return {**reply, "prompt": prompt_of(cli, reply["exchange"])}


def prompt_of(cli: Cli, exchange_id: str) -> str:
    with opened(cli) as store:
        return store.exchange(exchange_id).prompts[0].id


def opened(cli: Cli) -> Store:
    return open_store(Workspace(cli.workspace).database)


@pytest.mark.parametrize("which", ["prompt", "answer", "second answer", "take", "exchange", "beginning of a turn"])
def test_every_id_of_a_take_will_do(cli: Cli, asked: dict[str, Any], which: str) -> None:
    left, right = (answer["turn"] for answer in asked["answers"])
    ids = {"answer": left, "second answer": right, "beginning of a turn": left[:-1]}
    pair = cli.json(
        "pairs",
        "add",
        "--turn",
        ids.get(which) or asked[which],
        "--verdict",
        "right",
        "--reason",
        "kinder",
        "--tag",
        "a",
        "--tag",
        "b",
    )
    assert (pair["left_id"], pair["right_id"], pair["chosen_id"], pair["rejected_id"]) == (left, right, right, left)
    assert (pair["scope"], pair["annotator"], pair["reason"], pair["tags"]) == (
        "answer",
        "tester",
        "kinder",
        ["a", "b"],
    )
    assert (pair["blind"], pair["shuffled"], pair["undone"], pair["replaced"]) == (False, False, False, None)


@pytest.mark.parametrize("verdict", OVER_TWO)
def test_every_verdict_is_stored_as_it_was_given(cli: Cli, asked: dict[str, Any], verdict: Verdict) -> None:
    result = cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", verdict.value, "--annotator", "somebody")
    [pair] = cli.json("pairs", "list")
    assert result.out.strip() == pair["id"]
    assert (pair["verdict"], pair["annotator"]) == (verdict.value, "somebody")


def test_a_later_verdict_replaces_and_undo_takes_back(cli: Cli, asked: dict[str, Any]) -> None:
    first = cli.json("pairs", "add", "--turn", asked["take"], "--verdict", "left")
    second = cli.json("pairs", "add", "--turn", asked["take"], "--verdict", "tie")
    assert second["replaced"] == first["id"]
    assert [pair["id"] for pair in cli.json("pairs", "list")] == [second["id"]]
    assert "no verdict of other" in cli.refused("pairs", "undo", "--annotator", "other")
    undone = cli.json("pairs", "undo")
    assert (undone["id"], undone["undone"], undone["restored"]) == (second["id"], True, first["id"])
    assert [pair["id"] for pair in cli.json("pairs", "list")] == [first["id"]]
    undone = cli.json("pairs", "undo", "--session", asked["session"])
    assert (undone["id"], undone["restored"]) == (first["id"], None)
    assert cli.json("pairs", "list") == []
    assert [pair["undone"] for pair in cli.json("pairs", "list", "--undone")] == [True, True]
    assert "no verdict of tester" in cli.refused("pairs", "undo")
    assert "undone already" in cli.refused("pairs", "undo", first["id"])
    assert "no pair" in cli.refused("pairs", "undo", "pair_nothing")


def test_undo_says_what_it_restored(cli: Cli, asked: dict[str, Any]) -> None:
    first, second = (
        cli.json("pairs", "add", "--turn", asked["take"], "--verdict", verdict)["id"] for verdict in ("left", "tie")
    )
    left, right = (answer["turn"] for answer in asked["answers"])
    result = cli.ok("pairs", "undo", second)
    assert result.out == f"{second}\n"
    assert result.err == f"undone: tie over {left} and {right}\nrestored: {first}, left over {left} and {right}\n"
    assert "restored" not in cli.ok("pairs", "undo").err


def test_of_several_takes_the_newest_is_judged_unless_another_is_named(cli: Cli, asked: dict[str, Any]) -> None:
    with opened(cli) as store:
        old = [store.get_answer(answer["turn"]) for answer in asked["answers"]]
        take = new_id("take")
        new = [
            store.add_answer(replace(answer, id=new_id("turn"), take_id=take, text=answer.text + " Again."))
            for answer in old
        ]
    assert cli.json("pairs", "add", "--turn", asked["exchange"], "--verdict", "left")["left_id"] == new[0].id
    assert cli.json("pairs", "add", "--turn", asked["take"], "--verdict", "left")["left_id"] == old[0].id
    assert cli.json("pairs", "add", "--turn", old[1].id, "--verdict", "left")["right_id"] == old[1].id
    assert cli.json("pairs", "add", "--turn", asked["prompt"], "--verdict", "tie")["right_id"] == new[1].id


def test_of_an_edited_answer_the_last_version_is_judged(cli: Cli, asked: dict[str, Any]) -> None:
    with opened(cli) as store:
        old = store.get_answer(asked["answers"][1]["turn"])
        edited = replace(
            old, id=new_id("turn"), text="Better.", finish=Finish.EDITED, token_ids=(), logprobs=(), edited_from=old.id
        )
        store.add_answer(edited)
    assert cli.json("pairs", "add", "--turn", asked["take"], "--verdict", "right")["chosen_id"] == edited.id
    assert cli.json("pairs", "add", "--turn", old.id, "--verdict", "right")["chosen_id"] == old.id


def test_more_than_two_answers_need_both_sides(cli: Cli) -> None:
    for name in ("a", "b"):
        cli.adapter(name)
    reply = cli.json("chat", "--prompt", "x", "--adapter", "a", "--adapter", "b")
    base, a, b = (answer["turn"] for answer in reply["answers"])
    said = cli.refused("pairs", "add", "--turn", reply["take"], "--verdict", "left")
    assert "3 answers" in said and "1 (a)" in said
    assert "go together" in cli.refused("pairs", "add", "--turn", reply["take"], "--verdict", "left", "--left", "a")
    for left, right, ids in (("a", "b", (a, b)), ("2", "0", (b, base)), (b, a, (b, a)), ("base", b, (base, b))):
        pair = cli.json("pairs", "add", "--turn", reply["take"], "--verdict", "left", "--left", left, "--right", right)
        assert (pair["left_id"], pair["right_id"]) == ids
    for wrong in ("c", "3", "turn_nothing"):
        assert "names no answer" in cli.refused(
            "pairs", "add", "--turn", reply["take"], "--verdict", "left", "--left", wrong, "--right", "a"
        )
    assert "--left a" not in cli.refused(
        "pairs", "add", "--turn", reply["take"], "--verdict", "left", "--left", "a", "--right", "a"
    )


def test_columns_with_different_histories_are_a_pair_of_conversations(cli: Cli, asked: dict[str, Any]) -> None:
    reply = cli.json("chat", "--prompt", "Go on.", "--adapter", "polite", "--session", asked["session"])
    pair = cli.json("pairs", "add", "--turn", reply["take"], "--verdict", "right")
    assert pair["scope"] == "conversation"
    cli.ok("pairs", "export", "--format", "trl", "--out", str(cli.home / "out.jsonl"))
    [record] = lines(cli.home / "out.jsonl")
    assert [message["role"] for message in record["chosen"]] == ["assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("prompt", "verdict", "says"),
    [("!empty", "left", "empty answer"), ("!cjk", "right", "same text"), ("alone", "left", "two answers")],
)
def test_verdicts_that_cannot_be(cli: Cli, prompt: str, verdict: str, says: str) -> None:
    cli.adapter("polite")
    adapter = ["--no-adapter"] if prompt == "alone" else ["--adapter", "polite"]
    reply = cli.json("chat", "--prompt", prompt, *adapter)
    said = cli.refused("pairs", "add", "--turn", reply["exchange"], "--verdict", verdict)
    assert says in said and "Press" not in said
    assert cli.json("pairs", "list") == []
    if prompt != "alone":
        cli.ok("pairs", "add", "--turn", reply["exchange"], "--verdict", "bad")


def test_the_same_verdict_again_adds_nothing(cli: Cli, asked: dict[str, Any]) -> None:
    first = cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "left", "--reason", "kinder", "--tag", "a")
    assert "stood already" not in first.err
    again = cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "left")
    assert again.out == first.out and "it stood already; nothing was added" in again.err
    [pair] = cli.json("pairs", "list", "--undone")
    assert (pair["reason"], pair["tags"]) == ("kinder", ["a"])


def test_the_list_shows_what_was_judged(cli: Cli, asked: dict[str, Any]) -> None:
    second = cli.json("chat", "--prompt", "Why? " * 20, "--adapter", "polite", "--instruction-type", "concise/2")
    left = ("pairs", "add", "--verdict", "left", "--reason", "kinder\nby far", "--tag", "tone", "--tag", "short")
    first = cli.json(*left, "--turn", asked["take"])["id"]
    tie = cli.json("pairs", "add", "--verdict", "tie", "--turn", second["take"])["id"]
    heading, newer, older = cli.ok("pairs", "list").out.splitlines()
    assert heading.split()[:5] == ["verdict", "answers", "prompt", "instruction", "notes"]
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(
        rf"left +base over polite +What makes bread rise\? +“Be brief.” +kinder by far #tone #short +{when} +tester +{first}",
        older,
    )
    excerpt = re.escape(("Why? " * 20)[:39] + "…")
    assert re.fullmatch(rf"tie +base and polite +{excerpt} +concise/2 +{when} +tester +{tie}", newer)
    cli.ok("pairs", "undo", tie)
    assert " undone " in cli.ok("pairs", "list", "--undone").out.splitlines()[1]


def test_the_list_names_both_instructions_of_a_pair_that_has_two(cli: Cli) -> None:
    with opened(cli) as store:
        many_pairs(store)
    listed = cli.ok("pairs", "list").out
    assert "“Be brief.”, “Be odd.”" in listed and listed.count("“Be odd.”") == 1


def test_unknown_ids(cli: Cli, asked: dict[str, Any]) -> None:
    for ref in ("turn_nothing", "take_nothing", "exchange_nothing", "nothing", ""):
        cli.refused("pairs", "add", "--turn", ref, "--verdict", "left")
    assert "Several turns" in cli.refused("pairs", "add", "--turn", "turn_0", "--verdict", "left")
    cli.refused("pairs", "list", "--session", "nothing")


def test_a_verdict_in_a_process_of_its_own(talked: Cli) -> None:
    tree = talked.json("sessions", "show", "What makes bread rise?")
    take = tree["exchanges"][0]["takes"][0]
    result = talked.ok("pairs", "add", "--turn", take["id"], "--verdict", "left")
    assert result.out.startswith("pair_") and f"left base ({take['answers'][0]['id']})" in result.err
    out = talked.home / "pairs.jsonl"
    talked.ok("pairs", "export", "--format", "trl", "--out", str(out))
    assert len(lines(out)) == 1
    assert talked.ok("pairs", "undo").out == result.out


# export -------------------------------------------------------------------------------------------


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("layout", ["trl", "eba", "ita", "contrastive-ita", "alpaca"])
def test_every_layout(cli: Cli, asked: dict[str, Any], layout: str) -> None:
    cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "right")
    out = cli.home / "pairs.jsonl"
    result = cli.ok("pairs", "export", "--format", layout, "--out", str(out))
    assert result.out == "" and f"1 pair written to {out} as {layout}" in result.err
    [record] = lines(out)
    base, polite = (answer["text"] for answer in asked["answers"])
    assert polite in json.dumps(record, ensure_ascii=False)
    keys = {"alpaca": ("instruction", "input", "output")} | dict.fromkeys(
        ("ita", "contrastive-ita"), ("prompt", "completion")
    )
    assert set(record) == set(keys.get(layout, ("prompt", "chosen", "rejected")))
    assert (base in json.dumps(record, ensure_ascii=False)) == (layout not in ("ita", "alpaca"))
    assert "Be brief." in json.dumps(record)


def test_the_export_counts_what_it_leaves_out(cli: Cli, tmp_path: Path) -> None:
    with opened(cli) as store:
        given = many_pairs(store)
    out = tmp_path / "pairs.jsonl"
    result = cli.ok("pairs", "export", "--format", "trl", "--out", str(out), "--json")
    counts = {"written": 3, "ties": 1, "both_bad": 1, "skipped": 1, "undone": 1, "partial": 2, "instructions_differ": 1}
    counts |= {"examples": 0, "misfits": {}, "settled": {}}
    beside = tmp_path / "pairs.jsonl.manifest.json"
    told = result.json
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert told == {"out": str(out), "format": "trl", **counts, "manifest": str(beside), "sha256": digest}
    manifest = json.loads(beside.read_text())
    assert manifest["counts"] == counts
    assert manifest["file"] == {
        "name": out.name,
        "sha256": digest,
        "records": 3,
        "size_bytes": out.stat().st_size,
    }
    assert manifest["filters"] == {"with_partial": False, "same_instruction": False}
    assert [record["prompt"][-1]["content"] for record in lines(out)] == ["q0", "q1", "q2"]
    said = cli.ok("pairs", "export", "--format", "trl", "--out", str(out)).err
    assert "3 pairs written" in said and "1 tie, 1 both bad, 1 skipped, 1 taken back or replaced" in said
    assert "2 with a broken-off answer: left out" in said and "1 with answers made under different instructions" in said
    with opened(cli) as store:
        all_in = ExportWish("eba", out, PairFilter(session_id=given), with_partial=True)
        assert export_pairs(store, all_in).counts.written == 5 == len(lines(out))
        assert export_pairs(store, replace(all_in, same_instruction=True)).counts.written == 4


def test_nothing_to_export_leaves_the_old_file(cli: Cli, asked: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    out.write_text("old")
    cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "tie")
    said = cli.refused("pairs", "export", "--format", "trl", "--out", str(out))
    assert "no decided pair" in said and "1 tie," in said
    assert out.read_text() == "old" and list(tmp_path.glob("*pairs*")) == [out]
    cli.refused("pairs", "export", "--format", "trl", "--out", str(out), "--session", "nothing")
    assert "dpo" in cli.refused("pairs", "export", "--format", "dpo", "--out", str(out))
    cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "left")
    cli.refused("pairs", "export", "--format", "trl", "--out", str(tmp_path))
    cli.refused("pairs", "export", "--format", "trl", "--out", str(out / "below.jsonl"))


def test_an_export_replaces_the_earlier_file_and_makes_no_folder(
    cli: Cli, asked: dict[str, Any], tmp_path: Path
) -> None:
    cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "left")
    out = tmp_path / "pairs.jsonl"
    words = ("pairs", "export", "--format", "trl", "--out")
    assert "in place of" not in cli.ok(*words, str(out)).err
    out.write_text("old")
    assert f"1 pair written to {out} as trl, in place of the earlier file" in cli.ok(*words, str(out)).err
    assert len(lines(out)) == 1
    said = cli.refused(*words, str(tmp_path / "new" / "pairs.jsonl"))
    assert f"there is no folder {tmp_path / 'new'}" in said and not (tmp_path / "new").exists()


def test_a_template_without_a_system_slot(cli: Cli, asked: dict[str, Any], tmp_path: Path) -> None:
    cli.ok("pairs", "add", "--turn", asked["take"], "--verdict", "left")
    out = tmp_path / "pairs.jsonl"
    cli.ok("pairs", "export", "--format", "trl", "--out", str(out), "--no-system-slot")
    assert [message["role"] for message in lines(out)[0]["prompt"]] == ["user"]


def many_pairs(store: Store) -> str:
    """Eight verdicts: three decided (one under two instructions), two with partial answers, tie, bad, skip, and one undone."""
    from tests.cli.fake_turns import conditions

    session = store.create_session("many")
    plan = [
        ("left", {}),
        ("right", {}),
        ("left", {"differ": True}),
        ("left", {"partial": True}),
        ("right", {"partial": True}),
    ]
    plan += [("tie", {}), ("bad", {}), ("skip", {}), ("left", {"undo": True})]
    for number, (verdict, special) in enumerate(plan):
        exchange, take = new_id("exchange"), new_id("take")
        prompt = store.add_prompt(session.id, None, exchange, f"q{number}")
        answers = [
            Answer(
                id=new_id("turn"),
                session_id=session.id,
                parent_id=prompt.id,
                take_id=take,
                column=column,
                text=f"answer {number} {column}",
                finish=Finish.CANCELLED if special.get("partial") and column == 1 else Finish.STOP,
                created_at=now_utc(),
                conditions=conditions(instruction="Be odd." if special.get("differ") and column else "Be brief."),
            )
            for column in (0, 1)
        ]
        store.add_answers(answers)
        left, right = (answer.id for answer in answers)
        pair = Pair(
            new_id("pair"), session.id, left, right, Verdict(verdict), Scope.ANSWER, False, False, "tester", now_utc()
        )
        store.add_pair(pair)
        if special.get("undo"):
            store.undo_pair(pair.id)
    return session.id
