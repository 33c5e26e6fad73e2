"""A model as the second recogniser: a run of its own over the answers of another one, begun, gone on with, read.

Its replies are answers like any other: stored as they come, found in the cache, asked again where they are missing.
Pinned in tests/workbench/test_switching_judging.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Answer
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.base_and_sides import BaseModel
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.holding import held
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.switching.judge_question import (
    JudgeCell,
    letter_cell,
    option_cells,
    option_logprobs,
    options_for,
    question,
    read_letter,
)
from aligntui.workbench.switching.plan import GRID, SwitchPlan

if TYPE_CHECKING:
    from aligntui.score.switching.cells import AnswerTable
    from aligntui.score.switching.judge_naming import Judging
    from aligntui.score.switching.recogniser import Recognition
    from aligntui.store import Store

FORMAT = 1
"""Of the stored plan."""
JUDGES = "judges"
"""Field of a stored plan by which a run of judgements is told from one of answers: the run that is judged."""
_SIDE = Side("judge")
_ASKING = Asking(mode=Mode.NONE)


class By(StrEnum):
    """Where a judge's name comes from."""

    LOGPROB = "logprob"
    """The letter that it finds likeliest, less how likely it finds a letter at that place anyway."""
    LETTER = "letter"
    """The letter that it writes: one reply for each answer in place of one for each option."""


@dataclass(frozen=True)
class JudgePlan:
    """What a run of judgements asks."""

    run: str
    """Id of the run that is judged."""
    model: BaseModel
    by: By
    sample: int | None
    """Only the answers to so many prompts; None for all."""
    keys: tuple[str, ...]
    """Cells of that run that are judged: whole grids, so that chance stays one in the number of instructions."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        return {
            "format": FORMAT,
            JUDGES: self.run,
            "model": asdict(self.model),
            "by": self.by.value,
            "sample": self.sample,
            "keys": list(self.keys),
        }

    @classmethod
    def from_dict(cls, plan: Mapping[str, Any]) -> JudgePlan:
        """Read a stored plan.

        Raises:
            UserError: a later aligntui made it.
        """
        if plan.get("format") != FORMAT:
            raise UserError("A later aligntui made these judgements.", "Update aligntui, or judge again.")
        return cls(plan[JUDGES], BaseModel(**plan["model"]), By(plan["by"]), plan["sample"], tuple(plan["keys"]))

    @property
    def name(self) -> str:
        """The judge's, as its column is called."""
        return f"judge {self.model.model} by {self.by}"

    def cells(self, types: Mapping[str, tuple[str, ...]], answers: Mapping[str, Answer]) -> Iterator[JudgeCell]:
        """What is asked, in order."""
        for key in self.keys:
            asked = question(answers[key].text, types)
            if self.by is By.LETTER:
                yield letter_cell(key, asked)
            else:
                yield from option_cells(key, asked, len(types))


@dataclass(frozen=True)
class Judgements:
    """What a judge said of the answers of a run."""

    run: GenerationRun
    plan: JudgePlan
    highest: Mapping[str, int | None]
    """Place of the likeliest option as it stands, by key of the judged cell; None where there is none."""
    named: Mapping[str, int | None]
    """Place of the option named."""
    picked: bool = False
    """Whether it was asked for by its id, and not as the one begun last."""


def is_judging(run: GenerationRun) -> bool:
    """Whether a run holds judgements and no answers of its own."""
    return JUDGES in run.plan


def switch_runs(store: Store) -> list[GenerationRun]:
    """The runs of instruction switching without those that judge them, newest first."""
    return [run for run in store.list_runs(RunKind.SWITCH) if not is_judging(run)]


def judge_runs(store: Store, run: GenerationRun) -> list[GenerationRun]:
    """The runs that judge a run, newest first."""
    return [one for one in store.list_runs(RunKind.SWITCH) if one.plan.get(JUDGES) == run.id]


def judge_keys(plan: SwitchPlan, answers: Mapping[str, Answer], sample: int | None = None) -> tuple[str, ...]:
    """Cells of a run that a judge is to name: the answers of its grid that hold a text.

    Args:
        plan: of the run.
        answers: by key of their cell.
        sample: of so many prompts, of the beginning of the data set; None for all.

    Raises:
        UserError: there are none.
    """
    places = {key: place for key, place in plan.places.items() if place.group == GRID}
    prompts = list(dict.fromkeys(place.prompt.id for place in places.values()))
    wanted = set(prompts if sample is None else prompts[:sample])
    found = tuple(
        key
        for key, place in places.items()
        if place.prompt.id in wanted and (answer := answers.get(key)) is not None and answer.text.strip()
    )
    if not found:
        raise UserError("There is no answer to judge yet.", "Go on with the run: `aligntui switch run --resume RUN`.")
    return found


async def begin_judging(
    chat: Chat, run: GenerationRun, answers: Mapping[str, Answer], by: By = By.LOGPROB, sample: int | None = None
) -> GenerationRun:
    """Store a run of judgements, or find the one that asks the same of the same answers, to go on with it.

    Args:
        chat: whose base is the judge.
        run: whose answers are judged.
        answers: those there are, by key of their cell.
        by: where the names come from.
        sample: only the answers to so many prompts.

    Raises:
        UserError: nothing can be judged.
        EngineError: no base is loaded.
        StoreError: it could not be written.
    """
    judged = SwitchPlan.from_dict(run.plan)
    keys = judge_keys(judged, answers, sample)
    question("", judged.characteristics)  # refuses what no question can hold before anything is stored
    model = loaded_engine(chat).state.model
    assert model is not None, "a loaded engine has a model"
    plan = JudgePlan(run.id, BaseModel.of(model), by, sample, keys)
    cells = len(keys) * (1 if by is By.LETTER else len(judged.types))

    def begin(store: Store) -> GenerationRun:
        for known in judge_runs(store, run):
            if known.plan == plan.as_dict():
                return known
        return store.begin_run(RunKind.SWITCH, f"{plan.name}: {run.name}", plan.as_dict(), cells)

    return await chat.store.run(begin)


