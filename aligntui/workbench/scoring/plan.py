"""What a scoring run asks: a suite by every side, under every delivery and seed.

A stored plan is whole enough to be gone on with, and judged, without any file.
Pinned in tests/workbench/test_scoring_plan.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Message, Mode, place_instruction
from aligntui.core.sampling import MAX_SEED, Sampling
from aligntui.score.battery.delivery import Delivery
from aligntui.score.suites.reading import suite_from
from aligntui.score.suites.suite import Item, Suite
from aligntui.wire.engine import AdapterRef, Row
from aligntui.workbench.generation.base_and_sides import BaseModel
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.scoring.earlier_turns import MOST_TURNS, earlier_turns
from aligntui.workbench.switching.plan import check_wish

FORMAT = 1
"""Of the stored plan."""
_MODES = {
    Delivery.NONE: Mode.NONE,
    Delivery.SYSTEM: Mode.SYSTEM,
    Delivery.INJECTION: Mode.INJECTION,
    Delivery.BOTH: Mode.SYSTEM,
    Delivery.ITA: Mode.ITA,
}
"""Mode of the engine under each delivery; what is injected beside the system prompt is part of the prompt's text."""
TRAINED_DELIVERIES = {
    "system": (Delivery.SYSTEM, Delivery.BOTH),
    "ita": (Delivery.ITA,),
    "injection": (Delivery.INJECTION, Delivery.BOTH),
    "none": (Delivery.NONE,),
}
"""Deliveries in which an adapter meets the format that it was trained in, by mode of its training."""


@dataclass(frozen=True)
class Place:
    """Where a cell stands."""

    item: Item
    side: int
    delivery: Delivery
    seed: int


@dataclass(frozen=True)
class ScoreCell(Cell):
    """A cell with a mode of its own: one run asks under several deliveries."""

    mode: Mode = Mode.NONE
    earlier: tuple[Message, ...] = ()
    """What was said before, in turn."""

    def row(self, side: Side, asking: Asking) -> Row:
        """What to ask of the engine."""
        row = super().row(side, replace(asking, mode=self.mode))
        return replace(row, history=(*((one.role, one.content) for one in self.earlier), *row.history))


@dataclass(frozen=True)
class ScorePlan:
    """A whole run."""

    suite: Suite
    base: BaseModel
    sides: tuple[Side, ...]
    deliveries: tuple[Delivery, ...] = (Delivery.NONE,)
    seeds: tuple[int, ...] = (0,)
    asking: Asking = field(default_factory=Asking)
    """Its mode counts for nothing here."""
    instruction: Instruction = field(default_factory=Instruction)
    """What is delivered."""
    turn: int = 1
    """Turn of the user that every question is asked in; before it stand plain exchanges."""
    trained: Mapping[str, str] = field(default_factory=dict)
    """Mode in which each adapter was trained, by side; those whose run says so."""
    warnings: tuple[str, ...] = ()
    """What the engine says against the adapters: another base, another chat template."""
    parameters: int = 0
    """Of the base; 0 where nobody knows."""

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every cell by its key, in the order in which they are asked: item by item, so that rows fill early."""
        return {
            f"{item.id}|{side.name}|{delivery}|{seed}": Place(item, number, delivery, seed)
            for item in self.suite.items
            for seed in self.seeds
            for delivery in self.deliveries
            for number, side in enumerate(self.sides)
        }

    @cached_property
    def cells(self) -> tuple[ScoreCell, ...]:
        """What is to be asked."""
        return tuple(self._cell(key, place) for key, place in self.places.items())

    def column_name(self, side: str, delivery: Delivery) -> str:
        """Name of a column: the side, with the delivery where there are several."""
        return side if len(self.deliveries) == 1 else f"{side} ({delivery})"

    def _cell(self, key: str, place: Place) -> ScoreCell:
        given = Instruction() if place.delivery is Delivery.NONE else self.instruction
        history = [*earlier_turns(self.turn), Message("user", place.item.prompt)]
        if place.delivery is Delivery.BOTH:
            history = place_instruction(history, given.text, Mode.INJECTION, every=self.asking.injection_every)
        label = "" if given.label == "none" else given.label
        mode, text = _MODES[place.delivery], history[-1].content
        return ScoreCell(key, text, place.side, given, label, place.seed, mode, tuple(history[:-1]))

    def format_notes(self) -> tuple[str, ...]:
        """A sentence for each adapter that is asked in another format than it was trained in."""
        notes: list[str] = []
        for name, mode in self.trained.items():
            other = [one for one in self.deliveries if one not in TRAINED_DELIVERIES.get(mode, ())]
            if other and mode in TRAINED_DELIVERIES:
                notes.append(
                    f"{name} was trained with mode {mode}; under {' and '.join(_quoted(one) for one in other)} it is asked in "
                    "another format, in which it may not act as trained."
                )
        return tuple(notes)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        return {
            "format": FORMAT,
            "suite": self.suite.as_dict(),
            "base": asdict(self.base),
            "parameters": self.parameters,
            "sides": [asdict(side) for side in self.sides],
            "deliveries": [str(one) for one in self.deliveries],
            "seeds": list(self.seeds),
            "sampling": asdict(self.asking.sampling),
            "injection_every": self.asking.injection_every,
            "instruction": asdict(self.instruction),
            "turn": self.turn,
            "trained": dict(self.trained),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, plan: Mapping[str, Any]) -> ScorePlan:
        """Read a stored plan.

        Raises:
            UserError: a later aligntui made it.
        """
        if plan.get("format") != FORMAT:
            raise UserError("A later aligntui made this run.", "Update aligntui, or begin a new run.")
        return cls(
            suite=suite_from(plan["suite"]),
            base=BaseModel(**plan["base"]),
            parameters=plan["parameters"],
            sides=tuple(
                Side(
                    one["name"],
                    AdapterRef(**one["adapter"]) if one["adapter"] else None,
                    one["adapter_sha256"],
                    one["strength"],
                )
                for one in plan["sides"]
            ),
            deliveries=tuple(Delivery(one) for one in plan["deliveries"]),
            seeds=tuple(plan["seeds"]),
            asking=Asking(Sampling(**plan["sampling"]), Mode.NONE, plan["injection_every"]),
            instruction=Instruction(**plan["instruction"]),
            turn=plan["turn"],
            trained=plan["trained"],
            warnings=tuple(plan["warnings"]),
        )


@dataclass(frozen=True)
class ScoreWish:
    """What is to be scored, besides model, sides and sampling."""

    suite: Suite
    seeds: int = 1
    deliveries: tuple[Delivery, ...] = ()
    """Empty for what suits the suite: see `deliveries_for`."""
    instruction: Instruction = field(default_factory=Instruction)
    """What is delivered; empty for the text that the suite brings."""
    with_base: bool = False
    """Whether the base is scored where it is not by itself."""
    name: str = ""
    """Of the run; made from suite and sides when empty."""
    sampling: Sampling | None = None
    """In place of the chat's."""
    turn: int = 1
    """Turn of the user that every question is asked in, 1 to `MOST_TURNS`."""

    @property
    def delivered(self) -> Instruction:
        """What is delivered: the user's own text, else that of the suite."""
        return self.instruction if self.instruction.text.strip() else Instruction(self.suite.rules)


