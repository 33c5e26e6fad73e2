"""What a run of generation wants: one answer of one side to one prompt, and the hash of everything that decides it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any

from aligntui.core.errors import EngineError
from aligntui.core.ids import canonical_json, sha256_text
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.wire.engine import AdapterRef, ModelLoaded, Row


@dataclass(frozen=True)
class Side:
    """What answers: the base, or an adapter at a strength."""

    name: str
    """`base`, `demo`, `demo x0.5`; unique in a run."""
    adapter: AdapterRef | None = None
    adapter_sha256: str | None = None
    """Hash of the adapter as it was loaded; None for the base, and while an adapter is not loaded yet."""
    strength: float = 1.0

    def place(self, base_model: str) -> str:
        """Which weights it has, for a report that leaves this machine: the base, or the adapter from `adapters/` on.

        Args:
            base_model: the base as it was asked for.
        """
        if self.adapter is None:
            return base_model
        parts = PurePath(self.adapter.path).parts
        at = max((at for at, part in enumerate(parts) if part == "adapters"), default=len(parts) - 1)
        return "/".join(parts[at:])


@dataclass(frozen=True)
class Asking:
    """How every cell of a run is asked."""

    sampling: Sampling = field(default_factory=Sampling)
    """Its seed counts for nothing here: each cell has its own."""
    mode: Mode = Mode.SYSTEM
    injection_every: int = 1


@dataclass(frozen=True)
class Cell:
    """One wanted answer."""

    key: str
    """Unique in its run, and the same whenever the run is gone on with."""
    prompt: str
    """Text of the user's turn."""
    side: int
    """Place of its side among those of the run."""
    instruction: Instruction = field(default_factory=Instruction)
    label: str = ""
    """Short name of the instruction, such as `concise/2`."""
    seed: int = 0

    def row(self, side: Side, asking: Asking) -> Row:
        """What to ask of the engine."""
        return Row(
            row=self.key,
            history=(("user", self.prompt),),
            instruction=self.instruction.text,
            mode=asking.mode.value,
            injection_every=asking.injection_every,
            adapter=side.adapter,
            strength=side.strength,
            temperature=asking.sampling.temperature,
            top_p=asking.sampling.top_p,
            max_new_tokens=asking.sampling.max_new_tokens,
            seed=self.seed,
        )


def cache_key(row: Row, side: Side, model: ModelLoaded) -> str:
    """Hash of everything that decides the answer to a row, known before it is asked.

    It holds what `Conditions` hold, with the chat template's hash and the messages in place of the rendered prompt, and
    without the names and paths under which weights were found. In greedy decoding the seed decides nothing. In float32 a
    row's answer does not depend on the rows decoded beside it; in 16 bits it may, in the last places of a logit.
    Pinned in tests/workbench/test_generation_cells.py.

    Raises:
        EngineError: as `check_loaded`.
    """
    check_loaded(side)
    asked = deciding(row)
    asked |= {
        "weights_sha256": model.weights_sha256,
        "template_sha256": model.template_sha256,
        "adapter_sha256": side.adapter_sha256,
        "dtype": model.dtype,
        "quantisation": model.quantisation,
        "device": model.device,
        "engine": model.engine,
        "versions": model.versions,
    }
    return sha256_text(canonical_json(asked))


def deciding(row: Row) -> dict[str, Any]:
    """What of a row decides its answer, whatever makes it; settings that are not in force have one value."""
    asked: dict[str, Any] = asdict(row)
    for name in ("row", "adapter"):
        del asked[name]
    for name in ("prefix_token_ids", "prefix_text"):
        if not asked[name]:
            del asked[name]
    if row.temperature == 0:
        asked |= {"seed": 0, "top_p": 1.0}
    if row.mode == Mode.NONE or not row.instruction.strip():
        asked |= {"instruction": "", "mode": Mode.NONE.value}
    if row.mode != Mode.INJECTION:
        asked["injection_every"] = 1
    if row.adapter is None:
        asked["strength"] = 1.0
    return asked


def check_loaded(side: Side) -> None:
    """Raise EngineError where a side's adapter was not held against the base yet: nothing would tell it from the base."""
    if side.adapter is not None and side.adapter_sha256 is None:
        raise EngineError(
            f"The adapter {side.name} was not checked against the base yet.", "Wait until it is loaded, then ask again."
        )
