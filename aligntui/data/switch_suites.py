"""Suites of two opposed instructions: honest against confident, strict against permissive, concise against detailed.

Source: the side suites of arXiv 2601.06157 (methods.md, section 4); prompts and wordings are those of `datasets/isd`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import bundled
from aligntui.core.errors import UserError, nearest
from aligntui.data.prompt_bank import ISD, BankPrompt, json_lines, read_bank, text_field

MEASURES = ("hedge-rate", "refusal-rate", "length-ratio")


@dataclass(frozen=True)
class Opposed:
    """One of the two instructions."""

    type: str
    text: str


@dataclass(frozen=True)
class OpposedSuite:
    """Prompts that are asked under both."""

    name: str
    measure: str
    """One of `MEASURES`."""
    first: Opposed
    second: Opposed
    targets: Mapping[str, float]
    prompts: tuple[BankPrompt, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        return {**asdict(self), "targets": dict(self.targets)}

    @classmethod
    def from_dict(cls, suite: Mapping[str, Any]) -> OpposedSuite:
        """Read what `as_dict` gave."""
        return cls(
            suite["name"],
            suite["measure"],
            Opposed(**suite["first"]),
            Opposed(**suite["second"]),
            suite["targets"],
            tuple(BankPrompt(**prompt) for prompt in suite["prompts"]),
        )


def load_suites(names: Sequence[str] | None = None, sample: int | None = None) -> tuple[OpposedSuite, ...]:
    """The bundled suites.

    Args:
        names: which, in this order; None for all.
        sample: at most so many prompts of each.

    Raises:
        UserError: there is no such suite.
    """
    path = bundled("datasets", ISD, "suites.jsonl")
    found = {}
    for number, record in json_lines(path):
        name = text_field(path, number, record, "suite")
        found[name] = _suite(path, number, name, record, sample)
    for name in names or ():
        if name not in found:
            raise UserError(f"There is no suite {name!r}.", nearest(name, list(found)))
    return tuple(found[name] for name in (found if names is None else dict.fromkeys(names)))


def _suite(path: Path, number: int, name: str, record: Mapping[str, Any], sample: int | None) -> OpposedSuite:
    measure = record.get("measure")
    if measure not in MEASURES:
        raise UserError(f"{path}, line {number}: there is no measure {measure!r}.")
    sides = [Opposed(record[side]["type"], record[side]["text"]) for side in ("first", "second")]
    prompts = read_bank(path.with_name(f"{name}.jsonl"))[:sample]
    return OpposedSuite(name, measure, sides[0], sides[1], record.get("targets", {}), prompts)
