"""One DPO training step of the embedded model, 4 pairs of about 80 tokens, against trl.DPOTrainer in one run.

    python benchmarks/dpo_step.py            # prints the ratio
    python benchmarks/dpo_step.py --check    # and exits 1 when it is below the target, or the losses differ

TRL trains by its own `train()`; after each of its steps ours runs on the same batch, with its own copy of model, adapter
and optimiser, so both see the same data from the same start and the losses of all steps must agree. Both sides: LoRA with
r 16 on q, k, v and o, AdamW, float32, no gradient checkpointing, no precomputed reference. A step is the forward passes of
policy and reference, the backward pass, clipping and the optimiser; ours also lays the batch out, TRL's was collated before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from typing import Any

from aligntui.backend.stdio import settle_environment

settle_environment()  # as in a run, before torch is imported
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict  # noqa: E402
from torch import Tensor  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl.trainer.dpo_config import DPOConfig  # noqa: E402
from trl.trainer.dpo_trainer import DPOTrainer  # noqa: E402

from aligntui.backend.infer.weights import Base, load_base  # noqa: E402
from aligntui.backend.train.losses.config import LossConfig, Method  # noqa: E402
from aligntui.backend.train.losses.pairs import Pair, collate  # noqa: E402
from aligntui.backend.train.losses.policy import Policy, prepare  # noqa: E402
from aligntui.backend.train.losses.step import pair_step  # noqa: E402
from datasets import Dataset, disable_progress_bars  # noqa: E402

TARGET = 3.0
LOSS_ROOM = 1e-4
BATCH, BETA, RATE, CLIP = 4, 0.1, 1e-4, 1.0
LORA = {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"], "task_type": "CAUSAL_LM"}
PREFERENCES = [
    (
        "How do I keep basil alive on a kitchen windowsill through the winter?",
        "Give it the sunniest sill, water only when the top of the soil feels dry, and pinch off the tips so that it grows "
        "bushy instead of tall.",
        "Basil is an annual plant, and every plant needs light and water, so the best advice is to look after it well and "
        "hope for a good outcome.",
    ),
    (
        "My flight was cancelled in Istanbul. What should I ask the airline for?",
        "Ask for a seat on the next flight or your money back, and for meals and a hotel while you wait. Keep every receipt "
        "in case they pay later.",
        "Airlines cancel flights for many reasons, such as weather, crews and technical faults, and this can of course be "
        "very annoying for a traveller.",
    ),
    (
        "Explain to a ten-year-old why the moon seems to follow our car.",
        "The moon is so far away that driving a few streets hardly changes where you see it, while trees close by slide past "
        "the window at once.",
        "Owing to the negligible parallax of a body at 384,000 kilometres, its apparent bearing stays practically constant "
        "along your trajectory.",
    ),
    (
        "What is a fair way for three flatmates to split an electricity bill?",
        "Split it into equal thirds, unless one of you works at home or runs a heater; then agree on a larger share for that "
        "person beforehand.",
        "Whoever opens the letter pays for it, because that is the person who knows the amount, and the other two can pay "
        "some other time.",
    ),
    (
        "Suggest a warm-up before a short run on a cold morning.",
        "Walk briskly for five minutes, then swing each leg, circle your arms and do ten slow squats. Begin the run easily "
        "before you speed up.",
        "There is no need to warm up for a short run. Start as fast as you can, because the cold air will wake your muscles "
        "by itself soon enough.",
    ),
    (
        "Why does bread go stale faster in the refrigerator than on the counter?",
        "Cold makes the starch in bread turn back into crystals, which feels dry and hard. A bread box slows that, and a "
        "freezer nearly stops it.",
        "Bread goes stale since it is old. In the refrigerator it gets older because refrigerators are cold, and cold things "
        "are not fresh.",
    ),
    (
        "How can I tell my neighbour that his music is too loud at night?",
        "Catch him in the daytime, say that you like living next door, and tell him from when on you need quiet. Most people "
        "had no idea.",
        "Knock on the wall as hard as you can each time it starts. If that does not help, write a sign for the stairs that "
        "everyone will read.",
    ),
    (
        "What should a small choir sing at the opening of a village library?",
        "Two short songs that people know, so that they can join in, and one about books or stories. Ten minutes in all is "
        "plenty before the cake.",
        "A choir can sing whatever it likes. Music has been performed at openings for centuries and there are very many "
        "pieces to choose from.",
    ),
]


def main() -> int:
    options = read_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        theirs = make_trainer(options, folder)
        ours = Ours(options, theirs)
        theirs.add_callback(Interleaved(theirs, ours))
        theirs.train()
    return report(options, theirs, ours)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0 is torch's own choice")
    parser.add_argument("--device", default="auto", help="auto is a GPU where there is one")
    parser.add_argument("--padded", action="store_true", help="ours with a row for each answer, as TRL has them")
    parser.add_argument("--own-products", action="store_true", help="ours with torch's own products of frozen weights")
    parser.add_argument("--check", action="store_true", help="exit 1 below the target")
    options = parser.parse_args()
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    return options


class Timed(DPOTrainer):
    """TRL's trainer, whose batches and losses can be seen."""

    inputs: dict[str, Tensor]
    losses: list[Tensor]
    seconds: list[float]

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        found = super().compute_loss(model, inputs, *args, **options)
        self.inputs = inputs
        self.losses.append(found.detach())
        return found


