r"""Copying from a terminal at the end of an SSH line: OSC 52, wrapped for tmux, capped, with a file as the fallback.

OSC 52 writes the clipboard of the terminal that the user sits at: `ESC ] 52 ; c ; <base64> BEL`. Inside tmux it passes only
as `ESC P tmux; <every ESC doubled> ESC \` (with `allow-passthrough on`) while tmux's own `set-clipboard` takes the plain
form, so both are sent. Terminals drop sequences that are too long without a word, hence the cap (k9s uses 74,994 bytes).
Pinned in tests/tui/test_clipboard.py.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping


def osc52(text: str, env: Mapping[str, str]) -> str:
    """The sequence that puts `text` on the clipboard of the terminal in front."""
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{payload}\x07"
    if env.get("TMUX"):
        inner = plain.replace("\x1b", "\x1b\x1b")
        return f"{plain}\x1bPtmux;{inner}\x1b\\"
    if env.get("TERM", "").startswith("screen"):
        return f"\x1bP{plain}\x1b\\"
    return plain


def to_tmux_buffer(text: str, env: Mapping[str, str]) -> bool:
    """Put a text into the buffer of the tmux around us, so that it can be pasted whatever tmux does with OSC 52.

    By tmux's defaults (`set-clipboard external`, `allow-passthrough off`) no program inside may set the clipboard by OSC 52.
    `load-buffer -w` (tmux 3.2) has tmux set it itself.

    Returns:
        Whether tmux took it; False outside of tmux.
    """
    if not env.get("TMUX"):
        return False
    for flags in (["-w"], []):
        try:
            done = subprocess.run(
                ["tmux", "load-buffer", *flags, "-"], input=text.encode("utf-8", "replace"), timeout=2,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(env), check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode == 0:
            return True
    return False


def fits(text: str, limit_bytes: int) -> bool:
    """Whether the text's base64 stays under the cap."""
    return (len(text.encode("utf-8", "replace")) + 2) // 3 * 4 <= limit_bytes


def code_blocks(text: str) -> list[str]:
    """The fenced code blocks of a Markdown text, without their fences."""
    blocks: list[str] = []
    current: list[str] | None = None
    fence = ""
    for line in text.split("\n"):
        stripped = line.strip()
        if current is None:
            if stripped.startswith(("```", "~~~")):
                fence = stripped[:3]
                current = []
        elif stripped.startswith(fence) and not stripped.strip(fence[0]):
            blocks.append("\n".join(current))
            current = None
        else:
            current.append(line)
    if current:
        blocks.append("\n".join(current))
    return blocks
