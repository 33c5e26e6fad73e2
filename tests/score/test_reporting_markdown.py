"""A report as Markdown: a reader sees the characters that a model wrote, whatever they would mean to Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aligntui.core.printable import printable
from aligntui.score.reporting.document import Document, Figure, Section, Table, count
from aligntui.score.reporting.markdown import escaped, markdown

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = (
    "| a | b |", "<script>alert(1)</script>", "`code` and ```fence```", "# no heading", "1. no list", "12) nor this",
    "- nor this", "+ or this", "=====", "---", "> no quote", "[a](http://x) ![b](y)", "*a* _b_ **c** __d__ ~~e~~",
    "&amp; &#65;", "a\\|b\\", "$x$", "two\nlines\n\nand a third", "    indented", "\\", "<!-- c", "a  \nb", ":---|", "***",
    "https://example.org :smile: @somebody", "_a__b_c_", "\x1b[31mred\x07", "日本語", "<b>bold</b>",
)  # fmt: skip


def visible(source: str) -> str:
    """What a reader sees, without white space at the ends of lines."""
    out: list[str] = []
    for token in READER.parse(source):
        assert token.type in ("paragraph_open", "paragraph_close", "inline"), token.type
        for child in token.children or []:
            assert child.type in ("text", "softbreak", "text_special"), (child.type, child.content)
            out.append("\n" if child.type == "softbreak" else child.content)
        if token.type == "paragraph_close":
            out.append("\n")
    return folded("".join(out))


def folded(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.split())


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab 1.)-+=#*_~`[]()<>|\\!&;:@$/\n\tamp"), max_size=30))
@example("1.")
@example("\\")
def test_a_paragraph_shows_as_it_is(text: str) -> None:
    assert visible(escaped(text)) == folded(printable(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_paragraphs_show_as_they_are(text: str) -> None:
    assert visible(escaped(text)) == folded(printable(text))


def cells(source: str) -> list[list[str]]:
    """The table of a document as a reader sees it."""
    rows: list[list[str]] = []
    for token in READER.parse(source):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows:
            for child in token.children or []:
                assert child.type in ("text", "text_special", "html_inline"), child.type
                assert child.type != "html_inline" or child.content == "<br>"
            rows[-1].append("".join("\n" if c.type == "html_inline" else c.content for c in token.children or []))
    return rows


def in_table(text: str) -> str:
    table = Table("answers", ("prompt", "answer"), ((text, "next"),), prose=True)
    head, row = cells(markdown(Document("t", (Section("s", (table,)),))))
    assert head == ["prompt", "answer"] and row[1] == "next"
    return row[0]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab 1.)-+=#*_~`[]()<>|\\!&;:@$/\n\tamp"), max_size=30))
def test_a_cell_shows_as_it_is(text: str) -> None:
    assert folded(in_table(text)) == folded(printable(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cells_show_as_they_are(text: str) -> None:
    assert folded(in_table(text)) == folded(printable(text))


def test_the_whole_document() -> None:
    table = Table("n", ("side", "answers"), (("base", count(3)),), "How many.")
    found = Document(
        "A *report*", (Section("First", ("Words.", table, Figure("f", "a [picture]"))),), ("run --x 'a b'",)
    )
    assert markdown(found) == (
        "# A \\*report\\*\n\n## First\n\nWords.\n\nHow many.\n\n| side | answers |\n| --- | ---: |\n| base | 3 |\n\n"
        "![a \\[picture\\]](f.png)\n\n## Made by\n\n```sh\nrun --x 'a b'\n```\n"
    )


def test_a_command_cannot_leave_its_fence() -> None:
    source = markdown(Document("t", (), ("run --name 'a```\n# b'",)))
    (fence,) = [token for token in READER.parse(source) if token.type == "fence"]
    assert fence.content == "run --name 'a``` # b'\n" and re.search(r"^````sh$", source, re.MULTILINE)


def test_a_title_of_several_lines_stays_one() -> None:
    assert markdown(Document("a\n# b", ())).splitlines() == ["# a # b"]
