from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.turn import Session
from aligntui.store import Store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "aligntui.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_store(path) as opened:
        yield opened


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session("First")
