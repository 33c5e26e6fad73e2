"""The command line as a person runs it: `python -m aligntui` in a process of its own, with the scripted engine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from aligntui.cli import run
from aligntui.config.paths import Workspace
from aligntui.core.turn import Answer
from aligntui.store import open_store

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTED = [sys.executable, str(ROOT / "tests" / "scripted_engine.py")]


@dataclass
class Result:
    """What one run left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Cli:
    """One workspace and an environment in which nothing of the developer's own machine shows."""

    home: Path
    workspace: Path
    engine: list[str] | None = field(default_factory=lambda: list(SCRIPTED))

    def env(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ALIGNTUI_", "XDG_", "HF_", "PYTHON"))}
        engine = {"ALIGNTUI_ENGINE_ARGV": json.dumps(self.engine)} if self.engine else {}
        own = {
            "HOME": str(self.home),
            "LOGNAME": "tester",
            "ALIGNTUI_STATE": str(self.home / "state"),
            "HF_HUB_OFFLINE": "1",
        }
        return {**kept, **own, **engine, **more}

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "aligntui", "--workspace", str(self.workspace), *words]

    def run(self, *words: str, stdin: str | bytes = b"", timeout_s: float = 180, **env: str) -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self.argv(*words),
            input=data,
            capture_output=True,
            env=self.env(**env),
            cwd=ROOT,
            timeout=timeout_s,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words: str, **more: Any) -> Result:
        result = self.run(*words, **more)
        assert result.code == 0, (words, result.err)
        return result

    def json(self, *words: str, **more: Any) -> Any:
        return self.ok(*words, "--json", **more).json

    def refused(self, *words: str, code: int = 2, **more: Any) -> str:
        """Run what must fail as expected: that exit code, a sentence on stderr, and no traceback."""
        result = self.run(*words, **more)
        assert result.code == code, (words, result.code, result.out, result.err)
        assert "Traceback" not in result.err + result.out
        assert result.err.strip()
        return result.err

    def script(self, **fields: Any) -> None:
        """Let the scripted engine behave in another way; see `Script`."""
        file = self.home / "script.json"
        file.write_text(json.dumps(fields))
        self.engine = [*SCRIPTED, "--script", str(file)]

    def adapter(self, name: str, **files: str) -> Path:
        return make_adapter(self.workspace / "adapters", name, **files)


class InsideCli(Cli):
    """The same without a process for each run: the engine is still one. For the many variations of one command."""

    def run(self, *words: str, stdin: str | bytes = b"", timeout_s: float = 180, **env: str) -> Result:
        assert not stdin, "standard input is for real processes"
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, self.env(**env), clear=True), redirect_stdout(out), redirect_stderr(err):
            code = run(["--workspace", str(self.workspace), *words])
        return Result(code, out.getvalue(), err.getvalue())


def make_adapter(folder: Path, name: str, *, run: dict[str, str] | None = None) -> Path:
    """A folder that is whole enough for a list; the scripted engine does not read it."""
    adapter = folder / name
    adapter.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": "embedded"}))
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    if run:
        (adapter / "run").mkdir()
        (adapter / "run" / "config.json").write_text(json.dumps(run))
    return adapter


def stored(cli: Cli) -> list[Answer]:
    """The answers to the last prompt of every session, sessions used last first."""
    with open_store(Workspace(cli.workspace).database) as store:
        found: list[Answer] = []
        for session in store.list_sessions():
            exchange = store.last_exchange(session.id)
            found += [answer for take in exchange.takes for answer in take.answers] if exchange else []
        return found


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    home = tmp_path / "home"
    home.mkdir()
    return Cli(home, tmp_path / "workspace")


@pytest.fixture
def inside(cli: Cli) -> InsideCli:
    return InsideCli(cli.home, cli.workspace)


@pytest.fixture(scope="module")
def talked(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A workspace with an adapter, a session of two exchanges and one with a single answer; tests here only read it."""
    home = tmp_path_factory.mktemp("home")
    cli = Cli(home, home / "workspace")
    cli.adapter("polite")
    first = cli.json(
        "chat", "--prompt", "What makes bread rise?", "--adapter", "polite", "--instruction-type", "concise/2"
    )
    cli.ok(
        "chat",
        "--prompt",
        "And cake?",
        "--adapter",
        "polite",
        "--session",
        first["session"],
        "--instruction",
        "Be kind.",
    )
    cli.ok("chat", "--prompt", "alone", "--no-adapter")
    return cli
