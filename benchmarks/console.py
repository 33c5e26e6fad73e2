"""First paint, key latency and memory of the console, each against a figure of the same run.

    python benchmarks/console.py [--check] [--model MODEL]

- first paint: start of `aligntui` to the first full screen, over the time of `python -c 'import textual.app'`; limit 2.5
- key to screen: p95 from a key to its character on the screen while two real answers stream, over p95 when idle; limit 5
- resident memory of the screen process after the answers; limit 150 MB
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.terminal import Terminal  # noqa: E402

FIRST_PAINT_LIMIT, LATENCY_LIMIT, MEMORY_LIMIT_MB = 2.5, 5.0, 150.0
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
TYPED = "the quick brown fox jumps over the lazy dog and back again over the hill"


def console(workspace: Path, *flags: str) -> Terminal:
    import os

    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TMUX")}
    return Terminal([sys.executable, "-m", "aligntui", "--workspace", str(workspace), "console", *flags], env)


def first_paint(workspace: Path) -> float:
    began = time.perf_counter()
    with console(workspace) as t:
        while "F1 Help" not in t.text:
            t.read(0.005)
        return time.perf_counter() - began


def import_textual() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.perf_counter() - began


def latencies(t: Terminal, text: str, pause_s: float) -> list[float]:
    """Seconds from each key to the arrival of the bytes that draw it: the last characters typed, in one piece.

    The bytes are looked at as they come, without an emulated screen, whose own time would count as the console's.
    """
    out, typed = [], ""
    for char in text:
        typed += char
        seen = len(t.raw)
        wanted = typed[-6:].strip() or typed[-6:]
        began = time.perf_counter()
        t.type(char)
        while wanted.encode() not in ESCAPES.sub(b"", bytes(t.raw[seen:])) and time.perf_counter() - began < 3:
            t.receive(0.05)
        out.append(time.perf_counter() - began)
        end = time.perf_counter() + pause_s
        while time.perf_counter() < end:
            t.receive(0.005)
    t.catch_up()
    return out


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95) - 1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--model", default="embedded")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        pairs = [(first_paint(workspace), import_textual()) for _ in range(7)][1:]
        paint = statistics.median(a / b for a, b in pairs)
        print(
            f"first paint {statistics.median(a for a, _ in pairs):.3f} s, import textual.app {statistics.median(b for _, b in pairs):.3f} s: ratio {paint:.2f} (limit {FIRST_PAINT_LIMIT})"
        )
        with console(
            workspace, "--model", args.model, "--max-new-tokens", "512", "--temperature", "1", "--instruction", ""
        ) as t:
            t.wait("● ready", 300)
            idle = latencies(t, TYPED, 0.05)
            t.press("ctrl+u")
            t.type("Write a very long story about a lighthouse keeper, with every detail you can think of.")
            t.press("enter")
            t.wait("streaming", 60)
            busy = latencies(t, TYPED, 0.05)
            streamed = "● streaming" in t.text
            memory = psutil.Process(t.pid).memory_info().rss / 1e6
        ratio = p95(busy) / p95(idle)
        print(
            f"key to screen p95: idle {p95(idle) * 1e3:.1f} ms, while two answers stream {p95(busy) * 1e3:.1f} ms: ratio {ratio:.2f} (limit {LATENCY_LIMIT}); p50 {statistics.median(idle) * 1e3:.1f} and {statistics.median(busy) * 1e3:.1f} ms"
        )
        if not streamed:
            print("note: the answers ended before the last key")
        print(f"resident memory of the screen process: {memory:.0f} MB (limit {MEMORY_LIMIT_MB:.0f})")
    missed = paint > FIRST_PAINT_LIMIT or ratio > LATENCY_LIMIT or memory > MEMORY_LIMIT_MB
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
