"""`aligntui pairs sample` on the scripted engine; `judge` refuses what it cannot do (the real judge: tests/workbench)."""

from __future__ import annotations

from pathlib import Path

from aligntui.core.pair import Verdict
from tests.cli.conftest import Cli
from tests.cli.curated import judge, opened
from tests.store.builders import ask, make_answer


def test_sample_stores_answers_and_proposes_pairs(cli: Cli, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "Why?"}\n\n{"prompt": "How?"}\n', "utf-8")
    told = cli.ok(
        "pairs", "sample", "--prompts", str(prompts), "--answers", "2", "--temperature", "0.8", "--json"
    ).json  # fmt: skip
    assert told["prompts"] == 2 and told["answers"] == 2 * 2 * 2 and 2 <= told["proposed"] <= 4
    sessions = cli.ok("sessions", "list", "--json").json
    assert [session["id"] for session in sessions] == [told["session"]]


def test_sample_refuses_greedy_repeats_a_missing_file_and_a_line_without_a_prompt(cli: Cli, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Why?\n", "utf-8")
    said = cli.refused("pairs", "sample", "--prompts", str(prompts), "--temperature", "0")
    assert "need a temperature above 0" in said
    assert "cannot be read" in cli.refused("pairs", "sample", "--prompts", str(tmp_path / "none.txt"))
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "Why?"}\n{"question": "How?"}\n', "utf-8")
    assert "bad.jsonl, line 2" in cli.refused("pairs", "sample", "--prompts", str(bad))
    assert cli.ok("sessions", "list", "--json").json == []


def test_answers_that_are_stored_already_are_proposed_once(cli: Cli) -> None:
    with opened(cli) as store:
        session = store.create_session("half sampled")
        for number in range(3):
            prompt = ask(store, session, f"Question {number}?")[0]
            store.add_answers(
                [make_answer(prompt, f"{text} {number}.", at) for at, text in enumerate(("Yes, it is", "Nobody knows"))]
            )
    assert cli.ok("pairs", "propose", "half sampled", "--json").json["proposed"] == 3
    assert cli.ok("pairs", "propose", session.id, "--json").json["proposed"] == 0
    assert "no session" in cli.refused("pairs", "propose", "nothing such")


def test_judge_says_when_there_is_nothing_to_judge(cli: Cli) -> None:
    said = cli.refused("pairs", "judge", "--annotator", "nobody")
    assert "no pair under these filters" in said


def test_judge_needs_a_tokenizer(cli: Cli, tmp_path: Path) -> None:
    with opened(cli) as store:
        judge(store, (Verdict.LEFT, {}))
    folder = tmp_path / "model"
    folder.mkdir()
    said = cli.refused("pairs", "judge", "--model", str(folder))
    assert "tokenizer" in said and "models pull" in said
