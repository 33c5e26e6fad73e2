"""The parts of a training configuration, one frozen dataclass each. Every field has a default and one line of meaning.

Pinned in tests/config/test_training_config.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    """What is minimised (methods.md, section 2)."""

    SFT = "sft"
    CONTRASTIVE_ITA = "contrastive-ita"
    """SFT on prompts that show the rejected answer and ask for a better one."""
    DPO = "dpo"
    RRHF = "rrhf"
    UNIFIED = "unified"
    CITA = "cita-kl"

    @property
    def needs_rejected(self) -> bool:
        """Whether every record must have a rejected answer."""
        return self is not Method.SFT


class PromptFormat(StrEnum):
    """How a record becomes a prompt (methods.md, section 1)."""

    CHAT = "chat"
    ITA = "ita"
    CONTRASTIVE_ITA = "contrastive-ita"
    ALPACA = "alpaca"
    INJECTION = "injection"


class Dtype(StrEnum):
    """Of the frozen base; adapters are trained in float32."""

    AUTO = "auto"
    """bfloat16 on a GPU; on a CPU the faster one, found by a short measurement at the start."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Stored(StrEnum):
    """Of the finished adapter's file."""

    FLOAT32 = "float32"
    """As it was trained."""
    BFLOAT16 = "bfloat16"
    """Half the size, rounded to 8 bits of precision."""


class Quantisation(StrEnum):
    """Of the frozen base."""

    NONE = "none"
    NF4 = "nf4"


class Schedule(StrEnum):
    """How the learning rate goes after the warm-up."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


class Optimizer(StrEnum):
    """By the names of transformers."""

    ADAMW = "adamw_torch"
    ADAMW_8BIT = "adamw_bnb_8bit"
    """States in 8 bits; with a GPU only, on a CPU `adamw_torch` takes its place with a warning."""
    SGD = "sgd"


class KlReading(StrEnum):
    """What is called KL; see aligntui.backend.train.losses.config."""

    FULL = "full"
    DRAFT = "draft"
    LOG_RATIO = "log_ratio"


class Reduction(StrEnum):
    """How the token losses of SFT become one number."""

    TOKEN_MEAN = "token_mean"
    SEQUENCE_SUM = "sequence_sum"


class Engine(StrEnum):
    """Who computes the loss of DPO."""

    OURS = "ours"
    TRL = "trl"
    """trl.DPOTrainer, the reference."""


class Between(StrEnum):
    """What becomes of an earlier stage, or of a parent adapter."""

    MERGED = "merged"
    """Added to the base weights, so that switching the adapter off gives that stage."""
    KEPT = "kept"
    """A frozen adapter under the new one; the pretrained base stays within reach."""


class Reference(StrEnum):
    """What pi0 is where there are earlier stages; without any, both are the base."""

    STAGE = "stage"
    """The model that the stage starts from."""
    BASE = "base"
    """The pretrained base; only where earlier stages are kept."""


@dataclass(frozen=True)
class BasePart:
    """The model whose weights stay frozen."""

    model: str = "embedded"
    """`embedded`, a folder, or a hub id."""
    dtype: Dtype = Dtype.AUTO
    """Compute dtype of the base."""
    quantisation: Quantisation = Quantisation.NONE
    """`nf4` for QLoRA."""
    double_quantisation: bool = True
    """With nf4: whether the constants of the quantisation are quantised too."""
    device: str = "auto"
    """auto, cpu or cuda."""
    max_memory: Mapping[str, str] = field(default_factory=dict)
    """Largest share of each device, `0=14336MiB,cpu=24GiB`; with a GPU only. Empty is no limit."""
    trust_remote_code: bool = False
    """Run the model's own Python code."""
    threads: int = 0
    """CPU threads; 0 is torch's choice."""


@dataclass(frozen=True)
class AdapterPart:
    """The LoRA adapter."""

    rank: int = 16
    """r."""
    alpha: float = 32.0
    """Scale is alpha / rank."""
    dropout: float = 0.0
    """Share of the adapter's inputs that are dropped while training."""
    target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Last parts of layer names, or `all-linear`."""
    layers: tuple[int, ...] = ()
    """Numbers of the layers that get an adapter, from 0; empty is all."""
    parent: str = ""
    """Folder of an adapter that training builds on; empty is none."""
    stored: Stored = Stored.FLOAT32
    """Dtype of the finished adapter's file; checkpoints keep float32, which a resume needs."""


@dataclass(frozen=True)
class OptimiserPart:
    """How weights move."""

    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: float = 1e-4
    """Its highest value."""
    weight_decay: float = 0.0
    schedule: Schedule = Schedule.LINEAR
    warmup_steps: int = 0
    """Steps of a linear rise; counts before `warmup_share`."""
    warmup_share: float = 0.0
    """The same as a share of all steps."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 is no clipping."""


@dataclass(frozen=True)
class StepsPart:
    """What a step sees, and how many there are."""

    batch: int = 4
    """Records in memory at once, on each device."""
    accumulation: int = 1
    """Batches that make a step."""
    length: int = 1024
    """Longest prompt with answer, tokens; longer ones lose the end of their answers."""
    epochs: float = 1.0
    max_steps: int = 0
    """Steps of each stage; 0 is whole epochs."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, about a third more time."""


@dataclass(frozen=True)
class LossPart:
    """Weights and readings; a method ignores what it does not use."""

    beta: float = 0.1
    """Factor inside the sigmoid: DPO, unified, CITA-KL."""
    lambda1: float = 1.0
    """Weight of the DPO part in unified, of the ranking hinge in RRHF."""
    lambda_start: float = 0.01
    """Weight of the KL at the first step: lambda of CITA-KL, lambda2 of unified."""
    lambda_end: float = 0.1
    """The same at the last step; a straight line between."""
    kl: KlReading = KlReading.FULL
    reduction: Reduction = Reduction.TOKEN_MEAN
    """Of SFT, also inside RRHF and unified."""
    reference_normalised: bool | None = None
    """Whether the sigmoid compares log-ratios to pi0; null is the method's own: DPO and unified yes, CITA-KL no."""
    reference: Reference = Reference.STAGE
    """What pi0 is."""
    engine: Engine = Engine.OURS


@dataclass(frozen=True)
class CheckpointPart:
    """When the state is kept."""

    every: int = 50
    """Steps; 0 is at the end only."""
    keep: int = 0
    """How many of the newest stay; 0 is all."""


@dataclass(frozen=True)
class EvaluationPart:
    """Loss on held-out records."""

    every: int = 50
    """Steps; 0 is never."""
    share: float = 0.1
    """Of the records held out when the data brings no validation split of its own."""


@dataclass(frozen=True)
class SamplePart:
    """Answers written at every checkpoint."""

    prompts: tuple[str, ...] = ()
    """Fixed prompts; empty takes the first `count` different ones of the held-out records, else of the data."""
    instruction: str = ""
    """Instruction that goes with `prompts`."""
    count: int = 2
    """Prompts taken from the data; 0 with no `prompts` is no samples."""
    max_new_tokens: int = 96
    """Greedy, so that checkpoints differ by their weights alone."""


@dataclass(frozen=True)
class Stage:
    """One stage of a run of several."""

    method: Method
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Keys that differ in this stage, by the names that `--set` takes."""
