"""Many rows: a running batch against fixed batches, and the grid of 10 instructions x 2 sides against PEFT.

    python benchmarks/batch_decode.py            # prints both tables
    python benchmarks/batch_decode.py --check    # and exits 1 when one is below its target

- run: real prompts under real instructions, base and adapter rows by turns, up to 200 tokens, stop at end of sequence, so that
  answers are of very different lengths. At most `--at-once` rows decode at the same time: in fixed batches of
  PEFT's mixed generation (`adapter_names`, which computes rows that ended to the end of their batch), in fixed batches
  of the engine (which drops them), and with rows replaced as they end. Batches are the same and of like prompts.
- grid: 10 instructions x {base, adapter}, 64 tokens, greedy, all 20 rows in one batch, against the same 20 answers one after
  another with PEFT (`model.generate`, for base rows inside `disable_adapter()`).

Every figure is tokens per second of all rows, reading the prompts included, median of interleaved rounds in one process.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pair_decode import MANNERS, NEW_TOKENS, find_adapter, load_sides, mixed, peft_answer, plain_batch, prompt_ids

# isort: split
import torch
from peft import PeftModel

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.batching import order_rows
from aligntui.backend.infer.decode import decode
from aligntui.backend.infer.prepare import prepare_row
from aligntui.backend.infer.rows import RowDone, RowPlan, Summary
from aligntui.backend.infer.work import Work
from aligntui.wire.engine import AdapterRef, Row

GRID_TARGET = 9.0
RUN_TARGET = 1.3
"""Against PEFT's fixed batches. Against the engine's own the ratio is printed: where a step costs nearly the same for every
row, as on few cores, dropping the rows that ended is worth almost as much as replacing them."""
PADDING_LIMIT = 0.15
LONGEST = 200
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Side:
    """One way to do the same work, over the rounds."""

    rows: int
    run: Callable[[], int]
    """Makes all answers; returns their tokens."""
    speeds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.speeds)


@dataclass
class Waste:
    """What the last run of a side fed through the model, and how long its answers were."""

    work: Work = field(default_factory=Work)
    lengths: list[int] = field(default_factory=list)
    path: str = ""

    def take(self, summary: Summary, answers: list[RowDone]) -> None:
        for name in ("computed", "padding", "attended", "attended_padding"):
            setattr(self.work, name, getattr(self.work, name) + getattr(summary.work, name))
        self.lengths += [len(answer.token_ids) for answer in answers]
        self.path = summary.path

    @property
    def padding(self) -> float:
        return self.work.padding / self.work.computed

    @property
    def cache_padding(self) -> float:
        return self.work.attended_padding / self.work.attended


def main() -> int:
    """Run the rounds and print the tables."""
    options = read_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = find_adapter(Path(scratch))
        shelf, adapter, peft = load_sides(options, folder)
        plans = run_plans(shelf, folder, options.rows)
        prompts = [prompt_ids(shelf, f"Answer in a {manner} way.") for manner in MANNERS]
    good = True
    if options.part in ("all", "run"):
        wastes = {name: Waste() for name in ("fixed batches", "running batch")}
        sides = {
            "PEFT, fixed batches": Side(len(plans), lambda: peft_batches(peft, shelf, plans, options.at_once)),
            "fixed batches": Side(len(plans), lambda: fixed(shelf, plans, options.at_once, wastes)),
            "running batch": Side(len(plans), lambda: running(shelf, plans, options.at_once, wastes)),
        }
        take_rounds(sides, options.rounds)
        good = report_run(options, folder, sides, wastes)
    if options.part in ("all", "grid"):
        shelf.base.end_ids = frozenset()  # every row makes all its tokens, on both sides
        shelf.threads.reading = shelf.threads.stepping  # one number for both sides
        shelf.threads.step()
        sides = {
            "PEFT, one after another": Side(20, lambda: one_after_another(peft, prompts)),
            "20 rows, one batch": Side(20, lambda: mixed(shelf, adapter, prompts)),
            "transformers, 20 base rows": Side(20, lambda: plain_batch(peft, prompts, shelf.base.pad_id)),
        }
        peft_answer(peft, prompts[0], tuned=True)  # its first answer is slower than the others
        take_rounds(sides, options.rounds)
        good = report_grid(options, folder, sides) and good
    return int(options.check and not good)


def read_options() -> argparse.Namespace:
    """Flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--part", default="all", choices=["all", "run", "grid"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=160, help="answers of the run")
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="0 is the engine's own choice")
    parser.add_argument("--check", action="store_true", help="exit 1 below the targets")
    return parser.parse_args()


