"""Will it fit, and how long will it take: arithmetic over the shape of the model, before anything is loaded.

Peak = weights + adapters with gradients and optimiser + activations kept for the backward pass + what the loss needs,
for the largest batch that the run will meet. Per token and decoder layer the backward pass keeps (D hidden, I inner, Q
query width, t tokens of the pair, s bytes of the compute dtype):

    s * (3 I + 4 Q + t)     gate, its activation and up; query, key, value and mixed heads; the mask of packed pairs
    4 * 2 D                 the inputs of both norms, which compute in float32
    4 * inputs              of the layers that have an adapter, in float32; in float32 one tensor serves all that read it

counted with autograd's saved-tensor hooks on the embedded model. The allocator of the C library then needs more room than
is in use, `HEAP_FACTOR`; with gradient checkpointing it is the holes left between the kept tensors that count,
`CHECKPOINTED_SHARE`. Both were measured on a CPU; benchmarks/fit_estimate.py holds the estimate against measured peaks.
Pinned in tests/workbench/test_training_fit.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aligntui.config.training import TrainingConfig
from aligntui.workbench.memory.measuring import Device, free_bytes, in_words
from aligntui.workbench.training.batch_lengths import Lengths, largest_batch, lengths_of, takes_rejected
from aligntui.workbench.training.model_shape import INPUTS_OF, ModelShape, find_shape
from aligntui.workbench.training.pace import Pace, pace_of
from aligntui.workbench.training.records import Split

IMPORTS_BYTES = 540e6
"""What a training process holds before it loads anything: its libraries (torch 2.13, transformers 5.23, CPU)."""
HEAP_FACTOR = {"cpu": 1.53, "gpu": 1.1}
"""Room taken for each byte of activations in use."""
CHECKPOINTED_SHARE = {"cpu": 0.47, "gpu": 0.0}
"""With gradient checkpointing: what stays taken of a whole layer's activations for each layer."""
LOSS_BUFFERS = {"cpu": 4 * 30e6, "gpu": 3 * 512e6}
"""Logits of one chunk of positions and what is formed from them."""
NF4_BYTES = 0.5 + 0.5 / 64 * 1.02
"""Bytes of a number in NF4 with double quantisation: half a byte, and a byte for each block of 64."""
NF4_PLAIN_BYTES = 0.5 + 4 / 64
"""The same with constants in float32."""
ROOM = 0.95
"""Share of the free memory that a run should take at most."""


@dataclass(frozen=True)
class Fit:
    """What a run needs, and what there is."""

    weights: float
    """Bytes, as all that follow."""
    adapter: float
    """Adapter, gradients and optimiser."""
    activations: float
    loss: float
    """Logits of a chunk, hidden states of the answers and their gradients."""
    device: Device
    free: float | None
    """Free now; None where it cannot be asked."""
    batch_tokens: int
    """Of the largest batch."""
    pace: Pace | None
    """How long it takes; None with a GPU, whose speed is not known before it is used."""
    advice: str = ""
    """What to change where it does not fit."""
    length: int = 0
    """Of the longest prompt with answer, `steps.length`."""
    gone: float = 0.0
    """Share of the records whose prompts fill the length."""
    cut: float = 0.0
    """Share of the records that lose the end of an answer."""
    model_is_guessed: bool = False
    """Whether the tokens were counted by characters, for want of the tokenizer."""

    @property
    def peak_bytes(self) -> float:
        """At the largest batch, above what the process holds after its imports."""
        return self.weights + self.adapter + self.activations + self.loss

    @property
    def needed_bytes(self) -> float:
        """What must be free before the start."""
        return self.peak_bytes + (IMPORTS_BYTES if self.device.kind == "ram" else 0.0)

    @property
    def fits(self) -> bool:
        """Whether it fits into what is free; True where that is not known."""
        return self.free is None or self.needed_bytes <= ROOM * self.free

    @property
    def verdict(self) -> str:
        """A sentence."""
        need = in_words(int(self.needed_bytes))
        if self.free is None:
            return f"It needs about {need} of {self.device}; how much is free cannot be told."
        free = in_words(int(self.free))
        if self.fits:
            return f"It fits: about {need} of {self.device} at its peak, {free} are free."
        return f"It does not fit: about {need} of {self.device} at its peak, {free} are free."

    @property
    def shares(self) -> str:
        """What takes the memory."""
        parts = (("weights", self.weights), ("adapter", self.adapter), ("activations", self.activations))
        shown = ", ".join(f"{name} {in_words(int(size))}" for name, size in (*parts, ("loss", self.loss)))
        counted = ", tokens guessed from characters" if self.model_is_guessed else ""
        return f"{shown}; largest batch {self.batch_tokens:,} tokens{counted}"

    @property
    def lost(self) -> str:
        """What the training length takes from the records; empty where it takes nothing."""
        if not self.gone and not self.cut:
            return ""
        said = f"of the records {self.cut:.1%} lose the end of an answer at steps.length = {self.length:,}"
        return said + (f", {self.gone:.1%} are left out: their prompts fill it" if self.gone else "")

    def lines(self) -> list[str]:
        """What is shown before a start."""
        lines = [f"memory   {self.verdict}", f"         {self.shares}"]
        lines += [f"length   {self.lost}"] if self.lost else []
        return lines + ([f"time     {self.pace.sentence}"] if self.pace else [])

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        names = ("weights", "adapter", "activations", "loss", "free", "batch_tokens", "length", "gone", "cut", "advice")
        return {
            **{name: getattr(self, name) for name in names},
            "device": str(self.device),
            "peak_bytes": self.peak_bytes,
            "needed_bytes": self.needed_bytes,
            "fits": self.fits,
            "pace": asdict(self.pace) if self.pace else None,
        }


