from __future__ import annotations

import json
import sys

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.jobs.preview import run_preview
from aligntui.jobs.starting import VARIABLE
from tests.jobs.runs import make_run


def program(code: str) -> str:
    return json.dumps([sys.executable, "-c", code])


def test_the_first_batch_comes_as_rows(workspace: Workspace) -> None:
    rows = run_preview(make_run(workspace, "one"))
    assert [row["kind"] for row in rows] == ["batch", "sequence"]
    assert len(rows[1]["tokens"]) == len(rows[1]["trained"])


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (3, EnvironmentProblem), (1, EngineError)])
def test_what_the_process_refuses_keeps_its_kind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    folder = make_run(workspace, "one")
    told = f"import sys; print('noise', file=sys.stderr); print('No such model.', file=sys.stderr); sys.exit({code})"
    monkeypatch.setenv(VARIABLE, program(told))
    with pytest.raises(kind, match=r"^No such model\.$"):
        run_preview(folder)


def test_an_answer_that_does_not_come_is_given_up(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, program("import time; time.sleep(60)"))
    with pytest.raises(EnvironmentProblem, match="did not come within"):
        run_preview(make_run(workspace, "one"), deadline_s=0.3)
    monkeypatch.setenv(VARIABLE, program("print('nothing')"))
    with pytest.raises(EngineError, match="The preview did not come: the process printed nothing"):
        run_preview(make_run(workspace, "two"))
