"""A console that shows a live share stays quick to start."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import aligntui.score

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "scipy", "pandas", "evalica", "statsmodels", "torch"}


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_no_module_of_the_package_loads_a_heavy_library() -> None:
    names = [module.name for module in pkgutil.walk_packages(aligntui.score.__path__, "aligntui.score.")]
    assert "aligntui.score.verdicts.bradley_terry" in names
    assert not loaded_after("\n".join(f"import {name}" for name in names)) & HEAVY


def test_live_shares_load_no_heavy_library_while_every_prompt_has_one_verdict() -> None:
    code = """
from tests.score.builders import judgement
from aligntui.score.verdicts.preference import length_preference, position_preference
given = [judgement("left", chars=(i, 2 * i)) for i in range(1, 9)] + [judgement("right", chars=(5, 9))]
assert position_preference(given).left.k == 8
assert length_preference(given).longer.k == 1
"""
    assert not loaded_after(code) & HEAVY