def estimate_for(config: TrainingConfig, split: Split, *, with_time: bool = True) -> Fit | None:
    """What a run will need; None where the shape of its model cannot be told on this machine.

    Args:
        config: of the run.
        split: its records.
        with_time: also how long it takes, for which a product of matrices is timed.
    """
    shape = find_shape(config.base.model)
    if shape is None:
        return None
    lengths = lengths_of(config, split.train)
    device = Device.wished(config.base.device)
    free = free_bytes(device)
    found = _estimate(config, shape, lengths, device, free)
    found = replace(found, pace=pace_of(config, shape, lengths) if with_time and device.kind == "ram" else None)
    return found if found.fits else replace(found, advice=_advice(config, shape, lengths, found))


def _estimate(config: TrainingConfig, shape: ModelShape, lengths: Lengths, device: Device, free: float | None) -> Fit:
    stages = [_stage(stage, shape, lengths, device, free) for stage in config.staged()]
    return max(stages, key=lambda fit: fit.peak_bytes)


def _stage(config: TrainingConfig, shape: ModelShape, lengths: Lengths, device: Device, free: float | None) -> Fit:
    s = compute_bytes(config)
    pairs = lengths.cut(config.steps.length, with_rejected=takes_rejected(config))
    gone, cut = lengths.lost(config.steps.length, with_rejected=takes_rejected(config))
    fixed, by_length = layer_bytes(config, shape, s)
    # each record's cost: its tokens, and its tokens squared for the mask of a packed pair
    costs = pairs.packed * (fixed + by_length * pairs.packed)
    worst, at = largest_batch(costs, config)
    batch_tokens = int(pairs.packed[at].sum())
    kind = "gpu" if device.kind == "gpu" else "cpu"
    if config.steps.gradient_checkpointing:
        kept = batch_tokens * shape.hidden * s * shape.layers
        activations = kept + worst * HEAP_FACTOR[kind] + CHECKPOINTED_SHARE[kind] * worst * (shape.layers - 1)
    else:
        activations = worst * shape.layers * HEAP_FACTOR[kind]
    answers = int(pairs.answers[at].sum())
    return Fit(
        weights=weight_bytes(config, shape, s),
        adapter=adapter_bytes(config, shape),
        activations=float(activations),
        loss=LOSS_BUFFERS[kind] + answers * shape.hidden * 4 * 4,
        device=device,
        free=free,
        batch_tokens=batch_tokens,
        pace=None,
        length=config.steps.length,
        gone=gone,
        cut=cut,
        model_is_guessed=lengths.guessed,
    )


