"""`aligntui pairs list|tag|delete|restore`: filters, orders, pages, and changes that can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.cli.pairs_list import SORTS
from aligntui.core.pair import Verdict
from aligntui.store import PairSort
from tests.cli.conftest import Cli, InsideCli
from tests.cli.curated import judge, opened, rows, write_jsonl


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    return inside


@pytest.fixture
def listed(cli: Cli, tmp_path: Path) -> dict[str, str]:
    """Judged and imported pairs by a name."""
    with opened(cli) as store:
        left, tie, other = judge(
            store,
            (Verdict.LEFT, {"prompt": "What of rivers?", "tags": ("wet",)}),
            (Verdict.TIE, {"instruction": ""}),
            (Verdict.RIGHT, {"adapters": ("demo", "kind"), "annotator": "bob"}),
        )
    cli.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(1)))
    [imported] = (row["id"] for row in cli.json("pairs", "list", "--imported"))
    return {"left": left, "tie": tie, "other": other, "imported": imported}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), "imported other tie left"),
        (("--sort", "oldest"), "left tie other imported"),
        (("--text", "RIVERS"), "left"),
        (("--tag", "wet"), "left"),
        (("--side", "kind"), "other"),
        (("--side", "demo"), "other tie left"),
        (("--annotator", "bob"), "other"),
        (("--verdict", "tie"), "tie"),
        (("--verdict", "tie", "--verdict", "right"), "other tie"),
        (("--instruction", "none"), "imported tie"),
        (("--imported",), "imported"),
        (("--judged",), "other tie left"),
        (("--since", "2000-01-01", "--until", "2000-12-31"), ""),
        (("--since", "2000-01-01", "--judged", "--verdict", "left"), "left"),
        (("--session", "judged"), "other tie left"),
        (("--limit", "2", "--offset", "1"), "other tie"),
        (("--offset", "9"), ""),
        (("--tag", "nothing"), ""),
    ],
)
def test_filters(cli: Cli, listed: dict[str, str], words: tuple[str, ...], names: str) -> None:
    assert [row["id"] for row in cli.json("pairs", "list", *words)] == [listed[name] for name in names.split()]


def test_the_total_is_said(cli: Cli, listed: dict[str, str]) -> None:
    assert (
        "2 to 3 of 4 pairs; --limit and --offset show others"
        in cli.ok("pairs", "list", "--limit", "2", "--offset", "1").err
    )
    assert "none of 4 pairs" in cli.ok("pairs", "list", "--offset", "9").err
    assert cli.ok("pairs", "list").err == ""
    nothing = cli.ok("pairs", "list", "--tag", "nothing")
    assert (nothing.out, nothing.err) == ("", "There is no such pair.\n")


def test_the_orders_are_those_of_the_store() -> None:
    assert {word.replace("-", "_") for word in SORTS} == set(PairSort)


def test_json_has_the_pair_and_its_line(cli: Cli, listed: dict[str, str]) -> None:
    [row] = cli.json("pairs", "list", "--verdict", "right")
    assert (row["left_side"], row["right_side"], row["chosen"], row["rejected"]) == (
        "demo",
        "kind",
        "Adapter 2",
        "Base 2",
    )
    assert row["chosen_id"] == row["right_id"] and row["session_name"] == "judged" and row["imported"] is False


def test_delete_and_restore(cli: Cli, listed: dict[str, str]) -> None:
    both = [listed["left"], listed["tie"]]
    assert cli.json("pairs", "delete", *both) == {"deleted": both}
    assert cli.json("pairs", "delete", *both) == {"deleted": []}
    assert [row["id"] for row in cli.json("pairs", "list", "--deleted")] == both[::-1]
    assert len(cli.json("pairs", "list", "--undone")) == 4 and len(cli.json("pairs", "list")) == 2
    assert "exclude each other" in cli.refused("pairs", "list", "--deleted", "--undone")
    assert "There is no pair 'pair_x'" in cli.refused("pairs", "restore", listed["left"], "pair_x")
    assert len(cli.json("pairs", "list")) == 2, "all or none"
    restored = cli.ok("pairs", "restore", *both)
    assert restored.out.split() == both and "2 pairs restored" in restored.err


def test_tags(cli: Cli, listed: dict[str, str]) -> None:
    left = listed["left"]
    assert "no tag to give" in cli.refused("pairs", "tag", left)
    assert cli.json("pairs", "tag", left, listed["tie"], "--add", "dry", "--remove", "wet") == {
        "tagged": [left, listed["tie"]]
    }
    assert [row["tags"] for row in cli.json("pairs", "list", "--tag", "dry")] == [["dry"], ["dry"]]
    assert cli.json("pairs", "tag", left, "--add", "dry") == {"tagged": []}


def test_ids_from_standard_input(talked: Cli, tmp_path: Path) -> None:
    talked.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(2, first=70)), "--no-token-counts")
    ids = [row["id"] for row in talked.json("pairs", "list", "--imported", "--text", "7")]
    assert talked.ok("pairs", "delete", "-", stdin="\n".join(ids) + "\n").out.split() == ids
    assert "no id on standard input" in talked.refused("pairs", "restore", "-", stdin="\n")
