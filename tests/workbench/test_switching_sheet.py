"""A sheet on the scripted engine and a real database: one batch, what is asked again and what is not, pairs, measuring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, EngineError, EnvironmentProblem, UserError
from aligntui.core.instruction import InstructionType
from aligntui.core.pair import OPPOSED, Verdict
from aligntui.core.prompt_format import Mode
from aligntui.wire.engine import StartGeneration
from aligntui.workbench.chat_state import Column
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import settings_for
from aligntui.workbench.switching.grid import Stage
from aligntui.workbench.switching.measuring import measure, read_answers
from aligntui.workbench.switching.plan import SwitchPlan
from aligntui.workbench.switching.recognising import SheetRecogniser
from aligntui.workbench.switching.sheet import MOST_ROWS, Sheet
from tests.cli.conftest import make_adapter
from tests.workbench.switch_bench import scripted, types

NAMES = ("neutral", "concise", "vivid")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    make_adapter(made.adapters, "polite")
    return made


class Told:
    """A sheet, and what was asked of the engine for it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.asked: list[StartGeneration] = []
        self.changes = 0
        assert sheet.chat.engine is not None
        ask = sheet.chat.engine.generate

        async def generate(request, sink=None):
            self.asked.append(request)
            await ask(request, sink)

        sheet.chat.engine.generate = generate  # type: ignore[method-assign]  it asks the engine all the same
        sheet.emit = self._changed

    def _changed(self) -> None:
        self.changes += 1

    @property
    def chat(self):
        return self.sheet.chat

    @property
    def rows(self) -> list[str]:
        """Keys of the cells in the last request."""
        return [row.row for row in self.asked[-1].rows]

    @property
    def grid(self):
        return self.sheet.grid

    def texts(self) -> dict[tuple[int, int], str]:
        return {place: cell.text for place, cell in self.grid.cells.items()}

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(
    workspace: Workspace, *names: str, found: list[InstructionType] | None = None, script: dict | None = None, **flags
) -> AsyncIterator[Told]:
    settings = settings_for(
        workspace, {"adapter": ("polite",), "max_new_tokens": 48, "temperature": 0.5, "annotator": "ann", **flags}
    )
    argv = scripted(workspace.root.parent, **(script or {}))
    async with loaded_bench(workspace, settings, lambda bench: None, argv) as bench:
        yield Told(Sheet(bench.chat, found or types(*(names or NAMES)), lambda: None))


