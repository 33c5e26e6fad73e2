"""A process that is asked once: its lines, its reasons, its silence."""

from __future__ import annotations

import sys

import pytest

from aligntui.core.errors import AligntuiError, EngineError, EnvironmentProblem, UserError
from aligntui.jobs.asking import ask_process


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_objects_are_read_and_what_libraries_print_is_not() -> None:
    code = "print('Loading'); print('{\"a\": 1}'); print('{\"b\": [2]}')"
    assert ask_process(python(code), "The answer") == [{"a": 1}, {"b": [2]}]


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (3, EnvironmentProblem), (1, EngineError)])
def test_the_last_line_of_its_errors_is_the_reason(code: int, kind: type[AligntuiError]) -> None:
    script = f"import sys; sys.stderr.write('noise\\nno \\x1b[31msuch model\\n'); sys.exit({code})"
    with pytest.raises(kind) as caught:
        ask_process(python(script), "The answer")
    assert "such model" in caught.value.message and "noise" not in caught.value.message
    assert "\x1b" not in caught.value.message


def test_silence_and_death_are_named() -> None:
    with pytest.raises(EngineError, match="The answer did not come: the process printed nothing"):
        ask_process(python("pass"), "The answer")
    with pytest.raises(EngineError, match="The answer ended with exit code -9"):
        ask_process(python("import os; os.kill(os.getpid(), 9)"), "The answer")
    with pytest.raises(EnvironmentProblem, match=r"did not come within 0\.3 s"):
        ask_process(python("import time; time.sleep(60)"), "The answer", 0.3)
    with pytest.raises(EnvironmentProblem, match="No process could be started"):
        ask_process(["/no/such/program"], "The answer")
