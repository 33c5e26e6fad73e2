"""`aligntui sessions`: listed, shown, searched, renamed, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Answer, Finish
from aligntui.store import open_store
from tests.cli.conftest import Cli, InsideCli
from tests.cli.fake_turns import conditions


def inside(cli: Cli) -> InsideCli:
    return InsideCli(cli.home, cli.workspace)


def test_list(talked: Cli) -> None:
    found = talked.json("sessions", "list")
    assert [session["name"] for session in found] == ["alone", "What makes bread rise?"]
    assert [session["turn_count"] for session in found] == [2, 7]
    shown = talked.ok("sessions", "list").out
    assert shown.split("\n")[0].split() == ["session", "used", "(UTC)", "messages", "verdicts", "name"]
    assert found[1]["id"] in shown and "What makes bread rise?" in shown
    assert [s["name"] for s in inside(talked).json("sessions", "list", "--name", "BREAD")] == ["What makes bread rise?"]
    assert len(inside(talked).json("sessions", "list", "--limit", "1")) == 1


def test_show_has_the_ids_that_pairs_add_takes(talked: Cli) -> None:
    tree = talked.json("sessions", "show", "What makes bread rise?")
    assert set(tree) == {"session", "exchanges", "pairs"}
    first, second = tree["exchanges"]
    assert (first["text"], second["text"]) == ("What makes bread rise?", "And cake?")
    answer = first["takes"][0]["answers"][1]
    assert answer["side"] == "polite" and answer["conditions"]["adapter"] == "polite"
    assert len(answer["token_ids"]) == len(answer["logprobs"])
    shown = talked.ok("sessions", "show", tree["session"]["id"]).out
    assert shown.split("\n")[1].startswith("2 prompts, 4 answers, 0 verdicts, used 2")
    assert inside(talked).ok("sessions", "show", "alone").out.split("\n")[1].startswith("1 prompt, 1 answer, ")
    for part in (
        first["id"],
        first["prompts"][0]["id"],
        first["takes"][0]["id"],
        answer["id"],
        answer["text"],
        "concise/2 (system)",
        "“Be kind.”",
    ):
        assert part in shown


def test_the_whole_tree_is_shown_with_its_branches(cli: Cli) -> None:
    with open_store(Workspace(cli.workspace).database) as store:
        session = store.create_session("tree")
        roots = [_exchange(store, session.id, [None], f"root {n}") for n in range(2)]
        below = [_exchange(store, session.id, roots[0], f"below {n}") for n in range(3)]
        _exchange(store, session.id, below[1], "leaf")
    tree = inside(cli).json("sessions", "show", "tree")
    assert [e["text"] for e in tree["exchanges"]] == ["root 0", "root 1", "below 0", "below 1", "below 2", "leaf"]
    assert sorted(tree["exchanges"][5]["parents"]) == sorted(below[1])
    empty = InsideCli(cli.home, cli.workspace)
    with open_store(Workspace(cli.workspace).database) as store:
        store.create_session("nothing yet")
    assert empty.json("sessions", "show", "nothing yet")["exchanges"] == []


def test_no_text_of_a_session_takes_a_second_line_or_drives_the_terminal(cli: Cli) -> None:
    nasty = "one\x1b[2J\n  \u202efake"
    with open_store(Workspace(cli.workspace).database) as store:
        session = store.create_session(f"name {nasty}")
        _exchange(store, session.id, [None], "Hello", adapter=nasty)
        [[left, right]] = [take.answers for exchange in store.exchanges(session.id) for take in exchange.takes]
        store.add_pair(
            Pair(
                new_id("pair"), session.id, left.id, right.id, Verdict.LEFT, Scope.ANSWER, False, False,
                f"by {nasty}", now_utc(), reason=nasty,
            )
        )  # fmt: skip
    own = inside(cli)
    for words in (
        ("sessions", "show", session.id),
        ("sessions", "list"),
        ("sessions", "rename", session.id, f"name {nasty}"),
        ("sessions", "export", session.id),
        ("pairs", "list"),
    ):
        out = own.ok(*words).out
        assert "fake" in out and "\x1b" not in out and "\u202e" not in out, words
        assert not any(line.split()[:1] == ["�fake"] for line in out.split("\n")), words


def _exchange(
    store: Any, session_id: str, parents: list[str | None], text: str, adapter: str | None = None
) -> list[str]:
    prompts = store.add_prompts(session_id, parents, new_id("exchange"), text)
    take = new_id("take")
    answers = [
        Answer(
            id=new_id("turn"), session_id=session_id, parent_id=prompts[column % len(prompts)].id, take_id=take, column=column,
            text=f"{text}, answer {column}", finish=Finish.STOP, created_at=now_utc(), conditions=conditions(adapter=adapter),
        )
        for column in range(2)
    ]  # fmt: skip
    store.add_answers(answers)
    return [answer.id for answer in answers]


def test_search_finds_prompts_answers_and_instructions(talked: Cli) -> None:
    [hit] = talked.json("sessions", "search", "makes bread")
    assert hit["role"] == "prompt" and hit["session_name"] == "What makes bread rise?"
    assert hit["turn_id"] in talked.ok("sessions", "search", "makes bread").out
    [under] = inside(talked).json("sessions", "search", "skip greetings")
    assert under["in_instruction"] and under["role"] == "answer"
    assert inside(talked).json("sessions", "search", "makes bread", "--session", "alone") == []
    nothing = inside(talked).ok("sessions", "search", "zebra")
    assert nothing.out == "" and "Nothing" in nothing.err


def test_rename_and_unknown_sessions(cli: Cli) -> None:
    session = cli.json("chat", "--prompt", "Hello there", "--no-adapter")["session"]
    assert cli.json("sessions", "rename", session, "Greetings  again")["name"] == "Greetings again"
    assert "Greetings again" in cli.ok("sessions", "rename", "Greetings again", "Greetings again").out
    for words in (["show", "x"], ["rename", "x", "y"], ["export", "x"], ["search", "x", "--session", "x"]):
        assert "no session 'x'" in inside(cli).refused("sessions", *words)
    assert "needs a name" in inside(cli).refused("sessions", "rename", session, " ")
    assert "no session" in inside(cli).refused("chat", "--prompt", "x", "--no-adapter", "--session", "x")


def test_export(talked: Cli, tmp_path: Path) -> None:
    document = talked.ok("sessions", "export", "What makes bread rise?").out
    assert document.startswith("# What makes bread rise")
    assert "And cake?" in document and "polite" in document
    out = tmp_path / "session.md"
    result = talked.ok("sessions", "export", "What makes bread rise?", "--out", str(out))
    assert result.out == "" and str(out) in result.err
    assert out.read_text("utf-8") == document
    assert out.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert inside(talked).json("sessions", "export", "What makes bread rise?")["markdown"] == document
    (tmp_path / "file").write_text("x")
    for wrong in (tmp_path / "file" / "x.md", tmp_path, Path("/dev/null")):
        said = inside(talked).refused("sessions", "export", "alone", "--out", str(wrong))
        assert f"{wrong} cannot be written" in said


def test_an_export_replaces_no_file_and_makes_no_folder_unless_told(talked: Cli, tmp_path: Path) -> None:
    cli, out = inside(talked), tmp_path / "session.md"
    words = ("sessions", "export", "What makes bread rise?", "--out")
    out.write_text("my own notes")
    for more in ((), ("--json",)):
        assert f"{out} is there already and was left as it is." in cli.refused(*words, str(out), *more)
    assert out.read_text() == "my own notes"
    result = cli.ok(*words, str(out), "--force")
    assert "in place of the earlier file" in result.err and out.read_text().startswith("# What makes bread rise")
    said = cli.refused(*words, str(tmp_path / "new" / "session.md"), "--force")
    assert f"there is no folder {tmp_path / 'new'}." in said and not (tmp_path / "new").exists()
    assert "cannot be written" in cli.refused(*words, str(tmp_path / ("x" * 300)))


def umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("words", [("sessions", "list"), ("sessions", "search", "x"), ("pairs", "list")])
def test_an_empty_workspace_has_nothing_and_says_so(cli: Cli, words: tuple[str, ...]) -> None:
    assert inside(cli).json(*words) == []
    result = inside(cli).ok(*words)
    assert result.out == "" and result.err
