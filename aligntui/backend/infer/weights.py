"""Loading a base: any causal language model of transformers, by hub id or local path, safetensors only.

Pinned in tests/backend/test_weights.py.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import aligntui
from aligntui.backend.infer.embedded import EMBEDDED, embedded_folder
from aligntui.backend.infer.hashing import weight_files, weights_sha256
from aligntui.backend.infer.hub import hub_folder
from aligntui.backend.infer.progress import Progress, silent
from aligntui.backend.template import ALPACA, Template, find_template
from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
NF4 = "nf4"
ENGINE_NAME = f"aligntui/{aligntui.__version__}"


@dataclass
class Base:
    """A loaded base with everything that an answer's conditions say about it."""

    model: Any
    """The transformers model; nobody but the owner thread touches it."""
    tokenizer: Any
    template: Template
    asked: str
    """Model as asked for."""
    folder: Path
    weights_sha256: str
    dtype: str
    quantisation: str | None
    device: str
    context_length: int
    parameters: int
    architecture: str
    end_ids: frozenset[int]
    """Tokens that end an answer: those of the generation config and of the tokenizer."""
    pad_id: int
    versions: dict[str, str]
    warnings: list[str] = field(default_factory=list)


def library_versions(*, bitsandbytes: bool = False) -> dict[str, str]:
    """Versions that can change an answer."""
    names = ["torch", "transformers", *(["bitsandbytes"] if bitsandbytes else [])]
    found = {"python": platform.python_version(), "aligntui": aligntui.__version__}
    for name in names:
        found[name] = importlib.metadata.version(name)
    return found


def load_base(
    asked: str = EMBEDDED,
    dtype: str = "auto",
    quantisation: str | None = None,
    device: str = "auto",
    *,
    trust_remote_code: bool = False,
    progress: Progress = silent,
    before_load: Callable[[], None] = lambda: None,
) -> Base:
    """Find, hash and load a base.

    Args:
        asked: `embedded`, a local path or a hub id.
        dtype: auto, float32, bfloat16 or float16.
        quantisation: None or `nf4`.
        device: auto (a GPU where there is one) or a torch device.
        trust_remote_code: run the model's own Python code; only when the user asked for it.
        progress: told of the stages.
        before_load: called when the model was found and before it takes memory; frees an older one.

    Raises:
        UserError: no such model, or not one that can be loaded as asked.
        EnvironmentProblem: no network, no memory, or a library is missing.
    """
    device = choose_device(device)
    compute = choose_dtype(dtype, device)
    if quantisation not in (None, NF4):
        raise UserError(f"Quantisation must be none or nf4, not {quantisation!r}.")
    folder = find_folder(asked, trust_remote_code=trust_remote_code, progress=progress)
    digest = weights_sha256(folder, progress)
    before_load()
    progress("load", 0, 0, "")
    tokenizer = _load_tokenizer(folder, trust_remote_code)
    model = _load_model(folder, compute, quantisation, device, trust_remote_code)
    warnings = []
    template = find_template(tokenizer)
    if template.kind == ALPACA:
        warnings.append(
            "This model's tokenizer has no chat template: prompts are written as Alpaca instruction blocks. "
            "A base that was never tuned on instructions will ramble."
        )
    end_ids = find_end_ids(model, tokenizer)
    if not end_ids:
        warnings.append("This model names no end-of-sequence token: every answer runs to its length limit.")
    text_config = model.config.get_text_config()
    parameters = model.num_parameters()
    return Base(
        model=model,
        tokenizer=tokenizer,
        template=template,
        asked=asked,
        folder=folder,
        weights_sha256=digest,
        dtype=compute,
        quantisation=quantisation,
        device=device,
        context_length=find_context_length(text_config),
        parameters=parameters,
        architecture=type(model).__name__,
        end_ids=end_ids,
        pad_id=_pad_id(tokenizer, end_ids),
        versions=library_versions(bitsandbytes=quantisation == NF4),
        warnings=warnings,
    )


def find_folder(asked: str, *, trust_remote_code: bool, progress: Progress = silent) -> Path:
    """The folder that holds what `asked` names; fetched where it is not here yet.

    Raises:
        UserError: there is no such model.
        EnvironmentProblem: it could not be fetched.
    """
    if asked == EMBEDDED:
        return embedded_folder(progress)
    local = Path(asked).expanduser()
    is_path = asked.startswith((".", "~", "/")) or asked.count("/") > 1 or "\\" in asked
    if not asked.strip() or (is_path and not local.exists()):
        raise UserError(
            f"There is no model folder {asked!r}.",
            "Name a folder with config.json and safetensors weights, a hub id such as owner/name, or `embedded`.",
        )
    if local.is_dir():
        _expect_base(local, asked)
        return local.resolve()
    if local.exists():
        raise UserError(
            f"{asked} is a file; a model is a folder with config.json and safetensors weights.",
            "Name the folder, a hub id, or `embedded`.",
        )
    return hub_folder(asked, trust_remote_code=trust_remote_code, progress=progress)


