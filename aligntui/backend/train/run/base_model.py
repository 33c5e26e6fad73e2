"""Loading the frozen base for training: dtype by measurement, NF4 with double quantisation, limits of memory.

Pinned in tests/backend/test_run_model.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from aligntui.backend.infer.hashing import weights_sha256
from aligntui.backend.infer.weights import (
    DTYPES,
    Base,
    choose_device,
    choose_dtype,
    find_context_length,
    find_end_ids,
    find_folder,
    library_versions,
    load_base,
)
from aligntui.backend.template import find_template
from aligntui.backend.train.losses.products import FrozenLinear
from aligntui.config.training.parts import BasePart, Dtype, Quantisation
from aligntui.core.errors import EnvironmentProblem, UserError

_WIDTH, _ROWS = 768, 256
"""Shape of the product that is timed: that of a small model's layer under a few pairs."""


def load_for_training(part: BasePart, warn: Callable[[str], None], dtype: str = "") -> Base:
    """Load the base.

    Args:
        part: what to load.
        warn: told what could not be done as asked.
        dtype: the one found by an earlier life of this run; empty chooses.

    Raises:
        UserError: no such model, or not one that can be loaded as asked.
        EnvironmentProblem: no network, no memory, or a library is missing.
    """
    device = choose_device(part.device)
    dtype = dtype or training_dtype(part.dtype, device)
    limits = {_device_key(name): amount for name, amount in part.max_memory.items()}
    if limits and device == "cpu":
        warn("base.max_memory applies only with a GPU; there is none, so it is left out.")
        limits = {}
    if part.quantisation is Quantisation.NONE and not limits:
        base = load_base(part.model, dtype, None, device, trust_remote_code=part.trust_remote_code)
    else:
        base = _load_special(part, dtype, device, limits)
    for text in base.warnings:
        warn(text)
    return base


def training_dtype(dtype: Dtype, device: str) -> str:
    """The compute dtype for a configuration's word.

    On a CPU `auto` times one product there and back in float32, by the kernel that training uses, and in bfloat16:
    which of them is faster depends on the processor, and no list of processors stays right.
    """
    if dtype is not Dtype.AUTO:
        return choose_dtype(dtype.value, device)
    if torch.device(device).type != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return min(("float32", "bfloat16"), key=_seconds)


def _seconds(dtype: str) -> float:
    """Best of some runs of a frozen product, forward and back to its input."""
    linear = nn.Linear(_WIDTH, 2 * _WIDTH, bias=False, dtype=DTYPES[dtype]).requires_grad_(False)
    if dtype == "float32":
        linear.__class__ = FrozenLinear
    x = torch.ones(_ROWS, _WIDTH, dtype=DTYPES[dtype], requires_grad=True)
    took = []
    for _ in range(6):
        began = time.perf_counter()
        linear(x).sum().backward()
        took.append(time.perf_counter() - began)
    return min(took[1:])


def _device_key(name: str) -> Any:
    return int(name) if name.isdigit() else name


def _load_special(part: BasePart, dtype: str, device: str, limits: dict[Any, str]) -> Base:
    folder = find_folder(part.model, trust_remote_code=part.trust_remote_code)
    options: dict[str, Any] = {"dtype": DTYPES[dtype]}
    if limits:
        options |= {"device_map": "auto", "max_memory": limits}
    elif device != "cpu":
        options["device_map"] = {"": device}
    quantised = part.quantisation is Quantisation.NF4
    if quantised:
        options["quantization_config"] = _nf4(DTYPES[dtype], part.double_quantisation)
    digest = weights_sha256(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=part.trust_remote_code
        )
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=part.trust_remote_code, **options
        )
    except (ValueError, KeyError, OSError, TypeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"The model in {folder} cannot be loaded as a causal language model: {lines[0][:300]}",
            "Look at its config.json, or try another model.",
        ) from error
    model.eval()
    model.requires_grad_(False)
    end_ids = find_end_ids(model, tokenizer)
    pad = tokenizer.pad_token_id
    return Base(
        model=model,
        tokenizer=tokenizer,
        template=find_template(tokenizer),
        asked=part.model,
        folder=folder,
        weights_sha256=digest,
        dtype=dtype,
        quantisation=part.quantisation.value if quantised else None,
        device=device,
        context_length=find_context_length(model.config.get_text_config()),
        parameters=model.num_parameters(),
        architecture=type(model).__name__,
        end_ids=end_ids,
        pad_id=int(pad) if pad is not None else min(end_ids, default=0),
        versions=library_versions(bitsandbytes=quantised),
    )


def _nf4(compute: torch.dtype, double: bool) -> Any:
    try:
        # takes a second to import and is needed for this one mode only
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise EnvironmentProblem(
            f"NF4 needs the library bitsandbytes, which cannot be imported: {error}.", "pip install bitsandbytes"
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=compute,
        bnb_4bit_use_double_quant=double,
    )
