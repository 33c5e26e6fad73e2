"""What a switch run asks: groups of cells, whole enough to be gone on with and measured without the data set's file.

Pinned in tests/workbench/test_switching_plan.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import MAX_SEED, Sampling
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import SwitchDataSet, Wording
from aligntui.data.switch_suites import OpposedSuite
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.generation.base_and_sides import BaseModel
from aligntui.workbench.generation.cells import Asking, Cell, Side

FORMAT = 1
"""Of the stored plan."""
GRID = "grid"
"""Group of the cells that the switch rate is measured on."""
NOISE = "noise"
"""Group of the cells that differ in their seed alone."""
BARE = "bare"
"""Group of the cells that are asked without an instruction."""
NO_INSTRUCTION = Wording("none", "none", "direct", "")
SUITE = "suite:"
"""Before the name of a suite, in the name of its group."""
NOISE_EVERY = 10
"""One prompt in so many is asked for the noise floor."""


@dataclass(frozen=True)
class Place:
    """Where a cell stands."""

    group: str
    prompt: BankPrompt
    wording: Wording
    side: int
    seed: int


@dataclass(frozen=True)
class Group:
    """Cells of one purpose: some prompts under some wordings, by every side, under every seed."""

    name: str
    prompts: tuple[BankPrompt, ...]
    wordings: tuple[Wording, ...]
    cases: tuple[tuple[int, int], ...]
    """Place among the prompts and place among the wordings, of each case."""
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class SwitchPlan:
    """A whole run."""

    dataset: str
    """Name of the data set."""
    characteristics: Mapping[str, tuple[str, ...]]
    """What answers under each type are expected to be like; the types in order."""
    base: BaseModel
    sides: tuple[Side, ...]
    groups: tuple[Group, ...]
    asking: Asking = field(default_factory=Asking)
    suites: tuple[OpposedSuite, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Instruction types of the grid."""
        return tuple(self.characteristics)

    def group(self, name: str) -> Group | None:
        """The group of that name, if the run has it."""
        return next((group for group in self.groups if group.name == name), None)

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every cell by its key, in the order in which they are asked: prompt by prompt, so that rows fill early."""
        return {_key(place, self.sides): place for group in self.groups for place in self._places(group)}

    def _places(self, group: Group) -> Iterator[Place]:
        for prompt, wording in group.cases:
            for seed in group.seeds:
                for side in range(len(self.sides)):
                    yield Place(group.name, group.prompts[prompt], group.wordings[wording], side, seed)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """What is to be asked."""
        return tuple(_cell(key, place) for key, place in self.places.items())

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "characteristics": {name: list(texts) for name, texts in self.characteristics.items()},
            "types": list(self.types),
            "base": asdict(self.base),
            "sides": [asdict(side) for side in self.sides],
            "sampling": asdict(self.asking.sampling),
            "mode": self.asking.mode.value,
            "injection_every": self.asking.injection_every,
            "groups": [
                {
                    "name": group.name,
                    "prompts": [asdict(prompt) for prompt in group.prompts],
                    "wordings": [asdict(wording) for wording in group.wordings],
                    "cases": [list(case) for case in group.cases],
                    "seeds": list(group.seeds),
                }
                for group in self.groups
            ],
            "suites": [suite.as_dict() for suite in self.suites],
        }

    @classmethod
    def from_dict(cls, plan: Mapping[str, Any]) -> SwitchPlan:
        """Read a stored plan.

        Raises:
            UserError: a later aligntui made it.
        """
        if plan.get("format") != FORMAT:
            raise UserError("A later aligntui made this run.", "Update aligntui, or begin a new run.")
        return cls(
            dataset=plan["dataset"],
            characteristics={name: tuple(plan["characteristics"][name]) for name in plan["types"]},
            base=BaseModel(**plan["base"]),
            sides=tuple(
                Side(
                    one["name"],
                    AdapterRef(**one["adapter"]) if one["adapter"] else None,
                    one["adapter_sha256"],
                    one["strength"],
                )
                for one in plan["sides"]
            ),
            groups=tuple(
                Group(
                    one["name"],
                    tuple(BankPrompt(**prompt) for prompt in one["prompts"]),
                    tuple(Wording(**wording) for wording in one["wordings"]),
                    tuple((prompt, wording) for prompt, wording in one["cases"]),
                    tuple(one["seeds"]),
                )
                for one in plan["groups"]
            ),
            asking=Asking(Sampling(**plan["sampling"]), Mode(plan["mode"]), plan["injection_every"]),
            suites=tuple(OpposedSuite.from_dict(one) for one in plan["suites"]),
        )


def make_plan(
    dataset: SwitchDataSet,
    base: BaseModel,
    sides: Sequence[Side],
    asking: Asking,
    *,
    seeds: int = 1,
    noise: bool = True,
    suites: Sequence[OpposedSuite] = (),
    bare: bool = False,
) -> SwitchPlan:
    """Plan a run over a data set.

    Args:
        dataset: the cases of the grid.
        base: what is loaded.
        sides: what answers; names are unique.
        asking: sampling and mode; seeds count from its seed.
        seeds: answers to every case of the grid, each under a seed of its own.
        noise: whether the noise floor is measured: one prompt in `NOISE_EVERY` under the first direct wording, once for
            each instruction type with a seed of its own. In greedy decoding there is no noise to measure.
        suites: of opposed instructions.
        bare: whether every prompt is also asked without an instruction, which says what the instruction adds.

    Raises:
        UserError: as `check_wish`; no case or side, a side twice, or two cells that only their punctuation tells apart.
    """
    check_wish(asking, seeds)
    if not dataset.cases:
        raise UserError("There is no case to ask.", "Take more prompts, or other instructions.")
    names = [side.name for side in sides]
    if not names or len(set(names)) < len(names):
        raise UserError(f"Every side needs a name of its own, not {', '.join(names) or 'none'}.")
    first = asking.sampling.seed
    groups = [_grid(dataset, _seeds(first, seeds))]
    if noise and not is_greedy(asking):
        wording = next((one for one in groups[0].wordings if one.kind == "direct"), groups[0].wordings[0])
        some = dataset.prompts[::NOISE_EVERY]
        cases = tuple((at, 0) for at in range(len(some)))
        groups.append(Group(NOISE, some, (wording,), cases, _seeds(first, len(dataset.types))))
    if bare:
        cases = tuple((at, 0) for at in range(len(groups[0].prompts)))
        groups.append(Group(BARE, groups[0].prompts, (NO_INSTRUCTION,), cases, groups[0].seeds))
    groups += [_suite_group(suite, first) for suite in suites]
    characteristics = {name: tuple(texts) for name, texts in dataset.characteristics.items()}
    plan = SwitchPlan(dataset.name, characteristics, base, tuple(sides), tuple(groups), asking, tuple(suites))
    if len(plan.places) < sum(len(group.cases) * len(group.seeds) for group in groups) * len(sides):
        raise UserError(
            "Ids, types and sides of the run make the same key for two of its cells.",
            "Leave | and / out of their names.",
        )
    return plan


def check_wish(asking: Asking, seeds: int) -> None:
    """Raise UserError where a run asks for what sampling cannot give; known before a base is loaded."""
    if seeds < 1:
        raise UserError(f"Every case is answered at least once, not {seeds} times.")
    if is_greedy(asking) and seeds > 1:
        raise UserError(
            f"{seeds} answers to each case need a temperature above 0: greedy ones are all the same.",
            "Set --temperature, for example 0.7, or take one seed.",
        )


def is_greedy(asking: Asking) -> bool:
    """Whether the seed decides nothing."""
    return asking.sampling.temperature == 0


def _seeds(first: int, count: int) -> tuple[int, ...]:
    """So many seeds from the first on; after the largest comes 0."""
    return tuple((first + n) % (MAX_SEED + 1) for n in range(count))


def _grid(dataset: SwitchDataSet, seeds: tuple[int, ...]) -> Group:
    prompts = {prompt: at for at, prompt in enumerate(dataset.prompts)}
    wordings = {wording: at for at, wording in enumerate(dict.fromkeys(case.wording for case in dataset.cases))}
    cases = tuple((prompts[case.prompt], wordings[case.wording]) for case in dataset.cases)
    return Group(GRID, tuple(prompts), tuple(wordings), cases, seeds)


def _suite_group(suite: OpposedSuite, seed: int) -> Group:
    wordings = tuple(Wording(one.type, "1", "direct", one.text) for one in (suite.first, suite.second))
    cases = tuple((prompt, wording) for prompt in range(len(suite.prompts)) for wording in range(2))
    return Group(f"{SUITE}{suite.name}", suite.prompts, wordings, cases, (seed,))


def _key(place: Place, sides: Sequence[Side]) -> str:
    return f"{place.group}|{place.prompt.id}|{place.wording.label}|{sides[place.side].name}|{place.seed}"


def _cell(key: str, place: Place) -> Cell:
    wording = place.wording
    if place.group == BARE:
        return Cell(key, place.prompt.text, place.side, seed=place.seed)
    number = int(wording.id) if wording.id.isdigit() else 0
    instruction = Instruction(wording.text, wording.type if number else "", number)
    return Cell(key, place.prompt.text, place.side, instruction, wording.label, place.seed)
