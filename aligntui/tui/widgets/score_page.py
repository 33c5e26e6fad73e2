"""Parts of the results screen: the views by number, and the page that holds a text or the answers to a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from aligntui.tui import score_rows
from aligntui.tui.screens.statistics import SectionScroll
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.scoring.drill import DrillRow, Failure


class ResultTabs(Static):
    """The views by number, and the reading; a click opens one.

    Args:
        names: of all views, by word; the number of each is its place.
    """

    DEFAULT_CSS = "ResultTabs { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Picked(Message):
        """A view was clicked."""

        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__("", markup=False)
        self._names = names
        self._zones: list[tuple[int, str]] = []

    def show(self, views: Sequence[str], view: str, rest: str) -> None:
        """Draw those that there are with one marked, which shows without colour, too."""
        numbers = {name: number for number, name in enumerate(self._names, 1)}
        parts = [
            Content.assemble(
                (f"{numbers[name]} ", "bold $text-accent"),
                (self._names[name], "bold reverse" if name == view else MUTED),
            )
            for name in views
        ]
        ends = [sum(part.cell_length + 2 for part in parts[: place + 1]) for place in range(len(parts))]
        self._zones = list(zip(ends, views, strict=True))
        self.update(Content.assemble(Content("  ").join(parts), "  ", (rest, "bold $text-primary")))

    def on_click(self, event: Click) -> None:
        """Open the view under the pointer."""
        view = next((name for end, name in self._zones if event.x - 1 < end), None)
        if view is not None:
            self.post_message(self.Picked(view))


class ResultPage(SectionScroll):
    """A text, or a prompt with the answers of one column or of two; these stand side by side with the class `-beside`."""

    DEFAULT_CSS = """
    ResultPage { padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    ResultPage Horizontal { height: auto; layout: vertical; }
    ResultPage Horizontal Static { width: 1fr; height: auto; margin: 1 0 0 0; }
    ResultPage.-beside Horizontal { layout: horizontal; }
    ResultPage.-beside #second { margin: 1 0 0 2; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, can_focus=True)

    def compose(self) -> ComposeResult:
        """The text; below it the answers."""
        yield Static("", id="text", markup=False)
        with Horizontal():
            yield Static("", id="first", markup=False)
            yield Static("", id="second", markup=False)

    @property
    def room(self) -> int:
        """Cells of a line; 0 before it was laid out."""
        return self.scrollable_content_region.width

    def show_text(self, text: Content) -> None:
        """Show a text alone."""
        self.query_one(Horizontal).display = False
        self.query_one("#text", Static).update(text)

    def show_prompt(
        self, row: DrillRow, names: Sequence[str], reasons: Sequence[Sequence[Failure]] | None, *, judged: bool
    ) -> None:
        """Show a prompt with its answers.

        Args:
            row: the prompt.
            names: of its columns.
            reasons: why each answer failed; None while that is worked out.
            judged: whether the suite has verdicts at all.
        """
        answers = self.query_one(Horizontal)
        answers.display = True
        self.query_one("#text", Static).update(score_rows.prompt_text(row, names))
        blocks = list(answers.query(Static))
        blocks[1].display = len(row.answers) > 1
        for place, answer in enumerate(row.answers):
            passed = row.passed[place]
            failed = () if passed is not False else None if reasons is None else reasons[place]
            blocks[place].update(score_rows.answer_text(names[place], answer, passed, failed, judged=judged))
