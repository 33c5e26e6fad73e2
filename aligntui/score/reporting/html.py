"""A document as one HTML page without scripts; what a model wrote stays text."""

from __future__ import annotations

from html import escape

from aligntui.core.printable import printable
from aligntui.score.reporting.document import Document, Figure, Table

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2em; }
table { border-collapse: collapse; margin: .8em 0; } caption { text-align: left; opacity: .75; padding: .3em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #8884; text-align: left; vertical-align: top; }
th { white-space: nowrap; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.prose td { white-space: pre-wrap; min-width: 12rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } img { max-width: 100%; background: #fff; } pre { background: #8882; padding: .8em; overflow-x: auto; }
"""


def html(document: Document) -> str:
    """The whole page."""
    body = [f"<h1>{_text(document.title)}</h1>"]
    for section in document.sections:
        body.append(f"<h2>{_text(section.title)}</h2>")
        for part in section.parts:
            if isinstance(part, Table):
                body.append(_table(part))
            elif isinstance(part, Figure):
                body.append(f'<p><img src="{_text(part.file)}.svg" alt="{_text(part.alt)}"></p>')
            else:
                body += [f"<p>{_text(line)}</p>" for line in part.split("\n") if line.strip()]
    if document.commands:
        commands = "\n".join(map(_text, document.commands))
        body.append(f"<h2>Made by</h2>\n<pre>{commands}</pre>")
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">\n<title>{_text(document.title)}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _table(table: Table) -> str:
    caption = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    figures = [' class="n"' if table.is_figures(at) else "" for at in range(len(table.head))]
    head = "".join(f"<th{kind}>{_text(cell)}</th>" for cell, kind in zip(table.head, figures, strict=True))
    rows = "\n".join(
        f"<tr>{''.join(f'<td{kind}>{_text(str(cell))}</td>' for cell, kind in zip(row, figures, strict=True))}</tr>"
        for row in table.rows
    )
    kind = "prose" if table.prose else "figures"
    return f'<div class="wide"><table class="{kind}">{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
