"""What the console and the engine say to each other.

One JSON object a line over a private pipe, UTF-8, `kind` first. Every request carries a `request` id and
every event that answers it carries the same id. A `StartGeneration` is answered by one `AnswerStarted`
for each row that is begun, any number of `TextArrived`, one `AnswerFinished` for each row that was begun (finished,
cancelled or partial) and then exactly one `GenerationFinished` or `RequestFailed`. Rows that wait behind others when a
cancel or a failure comes are never begun: nothing is sent for them. Every other request is answered by its own
event or by `RequestFailed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class AdapterRef:
    """An adapter folder as resolved by the caller."""

    name: str
    path: str


@dataclass(frozen=True)
class Row:
    """One answer to be made."""

    row: str
    """Name chosen by the caller; events carry it."""
    history: tuple[tuple[str, str], ...]
    """(role, content) in turn, roles `user` and `assistant`; the last one is the user's."""
    instruction: str = ""
    mode: str = "system"
    injection_every: int = 1
    adapter: AdapterRef | None = None
    """None is the base."""
    strength: float = 1.0
    """Factor on the adapter's weight change."""
    temperature: float = 0.3
    top_p: float = 0.95
    max_new_tokens: int = 256
    """New tokens, those of a continued prefix not counted."""
    seed: int = 0
    prefix_token_ids: tuple[int, ...] = ()
    """Token ids of an answer to be continued."""
    prefix_text: str = ""
    """Text of an answer to be continued, where its token ids are not known (it was edited)."""


# requests ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadModel:
    """Load the base weights; a second one replaces the first and frees it."""

    request: str
    model: str = "embedded"
    """`embedded`, a local path, or a hub id."""
    dtype: str = "auto"
    """auto, float32, bfloat16 or float16."""
    quantisation: str | None = None
    """`nf4` or None."""
    device: str = "auto"
    trust_remote_code: bool = False
    threads: int = 0
    """CPU threads for the arithmetic; 0 leaves the choice to the engine (backend/infer/threads.py)."""


@dataclass(frozen=True)
class InspectAdapter:
    """Load an adapter and hold it against the base, so that a mismatch is known before the first answer."""

    request: str
    adapter: AdapterRef = field(default_factory=lambda: AdapterRef("", ""))


@dataclass(frozen=True)
class StartGeneration:
    """Decode all rows in one batch, or at most `at_once` of them at the same time."""

    request: str
    rows: tuple[Row, ...] = ()
    at_once: int = 0
    """0: all rows in one batch. n: at most n rows decode at the same time, and one that ends is replaced by the next;
    the engine sorts them so that little padding is computed. What a row says does not depend on it (exactly so in
    float32)."""
    stream: bool = True
    """False: no `TextArrived`, for a long run that nobody watches word by word."""


@dataclass(frozen=True)
class CancelGeneration:
    """Stop a generation (`target` is its request id) after the token at hand; what is there is kept."""

    request: str
    target: str = ""


@dataclass(frozen=True)
class MeasureGap:
    """Log-probability of an answer's tokens under the base and under `row.adapter`, in one batch."""

    request: str
    row: Row = field(default_factory=lambda: Row("", ()))
    """History, instruction and mode of the answer; `adapter` and `strength` of the side to hold against the base."""
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class EmbedTexts:
    """Sentence embeddings of texts; needs no chat model. It cannot be cancelled: send some hundred texts at a time."""

    request: str
    texts: tuple[str, ...] = ()
    model: str = "minilm"
    """`minilm` (all-MiniLM-L6-v2), a local path, or a hub id."""


@dataclass(frozen=True)
class StopEngine:
    """Leave; closing the pipe does the same."""

    request: str


# events -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EngineStarted:
    """First line of the engine."""

    protocol: int
    pid: int
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadProgressed:
    """Where loading stands. `total` 0 means that the end is not known."""

    request: str
    stage: str
    """fetch, convert, hash, load or warm-up."""
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True)
class ModelLoaded:
    """The base is ready."""

    request: str
    model: str
    model_path: str
    weights_sha256: str
    template_sha256: str
    template: str
    """`own` (the tokenizer's), or `alpaca` where the tokenizer has none."""
    system_slot: bool
    dtype: str
    quantisation: str | None
    device: str
    context_length: int
    parameters: int
    architecture: str
    engine: str
    versions: dict[str, str]
    warnings: tuple[str, ...] = ()
    load_s: float = 0.0


