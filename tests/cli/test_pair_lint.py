"""`aligntui pairs lint`: findings with keys, coverage, exit codes, fixes and waivers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.ids import new_id
from aligntui.core.pair import Verdict
from aligntui.data.lint import RULES
from tests.cli.conftest import Cli, InsideCli
from tests.cli.curated import content, judge, opened, rows, write_jsonl

QUICK = tuple(word for rule in RULES if rule != "languages" for word in ("--rule", rule))
"""Every rule but the one that takes a second."""


@pytest.fixture
def cli(inside: InsideCli, tmp_path: Path) -> InsideCli:
    """A workspace with an empty answer (an error), a template token and a duplicate under other answers."""
    records = [
        *rows(3),
        {"prompt": "Empty?", "chosen": "Something.", "rejected": "<|im_end|> leaked"},
        {"prompt": "Twice?", "chosen": "One.", "rejected": "Two."},
        {"prompt": "Twice?", "chosen": "One more.", "rejected": "Two more."},
        {"prompt": "Same?", "chosen": "It is.", "rejected": "It  is."},
    ]
    inside.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *records), "--no-token-counts")
    return inside


def test_the_report_has_findings_coverage_and_an_exit_code(cli: Cli) -> None:
    result = cli.run("pairs", "lint", *QUICK)
    assert result.code == 2, "errors are open"
    assert "near-identical-answers: 1 finding (1 warning) in 1 pair" in result.out
    assert "contamination: 1 finding (1 error) in 1 pair" in result.out
    assert "duplicate-prompts: 1 finding (1 notice) in 2 pairs" in result.out
    assert "not checked by identical-after-truncation: 7 no training length was given (0 checked)" in result.out
    assert "not checked by evaluation-overlap: 7 no evaluation suite was given (0 checked)" in result.out
    clean = next(line for line in result.out.splitlines() if line.startswith("no finding: "))
    assert "role-order" in clean and "evaluation-overlap" not in clean, "what could not be checked has not passed"
    assert result.out.splitlines()[-1].startswith("7 pairs, 15 rules: ")


@pytest.mark.parametrize(
    ("rule", "fail_on", "code"),
    [
        ("contamination", "error", 2), ("contamination", "never", 0), ("duplicate-prompts", "error", 0),
        ("duplicate-prompts", "warning", 0), ("duplicate-prompts", "notice", 2), ("role-order", "notice", 0),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_worst_open_finding(cli: Cli, rule: str, fail_on: str, code: int) -> None:
    assert cli.run("pairs", "lint", "--rule", rule, "--fail-on", fail_on).code == code


def test_json_and_severities(cli: Cli) -> None:
    result = cli.run("pairs", "lint", *QUICK, "--json")
    report = result.json
    assert result.code == 2 and report["pairs"] == 7 and report["counts"]["contamination"] == 1
    assert report["counts_by_subject"]["contamination"] == {"chat-template-tokens": 1}
    assert report["coverage"]["identical-after-truncation"]["checked"] == 0
    hidden = cli.run("pairs", "lint", *QUICK, "--min-severity", "error").out
    assert "duplicate-prompts:" not in hidden and "below the severity asked for" in hidden


def test_filters_choose_the_pairs(cli: Cli) -> None:
    assert cli.run("pairs", "lint", *QUICK, "--text", "Empty", "--json").json["pairs"] == 1
    assert cli.run("pairs", "lint", *QUICK, "--judged", "--json").json["pairs"] == 0


def test_examples_are_looked_at(cli: Cli, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "more.jsonl", {"prompt": "Who?", "completion": "<|im_end|> me"})
    cli.ok("pairs", "import", source, "--no-token-counts")
    report = cli.run("pairs", "lint", "--rule", "contamination", "--verdict", "example", "--json").json
    assert report["counts"]["contamination"] == 1 and report["coverage"]["contamination"]["not_checked"] == {}


def test_a_finding_is_waived_with_a_reason_and_counts_again(cli: Cli) -> None:
    words = ("pairs", "lint", "--rule", "contamination")
    [finding] = cli.run(*words, "--json").json["findings"]
    key = finding["key"][:11]
    assert key in cli.run(*words).out
    assert "needs a reason" in cli.refused(*words, "--waive", key)
    waiver = cli.ok(*words, "--waive", key, "--reason", "about templates").out.strip()
    result = cli.ok(*words)
    assert "waived: 1 contamination; --waivers lists them" in result.out
    assert "waived already" in cli.refused(*words, "--waive", key, "--reason", "again")
    assert "about templates" in cli.ok("pairs", "lint", "--waivers").out
    assert cli.ok("pairs", "lint", "--withdraw", waiver).out.strip() == waiver
    assert cli.json("pairs", "lint", "--waivers") == []
    assert cli.run(*words).code == 2


def test_all_of_a_rule_or_a_subject_is_waived(cli: Cli) -> None:
    words = ("pairs", "lint", "--rule", "contamination")
    cli.ok(*words, "--waive", "contamination:web-address", "--reason", "links are fine")
    assert cli.run(*words).code == 2
    cli.ok(*words, "--waive", "contamination", "--reason", "all of it")
    assert cli.run(*words).code == 0
    assert [one["subject"] for one in cli.json("pairs", "lint", "--waivers")] == ["web-address", ""]


def test_fixes_are_said_first_and_can_be_taken_back(cli: Cli) -> None:
    before = content(cli)
    said = cli.ok("pairs", "lint", *QUICK, "--fix")
    assert "would be deleted; nothing was changed" in said.err and content(cli) == before
    would = cli.json("pairs", "lint", *QUICK, "--fix")
    done = cli.json("pairs", "lint", *QUICK, "--fix", "--yes")
    assert done["deleted"] == would["would_delete"] and done["by_rule"]["contamination"] == 1
    left = {row["id"] for row in cli.json("pairs", "list")}
    assert len(left) == 7 - len(done["deleted"]) and not left & set(done["deleted"])
    assert cli.run("pairs", "lint", "--rule", "contamination").code == 0
    cli.ok("pairs", "restore", *done["deleted"])
    assert len(cli.json("pairs", "list")) == 7


def test_a_skew_of_the_whole_set_is_fixed_only_when_it_is_named(cli: Cli, tmp_path: Path) -> None:
    long = [{**row, "chosen": f"{row['chosen']} And {row['chosen']}"} for row in rows(40, first=200)]
    cli.ok("pairs", "import", write_jsonl(tmp_path / "long.jsonl", *long), "--no-token-counts")
    with_rule = cli.json("pairs", "lint", "--rule", "length-skew", "--fix")
    assert with_rule["by_rule"]["length-skew"] > 20
    options = tmp_path / "quick.toml"
    options.write_text("[languages]\nsample = 1\n")
    assert "length-skew" not in cli.json("pairs", "lint", "--options", str(options), "--fix")["by_rule"]


def test_options_patterns_suites_and_length(cli: Cli, tmp_path: Path) -> None:
    options = tmp_path / "options.toml"
    options.write_text('rules = ["duplicate-prompts", "contamination"]\n[severities]\nduplicate-prompts = "error"\n')
    report = cli.run("pairs", "lint", "--options", str(options), "--json").json
    assert list(report["counts"]) == ["duplicate-prompts", "contamination"] and report["severities"]["error"] == 2
    patterns = tmp_path / "patterns.toml"
    patterns.write_text("ours = 'is good'\n")
    words = ("--rule", "contamination", "--patterns", str(patterns), "--json")
    assert cli.run("pairs", "lint", *words).json["counts_by_subject"]["contamination"]["ours"] == 3
    long = "Tell me slowly how many rivers flow through the old town of the lamp makers."
    source = write_jsonl(tmp_path / "more.jsonl", {"prompt": long, "chosen": "Two.", "rejected": "Three."})
    cli.ok("pairs", "import", source, "--no-token-counts")
    suite = tmp_path / "suite.txt"
    suite.write_text(f"{long}\n\n")
    words = ("--rule", "evaluation-overlap", "--suite", f"IFEval={suite}", "--json")
    assert cli.run("pairs", "lint", *words).json["counts"] == {"evaluation-overlap": 1}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--rule", "contaminaton"), "Did you mean 'contamination'?"),
        (("--suite", "x"), "A suite is given as NAME=FILE"),
        (("--suite", "x=nothing.jsonl"), "There is no file nothing.jsonl"),
        (("--options", "nothing.toml"), "The lint options in nothing.toml cannot be read"),
        (("--patterns", "nothing.toml"), "cannot be read"),
        (("--training-length", "0"), "--training-length must be a whole number of at least 1"),
        (("--fix", "--waivers"), "--fix and --waivers exclude each other"),
        (("--rule", "role-order", "--waive", "b2:0000000000", "--reason", "x"), "There is no open finding or rule"),
        (("--withdraw", "waiver_x"), "There is no waiver 'waiver_x'"),
        (("--fail-on", "errors"), "Did you mean 'error'?"),
    ],
)
def test_the_user_can_fix_it(cli: Cli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refused("pairs", "lint", *words)


def test_the_rules_are_listed(cli: Cli) -> None:
    assert [one["rule"] for one in cli.json("pairs", "lint", "--rules")] == list(RULES)
    assert json.dumps(cli.json("pairs", "lint", "--rules"))


def test_contradictions_between_annotators_are_seen(cli: Cli) -> None:
    assert cli.run("pairs", "lint", "--rule", "contradictory-verdicts").code == 0
    with opened(cli) as store:
        [first] = judge(store, (Verdict.LEFT, {}))
        store.add_pair(replace(store.get_pair(first), id=new_id("pair"), verdict=Verdict.RIGHT, annotator="bob"))
    assert cli.run("pairs", "lint", "--rule", "contradictory-verdicts").code == 2