def run_plans(shelf: AdapterShelf, adapter: Path, count: int) -> list[RowPlan]:
    """Base and adapter rows by turns: prompts of the demo data in an order of their own, each under one instruction."""
    files = sorted((ROOT / "datasets" / "opposed-demo").glob("*.jsonl"))
    prompts = [json.loads(line)["prompt"] for file in files for line in file.read_text("utf-8").splitlines()]
    lines = (ROOT / "datasets" / "instructions" / "canonical.jsonl").read_text("utf-8").splitlines()
    instructions = ["", *(json.loads(line)["phrasings"][0] for line in lines)]
    random.Random(0).shuffle(prompts)
    reference = AdapterRef(adapter.name, str(adapter))
    rows = [
        Row(
            str(n),
            (("user", prompts[n // 2 % len(prompts)]),),
            instructions[n // 2 % len(instructions)],
            adapter=reference if n % 2 else None,
            max_new_tokens=LONGEST,
            seed=n // 2,
        )
        for n in range(count)
    ]
    return [prepare_row(row, shelf)[0] for row in rows]


def take_rounds(sides: dict[str, Side], rounds: int) -> None:
    """Time all sides by turns; the model was warmed up when it was loaded."""
    for _ in range(rounds):
        for side in sides.values():
            began = time.perf_counter()
            tokens = side.run()
            side.speeds.append(tokens / (time.perf_counter() - began))


def fixed(shelf: AdapterShelf, plans: list[RowPlan], size: int, wastes: dict[str, Waste]) -> int:
    """Batches one after another, in the same order as the running batch begins its rows."""
    waste = wastes["fixed batches"] = Waste()
    ordered = order_rows(plans, size)
    for start in range(0, len(ordered), size):
        summary = Summary()
        events = list(decode(shelf, ordered[start : start + size], summary, stream=False))
        waste.take(summary, [event for event in events if isinstance(event, RowDone)])
    return sum(waste.lengths)


def peft_batches(peft: PeftModel, shelf: AdapterShelf, plans: list[RowPlan], size: int) -> int:
    """The same batches with PEFT and transformers, which end rows with padding that is no part of an answer."""
    ordered, base, made = order_rows(plans, size), shelf.base, 0
    for start in range(0, len(ordered), size):
        batch = ordered[start : start + size]
        length = max(plan.size for plan in batch)
        ids = torch.tensor([[base.pad_id] * (length - plan.size) + plan.prompt_ids for plan in batch])  # (B, T)
        mask = torch.tensor([[0] * (length - plan.size) + [1] * plan.size for plan in batch])
        torch.manual_seed(start)
        with torch.inference_mode():
            found = peft.generate(
                input_ids=ids,
                attention_mask=mask,
                adapter_names=["default" if plan.adapter else "__base__" for plan in batch],
                max_new_tokens=LONGEST,
                do_sample=True,
                temperature=batch[0].sampling.temperature,
                top_p=batch[0].sampling.top_p,
                top_k=0,
                eos_token_id=sorted(base.end_ids),
                pad_token_id=base.pad_id,
            )
        for row in found[:, length:].tolist():
            ends = [place for place, token in enumerate(row) if token in base.end_ids]
            made += ends[0] + 1 if ends else len(row)
    return made


def running(shelf: AdapterShelf, plans: list[RowPlan], size: int, wastes: dict[str, Waste]) -> int:
    """Rows are replaced as they end."""
    waste, summary = Waste(), Summary()
    wastes["running batch"] = waste
    events = list(decode(shelf, plans, summary, at_once=size, stream=False))
    waste.take(summary, [event for event in events if isinstance(event, RowDone)])
    return sum(waste.lengths)


def one_after_another(peft: PeftModel, prompts: list[list[int]]) -> int:
    """The 20 answers of the grid, each alone."""
    for ids in prompts:
        for tuned in (False, True):
            peft_answer(peft, ids, tuned=tuned)
    return 2 * len(prompts) * NEW_TOKENS


def report_run(options: argparse.Namespace, adapter: Path, sides: dict[str, Side], wastes: dict[str, Waste]) -> bool:
    """Print the table of the run; whether its targets were met."""
    print_head(options, adapter, f"run of {options.rows} rows, at most {options.at_once} at once")
    for name, side in sides.items():
        print_side(name, side)
        if (waste := wastes.get(name)) is None:
            continue
        print(
            f"    answers of {min(waste.lengths)} to {max(waste.lengths)} tokens, mean "
            f"{statistics.mean(waste.lengths):.0f}; padding {waste.padding:.1%} of what was computed, "
            f"{waste.cache_padding:.1%} of the cache that was looked at"
        )
    ratio = sides["running batch"].median / sides["PEFT, fixed batches"].median
    own = sides["running batch"].median / sides["fixed batches"].median
    worst = max(wastes["running batch"].padding, wastes["running batch"].cache_padding)
    print(f"  path: {wastes['running batch'].path}")
    print(f"  running / PEFT fixed  {ratio:5.2f} x   (target {RUN_TARGET})")
    print(f"  running / fixed       {own:5.2f} x   (no target)")
    print(f"  padding {worst:.1%}   (limit {PADDING_LIMIT:.0%})")
    return ratio >= RUN_TARGET and worst < PADDING_LIMIT


def report_grid(options: argparse.Namespace, adapter: Path, sides: dict[str, Side]) -> bool:
    """Print the table of the grid; whether its target was met."""
    print_head(options, adapter, f"grid of 10 instructions x 2 sides, {NEW_TOKENS} tokens")
    for name, side in sides.items():
        print_side(name, side)
    ratio = sides["20 rows, one batch"].median / sides["PEFT, one after another"].median
    print(f"  grid / PEFT one after another {ratio:5.2f} x   (target {GRID_TARGET})")
    return ratio >= GRID_TARGET


def print_head(options: argparse.Namespace, adapter: Path, what: str) -> None:
    print(f"{what}; {options.dtype}, {torch.get_num_threads()} thread(s), {options.rounds} round(s), adapter {adapter}")


def print_side(name: str, side: Side) -> None:
    print(f"  {name:28s} {side.median:7.1f} tokens/s   ({min(side.speeds):.1f} to {max(side.speeds):.1f})")


if __name__ == "__main__":
    sys.exit(main())
