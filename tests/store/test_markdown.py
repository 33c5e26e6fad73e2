from __future__ import annotations

import re
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Finish, Session
from aligntui.store import Store
from aligntui.store.markdown import code_span, escaped, export_session, fenced, markdown
from aligntui.store.tree import PAGE
from tests.store.builders import (
    ask,
    both,
    chain,
    import_all,
    make_answer,
    make_conditions,
    make_pair,
    make_record,
)

HOSTILE = (
    "```\n# Not a heading\n````\n<script>alert(1)</script>\n\x1b[31mred\x1b]52;c;AAAA\x07 \u202e\tTab\r\n~~~~\n`````"
)


def document(store: Store, session: Session) -> str:
    return "".join(markdown(store, store.get_session(session.id)))


def outside_fences(text: str) -> str:
    """What Markdown reads as markup; the rules of CommonMark for fences."""
    kept, fence = [], ""
    for line in text.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if not fence and found:
            fence = found.group(1)
        elif fence and re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}\s*", line):
            fence = ""
        elif not fence:
            kept.append(line)
    assert not fence, "a block was left open"
    return "\n".join(kept)


def test_a_session_reads_as_it_went(store: Store, session: Session) -> None:
    takes = chain(store, session, 2)
    store.add_pair(make_pair(*takes[1], Verdict.RIGHT, blind=True, reason="warmer", tags=("tone",)))
    store.undo_pair(store.add_pair(make_pair(*takes[0], Verdict.TIE)).id)
    text = document(store, session)
    headings = [line for line in outside_fences(text).split("\n") if line.startswith("#")]
    assert headings == [
        "# First",
        "## 1. Prompt",
        "### Take 1.1",
        "#### 1.1a base",
        "#### 1.1b demo",
        "## 2. Prompt",
        "### Take 2.1",
        "#### 2.1a base",
        "#### 2.1b demo",
    ]
    assert "begins a conversation" in text
    assert "continues 1.1a and 1.1b" in text
    assert "Instruction, mode system:\n\n```text\nBe concise.\n```" in text
    assert "Finish stop; seed 7, temperature 0.7, top-p 0.95, at most 256 tokens, 3 tokens" in text
    assert "- 2.1b better than 2.1a (by ann, " in text
    assert "scope conversation, blind, tags `tone`): warmer" in text
    assert re.search(r"- 1\.1a and 1\.1b tie .*\*\*undone\*\*", text)


def test_model_text_cannot_break_the_document(store: Store, session: Session) -> None:
    name = "# `x` [link](http://e) <b> *"
    store.rename_session(session.id, name)
    prompt = ask(store, session, HOSTILE)[0]
    answer = store.add_answer(
        make_answer(
            prompt,
            HOSTILE,
            conditions=make_conditions(
                instruction=HOSTILE, adapter="a`b\n# c", model="``m\x1b[0m", engine="<e>", device="`"
            ),
            instruction_label="*l*",
        )
    )
    other = store.add_answer(make_answer(prompt, "", 1, finish=Finish.CANCELLED))
    store.add_pair(make_pair(answer, other, annotator="<a>", reason="# r\n```\n", tags=("`t`", "")))
    text = document(store, session)
    markup = outside_fences(text)
    assert [line for line in markup.split("\n") if line.startswith("#")] == [
        "# " + escaped(name),
        "## 1. Prompt",
        "### Take 1.1",
        "#### 1.1a a\\`b \\# c",
        "#### 1.1b demo",
    ]
    assert "<script>" not in markup and "<b>" not in markup and "<a>" not in markup
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "\tTab" in text
    assert "Finish cancelled (partial)" in text


@pytest.mark.parametrize("text", ["", "`", "```", "a``b", " ", "`" * 50, HOSTILE, "line\n```\n"])
def test_fences_and_spans_hold(text: str) -> None:
    block = fenced(text)
    first, *_, last = block.rstrip("\n").split("\n")
    assert outside_fences(block).strip() == ""
    assert first == f"{last}text"
    span = code_span(text)
    ticks = re.match("`+", span)
    assert ticks and span.endswith(ticks.group()) and "\n" not in span
    assert ticks.group() not in re.findall("`+", span[len(ticks.group()) : -len(ticks.group())])


def test_edits_branches_and_verdicts_across_takes(store: Store, session: Session) -> None:
    root = ask(store, session, "Root")
    first = both(store, root)
    edited = store.add_answer(
        make_answer(root[0], "Edited", take_id="take_2", finish=Finish.EDITED, edited_from=first[1].id)
    )
    both(store, ask(store, session, "Branch one", (first[0].id,)))
    late = both(store, ask(store, session, "Branch two", (edited.id,)))
    store.add_pair(make_pair(edited, first[1]))
    store.add_pair(make_pair(first[0], late[0], Verdict.RIGHT))
    text = document(store, session)
    assert "Finish edited, edited from 1.1b;" in text
    assert "continues 1.2a" in text
    assert text.count("1.2a better than 1.1b") == 1
    assert text.count("3.1a better than 1.1a") == 1
    assert text.index("3.1a better than 1.1a") > text.index("## 3. Prompt")


def test_a_long_session_streams_in_pages(store: Store, session: Session) -> None:
    with store.connection.write():
        chain(store, session, 2 * PAGE + 1)
    text = document(store, session)
    assert re.findall(r"^## (\d+)\. Prompt$", text, re.MULTILINE) == [str(n) for n in range(1, 2 * PAGE + 2)]
    assert f"continues {2 * PAGE}.1a and {2 * PAGE}.1b" in text


def test_an_empty_session(store: Store, session: Session) -> None:
    assert document(store, session).startswith("# First\n")


def test_to_a_file(store: Store, session: Session, tmp_path: Path) -> None:
    both(store, ask(store, session, "天気"))
    target = tmp_path / "new" / "session.md"
    export_session(store, session.id, target)
    assert target.read_text("utf-8") == document(store, session)
    assert [one.name for one in target.parent.iterdir()] == ["session.md"]
    export_session(store, session.id, target)
    for wrong in (tmp_path, target / "below.md", Path("/dev/null"), tmp_path / ("n" * 300)):
        with pytest.raises(UserError) as caught:
            export_session(store, session.id, wrong)
        assert caught.value.hint


def test_an_import_reads_as_what_it_is(store: Store) -> None:
    pair, _ = import_all(store, make_record(instruction="Be kind.", mode=Mode.ITA), make_record("Q", "Only.", None))
    text = document(store, store.get_session(pair.session_id))
    headings = [line for line in outside_fences(text).split("\n") if line.startswith("####")]
    assert headings == ["#### 1.1a", "#### 1.1b", "#### 2.1a"], "nobody knows the sides"
    assert "Finish imported; nothing is known of how it was made." in text
    assert "seed" not in text
    assert "- 1.1a better than 1.1b (by ann, " in text
    assert "- 2.1a given as a good answer (by ann, " in text
