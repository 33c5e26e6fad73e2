"""`aligntui score --server`: a suite asked of servers, shared out among them, gone on with on another one."""

from __future__ import annotations

from tests.cli.conftest import InsideCli
from tests.cli.score_runs import track_a
from tests.openai_server import OpenAIServer

SHORT = ("--max-new-tokens", "6")


def test_a_suite_is_asked_of_two_servers(inside: InsideCli) -> None:
    with OpenAIServer() as one, OpenAIServer() as two:
        urls = ("--server", one.url, "--server", two.url, "--at-once", "2")
        told = inside.json("score", "tracka", "--prompts", track_a(inside.home), *SHORT, *urls)
    assert [column["name"] for column in told["columns"]] == ["base", "tiny-demo"]
    assert all(column["complete"] and column["coverage"]["used"] == 6 for column in told["columns"])
    assert one.questions() and two.questions(), "both have done something"


def test_what_a_lost_server_leaves_is_named_and_asked_of_another(inside: InsideCli) -> None:
    with OpenAIServer() as one:
        one.manners.die_after = 6
        words = ("score", "tracka", "--prompts", track_a(inside.home), *SHORT, "--server", one.url)
        broken = inside.run(*words)
    assert broken.code == 3 and "--server URL" in broken.err
    (run,) = inside.json("score", "list")
    assert 0 < run["done"] < run["cells"]
    with OpenAIServer() as two:
        whole = inside.json("score", "tracka", "--resume", run["id"], "--server", two.url)
    assert whole["run"]["done"] == run["cells"]


def test_local_weights_and_servers_exclude_each_other(inside: InsideCli) -> None:
    said = inside.refused("score", "tracka", "--server", "http://127.0.0.1:9/v1", "--model", "embedded")
    assert "--model is about a model that is loaded here" in said
    away = inside.refused("score", "tracka", "--limit", "1", "--server", "http://127.0.0.1:9/v1", code=3)
    assert "127.0.0.1:9 cannot be reached" in away
