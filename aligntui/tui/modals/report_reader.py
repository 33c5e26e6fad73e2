"""A report to read, laid out anew for the width that there is."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from aligntui.core.printable import one_line
from aligntui.score.reporting.document import Document
from aligntui.score.reporting.text import text_lines
from aligntui.tui.modals.readers import Reader, TextScroll
from aligntui.tui.modals.reading import ReadingText


class ReportReader(Reader):
    """A report in a scroll."""

    HELP = (
        "**A report.** Every rate stands with its 95% interval and chance. It scrolls with the keys of a list; `Esc`, `q` and "
        "`Enter` close it. The same with figures, all answers and all cases is written by {key:runs.export} on the screen below."
    )
    CSS = """
    ReportReader > .dialog-box { width: 96%; max-width: 130; max-height: 96%; }
    ReportReader VerticalScroll { max-height: 76vh; }
    """

    def __init__(self, title: str, document: Document) -> None:
        super().__init__(one_line(title, 90), ())
        self._document = document

    def compose(self) -> ComposeResult:
        """The report in a scroll."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(self._title)
            with TextScroll():
                yield ReportText(self._document)
            yield self.hint()


class ReportText(ReadingText):
    """A report as lines of the width that there is."""

    def __init__(self, document: Document) -> None:
        super().__init__(())
        self._document = document
        self._drawn: tuple[int, Content] = (-1, Content(""))

    def _at(self, width: int) -> Content:
        if self._drawn[0] != width:
            self._drawn = (width, Content("\n".join(text_lines(self._document, width))))
        return self._drawn[1]
