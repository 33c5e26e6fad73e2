"""A run is filled by one process at a time, and a killed one lets it go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.workbench.generation.holding import filled_elsewhere, held
from tests.workbench.switch_bench import cells_over, opened_bench

HOLDS = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from aligntui.workbench.generation.holding import held
with held(Path(sys.argv[1]), SimpleNamespace(id=sys.argv[2], name="theirs")):
    print("held", flush=True)
    time.sleep(600)
"""


async def test_two_processes_cannot_fill_one_run(tmp_path: Path) -> None:
    async with opened_bench(tmp_path) as bench:
        database = bench.store.path
        run, other = await bench.begin(cells_over(["Why?"])), await bench.begin(cells_over(["How?"]))
        assert await filled_elsewhere(database, [run, other], None) == frozenset()
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(database), run.id], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            assert await filled_elsewhere(database, [run, other], None) == {run.id}
            with pytest.raises(UserError, match="answered by another process"), held(database, run):
                pass
            with held(database, other):
                assert await filled_elsewhere(database, [run, other], None) == {run.id, other.id}
                assert await filled_elsewhere(database, [run, other], other) == {run.id}, "ours is not elsewhere"
            assert await filled_elsewhere(database, [other], None) == frozenset()
        finally:
            process.kill()
            process.wait()
        with held(database, run):
            assert await filled_elsewhere(database, [run], None) == {run.id}