def layer_bytes(config: TrainingConfig, shape: ModelShape, s: int) -> tuple[float, float]:
    """Bytes that one decoder layer keeps for the backward pass: of each token, and of each token and token of its pair."""
    targets = targeted(config, shape)
    widths = {"attention": shape.hidden, "mixed": shape.query, "mlp": shape.hidden, "product": shape.inner}
    if s == 4 and not config.adapter.dropout:
        inputs = sum(widths[name] for name in {INPUTS_OF[target] for target in targets})
    else:  # each adapter keeps its own copy: cast to float32, or with other numbers dropped
        inputs = sum(widths[INPUTS_OF[target]] for target in targets)
    masks = sum(widths[INPUTS_OF[target]] for target in targets) if config.adapter.dropout else 0
    share = len(config.adapter.layers) / shape.layers if config.adapter.layers else 1.0
    fixed = s * (3 * shape.inner + 4 * shape.query) + 4 * 2 * shape.hidden + share * (4 * inputs + masks)
    return fixed, float(s) if takes_rejected(config) else 0.0


def weight_bytes(config: TrainingConfig, shape: ModelShape, s: int) -> float:
    """Bytes of the frozen base."""
    if config.base.quantisation == "none":
        return float(shape.parameters * s)
    each = NF4_BYTES if config.base.double_quantisation else NF4_PLAIN_BYTES
    return shape.linear_parameters * each + shape.other_parameters * s


def adapter_bytes(config: TrainingConfig, shape: ModelShape) -> float:
    """Bytes of the adapter, its gradients and the optimiser's two means; earlier stages that are kept lie beside it."""
    layers = len(config.adapter.layers) or shape.layers
    numbers = layers * sum(config.adapter.rank * sum(shape.linear_shapes[name]) for name in targeted(config, shape))
    states = {"sgd": 0, "adamw_bnb_8bit": 2}.get(config.optimiser.optimizer.value, 8)
    earlier = max(0, len(config.stages) - 1) * 4 if config.between == "kept" else 0
    return float(numbers * (4 + 4 + states + earlier))


def targeted(config: TrainingConfig, shape: ModelShape) -> list[str]:
    """The linear layers that get an adapter, as far as their names are the usual ones."""
    names = config.adapter.target_modules
    if names == ("all-linear",):
        return list(shape.linear_shapes)
    return [name for name in shape.linear_shapes if name in names]


def compute_bytes(config: TrainingConfig) -> int:
    """Bytes of a number while training. `auto` is taken for float32 on a CPU, the larger of the two that it may become."""
    dtype = config.base.dtype.value
    if dtype == "auto":
        return 2 if Device.wished(config.base.device).kind == "gpu" else 4
    return 4 if dtype == "float32" else 2


def _advice(config: TrainingConfig, shape: ModelShape, lengths: Lengths, found: Fit) -> str:
    """The smallest change that makes it fit, as `--set` takes it."""
    steps = config.steps
    ways: list[Sequence[str]] = []
    batch = steps.batch
    while batch > 1:
        batch //= 2
        ways.append((f"batch={batch}", f"accumulation={max(1, steps.batch * steps.accumulation // batch)}"))
    if not steps.gradient_checkpointing:
        ways.append(("gradient_checkpointing=true",))
        ways.append(("batch=1", f"accumulation={steps.batch * steps.accumulation}", "gradient_checkpointing=true"))
    if compute_bytes(config) == 4:
        ways.append(("dtype=bfloat16",))
    if config.base.quantisation == "none":
        ways.append(("quantisation=nf4", "dtype=bfloat16"))
        small = ("batch=1", f"accumulation={steps.batch * steps.accumulation}")
        ways.append(("quantisation=nf4", "dtype=bfloat16", *small, "gradient_checkpointing=true"))
    for way in ways:
        changed = _changed(config, way)
        if changed is not None and _estimate(changed, shape, lengths, found.device, found.free).fits:
            return "It would fit with " + " ".join(f"--set {change}" for change in way) + "."
    return "Take a smaller model, a smaller steps.length, or free memory: `aligntui runs list` shows what trains now."


def _changed(config: TrainingConfig, changes: Sequence[str]) -> TrainingConfig | None:
    from aligntui.config.training import apply_settings
    from aligntui.core.errors import UserError

    try:
        return apply_settings(config, changes)
    except UserError:  # such as nf4 under a merged stage
        return None