async def test_every_cell_is_asked_in_one_batch_and_stored(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("  What makes bread rise? ")
        assert len(told.asked) == 1 and len(told.rows) == 6
        assert told.asked[0].stream and told.asked[0].at_once == 6
        cells = list(told.grid.cells.values())
        assert {cell.stage for cell in cells} == {Stage.FILLED} and all(cell.answer for cell in cells)
        assert {row.history for row in told.asked[0].rows} == {(("user", "What makes bread rise?"),)}
        run = told.sheet.run
        assert run is not None and (run.cells, run.name) == (6, "sheet: What makes bread rise?")
        answers = await read_answers(told.chat.store, run)
        assert {key: answer.text for key, answer in answers.items()} == {cell.key: cell.text for cell in cells}
        assert answers.keys() == SwitchPlan.from_dict(run.plan).places.keys()


async def test_the_run_of_a_sheet_is_measured_like_any_other(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("What makes bread rise?")
        run = told.sheet.run
        assert run is not None
        embed = told.sheet.recogniser._embed
        report = (await measure(run, await read_answers(told.chat.store, run), embed)).report
        live = {one.side: one.rate for one in told.sheet.recogniser.rates}
        assert {side.side: side.rate for side in report.nearest.sides} == live and set(live) == {"base", "polite"}


async def test_text_is_told_while_it_streams(workspace: Workspace) -> None:
    async with opened(workspace, script={"delay_s": 0.03}) as told:
        asking = asyncio.create_task(told.sheet.ask("Why?"))
        await told.until(lambda: all(cell.tokens > 1 for cell in told.grid.cells.values()))
        assert {cell.stage for cell in told.grid.cells.values()} == {Stage.STREAMING}
        assert told.sheet.running and told.sheet.tokens_per_s > 0
        with pytest.raises(UserError, match="being answered"):
            await told.sheet.ask("And why?")
        await asking
        assert not told.sheet.running and told.changes > 6


async def test_an_edited_instruction_asks_its_own_cells_and_no_others(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        before = told.texts()
        assert told.sheet.edit_row(1, "Answer with one word.") and not told.sheet.edit_row(
            2, " Answer in a vivid way. "
        )
        await told.sheet.ask_changed()
        assert [row.instruction for row in told.asked[-1].rows] == ["Answer with one word."] * 2
        assert {place for place, text in told.texts().items() if text != before[place]} == {(1, 0), (1, 1)}
        run = told.sheet.run
        assert run is not None and run.cells == 8 and len(await read_answers(told.chat.store, run)) == 8
        with pytest.raises(UserError, match="Every cell has its answer"):
            await told.sheet.ask_changed()
        with pytest.raises(UserError, match="needs a text"):
            told.sheet.edit_row(0, "  ")


async def test_a_row_a_column_and_a_cell_are_asked_again_under_the_next_seed(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        for cells in (told.grid.of_row(2), told.grid.of_side(0), [told.grid.cells[2, 0]]):
            seeds = {cell.place: cell.seed for cell in told.grid.cells.values()}
            before = told.texts()
            places = {cell.place for cell in cells}
            await told.sheet.ask_again(cells)
            assert {cell.place for cell in told.grid.cells.values() if cell.seed == seeds[cell.place] + 1} == places
            assert all((told.texts()[place] != before[place]) == (place in places) for place in before)
        assert told.grid.cells[2, 0].seed == 3 and len(told.rows) == 1


async def test_greedy_answers_are_not_asked_again(workspace: Workspace) -> None:
    async with opened(workspace, temperature=0.0) as told:
        await told.sheet.ask("Why?")
        with pytest.raises(UserError, match="temperature 0"):
            await told.sheet.ask_again(told.grid.of_row(0))
        assert {cell.seed for cell in told.grid.cells.values()} == {0} and len(told.asked) == 1


async def test_the_same_prompt_comes_from_the_cache(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        before, run = told.texts(), told.sheet.run
        await told.sheet.ask("Why?")
        assert len(told.asked) == 1 and told.texts() == before and told.sheet.run != run
        assert all(cell.cached for cell in told.grid.cells.values())


async def test_a_stopped_sheet_keeps_what_is_whole_and_asks_the_rest(workspace: Workspace) -> None:
    answers = [{"match": "", "side": "base", "text": "Short."}, {"match": "", "side": "polite", "text": "long " * 400}]
    async with opened(workspace, script={"delay_s": 0.01, "answers": answers}, max_new_tokens=300) as told:
        asking = asyncio.create_task(told.sheet.ask("Why?"))
        await told.until(lambda: sum(cell.stage is Stage.FILLED for cell in told.grid.cells.values()) == 3)
        await told.sheet.stop()
        assert not told.sheet.running
        await asking
        assert {cell.stage for cell in told.grid.of_side(0)} == {Stage.FILLED}
        assert {cell.stage for cell in told.grid.of_side(1)} == {Stage.BROKEN}
        await told.until(lambda: not told.sheet.measuring)
        going_on = asyncio.create_task(told.sheet.ask_changed())
        await told.until(lambda: len(told.asked) == 2)
        assert {row.adapter is None for row in told.asked[-1].rows} == {False} and len(told.rows) == 3
        await told.sheet.stop()
        await going_on


async def test_stopping_an_asking_again_brings_the_answers_back(workspace: Workspace) -> None:
    async with opened(workspace, script={"delay_s": 0.02}) as told:
        await told.sheet.ask("Why?")
        before, seeds = told.texts(), {cell.seed for cell in told.grid.cells.values()}
        again = asyncio.create_task(told.sheet.ask_again(told.grid.of_side(1)))
        await told.until(lambda: any(cell.stage is Stage.STREAMING for cell in told.grid.of_side(1)))
        await told.sheet.stop()
        await again
        assert told.texts() == before and {cell.seed for cell in told.grid.cells.values()} == seeds
        assert not told.grid.unanswered()


async def test_a_lost_engine_leaves_what_was_whole(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        before = told.texts()
        assert told.sheet.edit_row(1, "Be !crash.")
        told.grid.prompt = "Why? !crash"
        told.sheet.run = None
        with pytest.raises(EngineError, match="killed by signal 9"):
            await told.sheet.ask_again(told.grid.of_row(0))
        assert not told.sheet.running and told.texts()[0, 0] == before[0, 0]
        with pytest.raises(EngineError, match="not running"):
            await told.sheet.ask("Why?")
        assert told.texts() == before and told.grid.prompt == "Why? !crash", "a refusal changes nothing"


@pytest.mark.parametrize("why", ["mode", "hash", "busy", "blank"])
async def test_what_cannot_be_asked_changes_nothing(workspace: Workspace, why: str) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        before = told.texts(), told.grid, told.sheet.run
        prompt, says = {
            "mode": ("So?", "no instruction reaches the model"),
            "hash": ("So?", "polite: not held against the base yet"),
            "busy": ("So?", "making other answers"),
            "blank": (" ", "The prompt is empty"),
        }[why]
        if why == "mode":
            told.chat.change(mode=Mode.NONE)
        elif why == "hash":
            told.chat.state.adapter_hashes.clear()
        elif why == "busy":
            assert told.chat.engine is not None
            await told.chat.send("Meanwhile !slow")
            assert told.chat.engine.busy
        for refused in (told.sheet.ask(prompt), told.sheet.ask_again(told.grid.of_row(0)) if why != "blank" else None):
            if refused is not None:
                with pytest.raises(UserError, match=says):
                    await refused
        assert (told.texts(), told.grid, told.sheet.run) == before
        assert {cell.seed for cell in told.grid.cells.values()} == {0}
        await told.chat.stop()


async def test_what_changed_in_the_chat_makes_answers_stale(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        run = told.sheet.run
        told.chat.set_sampling(temperature=0.9)
        told.sheet.refresh()
        assert len(told.grid.stale()) == 6
        told.chat.set_sampling(temperature=0.5)
        told.sheet.refresh()
        assert not told.grid.stale()
        told.chat.state.set_strength(told.chat.state.columns[1].number, 0.5)
        told.sheet.refresh()
        assert {cell.side for cell in told.grid.stale()} == {1}
        await told.sheet.ask_changed()
        assert {row.strength for row in told.asked[-1].rows} == {0.5} and len(told.rows) == 3
        assert not told.grid.unanswered()
        assert told.sheet.run != run, "a run is of the sides and settings that it was begun with"
        assert [cell.cached for cell in told.grid.of_side(0)] == [True] * 3, "the others came from the cache"


async def test_a_further_column_asks_only_its_own_cells(workspace: Workspace) -> None:
    make_adapter(workspace.adapters, "other")
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        adapter = told.chat.state.columns[1].adapter
        assert adapter is not None
        told.chat.state.add_column(Column(adapter, 2.0))
        told.sheet.refresh()
        assert [cell.stage for cell in told.grid.of_side(2)] == [Stage.EMPTY] * 3 and not told.grid.stale()
        await told.sheet.ask_changed()
        assert {row.strength for row in told.asked[-1].rows} == {2.0}


async def test_other_rows_begin_a_grid_in_which_known_answers_cost_nothing(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        told.sheet.set_rows(types("concise", "formal"))
        assert {cell.stage for cell in told.grid.cells.values()} == {Stage.EMPTY} and told.grid.prompt == "Why?"
        await told.sheet.ask_changed()
        assert {row.instruction for row in told.asked[-1].rows} == {"Answer in a formal way."}
        with pytest.raises(UserError, match=f"2 to {MOST_ROWS}"):
            told.sheet.set_rows(types("concise"))


# pairs ------------------------------------------------------------------------------------------------


async def stored_pairs(told: Told, *, undone: bool = False):
    return [p for p in await told.chat.store.run(lambda s: s.list_pairs(include_undone=True)) if p.undone == undone]


async def test_two_cells_are_opposed_also_where_one_came_from_the_cache(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        told.sheet.set_rows(types("concise", "formal"))
        await told.sheet.ask_changed()
        cached, made = told.grid.cells[0, 0], told.grid.cells[1, 1]
        assert cached.cached and not made.cached
        pairs = await told.sheet.oppose(cached, made)
        assert [pair.verdict for pair in pairs] == [Verdict.LEFT, Verdict.RIGHT]
        left, right = await told.chat.store.run(
            lambda store: [store.get_answer(one) for one in (pairs[0].left_id, pairs[0].right_id or "")]
        )
        assert (left.text, right.text) == (cached.text, made.text) and left.parent_id == right.parent_id
        assert (left.instruction_label, right.instruction_label) == ("concise/1", "formal/1")
        assert all(OPPOSED in pair.tags and pair.annotator == "ann" for pair in pairs)
        assert await told.sheet.undo() == pairs and not await stored_pairs(told)
        with pytest.raises(UserError, match="nothing to undo"):
            await told.sheet.undo()


async def test_a_cell_is_chosen_over_another_and_a_later_verdict_takes_its_place(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        first, second = told.grid.cells[0, 0], told.grid.cells[1, 1]
        (pair,) = await told.sheet.prefer(first, second)
        with pytest.raises(UserError, match="chosen over the other already"):
            await told.sheet.prefer(first, second)
        (later,) = await told.sheet.prefer(second, first)
        assert [one.id for one in await stored_pairs(told)] == [later.id]
        await told.sheet.undo()
        assert [one.id for one in await stored_pairs(told)] == [pair.id], "the first verdict counts again"
        await told.sheet.undo()
        assert not await stored_pairs(told)
        await told.sheet.oppose(first, second)
        with pytest.raises(UserError, match="opposed pairs already"):
            await told.sheet.prefer(first, second)


async def test_pairs_taken_back_elsewhere_stay_so(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        (pair,) = await told.sheet.prefer(told.grid.cells[0, 0], told.grid.cells[1, 1])
        await told.chat.store.run(lambda store: store.undo_pair(pair.id))
        await told.sheet.undo()
        assert not await stored_pairs(told) and not told.sheet.flagged


async def test_cells_that_make_no_pair(workspace: Workspace) -> None:
    answers = [
        {"match": "vivid", "side": "base", "text": "The same."},
        {"match": "", "side": "polite", "text": "Other."},
    ]
    script = {"answers": [{"match": "", "side": "polite", "text": "The same."}, *answers]}
    async with opened(workspace, script=script) as told:
        await told.sheet.ask("Why?")
        cells = told.grid.cells
        with pytest.raises(UserError, match="needs two cells"):
            await told.sheet.prefer(cells[0, 0], cells[0, 0])
        with pytest.raises(UserError, match="say the same"):
            await told.sheet.prefer(cells[0, 1], cells[1, 1])
        with pytest.raises(UserError, match="same instruction"):
            await told.sheet.oppose(cells[0, 0], cells[0, 1])
        told.sheet.edit_row(0, "Something else.")
        with pytest.raises(UserError, match="no answer to what is asked now"):
            await told.sheet.prefer(cells[0, 0], cells[1, 0])
        assert not await stored_pairs(told) and not told.sheet.flagged


# measuring --------------------------------------------------------------------------------------------

FOLLOWS = [
    {"match": "", "side": "base", "text": "It answers neutral neutral neutral."},
]


async def test_distances_are_measured_from_the_neutral_row_of_the_same_side(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        cells = told.grid.cells
        for side in range(2):
            neutral = cells[told.grid.neutral, side]
            assert neutral.distance == pytest.approx(0, abs=1e-6)
            for cell in told.grid.of_side(side):
                assert cell.vector is not None and neutral.vector is not None
                assert cell.distance == pytest.approx(float(1 - np.dot(cell.vector, neutral.vector)), abs=1e-6)
        assert len({round(cell.distance or 0, 3) for cell in cells.values()}) > 2


async def test_identical_answers_are_at_chance_and_at_no_distance(workspace: Workspace) -> None:
    async with opened(workspace, script={"answers": FOLLOWS}) as told:
        await told.sheet.ask("Why?")
        base = next(one.rate for one in told.sheet.recogniser.rates if one.side == "base")
        assert base.rate == pytest.approx(1 / 3) == base.chance
        assert [cell.distance for cell in told.grid.of_side(0)] == [pytest.approx(0, abs=1e-6)] * 3


async def test_rates_go_on_over_prompts_asked_alike(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why?")
        first = told.sheet.recogniser.rates
        await told.sheet.ask("And how?")
        second = told.sheet.recogniser.rates
        assert [(one.rate.n, one.rate.clusters) for one in (*first, *second)] == [(3, 1)] * 2 + [(6, 2)] * 2
        await told.sheet.ask("And how?")
        assert [one.rate.n for one in told.sheet.recogniser.rates] == [6, 6], "the same prompt counts once"
        told.sheet.edit_row(1, "Answer with one word.")
        await told.sheet.ask_changed()
        assert [one.rate.n for one in told.sheet.recogniser.rates] == [3, 3], "other rows, another measure"


async def test_an_empty_answer_counts_as_one_that_did_not_switch(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        await told.sheet.ask("Why? !empty")
        rates = told.sheet.recogniser.rates
        assert not rates, "nothing is embedded where nothing was said"
    script = {"answers": [{"match": "", "side": "polite", "text": " "}]}
    async with opened(workspace, script=script) as told:
        await told.sheet.ask("Why?")
        polite = next(one.rate for one in told.sheet.recogniser.rates if one.side == "polite")
        assert (polite.k, polite.n) == (0, 3)
        assert all(cell.recognised and cell.taken_for is None for cell in told.grid.of_side(1))


async def test_rows_without_characteristics_are_not_recognised_but_their_distances_are_there(
    workspace: Workspace,
) -> None:
    found = [*types("neutral", "concise"), *types("mine", characteristics=False)]
    async with opened(workspace, found=found) as told:
        await told.sheet.ask("Why?")
        assert told.sheet.unmeasured == "no characteristics say what answers under mine are like"
        assert not told.sheet.recogniser.rates
        assert all(cell.distance is not None and not cell.recognised for cell in told.grid.cells.values())
        assert await told.sheet.prefer(told.grid.cells[0, 0], told.grid.cells[1, 0])


async def test_without_an_embedding_model_everything_else_works(workspace: Workspace) -> None:
    async with opened(workspace) as told:
        assert told.chat.engine is not None

        async def missing(request):
            raise AligntuiError("The embedding model minilm could not be fetched.", "Check the network.")

        told.chat.engine.embed = missing  # type: ignore[method-assign]  the network is what fails
        await told.sheet.ask("Why?")
        assert told.sheet.unmeasured == "The embedding model minilm could not be fetched. Check the network."
        assert len(told.grid.answered()) == 6 and all(cell.distance is None for cell in told.grid.cells.values())
        assert await told.sheet.oppose(told.grid.cells[0, 0], told.grid.cells[1, 0])


def near(texts: Sequence[str]) -> np.ndarray:
    """Vectors of texts by the words that they have in common with the instructions' names."""
    rows = np.array([[text.count(name) for name in NAMES] for text in texts], np.float32) + 0.01
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def test_the_rate_moves_with_every_answer_while_others_stream(workspace: Workspace) -> None:
    """The adapter's cells are short; once they are whole the engine holds the others in the middle of their answers."""
    asked: list[int] = []

    async def embed(texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        return near(texts)

    quick = [{"match": "Why?", "side": "polite", "text": "vivid"}]
    hold = workspace.root.parent / "hold"
    async with opened(workspace, script={"delay_s": 0.05, "answers": quick, "hold": str(hold)}) as told:
        told.sheet.recogniser = SheetRecogniser(embed)
        asking = asyncio.create_task(told.sheet.ask("Why?"))
        await told.until(lambda: all(cell.stage is Stage.FILLED for cell in told.grid.of_side(1)))
        hold.touch()
        await told.until(lambda: told.sheet.recogniser.rates and told.sheet.recogniser.rates[1].rate.n == 3)
        assert told.sheet.running and any(cell.stage is Stage.STREAMING for cell in told.grid.cells.values())
        base, polite = told.sheet.recogniser.rates
        assert (polite.rate.n, polite.wanted) == (3, 3) and polite.rate.rate == pytest.approx(1 / 3)
        assert (base.rate.n, base.wanted, base.rate.rate) == (0, 3, None)
        assert {cell.recognised for cell in told.grid.of_side(1)} == {True}
        assert {cell.recognised for cell in told.grid.of_side(0)} == {False}
        hold.unlink()
        await asking
        assert {one.rate.n for one in told.sheet.recogniser.rates} == {3}
        assert sum(asked) == 6 + len(asked) * len(NAMES), "every answer is embedded once"


async def test_without_embeddings_the_cells_fill_all_the_same_and_nobody_asks_again_and_again(
    workspace: Workspace,
) -> None:
    calls: list[int] = []

    async def embed(texts: Sequence[str]) -> np.ndarray:
        calls.append(len(texts))
        raise EnvironmentProblem("The embedding model cannot be had.")

    async with opened(workspace) as told:
        told.sheet.recogniser = SheetRecogniser(embed)
        await told.sheet.ask("Why?")
        assert {cell.stage for cell in told.grid.cells.values()} == {Stage.FILLED}
        assert "cannot be had" in told.sheet.unmeasured and len(calls) <= 3


async def test_a_look_that_waits_holds_up_no_stop(workspace: Workspace) -> None:
    """An engine that answers one request after the other embeds only once the batch is done."""
    async with opened(workspace, script={"delay_s": 0.02, "answers": [{"side": "polite", "text": "vivid"}]}) as told:
        asking = asyncio.create_task(told.sheet.ask("Why?"))
        await told.until(lambda: told.grid.cells[0, 1].stage is Stage.FILLED)
        await told.sheet.stop()
        await asking
        assert not told.sheet.running and told.grid.cells[0, 1].recognised
