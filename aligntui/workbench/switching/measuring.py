"""From a run in the database to its measures: answers read, embedded, recognised.

Pinned in tests/workbench/test_switching_measuring.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.turn import Answer
from aligntui.data.switch_suites import OpposedSuite
from aligntui.workbench.store_thread import StoreThread
from aligntui.workbench.switching.judging import Judgements, judge_column, read_judgements
from aligntui.workbench.switching.plan import BARE, GRID, NOISE, SUITE, SwitchPlan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aligntui.score.switching.cells import AnswerCell
    from aligntui.score.switching.length import LengthSuite
    from aligntui.score.switching.report import SwitchReport
    from aligntui.score.switching.suites import Suite

    Vectors = NDArray[np.float32]

EmbedTexts = Callable[[Sequence[str]], Awaitable["Vectors"]]
"""Unit-norm sentence embeddings of texts, (n, d)."""


_WITHOUT = (
    "Nothing is lost: every answer is stored, can be read and judged (`aligntui sessions show {run.session_id}`), and more can "
    "be asked; only the measures wait."
)
"""What works where nothing can be embedded."""


@dataclass(frozen=True)
class Measured:
    """A run, its answers, and what they say."""

    run: GenerationRun
    plan: SwitchPlan
    answers: Mapping[str, Answer]
    """By key of the cell; those that there are."""
    report: SwitchReport
    judgements: Judgements | None = None
    """What a model judge said of the answers, where one was asked."""


async def read_answers(store: StoreThread, run: GenerationRun) -> dict[str, Answer]:
    """The answers of a run by key of their cell."""
    return await store.run(lambda opened: dict(opened.run_answers(run)))


async def read_judge(store: StoreThread, run: GenerationRun, key: str = "") -> Judgements | None:
    """What a judge said of the answers of a run; None where none was asked.

    Args:
        store: where the run is.
        run: that was judged.
        key: run of judgements; the one begun last where empty, `none` for none.

    Raises:
        UserError: there is no such run of judgements.
    """
    return await store.run(lambda opened: read_judgements(opened, run, key))


async def measure(
    run: GenerationRun, answers: Mapping[str, Answer], embed: EmbedTexts, said: Judgements | None = None
) -> Measured:
    """Measure a run, whether or not it has ended.

    Args:
        run: of instruction switching.
        answers: by key of their cell.
        embed: sentence embeddings.
        said: what a model judge said of the answers.

    Raises:
        UserError: no case is answered yet, or an instruction type says nothing of its answers.
        EnvironmentProblem: the embeddings cannot be had; says what works without them.
    """
    plan = check_measurable(run, answers)
    texts = _texts(plan, answers)
    try:
        vectors = dict(zip(texts, await embed(texts), strict=True))
    except (UserError, EnvironmentProblem) as error:
        raise type(error)(error.message, f"{error.hint} {_WITHOUT.format(run=run)}".lstrip()) from error
    report = await asyncio.to_thread(_report, plan, answers, vectors, said)
    return Measured(run, plan, answers, report, said)


def check_measurable(run: GenerationRun, answers: Mapping[str, Answer]) -> SwitchPlan:
    """The plan of a run that can be measured; known before anything is embedded.

    Raises:
        UserError: no case is answered yet, or nothing says what answers under a type are like.
    """
    plan = SwitchPlan.from_dict(run.plan)
    if not any(plan.places[key].group == GRID for key in answers if key in plan.places):
        raise UserError(
            f"No case of the run {run.name} is answered yet.",
            f"Go on with it: `aligntui switch run --resume {run.id}`.",
        )
    silent = [name for name, texts in plan.characteristics.items() if not texts]
    if silent:
        raise UserError(
            f"No characteristics are known of {', '.join(silent)}, so its answers cannot be recognised.",
            "Write `characteristics` (a few sentences about such an answer) in the library or the data set, "
            "or leave the type out with --instructions. The grid and its answers work without.",
        )
    return plan


def cells_of(plan: SwitchPlan, answers: Mapping[str, Answer], group: str) -> list[AnswerCell]:
    """The cells of a group as the measures take them; those without an answer are there, too."""
    from aligntui.score.switching.cells import AnswerCell, WordingKind

    found = []
    for key, place in plan.places.items():
        if place.group == group:
            answer = answers.get(key)
            found.append(
                AnswerCell(
                    prompt=place.prompt.id,
                    instruction=place.wording.type,
                    side=plan.sides[place.side].name,
                    answer=None if answer is None else answer.text,
                    phrasing=place.wording.id,
                    wording=WordingKind(place.wording.kind),
                    seed=place.seed,
                    domain=place.prompt.domain,
                    source=place.prompt.source,
                )
            )
    return found


def _texts(plan: SwitchPlan, answers: Mapping[str, Answer]) -> list[str]:
    """Everything that has to be embedded, each text once."""
    groups = {key: place.group for key, place in plan.places.items()}
    embedded = (answer.text for key, answer in answers.items() if groups.get(key) in (GRID, NOISE, BARE))
    expected = (text for texts in plan.characteristics.values() for text in texts)
    return list(dict.fromkeys((*expected, *(text for text in embedded if text.strip()))))


def _report(
    plan: SwitchPlan, answers: Mapping[str, Answer], vectors: Mapping[str, Vectors], said: Judgements | None
) -> SwitchReport:
    import numpy as np

    from aligntui.score.switching.cells import embedded, prototypes
    from aligntui.score.switching.report import switch_report

    def embed(texts: Sequence[str]) -> Vectors:
        return np.stack([vectors[text] for text in texts])

    noise = cells_of(plan, answers, NOISE)
    table = embedded(cells_of(plan, answers, GRID), embed)
    bare = cells_of(plan, answers, BARE)
    judge, judging = (None, None) if said is None else judge_column(plan, answers, said, table)
    return switch_report(
        table,
        prototypes(plan.characteristics, embed),
        base=plan.sides[0].name,
        judge=judge,
        judging=judging,
        noise=embedded(noise, embed) if any(cell.filled for cell in noise) else None,
        bare=embedded(bare, embed) if any(cell.filled for cell in bare) else None,
        suites=[_suite(plan, answers, suite) for suite in plan.suites],
    )


def _suite(plan: SwitchPlan, answers: Mapping[str, Answer], suite: OpposedSuite) -> Suite | LengthSuite:
    from aligntui.score.switching.length import length_suite
    from aligntui.score.switching.suites import hedge_suite, refusal_suite

    cells, base = cells_of(plan, answers, f"{SUITE}{suite.name}"), plan.sides[0].name
    first, second = suite.first.type, suite.second.type
    match suite.measure:
        case "hedge-rate":
            return hedge_suite(cells, base, honest=first, confident=second)
        case "refusal-rate":
            return refusal_suite(cells, base, strict=first, permissive=second)
        case _:
            return length_suite(cells, base, concise=first, detailed=second)
