"""Small score plans, scores without a database, and a bench with the scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.conditions import Conditions
from aligntui.core.instruction import Instruction
from aligntui.core.turn import Answer, Finish
from aligntui.score.battery.delivery import Delivery
from aligntui.score.suites.suite import Suite
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.headless.score import for_scoring
from aligntui.workbench.opening import Workbench, settings_for
from aligntui.workbench.scoring.plan import ScorePlan
from tests.score.suite_builders import small_track_a
from tests.workbench.switch_bench import BASE, DEMO, scripted

SIDES = (Side("base"), Side("demo", DEMO, "a" * 64))


def plan(suite: Suite | None = None, *deliveries: Delivery, **more: Any) -> ScorePlan:
    """Base and demo; Track A without a delivery unless asked otherwise."""
    given = {"sides": SIDES, "deliveries": deliveries or (Delivery.NONE,), "asking": Asking(), **more}
    return ScorePlan(small_track_a() if suite is None else suite, BASE, **given)


def answer(text: str, finish: Finish = Finish.STOP) -> Answer:
    """An answer of which nothing but the text counts."""
    return Answer("t", "s", "p", "k", 0, text, finish, "2026-01-01T00:00:00", Conditions.unknown())


def answers(made: ScorePlan, text: str = "no comma and just six words") -> dict[str, Answer]:
    """The same answer in every cell."""
    return dict.fromkeys(made.places, answer(text))


def with_rules(made: ScorePlan, text: str = "Be calm.") -> ScorePlan:
    return replace(made, instruction=Instruction(text))


@asynccontextmanager
async def opened(
    workspace: Workspace, script: dict[str, Any] | None = None, **flags: object
) -> AsyncIterator[Workbench]:
    """A workbench whose base and adapter `polite` are loaded."""
    argv = scripted(workspace.root.parent, **(script or {}))
    settings = settings_for(workspace, {"adapter": ("polite",), "max_new_tokens": 8, "dtype": "float32", **flags})
    async with loaded_bench(workspace, for_scoring(settings), lambda bench: None, argv) as bench:
        yield bench
