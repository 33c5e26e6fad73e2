"""Answers on stdout while they are written: side after side, although all are made at once."""

from __future__ import annotations

from aligntui.cli import output
from aligntui.core.printable import one_line, printable
from aligntui.workbench.chat_state import AnswerState, Take


class AnswerStream:
    """Prints the leftmost answer that has not ended as it grows, and the next one when it has."""

    def __init__(self) -> None:
        self._printed: dict[str, str] = {}
        self._ended: set[str] = set()

    def show(self, take: Take) -> None:
        """Print what is new.

        Raises:
            ReaderLeft: nobody reads it.
        """
        answers = take.answers()
        for answer in answers:
            if answer.id in self._ended:
                continue
            # what failed or was stopped before its first word leaves nothing behind, not even a heading
            if answer.text or (answer.finish and not answer.finish.partial):
                self._show(answer, heading=len(answers) > 1)
            if answer.live:
                return
            self._ended.add(answer.id)
            if answer.id in self._printed:
                output.raw("\n")

    def _show(self, answer: AnswerState, *, heading: bool) -> None:
        if answer.id not in self._printed:
            lead = "\n" if self._printed else ""
            output.raw(f"{lead}[{one_line(answer.side)}]\n" if heading else "")
            self._printed[answer.id] = ""
        # what is printable of a beginning is a beginning of what is printable, but for a carriage return at its end
        text = printable(answer.text.removesuffix("\r") if answer.live else answer.text)
        printed = self._printed[answer.id]
        if text.startswith(printed) and text != printed:
            output.raw(text[len(printed) :])
            self._printed[answer.id] = text
