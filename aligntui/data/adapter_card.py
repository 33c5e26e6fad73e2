"""The card of an adapter, its README.md: one line of it for lists, and the whole."""

from __future__ import annotations

import re
from pathlib import Path

from aligntui.core.printable import one_line

CARD_FILE = "README.md"
MAX_CARD_CHARS = 1_000_000
"""What is read of a card; what stands behind it is left out."""
SUMMARY_CHARS = 200
"""Longest summary; it ends with a sentence where one ends in time."""
_HEAD_CHARS = 20_000
"""What a list reads of each card."""
_UNTOUCHED = "# Model Card for Model ID"
"""Heading of the template that peft writes beside every adapter (peft 0.21, `create_or_update_model_card`)."""


def card_text(folder: Path) -> str:
    """The card as it stands in the file; empty where there is none or it cannot be read."""
    return _read(folder, MAX_CARD_CHARS)


def card_summary(folder: Path) -> str:
    """The first line of prose of the card, else its heading; safe to print, empty where nobody wrote one."""
    text = re.sub(r"<!--.*?-->", "", _read(folder, _HEAD_CHARS), flags=re.DOTALL)
    lines = text.splitlines()
    if lines and lines[0].strip() == "---":
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        lines = lines[end + 1 :]
    texts = [line.strip() for line in lines if line.strip()]
    if not texts or texts[0] == _UNTOUCHED:
        return ""
    return _shortened(next((text for text in texts if not text.startswith("#")), texts[0].lstrip("# ")))


def _shortened(text: str) -> str:
    line = one_line(text)
    if len(line) <= SUMMARY_CHARS:
        return line
    whole = re.match(r".*[.!?](?=\s)", line[: SUMMARY_CHARS + 1])
    return whole[0] if whole else one_line(text, SUMMARY_CHARS)


def _read(folder: Path, chars: int) -> str:
    try:
        with (folder / CARD_FILE).open(encoding="utf-8", errors="replace") as file:
            return file.read(chars)
    except OSError:
        return ""
