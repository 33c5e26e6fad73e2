"""A report as HTML: no text becomes an element, an attribute or a script."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.printable import printable
from aligntui.score.reporting.document import Document, Figure, Section, Table, count
from aligntui.score.reporting.html import html

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "caption", "thead", "tbody", "tr", "th",
    "td", "img", "pre",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects elements, and texts by element."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data


def page(text: str) -> Reader:
    table = Table("t", ("head", text or "other"), ((text, "next"),), text, prose=True)
    return Reader(html(Document(text, (Section(text, (text, table, Figure("f", text))),), (text,))))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40) | st.text(st.sampled_from("<>&\"'/=ab \n"), max_size=30))
def test_texts_stay_texts(text: str) -> None:
    if text == "head":
        return
    reader = page(text)
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    shown = printable(text)
    assert reader.texts["td"] == [shown, "next"] and reader.texts["h1"] == [shown]
    (alt,) = [attributes["alt"] for tag, attributes in reader.tags if tag == "img"]
    assert alt == shown


@pytest.mark.parametrize("text", ['"><script>alert(1)</script>', "' onerror='x", "</style><b>", "<!-- ", "&lt;"])
def test_hostile_texts(text: str) -> None:
    reader = page(text)
    assert reader.texts["td"][0] == text
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)


def test_figures_stand_at_the_right_and_pictures_are_named() -> None:
    table = Table("t", ("side", "answers"), (("base", count(1200)),))
    reader = Reader(html(Document("t", (Section("s", (table, Figure("rates", "Rates"))),))))
    assert [(tag, a) for tag, a in reader.tags if tag in ("td", "th")] == [
        ("th", {}), ("th", {"class": "n"}), ("td", {}), ("td", {"class": "n"}),
    ]  # fmt: skip
    assert ("img", {"src": "rates.svg", "alt": "Rates"}) in reader.tags
    assert "http" not in html(Document("t", ())), "the page asks nobody for anything"