@dataclass(frozen=True)
class AdapterLoaded:
    """An adapter fits the base; `warnings` say where it may not mean what the user expects."""

    request: str
    name: str
    path: str
    sha256: str
    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    parameters: int
    base_model: str = ""
    """Base it says that it was trained on."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnswerStarted:
    """A row begins: its prompt was rendered, and its conditions are fixed from here on."""

    request: str
    row: str
    conditions: dict[str, Any]
    prompt_tokens: int


@dataclass(frozen=True)
class TextArrived:
    """More of a row's text; whole characters only."""

    request: str
    row: str
    text: str
    """What is new since the last event of this row."""
    tokens: int
    """Tokens of the answer so far."""
    elapsed_s: float = 0.0
    """Seconds since this row's first token."""


@dataclass(frozen=True)
class AnswerFinished:
    """A row is done. `text`, `token_ids` and `logprobs` are those of the whole answer, a continued prefix included."""

    request: str
    row: str
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Natural log, untempered, under the weights that wrote the row."""
    finish: str
    """stop, length, context or cancelled."""
    prompt_tokens: int
    decode_s: float
    first_token_s: float
    """Seconds from the row's begin to its first token."""


@dataclass(frozen=True)
class GenerationFinished:
    """All rows are done, or a cancel ended those that were begun."""

    request: str
    tokens: int
    """New tokens of all rows."""
    decode_s: float
    """Seconds from the first to the last generated token of all rows."""
    prefill_s: float
    """Seconds spent reading prompts."""
    path: str
    """mixed-batch, or the reason why another path was taken; with `at_once` also how rows follow each other."""
    computed_tokens: int = 0
    """Positions that went through the model, in reading and in decoding, padding included."""
    padding_tokens: int = 0
    """Those of them that were padding."""
    cache_padding: float = 0.0
    """Share of the cached positions looked at in decoding that were padding, 0 to 1."""


@dataclass(frozen=True)
class GapMeasured:
    """Per-token log-probabilities of one answer under both sides, nats; `pieces` joined give its text."""

    request: str
    row: str
    pieces: tuple[str, ...]
    base_logprobs: tuple[float, ...]
    adapter_logprobs: tuple[float, ...]


@dataclass(frozen=True)
class TextsEmbedded:
    """One vector of length 1 for each text, in the order of the texts."""

    request: str
    dim: int
    """Numbers of a vector."""
    vectors: str
    """Base64 of little-endian float32, n x dim, row by row."""
    truncated: int = 0
    """Texts longer than `max_tokens`, of which only the beginning was read."""
    max_tokens: int = 0
    """Tokens of a text that the model reads, its two special ones included."""
    weights_sha256: str = ""
    """Hash of the model's weights, as in `ModelLoaded`."""


@dataclass(frozen=True)
class RequestFailed:
    """A request came to nothing; a generation, to no more than the rows that were finished."""

    request: str
    error: str
    """user, environment or engine: who can fix it."""
    message: str
    hint: str = ""
    details: str = ""
    """Traceback for the log; never shown unasked."""


REQUESTS = (LoadModel, InspectAdapter, StartGeneration, CancelGeneration, MeasureGap, EmbedTexts, StopEngine)
EVENTS = (
    EngineStarted,
    LoadProgressed,
    ModelLoaded,
    AdapterLoaded,
    AnswerStarted,
    TextArrived,
    AnswerFinished,
    GenerationFinished,
    GapMeasured,
    TextsEmbedded,
    RequestFailed,
)

Request = LoadModel | InspectAdapter | StartGeneration | CancelGeneration | MeasureGap | EmbedTexts | StopEngine
Event = (
    EngineStarted
    | LoadProgressed
    | ModelLoaded
    | AdapterLoaded
    | AnswerStarted
    | TextArrived
    | AnswerFinished
    | GenerationFinished
    | GapMeasured
    | TextsEmbedded
    | RequestFailed
)