async def fill_judging(
    chat: Chat,
    judging: GenerationRun,
    run: GenerationRun,
    answers: Mapping[str, Answer],
    emit: Callable[[CellEvent], None],
    *,
    at_once: int = AT_ONCE,
    on_filler: Callable[[Filler], None] = lambda filler: None,
) -> RunProgress:
    """Ask what has no reply yet.

    Args:
        chat: whose base is the judge.
        judging: begun before.
        run: whose answers are judged.
        answers: by key of their cell.
        emit: told of everything that happens.
        at_once: rows decoded at the same time.
        on_filler: given what can stop it.

    Raises:
        UserError: the engine refuses every question.
        EngineError: the engine is busy or went away; what was finished is stored.
        StoreError: the database takes no more replies.
    """
    plan, judged = JudgePlan.from_dict(judging.plan), SwitchPlan.from_dict(run.plan)
    filler = Filler(chat.store, loaded_engine(chat), emit)
    on_filler(filler)
    cells = list(plan.cells(judged.characteristics, answers))
    with held(chat.store.path, judging):
        return await filler.fill(judging, cells, (_SIDE,), _ASKING, at_once=at_once)


def read_judgements(store: Store, run: GenerationRun, key: str = "") -> Judgements | None:
    """What a judge said of a run; None where none was asked, or none has replied.

    Args:
        store: where both are.
        run: that was judged.
        key: id, beginning of an id, or name of a run of judgements; the one begun last that has a reply where empty,
            `none` for none.

    Raises:
        UserError: there is no such run of judgements, or it is of another run.
    """
    if key == "none":
        return None
    types = len(SwitchPlan.from_dict(run.plan).types)
    for judging in judge_runs(store, run) if not key else [_judge_run(store, run, key)]:
        plan = JudgePlan.from_dict(judging.plan)
        replies = dict(store.run_answers(judging))
        highest, named = _by_letter(plan, replies, types) if plan.by is By.LETTER else _likeliest(plan, replies, types)
        if named:
            return Judgements(judging, plan, highest, named, bool(key))
    return None


def _judge_run(store: Store, run: GenerationRun, key: str) -> GenerationRun:
    found = store.get_run(key, RunKind.SWITCH)
    if found.plan.get(JUDGES) != run.id:
        known = [one.id for one in judge_runs(store, run)]
        raise UserError(
            f"The run {found.id} holds no judgements of {run.id}.",
            f"Those are in {', '.join(known)}." if known else f"Have it judged: `aligntui switch judge {run.id}`.",
        )
    return found


def _by_letter(
    plan: JudgePlan, replies: Mapping[str, Answer], types: int
) -> tuple[dict[str, int | None], dict[str, int | None]]:
    found = {key: read_letter(replies[key].text, types) for key in plan.keys if key in replies}
    return found, found


def _likeliest(
    plan: JudgePlan, replies: Mapping[str, Answer], types: int
) -> tuple[dict[str, int | None], dict[str, int | None]]:
    from aligntui.score.switching.judge_naming import best_places

    read: dict[str, list[float] | None] = {}
    for key in plan.keys:
        names = [cell.key for cell in option_cells(key, "", types)]
        if all(name in replies for name in names):
            read[key] = option_logprobs([replies[name] for name in names])
    known = {key: row for key, row in read.items() if row is not None}
    places = best_places(list(known.values()))
    highest, named = (dict.fromkeys(read, None) | dict(zip(known, found, strict=True)) for found in places)
    return highest, named


def judge_column(
    plan: SwitchPlan, answers: Mapping[str, Answer], said: Judgements, table: AnswerTable
) -> tuple[Recognition, Judging]:
    """A judge's column over the grid's cells, and how it came about.

    Args:
        plan: of the judged run.
        answers: of the judged run.
        said: what the judge said.
        table: of the grid's cells, in the plan's order.
    """
    from aligntui.score.switching.judge_naming import Judging, place_rates
    from aligntui.score.switching.recogniser import judged

    keys = [key for key, place in plan.places.items() if place.group == GRID]
    verdicts: dict[tuple, str | None] = {}
    prompts: list[str] = []
    asked = [
        (key, cell) for key, cell in zip(keys, table.cells, strict=True) if key in said.named and cell.filled
    ]  # fmt: skip
    for key, cell in asked:
        place = said.named[key]
        verdicts[cell.key] = None if place is None else options_for(answers[key].text, plan.types)[place]
        prompts.append(cell.prompt)
    highest, named = ([places[key] for key, _ in asked] for places in (said.highest, said.named))
    how = {
        By.LOGPROB: "the option whose letter is likeliest as its reply, less the mean of that place over the judged answers",
        By.LETTER: "the letter that it writes",
    }[said.plan.by]
    facts = Judging(
        judge=said.plan.name,
        how=how,
        wanted=len(said.plan.keys),
        named=sum(place is not None for place in named),
        unread=sum(place is None for place in named),
        missing=len(said.plan.keys) - len(asked),
        places=place_rates(prompts, highest, named, len(plan.types)),
    )
    return judged(table, plan.types, verdicts, said.plan.name), facts
