"""The first batch as it is fed, in the terminal: what is trained stands apart from what is masked, with and without colour."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from aligntui.cli import output
from aligntui.core.printable import printable

_MARKS = {True: "trained | ", False: "masked  | "}
_GREEN, _DIM, _OFF = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def show_preview(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print what `--preview` of the training process said."""
    if as_json:
        output.json_data(rows)
        return
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for row in rows:
        if row.get("kind") == "batch":
            output.data("\n".join(_head(row)))
        elif row.get("kind") == "sequence":
            output.data("")
            for line in sequence_lines(row):
                shown = printable(line)
                colour = _GREEN if line.startswith(_MARKS[True]) else _DIM
                # the codes are ours, so they are added behind the cleaning and not before it
                output.raw(f"{colour}{shown}{_OFF}\n" if coloured and line[:10] in _MARKS.values() else f"{shown}\n")


def sequence_lines(row: dict[str, Any]) -> Iterator[str]:
    """One sequence: its counts, then every run of tokens that is trained or masked, line by line."""
    trained, tokens = row["trained"], row["tokens"]
    cut = ", cut at the training length" if row.get("truncated") else ""
    yield f"{row['id']} {row['side']}: {len(tokens):,} tokens, {sum(trained):,} of them trained{cut}"
    for is_trained, group in groupby(zip(trained, tokens, strict=True), key=lambda pair: pair[0]):
        text = "".join(token for _, token in group)
        for line in text.split("\n"):
            yield _MARKS[is_trained] + line


def _head(row: dict[str, Any]) -> Iterator[str]:
    yield f"method      {row['method']}, prompts as {row['format']}, template {str(row.get('template_sha256'))[:12]}"
    yield f"records     {row['records']:,}, of which the first step sees {row['in_batch']:,}"
    yield f"tokens      {row['tokens']:,} an epoch, {row['trained_tokens']:,} of them trained"
    yield f"longest     {row['longest']:,} tokens; {row['length']:,} are kept, the context holds {row['context']:,}"
    yield f"truncated   {row['truncated']:,} records lost the end of an answer"
    yield f"dropped     {row['dropped']:,} records whose prompt leaves no room for an answer"
