"""`aligntui pairs sample` on the scripted engine; `judge` refuses what it cannot do (the real judge: tests/workbench)."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli


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


def test_judge_needs_a_tokenizer(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    said = cli.refused("pairs", "judge", "--model", str(folder))
    assert "tokenizer" in said and "models pull" in said
