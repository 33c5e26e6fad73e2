"""Write docs/keys.md and docs/options.md from the declarations; `--check` only says whether they are current."""

from __future__ import annotations

import sys
from pathlib import Path

from aligntui.config.keys import keys_table
from aligntui.config.options import options_table

HERE = Path(__file__).parent
KEYS = """# Keys

Every key of the console. A config file moves them: `[keys]` in `aligntui.toml` (workspace) or in the user's
`config.toml`, for example `"board.left_better" = "a"` or `"chat.rerun" = "f5,ctrl+g"`. `aligntui config path` names the files;
an unknown action or a key that serves two actions is refused with file, key and line.

"""
OPTIONS = """# Options

Each option is a flag, an environment variable and a line under `[options]` of a config file; the first of these that is set
wins, the workspace's file before the user's. `aligntui config show` says where every value came from.

"""
PAGES = {"keys.md": lambda: KEYS + keys_table() + "\n", "options.md": lambda: OPTIONS + options_table() + "\n"}


def main() -> int:
    """Write or check the pages; 1 when one is out of date."""
    check = "--check" in sys.argv[1:]
    stale = [name for name, page in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != page()]
    if check:
        if stale:
            sys.stderr.write(f"out of date: {', '.join(stale)}; run make docs\n")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
