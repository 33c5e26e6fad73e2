"""The commands in the README are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def commands() -> list[str]:
    """The `aligntui ...` lines of the README's section without a screen, in order."""
    section = (ROOT / "README.md").read_text("utf-8").split("## Without a screen")[1].split("## ")[0]
    return re.findall(r"^aligntui .*$", section, re.MULTILINE)


def test_readme_commands_work_one_after_another(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "ALIGNTUI_WORKSPACE": str(tmp_path),
        "ALIGNTUI_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ALIGNTUI_ENGINE_ARGV": json.dumps([sys.executable, str(ROOT / "tests" / "scripted_engine.py")]),
    }
    found = commands()
    assert len(found) >= 4
    turn = ""
    for command in found:
        argv = [turn if word == "TURN" else word for word in shlex.split(command)]
        done = subprocess.run(
            [sys.executable, "-m", *argv], capture_output=True, text=True, env=env, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if "--json" in argv:
            answers = json.loads(done.stdout)["answers"]
            assert [answer["adapter"] for answer in answers] == [None, "demo"]
            turn = answers[0]["turn"]
    assert len((tmp_path / "pairs.jsonl").read_text().splitlines()) == 1


def test_the_two_set_up_commands_stand_at_the_top() -> None:
    top = (ROOT / "README.md").read_text("utf-8").splitlines()[:6]
    assert any(line.startswith("make run") for line in top) and any(line.startswith("make test") for line in top)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "\nrun:" in makefile and "\ntest:" in makefile
