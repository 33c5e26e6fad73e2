"""A document as Markdown; what a model wrote stays text, whatever it looks like."""

from __future__ import annotations

import re

from aligntui.core.printable import one_line, printable
from aligntui.score.reporting.document import Document, Figure, Table

# marks of their own, entities, addresses and names that are linked, pictures by name
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$]|&(?=#?\w+;)|:(?=//|[\w+-]+:)|@(?=\w))")
# what begins a block where it stands at the head of a line: a heading, a list, a heading's underline, a number with a point
_BLOCK = re.compile(r"^([-=#+]|\d+(?=[.)]))")


def markdown(document: Document) -> str:
    """The whole document."""
    lines = [f"# {escaped(one_line(document.title))}"]
    for section in document.sections:
        lines += ["", f"## {escaped(one_line(section.title))}"]
        for part in section.parts:
            lines.append("")
            if isinstance(part, Table):
                lines += _table(part)
            elif isinstance(part, Figure):
                lines.append(f"![{escaped(part.alt)}]({part.file}.png)")
            else:
                lines.append(escaped(part))
    if document.commands:
        fence = "`" * (max([2, *(len(run) for command in document.commands for run in re.findall("`+", command))]) + 1)
        lines += ["", "## Made by", "", f"{fence}sh", *(one_line(command) for command in document.commands), fence]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A text that shows in Markdown as it is, on its lines; white space at the beginning of a line goes."""
    lines = (_SPECIAL.sub(r"\\\1", line.strip()) for line in printable(text).split("\n"))
    return "\n".join(_BLOCK.sub(_harmless, line) for line in lines)


def _harmless(found: re.Match[str]) -> str:
    # a digit cannot be escaped: what follows it is
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def _cell(text: str) -> str:
    return "<br>".join(_SPECIAL.sub(r"\\\1", line.strip()) for line in printable(text).strip().split("\n"))


def _table(table: Table) -> list[str]:
    lines = [escaped(table.caption), ""] if table.caption else []
    if not table.rows:
        return [*lines, "(nothing)"]
    rules = ["---:" if table.is_figures(at) else "---" for at in range(len(table.head))]
    lines.append(f"| {' | '.join(map(_cell, table.head))} |")
    lines.append(f"| {' | '.join(rules)} |")
    lines += [f"| {' | '.join(_cell(str(cell)) for cell in row)} |" for row in table.rows]
    return lines
