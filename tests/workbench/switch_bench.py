"""A database, the scripted engine and small plans, for the tests of generation and of instruction switching."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aligntui.core.generation import GenerationRun, RunKind
from aligntui.core.instruction import Instruction, InstructionType
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Answer
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import SwitchDataSet, cross, wordings_of
from aligntui.engine.client import EngineClient
from aligntui.store import Store
from aligntui.wire.engine import AdapterRef, EmbedTexts, StartGeneration, TextsEmbedded
from aligntui.workbench.engine_link import AnswerEvent, EngineLink, ModelWish
from aligntui.workbench.generation.base_and_sides import BaseModel
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.store_thread import StoreThread

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTED = (sys.executable, str(ROOT / "tests" / "scripted_engine.py"))
DEMO = AdapterRef("demo", "/adapters/demo")
BASE = BaseModel("embedded", "w" * 64, "t" * 64, "float32", None)
SHORT = Asking(Sampling(temperature=0.5, max_new_tokens=12))
INSTRUCTIONS = ("Be brief.", "Be vivid.")


def scripted(folder: Path, **fields: Any) -> list[str]:
    """The command of a scripted engine; see `Script` for the fields."""
    file = folder / "script.json"
    file.write_text(json.dumps({"delay_s": 0.001, "load_s": 0.0, **fields}))
    return [*SCRIPTED, "--script", str(file)]


class WatchedLink(EngineLink):
    """Remembers what was asked of the engine."""

    def __init__(self, argv: Sequence[str], logs: Path, wish: ModelWish) -> None:
        self.asked: list[StartGeneration] = []
        self.client: EngineClient | None = None

        def make(on_event: Callable[[Any], None]) -> EngineClient:
            self.client = EngineClient(on_event=on_event, argv=argv, log_directory=logs)
            return self.client

        super().__init__(wish, make, lambda: None, lambda event: None)

    async def generate(self, generation: StartGeneration, sink: Callable[[AnswerEvent], None] | None = None) -> None:
        self.asked.append(generation)
        await super().generate(generation, sink)

    @property
    def rows(self) -> list[str]:
        """Names of all rows that were asked, in order."""
        return [row.row for request in self.asked for row in request.rows]


@dataclass
class Bench:
    """What a `Filler` needs, and what it told."""

    store: StoreThread
    link: WatchedLink
    sides: tuple[Side, ...]
    told: list[CellEvent] = field(default_factory=list)

    async def begin(self, cells: Sequence[Cell], name: str = "run") -> GenerationRun:
        return await self.store.run(lambda store: store.begin_run(RunKind.SWITCH, name, {}, len(cells)))

    def filler(self, also: Callable[[CellEvent], None] = lambda event: None) -> Filler:
        def emit(event: CellEvent) -> None:
            self.told.append(event)
            also(event)

        return Filler(self.store, self.link, emit)

    async def fill(self, run: GenerationRun, cells: Sequence[Cell], asking: Asking = SHORT, **more: Any) -> RunProgress:
        return await self.filler().fill(run, cells, self.sides, asking, **more)

    async def answers(self, run: GenerationRun) -> dict[str, Answer]:
        return await self.store.run(lambda store: dict(store.run_answers(run)))

    def of(self, kind: type) -> list[Any]:
        """What was told of one kind."""
        return [event for event in self.told if isinstance(event, kind)]


@asynccontextmanager
async def opened_bench(
    folder: Path, *, argv: Sequence[str] | None = None, dtype: str = "float32", **script: Any
) -> AsyncIterator[Bench]:
    """A bench with its base loaded and the demo adapter checked."""
    link = WatchedLink(argv or scripted(folder, **script), folder / "log", ModelWish(dtype=dtype))
    store = StoreThread(folder / "aligntui.db")
    try:
        await link.start()
        demo = await link.inspect(DEMO)
        yield Bench(store, link, (Side("base"), Side("demo", DEMO, demo.sha256)))
    finally:
        await link.close()
        await store.close()


def cells_over(
    prompts: Sequence[str], instructions: Sequence[str] = INSTRUCTIONS, *, sides: int = 2, seed: int = 0
) -> list[Cell]:
    """Every prompt under every instruction by every side."""
    return [
        Cell(f"{at}|{number}|{side}|{seed}", prompt, side, Instruction(text), f"own/{number}", seed)
        for at, prompt in enumerate(prompts)
        for number, text in enumerate(instructions)
        for side in range(sides)
    ]


def types(*names: str, characteristics: bool = True) -> list[InstructionType]:
    """Instruction types with two phrasings each, whose answers the scripted engine's embeddings can tell apart."""
    return [
        InstructionType(
            name,
            name.title(),
            "",
            (f"Answer in a {name} way.", f"Let it be {name}."),
            (f"It answers {name} {name} {name}.",) if characteristics else (),
        )
        for name in names
    ]


def data_set(prompts: int = 3, *names: str, characteristics: bool = True, both: bool = False) -> SwitchDataSet:
    """Prompts under instruction types, `concise` and `vivid` unless named."""
    found = types(*(names or ("concise", "vivid")), characteristics=characteristics)
    bank = [BankPrompt(f"q{n}", f"What about {n}?", ("even", "odd")[n % 2], "task") for n in range(prompts)]
    return cross("small", bank, found, wordings_of(found, ("direct", "paraphrase") if both else ("direct",)))


def pages_are_scarce(store: Store, spare: int = 0) -> None:
    """Let the database be as full as a disk can be: SQLite then says `database or disk is full`."""
    with store.connection.read() as conn:
        (pages,) = conn.execute("PRAGMA page_count").fetchone()
        conn.execute(f"PRAGMA max_page_count = {pages + spare}")


async def embed_with(client: EngineClient, request: EmbedTexts) -> TextsEmbedded:
    """One request of embeddings."""
    return await client.request(request)
