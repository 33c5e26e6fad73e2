"""Base and adapter in one batch against PEFT run twice, greedy, 64 tokens, one process, one run.

    python benchmarks/pair_decode.py            # prints the ratio
    python benchmarks/pair_decode.py --check    # and exits 1 when it is below its target

Every figure is tokens per second of both rows together, reading the prompt included, median of interleaved rounds.
PEFT twice is `model.generate` inside `disable_adapter()` and then `model.generate` with the adapter, as its
documentation shows. More rows are the subject of batch_decode.py.
"""

from __future__ import annotations

import argparse
import contextlib
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
from aligntui.backend.infer.decode import decode  # noqa: E402
from aligntui.backend.infer.embedded import embedded_folder  # noqa: E402
from aligntui.backend.infer.rows import RowDone, RowPlan, Summary  # noqa: E402
from aligntui.backend.infer.warm_up import warm_up  # noqa: E402
from aligntui.backend.infer.weights import load_base  # noqa: E402
from aligntui.backend.template import encode_rendered, render_prompt  # noqa: E402
from aligntui.core.prompt_format import Message, Mode  # noqa: E402
from aligntui.core.sampling import Sampling  # noqa: E402

NEW_TOKENS = 64
PAIR_TARGET = 2.0
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
    with tempfile.TemporaryDirectory() as scratch:
        folder = find_adapter(Path(scratch))
        shelf, adapter, peft = load_sides(options, folder)
    shelf.base.end_ids = frozenset()  # every row makes all its tokens, on both sides
    shelf.threads.reading = shelf.threads.stepping  # one number for both sides, the one that steps are fastest with
    ids = prompt_ids(shelf, f"Answer in a {MANNERS[0]} way.")
    sides: dict[str, Callable[[], object]] = {
        "PEFT twice": lambda: [peft_answer(peft, ids, tuned=tuned) for tuned in (False, True)],
        "pair, one batch": lambda: mixed(shelf, adapter, [ids]),
    }
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(options.rounds + 1):
        for name, run in sides.items():
            began = time.perf_counter()
            run()
            if number:  # the first round only warms up
                speeds[name].append(2 * NEW_TOKENS / (time.perf_counter() - began))
    return report(options, folder, speeds)


def read_options() -> argparse.Namespace:
    """Flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0 is the engine's own choice")
    parser.add_argument("--check", action="store_true", help="exit 1 below the target")
    return parser.parse_args()


def find_adapter(scratch: Path) -> Path:
    """The demo adapter; a random one of its kind where its weights are not here."""
    if (DEMO / "adapter_model.safetensors").is_file():
        return DEMO
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_pretrained(embedded_folder())
    model = get_peft_model(plain, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    model.save_pretrained(str(scratch / "random"))
    return scratch / "random"


def load_sides(options: argparse.Namespace, folder: Path) -> tuple[AdapterShelf, Adapter, PeftModel]:
    """The embedded model with the adapter, as the engine loads it and as PEFT does."""
    base = load_base(dtype=options.dtype)
    shelf = AdapterShelf(base)
    warm_up(shelf, fixed_threads=options.threads > 0)
    plain = AutoModelForCausalLM.from_pretrained(base.folder, dtype=getattr(torch, options.dtype))
    return shelf, shelf.get(str(folder)), PeftModel.from_pretrained(plain, folder).eval()


def prompt_ids(shelf: AdapterShelf, instruction: str) -> list[int]:
    """Token ids of the question under an instruction."""
    base = shelf.base
    return encode_rendered(
        base.tokenizer,
        render_prompt(base.tokenizer, base.template, [Message("user", QUESTION)], instruction, Mode.SYSTEM),
    )


def mixed(shelf: AdapterShelf, adapter: Adapter, prompts: list[list[int]]) -> int:
    """Every prompt for the base and for the adapter, all in one batch; returns the tokens made."""
    sampling = Sampling(temperature=0, max_new_tokens=NEW_TOKENS)
    plans = [RowPlan(f"{n}{side}", ids, sampling, side) for n, ids in enumerate(prompts) for side in (None, adapter)]
    done = [event for event in decode(shelf, plans, Summary()) if isinstance(event, RowDone)]
    made = sum(len(event.token_ids) for event in done)
    assert made == len(plans) * NEW_TOKENS
    return made


def peft_answer(model: PeftModel, ids: list[int], *, tuned: bool) -> None:
    """One answer the usual way, with the adapter on or off."""
    inputs = torch.tensor([ids])  # (1, T)
    options = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    with torch.inference_mode(), contextlib.nullcontext() if tuned else model.disable_adapter():
        model.generate(input_ids=inputs, attention_mask=torch.ones_like(inputs), **options)


def plain_batch(model: PeftModel, prompts: list[list[int]], pad_id: int) -> int:
    """transformers' own batched generation of base rows, without any adapter; for reference. Returns the tokens made."""
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
    return len(padded) * NEW_TOKENS


def report(options: argparse.Namespace, adapter: Path, speeds: dict[str, list[float]]) -> int:
    """Print medians, ranges and the ratio; the exit code says whether the target was met."""
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"{options.dtype}, {torch.get_num_threads()} thread(s), {options.rounds} rounds, adapter {adapter}")
    for name, values in speeds.items():
        print(f"  {name:28s} {medians[name]:7.1f} tokens/s   ({min(values):.1f} to {max(values):.1f})")
    pair = medians["pair, one batch"] / medians["PEFT twice"]
    print(f"  pair / PEFT twice    {pair:5.2f} x   (target {PAIR_TARGET})")
    return int(options.check and pair < PAIR_TARGET)


if __name__ == "__main__":
    sys.exit(main())