def choose_device(device: str) -> str:
    """`cuda` where there is one, else `cpu`; a named device is checked.

    Raises:
        UserError: no such device here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"{device!r} is not a device.", "Use auto, cpu or cuda.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("The device cuda was asked for, but torch sees no GPU here.", "Use --device cpu.")
    return device


def choose_dtype(dtype: str, device: str) -> str:
    """The compute dtype for `auto`, or the one named.

    bfloat16 everywhere but on processors that have to imitate it: decoding few rows is bound by reading the
    weights, and half the bytes take half the time wherever the processor multiplies bfloat16 itself.

    Raises:
        UserError: no such dtype.
    """
    if dtype == "auto":
        return "bfloat16" if torch.device(device).type != "cpu" or _multiplies_bfloat16() else "float32"
    if dtype not in DTYPES:
        raise UserError(f"The dtype {dtype!r} is not known.", "Use auto, float32, bfloat16 or float16.")
    return dtype


def find_context_length(text_config: Any) -> int:
    """Positions that the model was made for; a generous limit where its config names none."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"):
        value = getattr(text_config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 1 << 20


def find_end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """End-of-sequence ids of the generation config, the model's config and the tokenizer together."""
    found: set[int] = set()
    sources = (getattr(model, "generation_config", None), model.config.get_text_config(), tokenizer)
    for source in sources:
        value = getattr(source, "eos_token_id", None)
        values = value if isinstance(value, (list, tuple)) else [value]
        found.update(int(v) for v in values if v is not None)
    return frozenset(found)


def _multiplies_bfloat16() -> bool:
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    if probe is not None and probe():
        return True
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    if probe is not None and probe():
        return True
    return platform.machine() in ("arm64", "aarch64")


def _expect_base(folder: Path, asked: str) -> None:
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise UserError(
                f"{asked} is an adapter, not a base model.",
                "Name its base with --model and this folder with --adapter.",
            )
        raise UserError(
            f"The folder {asked} holds no config.json, so it is no model of transformers.",
            "Name a folder with config.json and safetensors weights, a hub id, or `embedded`.",
        )
    weight_files(folder)


def _load_tokenizer(folder: Path, trust_remote_code: bool) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception as error:
        _refuse_remote_code(error, folder)
        raise UserError(
            f"The tokenizer in {folder} cannot be loaded: {_first_line(error)}",
            "The folder needs tokenizer.json (or the files of a slow tokenizer) beside the weights.",
        ) from error


def _load_model(folder: Path, dtype: str, quantisation: str | None, device: str, trust_remote_code: bool) -> Any:
    options: dict[str, Any] = {"dtype": DTYPES[dtype]}
    if device != "cpu":
        options["device_map"] = {"": device}
    if quantisation == NF4:
        options["quantization_config"] = _nf4(DTYPES[dtype])
    try:
        AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=trust_remote_code, **options
        )
    except (AligntuiError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        _refuse_remote_code(error, folder)
        if "not enough memory" in str(error) or "out of memory" in str(error).lower():
            raise
        raise UserError(
            f"The model in {folder} cannot be loaded as a causal language model: {_first_line(error)}",
            "Look at its config.json, or try another model.",
        ) from error
    model.eval()
    model.requires_grad_(False)
    return model


def _nf4(compute: torch.dtype) -> Any:
    try:
        # takes a second to import and is needed for this one mode only
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise EnvironmentProblem(
            f"NF4 needs the library bitsandbytes, which cannot be imported: {error}.", "pip install bitsandbytes"
        ) from error
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)


def _refuse_remote_code(error: Exception, folder: Path) -> None:
    if "trust_remote_code" in str(error):
        raise UserError(
            f"The model in {folder} brings Python code of its own, which would run with your rights.",
            "Read that code first; then allow it with --trust-remote-code.",
        ) from error


def _pad_id(tokenizer: Any, end_ids: frozenset[int]) -> int:
    pad = getattr(tokenizer, "pad_token_id", None)
    return int(pad) if pad is not None else min(end_ids, default=0)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