def make_trainer(options: argparse.Namespace, folder: str) -> Timed:
    base = load_base(dtype="float32", device=options.device)
    rows = [
        {
            "prompt": [{"role": "user", "content": prompt}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        for prompt, chosen, rejected in PREFERENCES
    ]
    trainer = Timed(
        model=base.model,
        args=DPOConfig(
            output_dir=folder,
            beta=BETA,
            per_device_train_batch_size=BATCH,
            max_steps=options.rounds + 1,
            learning_rate=RATE,
            lr_scheduler_type="constant",
            max_grad_norm=CLIP,
            weight_decay=0.0,
            gradient_checkpointing=False,
            precompute_ref_log_probs=False,
            max_length=None,
            bf16=False,
            use_cpu=options.device == "cpu",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=base.tokenizer,
        peft_config=LoraConfig(**LORA),
    )
    trainer.losses, trainer.seconds = [], []
    return trainer


class Ours:
    """Our side: a model of its own that starts with the adapter that TRL starts with."""

    def __init__(self, options: argparse.Namespace, theirs: Timed) -> None:
        self.device, self.packed = options.device, not options.padded
        base: Base = load_base(dtype="float32", device=options.device)
        model = get_peft_model(base.model, LoraConfig(**LORA))
        set_peft_model_state_dict(model, get_peft_model_state_dict(theirs.model))
        self.policy: Policy = prepare(model.train(), quick=not options.own_products)
        self.packed = self.packed and self.policy.packs
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.weights, lr=RATE, weight_decay=0.0, fused=True)
        self.config = LossConfig(Method.DPO, beta=BETA)
        self.losses: list[Tensor] = []
        self.seconds: list[float] = []
        self.values: dict[str, float] = {}
        self.lengths: list[int] = []

    def step(self, pairs: list[Pair]) -> None:
        began = time.perf_counter()
        batch = collate(pairs, packed=self.packed).to(self.device)
        result = pair_step(self.policy, batch, self.config)
        result.loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.values = result.values()  # as a run reports them: every step
        wait(self.device)
        self.seconds.append(time.perf_counter() - began)
        self.losses.append(result.loss.detach())
        self.lengths += [len(p.prompt) + len(a) for p in pairs for a in (p.chosen, p.rejected or ())]


class Interleaved(TrainerCallback):
    """Times TRL's step and runs ours after it."""

    def __init__(self, theirs: Timed, ours: Ours) -> None:
        self.theirs, self.ours, self.began = theirs, ours, 0.0

    def on_step_begin(self, *args: Any, **options: Any) -> None:
        wait(self.ours.device)
        self.began = time.perf_counter()

    def on_step_end(self, *args: Any, **options: Any) -> None:
        wait(self.ours.device)
        self.theirs.seconds.append(time.perf_counter() - self.began)
        self.ours.step(pairs_of(self.theirs.inputs))


def pairs_of(inputs: dict[str, Tensor]) -> list[Pair]:
    """The pairs of a batch as TRL collated it: all chosen rows, then all rejected ones."""
    real, answer = inputs["attention_mask"].bool().cpu(), inputs["completion_mask"].bool().cpu()
    ids = inputs["input_ids"].cpu()
    rows = [(i[r & ~a].tolist(), i[r & a].tolist()) for i, r, a in zip(ids, real, answer, strict=True)]
    half = len(rows) // 2
    return [Pair(rows[n][0], rows[n][1], rows[half + n][1]) for n in range(half)]


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def report(options: argparse.Namespace, theirs: Timed, ours: Ours) -> int:
    """Print medians, every step and the ratio; the exit code says whether the target was met."""
    form = ("packed" if ours.packed else "padded") + (", torch's products" if options.own_products else "")
    print(
        f"float32, {options.device}, {options.threads or torch.get_num_threads()} thread(s), {options.rounds} rounds after "
        f"one to warm up, {BATCH} pairs a step, answers with their prompts {min(ours.lengths)} to {max(ours.lengths)} tokens"
    )
    medians = {}
    print(f"\n{'':26}{'s a step':>9}   every step")
    for name, seconds in (("trl.DPOTrainer", theirs.seconds), (f"ours, {form}", ours.seconds)):
        medians[name] = statistics.median(seconds[1:])
        print(f"{name:26}{medians[name]:>9.2f}   " + "  ".join(f"{s:.2f}" for s in seconds[1:]))
    differences = [abs(a.item() - b.item()) for a, b in zip(theirs.losses, ours.losses, strict=True)]
    print(
        "\nlosses  "
        + "  ".join(f"{a.item():.6f}/{b.item():.6f}" for a, b in zip(theirs.losses, ours.losses, strict=True))
    )
    print(
        f"largest difference of a loss {max(differences):.1e} (limit {LOSS_ROOM:g}), kl of the last step {ours.values['kl']:.4f}"
    )
    ratio = medians["trl.DPOTrainer"] / medians[f"ours, {form}"]
    print(f"steps per second {ratio:.2f} x trl.DPOTrainer's (target {TARGET:g})")
    return 1 if max(differences) > LOSS_ROOM or (options.check and ratio < TARGET) else 0


if __name__ == "__main__":
    sys.exit(main())