def deliveries_for(wish: ScoreWish, mode: Mode) -> tuple[Delivery, ...]:
    """The deliveries of a run.

    Those wished for; else all four for a suite that brings rules; else the mode's own where there is an instruction; else none.

    Raises:
        UserError: something is to be delivered and there is no text for it, or the other way round.
    """
    has_text = bool(wish.delivered.text.strip())
    if wish.deliveries:
        if not has_text and any(one is not Delivery.NONE for one in wish.deliveries):
            raise UserError(
                f"{wish.suite.title} brings no rules, so there is nothing to deliver.",
                "Give a text with --instruction, or one of the library with --instruction-type.",
            )
        return tuple(dict.fromkeys(wish.deliveries))
    if mode is Mode.NONE and wish.instruction.text.strip():
        raise UserError(
            "In mode none no instruction reaches the model.",
            "Leave the instruction out, or choose --mode system, ita or injection, or --delivery.",
        )
    if has_text and wish.suite.rules:
        return (Delivery.NONE, Delivery.SYSTEM, Delivery.INJECTION, Delivery.BOTH)
    return (Delivery(mode.value),) if has_text else (Delivery.NONE,)


def check_score_wish(wish: ScoreWish, asking: Asking) -> tuple[Delivery, ...]:
    """The deliveries of a run; refuses what can be refused before a base is loaded.

    Raises:
        UserError: as `deliveries_for`; there is no such turn, or several seeds are asked for in greedy decoding.
    """
    if not 1 <= wish.turn <= MOST_TURNS:
        raise UserError(f"Questions are asked in a turn from 1 to {MOST_TURNS}, not {wish.turn}.")
    check_wish(asking, wish.seeds)
    return deliveries_for(wish, asking.mode)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """So many seeds from the first on; after the largest comes 0."""
    return tuple((first + number) % (MAX_SEED + 1) for number in range(count))


def sides_to_score(wish: ScoreWish, sides: Sequence[Side]) -> tuple[Side, ...]:
    """Those of the sides that the suite is asked of.

    Raises:
        UserError: none is left, or two have one name.
    """
    kept = tuple(side for side in sides if side.adapter is not None or wish.with_base or wish.suite.for_base)
    if not kept:
        raise UserError(
            f"{wish.suite.title} is asked of adapters, and there is none.",
            "Name one with --adapter, or have the base scored with --base.",
        )
    names = [side.name for side in kept]
    if len(set(names)) < len(names):
        raise UserError(f"Every side needs a name of its own, not {', '.join(names)}.")
    return kept


def _quoted(delivery: Delivery) -> str:
    return "“no instruction”" if delivery is Delivery.NONE else f"“{delivery.label}”"
