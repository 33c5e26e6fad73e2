"""`aligntui switch run --server`: a grid asked of a server, gone on with, measured."""

from __future__ import annotations

from tests.cli.conftest import InsideCli
from tests.openai_server import OpenAIServer

SMALL = ("--sample", "2", "--instructions", "concise,creative", "--no-noise", "--max-new-tokens", "6")


def test_a_run_is_asked_of_a_server_and_measured(inside: InsideCli) -> None:
    with OpenAIServer() as server:
        told = inside.json("switch", "run", *SMALL, "--server", server.url)
    assert told["done"] == told["cells"] > 0 and not told["missing"]
    report = inside.json("switch", "report", told["run"])
    assert [row["side"] for row in report["sides"]] == ["base", "tiny-demo"]
    assert "does not tell, by server:" in inside.ok("switch", "report", told["run"]).out


def test_a_lost_server_leaves_a_run_that_another_goes_on_with(inside: InsideCli) -> None:
    with OpenAIServer() as one:
        one.manners.die_after = 5
        broken = inside.run("switch", "run", *SMALL, "--server", one.url, "--json")
    assert broken.code == 3, broken.err
    (run,) = inside.json("switch", "list")
    assert 0 < run["done"] < run["cells"] and f"aligntui switch run --resume {run['id']} --server URL" in broken.err
    assert "begun on servers" in inside.refused("switch", "run", "--resume", run["id"])
    with OpenAIServer() as two:
        whole = inside.json("switch", "run", "--resume", run["id"], "--server", two.url)
    assert whole["done"] == whole["cells"]
