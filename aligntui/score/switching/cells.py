"""One answer of a switch run, and the table of such answers with their embeddings."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]
    Mask = NDArray[np.bool_]

Embed = Callable[[Sequence[str]], "ArrayLike"]
"""Sentence embeddings of texts, one row for each; all-MiniLM-L6-v2 in production."""


class WordingKind(StrEnum):
    """How an instruction says what it wants."""

    DIRECT = "direct"
    PARAPHRASE = "paraphrase"
    """The same in other words."""
    INDIRECT = "indirect"
    UNDERSPECIFIED = "underspecified"
    ADVERSARIAL = "adversarial"

    @property
    def plain(self) -> bool:
        """Whether the instruction says outright what it wants; such answers stand in one grid and make the switch rate."""
        return self in (WordingKind.DIRECT, WordingKind.PARAPHRASE)

    @property
    def family(self) -> str:
        """Name of the grid that answers of this kind stand in: `plain`, or the kind itself."""
        return "plain" if self.plain else str(self)


@dataclass(frozen=True)
class AnswerCell:
    """One cell of prompts x instructions x sides x seeds, answered or not."""

    prompt: str
    """Id of the prompt."""
    instruction: str
    """Instruction type, such as `concise`."""
    side: str
    """What made it: `base`, or an adapter with its strength."""
    answer: str | None
    """None where the cell is planned and has no answer yet, or where there will be none."""
    phrasing: str = ""
    """Id of the instruction's wording among those of its type."""
    wording: WordingKind = WordingKind.DIRECT
    seed: int = 0
    domain: str = ""
    source: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str, int]:
        """What tells the cell from every other of its run."""
        return self.prompt, self.instruction, self.phrasing, str(self.wording), self.side, self.seed

    @property
    def answered(self) -> bool:
        """Whether there is an answer, be it empty."""
        return self.answer is not None

    @property
    def filled(self) -> bool:
        """Whether there is an answer with something other than white space in it."""
        return self.answer is not None and bool(self.answer.strip())


@dataclass(frozen=True, eq=False)
class AnswerTable:
    """Cells and their embeddings, row by row. Shapes: n cells, d dimensions. Made by `answer_table`."""

    cells: tuple[AnswerCell, ...]
    vectors: Floats
    """(n, d), unit norm; zeros where a cell has no text."""

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def filled(self) -> Mask:
        """(n,), cells with a text."""
        return _array([cell.filled for cell in self.cells], bool)

    @cached_property
    def answered(self) -> Mask:
        """(n,), cells with an answer, be it empty."""
        return _array([cell.answered for cell in self.cells], bool)

    @cached_property
    def plain(self) -> Mask:
        """(n,), cells whose instruction was worded directly or as a paraphrase."""
        return _array([cell.wording.plain for cell in self.cells], bool)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """Sides in the order in which they come."""
        return tuple(dict.fromkeys(cell.side for cell in self.cells))

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """Prompt ids in the order in which they come."""
        return tuple(dict.fromkeys(cell.prompt for cell in self.cells))

    def places(self, types: Sequence[str]) -> Indices:
        """(n,), place of each cell's instruction among `types`; -1 where it is none of them."""
        place = {name: i for i, name in enumerate(types)}
        return _array([place.get(cell.instruction, -1) for cell in self.cells], int)


