"""Answering IFEval prompts with the embedded model: ours against lm-evaluation-harness with its transformers backend.

    python benchmarks/ifeval_generation.py --reference-python harness/bin/python [--count 100] [--new-tokens 256] [--check]
    python benchmarks/ifeval_generation.py --reference-python harness/bin/python --dtype float32 --count 24 --new-tokens 128

One process after the other loads the same weights and answers the same prompts through the same chat template, greedily: ours
with rows replaced as they end, the harness at each of its batch sizes. Printed are the tokens per second of each, loading and
one short answer before it left out, the ratio to the harness at its best, and how many prompts each side's answers pass
(strict, scored here for both). In float32 these must agree within two prompts; in bfloat16 an answer depends on its batch.
`--check` exits with 1 when ours is below the target, or when the scores differ in float32.

The harness need not be in the environment of aligntui:

    python -m venv harness
    harness/bin/pip install torch==2.13.0 transformers==5.23.0 accelerate "lm_eval[hf]==0.4.13"

The prompts are not part of aligntui: a file in the shape of google/IFEval.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = ROOT.parent / "shared" / "ifeval" / "input_data.jsonl"
TARGET = 1.5
"""Our tokens per second for one of the harness's at its best."""
MOST_DIFFERENT = 2
"""Prompts by which the scores may differ in float32."""


@dataclass(frozen=True)
class Answered:
    """What one process says."""

    name: str
    seconds: float
    tokens: int
    texts: list[str]

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds


def main() -> int:
    """Run the sides and print the table."""
    options = read_options()
    if options.serve:
        answer = ours if options.serve == "ours" else harness
        print(json.dumps(answer(options)), flush=True)
        return 0
    rows = read_rows(options)
    found = [run("ours", sys.executable, options, 0)]
    for size in options.batch_sizes:
        found.append(run("harness", options.reference_python, options, size))
    best = max(found[1:], key=lambda one: one.speed)
    passed = {one.name: strict_passes(rows, one.texts) for one in found}
    print(f"{len(rows)} prompts, at most {options.new_tokens} new tokens, {options.dtype}, {os.cpu_count()} CPUs")
    for one in found:
        print(
            f"  {one.name:<20}{one.speed:8.1f} tokens/s   {one.seconds:7.1f} s   {one.tokens:6} tokens   "
            f"{passed[one.name]} prompts pass"
        )
    ratio = found[0].speed / best.speed
    apart = abs(passed[found[0].name] - passed[best.name])
    print(f"  ours / {best.name}   {ratio:.2f} x   (target {TARGET})")
    print(f"  prompts that pass differ by {apart}   (limit {MOST_DIFFERENT} in float32)")
    good = ratio >= TARGET and (options.dtype != "float32" or apart <= MOST_DIFFERENT)
    return int(options.check and not good)


def read_options() -> argparse.Namespace:
    """Flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-python", default=sys.executable, help="Python that has the harness")
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    parser.add_argument("--count", type=int, default=100, help="so many prompts, from the beginning")
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 16, 32], help="of the harness")
    parser.add_argument("--at-once", type=int, default=32, help="rows that we decode at the same time")
    parser.add_argument("--check", action="store_true", help="exit 1 below the target")
    parser.add_argument("--serve", choices=["ours", "harness"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def read_rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The first prompts."""
    lines = options.prompts.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[: options.count]]


def run(side: str, python: str, options: argparse.Namespace, size: int) -> Answered:
    """One side in a process of its own."""
    sys.path.insert(0, str(ROOT))
    from aligntui.backend.infer.embedded import embedded_folder

    command = [
        python, __file__, "--serve", side, "--prompts", str(options.prompts), "--count", str(options.count),
        "--new-tokens", str(options.new_tokens), "--dtype", options.dtype, "--at-once", str(options.at_once),
        "--batch", str(size), "--folder", str(embedded_folder()),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    if done.returncode:
        sys.exit(f"{side} failed, see the head of this file for what it needs:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Answered(f"{side}, batch {size}" if size else side, said["seconds"], said["tokens"], said["texts"])


def ours(options: argparse.Namespace) -> dict[str, Any]:
    """The engine's decode loop, rows replaced as they end."""
    sys.path.insert(0, str(ROOT))
    from aligntui.backend.stdio import settle_environment

    settle_environment()
    from aligntui.backend.infer.adapters import AdapterShelf
    from aligntui.backend.infer.decode import decode
    from aligntui.backend.infer.prepare import prepare_row
    from aligntui.backend.infer.rows import RowDone, Summary
    from aligntui.backend.infer.warm_up import warm_up
    from aligntui.backend.infer.weights import load_base
    from aligntui.wire.engine import Row

    shelf = AdapterShelf(load_base(options.folder, dtype=options.dtype, device="cpu"))
    warm_up(shelf)
    rows = [
        Row(str(at), (("user", row["prompt"]),), temperature=0, max_new_tokens=options.new_tokens)
        for at, row in enumerate(read_rows(options))
    ]
    plans = [prepare_row(row, shelf)[0] for row in rows]
    began = time.perf_counter()
    events = list(decode(shelf, plans, Summary(), at_once=options.at_once, stream=False))
    seconds = time.perf_counter() - began
    done = {event.name: event for event in events if isinstance(event, RowDone)}
    texts = [done[str(at)].text for at in range(len(rows))]
    return {"seconds": seconds, "tokens": counted(shelf.base.tokenizer, texts), "texts": texts}


def harness(options: argparse.Namespace) -> dict[str, Any]:
    """`generate_until` of the harness's transformers backend."""
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]
    from lm_eval.models.huggingface import HFLM  # pyright: ignore[reportMissingImports]

    model = HFLM(pretrained=options.folder, dtype=options.dtype, batch_size=options.batch, device="cpu")

    def asked(prompts: list[str], tokens: int) -> list[Any]:
        rendered = [model.apply_chat_template([{"role": "user", "content": prompt}]) for prompt in prompts]
        settings = {"until": [], "max_gen_toks": tokens, "do_sample": False}
        return [
            Instance(request_type="generate_until", doc={}, arguments=(text, settings), idx=at)
            for at, text in enumerate(rendered)
        ]

    model.generate_until(asked(["Hello"], 8), disable_tqdm=True)
    requests = asked([row["prompt"] for row in read_rows(options)], options.new_tokens)
    began = time.perf_counter()
    texts = model.generate_until(requests, disable_tqdm=True)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "tokens": counted(model.tokenizer, texts), "texts": texts}


def counted(tokenizer: Any, texts: list[str]) -> int:
    """Tokens of all answers, counted alike for both sides."""
    return sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])


def strict_passes(rows: list[dict[str, Any]], texts: list[str]) -> int:
    """Prompts whose every instruction is followed, by our checkers."""
    from aligntui.score.ifeval.prompts import parse_prompts
    from aligntui.score.ifeval.scoring import score_answers

    prompts = parse_prompts(((f"row {at}", row) for at, row in enumerate(rows)), "the prompts")
    scored = score_answers(prompts, {row["key"]: text for row, text in zip(rows, texts, strict=True)}).scored
    return sum(all(one.strict) for one in scored)


if __name__ == "__main__":
    sys.exit(main())
