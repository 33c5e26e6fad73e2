"""Base and adapter in one batch against PEFT run twice, greedy, 64 tokens, one process, one run.

    python benchmarks/pair_decode.py            # prints the ratios
    python benchmarks/pair_decode.py --check    # and exits 1 when one is below its target

Every figure is tokens per second of all rows together, reading the prompt included, median of interleaved rounds.
PEFT twice is `model.generate` inside `disable_adapter()` and then `model.generate` with the adapter, as its
documentation shows. The grid has 10 base and 10 adapter rows under 10 instructions and is held against the same figure.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aligntui.backend.stdio import settle_environment

settle_environment()  # the engine's own, read by torch when it is imported; both sides run under it

import torch  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from aligntui.backend.infer.adapters import Adapter, AdapterShelf  # noqa: E402
from aligntui.backend.infer.decode import RowDone, RowPlan, Summary, decode  # noqa: E402
from aligntui.backend.infer.warm_up import warm_up  # noqa: E402
from aligntui.backend.infer.weights import load_base  # noqa: E402
from aligntui.backend.template import encode_rendered, render_prompt  # noqa: E402
from aligntui.core.prompt_format import Message, Mode  # noqa: E402
from aligntui.core.sampling import Sampling  # noqa: E402

NEW_TOKENS = 64
PAIR_TARGET = 2.0
GRID_TARGET = 9.0
QUESTION = "How should I prepare for a job interview next week?"
MANNERS = [
    "concise",
    "warm",
    "formal",
    "playful",
    "critical",
    "cautious",
    "direct",
    "patient",
    "scholarly",
    "practical",
]
DEMO = Path(__file__).resolve().parent.parent / "adapters" / "demo"


def main() -> int:
    """Run the rounds and print the table."""
    options = read_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = load_base(dtype=options.dtype)
    base.end_ids = frozenset()  # every row makes all its tokens, on both sides
    shelf = AdapterShelf(base)
    warm_up(shelf, fixed_threads=options.threads > 0)
    shelf.threads.reading = shelf.threads.stepping  # one number for both sides, the one that steps are fastest with
    with tempfile.TemporaryDirectory() as scratch:
        folder = DEMO if (DEMO / "adapter_model.safetensors").is_file() else random_adapter(base.folder, Path(scratch))
        adapter = shelf.get(str(folder))
        plain = AutoModelForCausalLM.from_pretrained(base.folder, dtype=getattr(torch, options.dtype))
        peft = PeftModel.from_pretrained(plain, folder).eval()
    prompts = [prompt_ids(shelf, f"Answer in a {manner} way.") for manner in MANNERS]
    sides: dict[str, tuple[int, Callable[[], None]]] = {
        "PEFT twice": (2, lambda: peft_twice(peft, prompts[0])),
        "pair, one batch": (2, lambda: mixed(shelf, adapter, prompts[:1])),
        "20 rows, one batch": (20, lambda: mixed(shelf, adapter, prompts)),
        "transformers, 20 base rows": (20, lambda: plain_batch(peft, prompts, base.pad_id)),
    }
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(options.rounds + 1):
        for name, (rows, run) in sides.items():
            began = time.perf_counter()
            run()
            if number:  # the first round only warms up
                speeds[name].append(rows * NEW_TOKENS / (time.perf_counter() - began))
    return report(options, str(folder), speeds)


def read_options() -> argparse.Namespace:
    """Flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0 is the engine's own choice")
    parser.add_argument("--check", action="store_true", help="exit 1 below the targets")
    return parser.parse_args()


def random_adapter(base: Path, folder: Path) -> Path:
    """An adapter with r = 8 on the query and value projections, its second matrix small and random."""
    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"])
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    model.save_pretrained(folder / "random")
    return folder / "random"


def prompt_ids(shelf: AdapterShelf, instruction: str) -> list[int]:
    """Token ids of the question under an instruction."""
    base = shelf.base
    return encode_rendered(
        base.tokenizer,
        render_prompt(base.tokenizer, base.template, [Message("user", QUESTION)], instruction, Mode.SYSTEM),
    )


def mixed(shelf: AdapterShelf, adapter: Adapter, prompts: list[list[int]]) -> None:
    """Every prompt for the base and for the adapter, all in one batch."""
    sampling = Sampling(temperature=0, max_new_tokens=NEW_TOKENS)
    plans = [RowPlan(f"{n}{side}", ids, sampling, side) for n, ids in enumerate(prompts) for side in (None, adapter)]
    done = [event for event in decode(shelf, plans, Summary()) if isinstance(event, RowDone)]
    assert sum(len(event.token_ids) for event in done) == len(plans) * NEW_TOKENS


def peft_twice(model: PeftModel, ids: list[int]) -> None:
    """The usual way: the adapter off, then on."""
    inputs = torch.tensor([ids])  # (1, T)
    options = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    with torch.inference_mode():
        with model.disable_adapter():
            model.generate(input_ids=inputs, attention_mask=torch.ones_like(inputs), **options)
        model.generate(input_ids=inputs, attention_mask=torch.ones_like(inputs), **options)


def plain_batch(model: PeftModel, prompts: list[list[int]], pad_id: int) -> None:
    """transformers' own batched generation of base rows, without any adapter; for reference."""
    length = max(map(len, prompts))
    padded = [[pad_id] * (length - len(ids)) + ids for ids in prompts] * 2
    mask = [[0] * (length - len(ids)) + [1] * len(ids) for ids in prompts] * 2
    with torch.inference_mode(), model.disable_adapter():
        model.generate(
            input_ids=torch.tensor(padded),  # (B, T)
            attention_mask=torch.tensor(mask),
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=False,
        )


def report(options: argparse.Namespace, adapter: str, speeds: dict[str, list[float]]) -> int:
    """Print medians, ranges and ratios; the exit code says whether the targets were met."""
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"{options.dtype}, {torch.get_num_threads()} thread(s), {options.rounds} rounds, adapter {adapter}")
    for name, values in speeds.items():
        print(f"  {name:28s} {medians[name]:7.1f} tokens/s   ({min(values):.1f} to {max(values):.1f})")
    pair = medians["pair, one batch"] / medians["PEFT twice"]
    grid = medians["20 rows, one batch"] / medians["PEFT twice"]
    print(f"  pair / PEFT twice    {pair:5.2f} x   (target {PAIR_TARGET})")
    print(f"  20 rows / PEFT twice {grid:5.2f} x   (target {GRID_TARGET})")
    return int(options.check and (pair < PAIR_TARGET or grid < GRID_TARGET))


if __name__ == "__main__":
    sys.exit(main())
