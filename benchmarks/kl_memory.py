"""The loss of CITA-KL from hidden states, in chunks against all logits at once: memory, time, and that they are equal.

    python benchmarks/kl_memory.py            # prints the ratios
    python benchmarks/kl_memory.py --check    # and exits 1 when one is above its limit

Both sides get the hidden states of policy and reference at 2,048 answer positions (4 pairs), a head of 128,256 words, and
give the loss and its gradient with respect to the policy's hidden states. The direct side is the formula in torch's own
functions. Each run is a process of its own, the two sides in turn. On the CPU extra memory is the peak of resident memory
above what it was before the loss; on a GPU it is the same of allocated memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from aligntui.backend.stdio import settle_environment

settle_environment()  # as in a run, before torch is imported

import psutil  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from aligntui.backend.train.losses.head import Head  # noqa: E402
from aligntui.backend.train.losses.objectives import answer_sums, contrast_loss, full_kl  # noqa: E402
from aligntui.backend.train.losses.vocabulary import score_tokens  # noqa: E402

MEMORY_LIMIT, TIME_LIMIT = 0.05, 0.8
PAIRS, BETA, LAMBDA = 4, 0.1, 0.1
SIDES = ("direct", "chunked")


def main() -> int:
    options = read_options()
    if options.side:
        print(json.dumps(measure(options)))
        return 0
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(options.rounds):
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            found[side].append(run_child(options, side))
    return report(options, found)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--positions", type=int, default=2048)
    parser.add_argument("--vocabulary", type=int, default=128_256)
    parser.add_argument("--hidden", type=int, default=576)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="auto", help="auto is a GPU where there is one")
    parser.add_argument("--threads", type=int, default=0, help="0 is torch's own choice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit 1 above the limits")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    return options


def run_child(options: argparse.Namespace, side: str) -> dict[str, float]:
    names = ("positions", "vocabulary", "hidden", "dtype", "device", "threads")
    flags = [part for name in names for part in (f"--{name}", str(getattr(options, name)))]
    done = subprocess.run(
        [sys.executable, __file__, "--side", side, *flags], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One side in this process: seconds, bytes, and figures that both sides must agree on."""
    if options.threads:
        torch.set_num_threads(options.threads)
    run = direct if options.side == "direct" else chunked
    hidden, reference, head, targets, answers = inputs(options)
    few = min(16, options.positions // 2)
    run(
        hidden[:few], reference[:few], head, targets[:few], answers[:few] % 2
    ).backward()  # threads and kernels are ready
    hidden.grad = None
    before = start_peak(options.device)
    began = time.perf_counter()
    loss = run(hidden, reference, head, targets, answers)
    loss.backward()
    if options.device != "cpu":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    extra = peak(options.device) - before
    gradient = hidden.grad
    assert gradient is not None
    probe = torch.linspace(-1, 1, gradient.numel(), device=gradient.device).view_as(gradient)
    return {
        "seconds": seconds,
        "bytes": extra,
        "loss": loss.item(),
        "gradient": gradient.float().norm().item(),
        "probe": (gradient.float() * probe).sum().item(),
    }


def inputs(options: argparse.Namespace) -> tuple[Tensor, Tensor, Head, Tensor, Tensor]:
    """Shapes: hidden and reference (N, D), targets and answers (N,)."""
    torch.manual_seed(0)
    device, dtype = options.device, getattr(torch, options.dtype)
    weight = torch.empty(options.vocabulary, options.hidden, device=device, dtype=dtype).normal_(std=0.05)
    hidden = torch.randn(options.positions, options.hidden, device=device, dtype=dtype)
    reference = hidden + 0.1 * torch.randn_like(hidden)
    targets = torch.randint(0, options.vocabulary, (options.positions,), device=device)
    answers = torch.arange(options.positions, device=device) * 2 * PAIRS // options.positions
    return hidden.requires_grad_(), reference, Head(weight), targets, answers


def direct(hidden: Tensor, reference: Tensor, head: Head, targets: Tensor, answers: Tensor) -> Tensor:
    policy = functional.linear(hidden, head.weight).float().log_softmax(-1)  # (N, V)
    with torch.no_grad():
        base = functional.linear(reference, head.weight).float().log_softmax(-1)  # (N, V)
    kl = functional.kl_div(base, policy, log_target=True, reduction="none").sum(-1)  # (N,)
    return cita(policy.gather(-1, targets[:, None])[:, 0], kl, answers)


def chunked(hidden: Tensor, reference: Tensor, head: Head, targets: Tensor, answers: Tensor) -> Tensor:
    scores = score_tokens(hidden, targets, head, reference)
    assert scores.kl is not None
    return cita(scores.logp, scores.kl, answers)


def cita(logp: Tensor, kl: Tensor, answers: Tensor) -> Tensor:
    counts = torch.bincount(answers, minlength=2 * PAIRS).to(logp.dtype)  # (A,)
    sums = answer_sums(logp, answers, 2 * PAIRS)  # (A,)
    held = full_kl(kl, answers, counts.clamp(min=1)).mean()
    return contrast_loss(sums[:PAIRS], sums[PAIRS:], BETA).mean() + LAMBDA * held


def start_peak(device: str) -> float:
    """Forget the peak so far; returns what is held now, bytes."""
    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return float(torch.cuda.memory_allocated())
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes the present
    except OSError:
        raise SystemExit("peak memory on the CPU is read from /proc, which is not there") from None
    return float(psutil.Process().memory_info().rss)


def peak(device: str) -> float:
    if device != "cpu":
        return float(torch.cuda.max_memory_allocated())
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * float(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def report(options: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> int:
    """Print medians, every run and the ratios; the exit code says whether the limits were kept."""
    print(
        f"{options.positions:,} positions, vocabulary {options.vocabulary:,}, hidden {options.hidden}, {options.dtype}, "
        f"{options.device}, {options.threads or torch.get_num_threads()} thread(s), {options.rounds} rounds in turn"
    )
    print(f"\n{'':10}{'seconds':>9}{'extra MB':>10}   every run")
    medians: dict[str, dict[str, float]] = {}
    for side, runs in found.items():
        medians[side] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        every = "  ".join(f"{run['seconds']:.1f} s {run['bytes'] / 1e6:.0f} MB" for run in runs)
        print(f"{side:10}{medians[side]['seconds']:>9.2f}{medians[side]['bytes'] / 1e6:>10.0f}   {every}")
    a, b = medians["direct"], medians["chunked"]
    room = 1e-4 if options.dtype == "float32" else 2e-2
    for name in ("loss", "gradient", "probe"):
        scale = max(abs(a[name]), abs(a["gradient"]) if name == "probe" else 0.0)
        if abs(a[name] - b[name]) > room * scale:
            print(f"\nthe two sides differ in {name}: {a[name]:g} and {b[name]:g}")
            return 1
    print(
        f"\nequal: loss {a['loss']:.6f} and {b['loss']:.6f}, gradient norm {a['gradient']:.6g} and {b['gradient']:.6g}"
    )
    memory, seconds = b["bytes"] / a["bytes"], b["seconds"] / a["seconds"]
    print(f"extra memory {memory:.3f} x the direct form's (limit {MEMORY_LIMIT:g})")
    print(f"time         {seconds:.3f} x the direct form's (limit {TIME_LIMIT:g})")
    return 1 if options.check and (memory > MEMORY_LIMIT or seconds > TIME_LIMIT) else 0


if __name__ == "__main__":
    sys.exit(main())
