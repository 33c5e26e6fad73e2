"""`python -m aligntui.backend.merge --model M --adapter DIR --out DIR`: an adapter added to its base's weights, for good.

What it writes is a plain model folder in safetensors that transformers, vLLM or llama.cpp's converter read, with a card.
PEFT does the merging (`merge_and_unload`, with its check for numbers that are none). Prints one JSON line; exit codes as in
aligntui.core.errors. Pinned in tests/backend/test_merge.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aligntui.backend.stdio import settle_environment

PROGRAM = "python -m aligntui.backend.merge"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code."""
    parser = argparse.ArgumentParser(prog=PROGRAM)
    parser.add_argument("--model", required=True, help="embedded, a folder or a hub id")
    parser.add_argument("--adapter", required=True, type=Path, help="a PEFT adapter folder")
    parser.add_argument("--name", required=True, help="what the card calls the adapter")
    parser.add_argument("--out", required=True, type=Path, help="folder that will be made")
    parser.add_argument("--strength", type=float, default=1.0, help="factor on the adapter's weight change")
    parser.add_argument("--dtype", default="auto", help="of the file; auto is that of the base's own files")
    parser.add_argument("--base-sha256", default="", help="base weights that the adapter was trained on, where known")
    parser.add_argument("--anyway", action="store_true", help="merge into other base weights than those")
    parser.add_argument("--trust-remote-code", action="store_true")
    options = parser.parse_args(arguments)
    settle_environment()  # before torch is imported
    from aligntui.core.errors import AligntuiError

    try:
        sys.stdout.write(json.dumps(merge(options)) + "\n")
    except AligntuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def merge(options: argparse.Namespace) -> dict[str, Any]:
    """Merge and write.

    Args:
        options: as the command line gives them.

    Returns:
        Folder, hashes of base and result, dtype and size.

    Raises:
        UserError: base or adapter cannot be loaded, do not belong together, or the folder is taken.
        EnvironmentProblem: disk or memory is full.
    """
    from aligntui.backend.infer.hashing import weights_sha256
    from aligntui.backend.infer.weights import DTYPES, load_base
    from aligntui.backend.train.run.failures import explain, writing
    from aligntui.core.errors import UserError

    if options.dtype not in ("auto", *DTYPES):
        raise UserError(f"There is no dtype {options.dtype!r}.", f"One of auto, {', '.join(DTYPES)}.")
    if options.out.exists():
        raise UserError(f"{options.out} is there already.", "Name a folder that does not exist; nothing is replaced.")
    # the sum is formed in float32, whatever is written afterwards: half of the change would be lost in a bfloat16 weight
    base = load_base(options.model, "float32", None, "cpu", trust_remote_code=options.trust_remote_code)
    known = options.base_sha256
    if known and known != base.weights_sha256 and not options.anyway:
        raise UserError(
            f"The adapter {options.name} was trained on other base weights ({known[:12]}…) than {options.model} "
            f"({base.weights_sha256[:12]}…).",
            "Name its own base with --model, or merge it --anyway.",
        )
    try:
        model = _merged(base.model, options.adapter, options.strength)
    except Exception as error:
        problem = explain(error)
        if problem is None:
            raise
        raise problem from error
    dtype = options.dtype if options.dtype != "auto" else stored_dtype(base.folder)
    draft = options.out.with_name(f".{options.out.name}-{os.urandom(4).hex()}.part")
    try:
        with writing("The merged model"):
            draft.mkdir(parents=True)
            model.to(DTYPES[dtype]).save_pretrained(draft)
            base.tokenizer.save_pretrained(draft)
            facts = {
                "base": options.model,
                "base_weights_sha256": base.weights_sha256,
                "adapter": options.name,
                "strength": options.strength,
                "dtype": dtype,
                "weights_sha256": weights_sha256(draft),
                "size_bytes": sum(file.stat().st_size for file in draft.rglob("*") if file.is_file()),
            }
            (draft / "README.md").write_text(card(facts), "utf-8")
            draft.rename(options.out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return {**facts, "path": str(options.out)}


def stored_dtype(folder: Path) -> str:
    """The dtype of most numbers in a model's weight files; float32 for any that transformers does not compute in."""
    from aligntui.backend.infer.hashing import read_header, weight_files

    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
    sizes: dict[str, int] = {}
    for file in weight_files(folder):
        for tensor in read_header(file):
            sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.end - tensor.start
    return names.get(max(sizes, key=lambda name: sizes[name]), "float32") if sizes else "float32"


def card(facts: dict[str, Any]) -> str:
    """The card of a merged model."""
    return (
        f"# {facts['adapter']}, merged\n\n"
        f"The adapter `{facts['adapter']}` added to the weights of `{facts['base']}` by aligntui.\n\n"
        "| what | value |\n|---|---|\n"
        f"| base weights (SHA-256) | `{facts['base_weights_sha256']}` |\n"
        f"| strength | {facts['strength']:g} |\n"
        f"| these weights (SHA-256) | `{facts['weights_sha256']}` |\n"
        f"| dtype | {facts['dtype']}, the sum was formed in float32 |\n\n"
        "The licence of the base applies.\n"
    )


def _merged(model: Any, adapter: Path, strength: float) -> Any:
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    from aligntui.core.errors import UserError

    try:
        wrapped = PeftModel.from_pretrained(model, str(adapter))
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        if "size mismatch" in str(error) or isinstance(error, ValueError):
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"The adapter in {adapter} does not fit this base: {first[:300]}", "Name its own base with --model."
            ) from error
        raise
    if strength != 1:
        layers = [module for module in wrapped.modules() if isinstance(module, LoraLayer)]
        if any(any(layer.use_dora.values()) for layer in layers):
            raise UserError("The strength of a DoRA adapter cannot be merged.", "Merge it at strength 1.")
        for layer in layers:
            layer.set_scale("default", strength)
    try:
        return wrapped.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise UserError(
            f"The merged weights are no numbers: {error}", "The adapter is damaged; train it again."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
