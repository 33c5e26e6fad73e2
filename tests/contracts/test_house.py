"""Rules of the house that no linter holds: what a cold start imports, what data folders hold, that docs are current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "datasets", "numpy")


def imported_by(code: str) -> set[str]:
    """Top-level modules in `sys.modules` after running `code` in a fresh interpreter."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module",
    ["aligntui.tui.app", "aligntui.workbench.chat", "aligntui.store", "aligntui.cli", "aligntui.engine.client"],
)
def test_nothing_but_backend_loads_the_tensor_stack(module: str) -> None:
    assert not imported_by(f"import {module}") & set(HEAVY)


def test_the_screen_loads_no_database_before_its_first_paint() -> None:
    assert "sqlite_utils" not in imported_by("import aligntui.tui.app")


def test_only_the_screen_loads_textual() -> None:
    for module in ("aligntui.workbench.chat", "aligntui.cli", "aligntui.store", "aligntui.engine.client"):
        assert "textual" not in imported_by(f"import {module}"), module


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "importlinter.cli", "lint", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if "No module named" in done.stderr:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["datasets", "adapters", "sessions"])
def test_data_folders_hold_no_python(folder: str) -> None:
    assert not list((ROOT / folder).rglob("*.py")), "a .py in datasets/ would hide the library of that name"


def test_generated_docs_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_pickle_travels() -> None:
    weights = [
        p.name for p in (ROOT / "adapters" / "demo").rglob("*") if p.suffix in (".bin", ".pt", ".pth", ".pkl", ".ckpt")
    ]
    assert not weights


def test_every_action_with_a_key_has_a_method() -> None:
    from aligntui.config.keys import ACTIONS
    from aligntui.tui.app import ConsoleApp
    from aligntui.tui.screens.chat import ChatScreen
    from aligntui.tui.screens.lint import LintScreen
    from aligntui.tui.screens.pairs import PairsScreen
    from aligntui.tui.screens.queue import QueueScreen
    from aligntui.tui.screens.score import ScoreScreen
    from aligntui.tui.screens.score_results import ResultsScreen
    from aligntui.tui.screens.statistics import StatisticsScreen
    from aligntui.tui.screens.switch import SwitchScreen
    from aligntui.tui.screens.switch_runs import SwitchRunsScreen
    from aligntui.tui.screens.train import TrainScreen
    from aligntui.tui.widgets.text_box import PromptBox
    from aligntui.tui.widgets.vim_list import VimList

    owners = {
        "global": ConsoleApp,
        "chat": ChatScreen,
        "board": ChatScreen,
        "prompt": PromptBox,
        "list": VimList,
        "pairs": PairsScreen,
        "queue": QueueScreen,
        "lint": LintScreen,
        "stats": StatisticsScreen,
        "switch": SwitchScreen,
        "runs": SwitchRunsScreen,
        "train": TrainScreen,
        "score": ScoreScreen,
        "scored": ResultsScreen,
    }
    for action in ACTIONS:
        method = f"action_{action.action.partition('(')[0]}"
        assert hasattr(owners[action.context], method), action.id