def answer_table(cells: Iterable[AnswerCell], vectors: ArrayLike) -> AnswerTable:
    """Check cells and embeddings against each other.

    Shapes: n cells, d dimensions.

    Args:
        cells: of one run, in any order.
        vectors: (n, d), in the same order, float32 or float64. Rows of cells without a text are ignored, whatever they hold.

    Returns:
        The table, with rows scaled to unit norm in float64.

    Raises:
        ValueError: the shapes disagree, two cells have one key, or the embedding of a text is no direction.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    kept = tuple(cells)
    seen: dict[Hashable, int] = {}
    for cell in kept:
        seen[cell.key] = seen.get(cell.key, 0) + 1
    if len(seen) < len(kept):
        twice = next(key for key, count in seen.items() if count > 1)
        raise ValueError(f"Two answers stand in one cell: {' / '.join(map(str, twice))}.")  # type: ignore[arg-type]
    given = np.asarray(vectors, dtype=np.float64)
    if given.ndim != 2 or len(given) != len(kept):
        raise ValueError(f"{len(kept)} cells need as many embeddings, not an array of shape {given.shape}.")
    filled = _array([cell.filled for cell in kept], bool)
    scaled = np.zeros_like(given)
    scaled[filled] = unit(given[filled])
    return AnswerTable(kept, scaled)


def embedded(cells: Iterable[AnswerCell], embed: Embed) -> AnswerTable:
    """The table of cells whose texts are embedded here, each distinct text once, so that equal answers are equal vectors."""
    import numpy as np  # function-level: numpy would slow the console's start

    kept = tuple(cells)
    texts = list(dict.fromkeys(cell.answer for cell in kept if cell.answer is not None and cell.filled))
    if not texts:
        return answer_table(kept, np.zeros((len(kept), 1)))
    rows = np.asarray(embed(texts), dtype=np.float64)  # (texts, d)
    if rows.ndim != 2 or len(rows) != len(texts):
        raise ValueError(f"{len(texts)} texts came back as embeddings of shape {rows.shape}.")
    place = {text: i for i, text in enumerate(texts)}
    table = np.zeros((len(kept), rows.shape[1]))
    for i, cell in enumerate(kept):
        if cell.answer is not None and cell.filled:
            table[i] = rows[place[cell.answer]]
    return answer_table(kept, table)


@dataclass(frozen=True, eq=False)
class Prototypes:
    """What answers under each of the M candidate instructions are expected to be like, as directions."""

    types: tuple[str, ...]
    vectors: Floats
    """(M, d), unit norm."""

    def __post_init__(self) -> None:
        if len(self.types) < 2:
            raise ValueError(f"Naming an instruction needs at least two to choose from, not {len(self.types)}.")
        if len(set(self.types)) < len(self.types):
            raise ValueError("Two prototypes belong to one instruction type.")

    @property
    def chance(self) -> float:
        """1 / M."""
        return 1 / len(self.types)


def prototype(characteristics: ArrayLike) -> Floats:
    """The direction of an instruction type: the mean of its characteristics' unit vectors, scaled to unit norm.

    Each characteristic weighs the same, whatever its length and place. The authors' code instead embeds one sentence put
    together from the three, where the order and the frame of the sentence have a say; a caller who wants that hands in the
    embedding of that one sentence.

    Shapes: c characteristics (three in the bundled library), d dimensions.

    Args:
        characteristics: (c, d), embeddings of the expected characteristics.

    Returns:
        (d,)

    Raises:
        ValueError: there are none, or they cancel out.

    Source: "prototype of the instruction's characteristics", arXiv 2601.06157 (M1). Pinned by hand in
        tests/score/test_switching_cells.py.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    rows = np.asarray(characteristics, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ValueError("A prototype needs the embedding of at least one characteristic.")
    return unit(unit(rows).mean(0, keepdims=True))[0]


def prototypes(characteristics: Mapping[str, Sequence[str]], embed: Embed) -> Prototypes:
    """Prototypes of instruction types from the sentences that say what their answers are expected to be like.

    Raises:
        ValueError: fewer than two types, a type without a characteristic, or characteristics that cancel out.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    bare = [name for name, sentences in characteristics.items() if not sentences]
    if bare:
        raise ValueError(f"The instruction {bare[0]!r} has no characteristics to be recognised by.")
    sentences = [sentence for group in characteristics.values() for sentence in group]
    rows = np.asarray(embed(sentences), dtype=np.float64) if sentences else np.zeros((0, 1))
    ends = np.cumsum([len(group) for group in characteristics.values()])[:-1]
    return Prototypes(
        tuple(characteristics), np.array([prototype(part) for part in np.split(rows, ends)] if sentences else [])
    )


def unit(rows: Floats) -> Floats:
    """Rows scaled to unit norm. Shapes: (n, d) to (n, d).

    Raises:
        ValueError: a row is zero or not finite, so that it points nowhere.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    norms = np.linalg.norm(rows, axis=1, keepdims=True)  # (n, 1)
    if not np.isfinite(norms).all() or (norms < 1e-12).any():
        raise ValueError("An embedding is zero or not finite, so it points nowhere.")
    return rows / norms


def _array(values: Sequence[object], kind: type) -> NDArray:
    import numpy as np  # function-level: numpy would slow the console's start

    return np.array(values, dtype=kind)
