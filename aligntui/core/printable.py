"""Model text is hostile: make it safe to print.

Terminal escapes, other control characters and bidirectional overrides are replaced by visible stand-ins,
so nothing that a model writes can move the cursor, write the clipboard or reorder what stands on the screen.
The stored text stays as it was; only what is shown goes through here.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = {
    chr(c): "\N{REPLACEMENT CHARACTER}"
    for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
}
_CONTROL_PICTURES = {chr(c): chr(0x2400 + c) for c in range(0x20) if chr(c) not in "\n\t"}
_C1 = {chr(c): "\N{REPLACEMENT CHARACTER}" for c in range(0x80, 0xA0)}
_OTHER = {"\x7f": "\N{SYMBOL FOR DELETE}", "\u2028": "\n", "\u2029": "\n", "\ufeff": ""}
_TABLE = str.maketrans({**_CONTROL_PICTURES, **_C1, **_BIDI, **_OTHER})
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
MAX_MARKS = 4
"""Combining marks kept on one character; more of them ("zalgo") would paint over neighbouring lines."""


def printable(text: str) -> str:
    r"""Return `text` with everything that could drive a terminal replaced by visible characters.

    Newlines stay, `\r\n` and a lone `\r` become newlines, tabs become four spaces. The result never contains
    C0 or C1 controls, DEL, bidirectional controls, lone surrogates or line separators.
    Pinned in tests/unit/test_printable.py.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).translate(_TABLE)
    text = _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    if not text.isascii():
        text = _limit_marks(text)
    return text


def one_line(text: str, limit: int = 0) -> str:
    """`printable` text on one line, white space folded; cut to `limit` characters with an ellipsis where given."""
    folded = " ".join(printable(text).split())
    return folded[: limit - 1] + "…" if limit and len(folded) > limit else folded


def _limit_marks(text: str) -> str:
    marks = 0
    out: list[str] = []
    for char in text:
        if ord(char) > 0x2FF and unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            if marks > MAX_MARKS:
                continue
        else:
            marks = 0
        out.append(char)
    return "".join(out)
