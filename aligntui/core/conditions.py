"""Everything that made an answer what it is, and how two answers may differ.

Two answers are comparable when their conditions differ only where the user meant it. `differences` finds
every field in which two conditions differ; `unintended` leaves out those that the user chose to vary.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aligntui.core.ids import canonical_json, sha256_text

UNKNOWN_ENGINE = "import"
"""`Conditions.engine` where nobody knows what made the answer."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of one answer. Field names are the keys of the JSON output and the database."""

    model: str
    """Model as asked for: `embedded`, a hub id or a path."""
    model_path: str
    """Folder or hub snapshot the weights were read from."""
    weights_sha256: str
    """SHA-256 over tensor names, dtypes and bytes of the stored base weights; `unknown:MODEL` of a server's."""
    adapter: str | None
    """Adapter name, None for the base."""
    adapter_path: str | None
    """Folder of the adapter, None for the base."""
    adapter_sha256: str | None
    """SHA-256 over tensor names, dtypes and bytes of the adapter and its configuration, `unknown:MODEL` of a server's;
    None for the base."""
    strength: float
    """Factor on the adapter's weight change; 1 is the adapter as trained, 0 for the base."""
    template_sha256: str
    """SHA-256 of the chat template in use, or of the name of the built-in fallback; `unknown` of a server's."""
    rendered_prompt: str
    """The exact text that was tokenised, special tokens included."""
    instruction: str
    """Alignment instruction, empty when none."""
    mode: str
    """system, ita, injection or none."""
    seed: int
    temperature: float
    top_p: float
    max_new_tokens: int
    dtype: str
    """Compute dtype: float32, bfloat16 or float16; `unknown` of a server, like its device."""
    quantisation: str | None
    """`nf4`, or None."""
    engine: str
    """Engine name and decode path, for example `aligntui/0.1.0 mixed-batch`, or `server:NAME`."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library versions: python, torch, transformers, ..."""
    injection_every: int | None = None
    """k of the injection mode, else None."""
    device: str = "cpu"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Conditions:
        """Read a stored mapping; keys of later versions are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in values.items() if k in known})

    @classmethod
    def unknown(cls, instruction: str = "", mode: str = "none", injection_every: int | None = None) -> Conditions:
        """Of an answer that came from a file: nothing but the instruction in its record is known.

        Texts that are not known are empty, numbers 0; `engine` is `UNKNOWN_ENGINE`, by which it is told.
        """
        return cls(
            model="",
            model_path="",
            weights_sha256="",
            adapter=None,
            adapter_path=None,
            adapter_sha256=None,
            strength=0.0,
            template_sha256="",
            rendered_prompt="",
            instruction=instruction,
            mode=mode,
            seed=0,
            temperature=0.0,
            top_p=0.0,
            max_new_tokens=0,
            dtype="",
            quantisation=None,
            engine=UNKNOWN_ENGINE,
            injection_every=injection_every,
            device="",
        )

    @property
    def sha256(self) -> str:
        """Hash of the canonical JSON of all fields."""
        return sha256_text(canonical_json(self.as_dict()))


SIDE_FIELDS = frozenset({"adapter", "adapter_path", "adapter_sha256", "strength"})
"""What two columns are meant to differ in."""


def differences(a: Conditions, b: Conditions) -> dict[str, tuple[Any, Any]]:
    """Every field in which the two differ, with both values."""
    return {
        f.name: (getattr(a, f.name), getattr(b, f.name))
        for f in fields(Conditions)
        if getattr(a, f.name) != getattr(b, f.name)
    }


def unintended(a: Conditions, b: Conditions, intended: frozenset[str] = SIDE_FIELDS) -> dict[str, tuple[Any, Any]]:
    """The differences that the user did not ask for; empty means the two answers are comparable."""
    return {name: pair for name, pair in differences(a, b).items() if name not in intended}
