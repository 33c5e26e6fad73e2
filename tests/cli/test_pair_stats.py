"""`aligntui pairs stats`: rates with intervals, chance and coverage, from verdicts that are planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.cli.stats_text import bar
from aligntui.core.ids import new_id
from aligntui.core.pair import Verdict
from tests.cli.conftest import Cli, InsideCli
from tests.cli.curated import judge, opened, rows, write_jsonl


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    return inside


@pytest.fixture
def judged(cli: Cli) -> Cli:
    """Forty verdicts of ann: the adapter wins 30 under one instruction; ten are asked again; bob and a judge follow."""
    plan = [
        (Verdict.RIGHT if n < 30 else Verdict.LEFT, {"blind": True, "tags": ("even",) if n % 2 else ()})
        for n in range(40)
    ]
    with opened(cli) as store:
        ids = judge(store, *plan, (Verdict.TIE, {}), (Verdict.BAD, {}), (Verdict.SKIP, {}))
        for number, pair_id in enumerate(ids[:10]):
            pair = store.get_pair(pair_id)
            swapped = {"left_id": pair.right_id, "right_id": pair.left_id}
            verdict = Verdict.LEFT if number < 8 else Verdict.RIGHT  # the same answer eight times, the other one twice
            again = replace(pair, id=new_id("pair"), verdict=verdict, repeat_of=pair_id, blind=True, **swapped)
            store.add_pair(again)
        for number, pair_id in enumerate(ids[:20]):
            pair = store.get_pair(pair_id)
            other = Verdict.LEFT if number < 5 else Verdict.RIGHT
            store.add_pair(replace(pair, id=new_id("pair"), verdict=other, annotator="bob"))
            store.add_pair(replace(pair, id=new_id("pair"), verdict=Verdict.RIGHT, annotator="judge:tiny"))
    return cli


def test_everything_as_json(judged: Cli) -> None:
    report = judged.json("pairs", "stats")
    assert (report["verdicts"], report["imported"]) == (43 + 10 + 20 + 20, 0)
    ann, bob, judge_ = report["annotators"]
    assert (ann["annotator"], bob["annotator"], judge_["annotator"]) == ("ann", "bob", "judge:tiny")
    assert (ann["self_agreement"]["same"]["k"], ann["self_agreement"]["same"]["n"]) == (8, 10)
    assert ann["self_agreement"]["same"]["low"] < 0.8 < ann["self_agreement"]["same"]["high"]
    assert (ann["position"]["left"]["k"], ann["position"]["left"]["n"]) == (10 + 8, 50)
    [pair] = report["agreement"]
    assert (pair["first"], pair["second"], pair["same"]["k"], pair["same"]["n"]) == ("ann", "bob", 15, 20)
    of_ann = next(one for one in report["judges"] if one["human"] == "ann")
    assert (of_ann["accuracy"]["rate"], of_ann["base_rate"]["rate"]) == (1.0, 1.0), "the base rate says it all"
    [side] = report["win_rates"]
    assert (side["side"], side["against"]) == ("demo", "base")
    assert (side["wins"], side["losses"], side["ties"], side["bad"]) == (30 + 15, 10 + 5, 1, 1)
    [group] = side["by_instruction"]["groups"]
    assert group["win_rate"]["wins"] == 45
    assert report["ratings"] is None, "two sides have a win rate and no ratings"


def test_every_figure_is_told_with_its_interval_and_chance(judged: Cli) -> None:
    told = judged.ok("pairs", "stats").out
    lines: dict[str, str] = {}
    for line in told.splitlines():
        lines.setdefault(line.strip().partition("  ")[0], line)  # ann comes first
    assert "80.0% [" in lines["says the same twice"] and "of 10, chance" in lines["says the same twice"]
    assert "36.0% [" in lines["takes the left answer"] and "of 50, chance 50%" in lines["takes the left answer"]
    assert "75.0% [" in lines["same verdict"]
    assert "base rate: always side B" in told
    assert "demo against base: 45 won, 15 lost, 1 tie, 1 both bad" in told
    assert "75.0% [" in lines["wins, decided verdicts"] and "█" in lines["wins, decided verdicts"]
    assert "demo wins over base: 75.0% of 60" in told
    assert "by instruction, p corrected by holm over 1" in told and "by tag" in told


def test_three_sides_are_rated(cli: Cli) -> None:
    plan = [(Verdict.RIGHT, {"adapters": (None, "demo")})] * 6 + [(Verdict.LEFT, {"adapters": (None, "demo")})] * 3
    plan += [(Verdict.RIGHT, {"adapters": ("demo", "kind")})] * 6 + [(Verdict.LEFT, {"adapters": ("demo", "kind")})] * 3
    with opened(cli) as store:
        judge(store, *plan)
    ratings = cli.json("pairs", "stats")["ratings"]
    assert [one["side"] for one in ratings["ratings"]] == ["kind", "demo", "base"]
    told = cli.ok("pairs", "stats").out
    assert "Bradley-Terry ratings" in told and told.index("  kind ") < told.index("  base  ")


def test_filters_and_nothing_to_say(judged: Cli, tmp_path: Path) -> None:
    assert judged.json("pairs", "stats", "--annotator", "bob")["verdicts"] == 20
    assert judged.json("pairs", "stats", "--tag", "even")["win_rates"][0]["by_tag"]["groups"][0]["group"] == "even"
    nobody = judged.ok("pairs", "stats", "--annotator", "nobody")
    assert nobody.out == "" and "no verdict over two sides" in nobody.err


def test_imported_verdicts_are_nobodys(cli: Cli, tmp_path: Path) -> None:
    cli.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(3)), "--no-token-counts")
    report = cli.json("pairs", "stats")
    assert (report["verdicts"], report["imported"], report["annotators"]) == (0, 3, [])
    assert "3 verdicts over imported answers left out" in cli.ok("pairs", "stats").err


@pytest.mark.parametrize(("share", "drawn"), [(0, "····"), (0.5, "██··"), (1, "████"), (0.28125, "█▏··")])
def test_bars(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn
