from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from tests.jobs.runs import ENVIRONMENT


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace in which the scripted trainer trains."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = Workspace(tmp_path / "workspace")
    made.make()
    return made
