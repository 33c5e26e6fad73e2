"""Answer cells, embeddings and prototypes; and the small builders that the other tests of switching use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aligntui.score.switching.cells import (
    AnswerCell,
    AnswerTable,
    Prototypes,
    WordingKind,
    answer_table,
    embedded,
    prototype,
    prototypes,
    unit,
)
from aligntui.score.switching.recogniser import Recognition, recognise
from aligntui.score.switching.slots import grids

AXES = Prototypes(("a", "b"), np.eye(2))
Row = tuple[AnswerCell, Sequence[float]]


def row(
    prompt: str,
    instruction: str,
    vector: Sequence[float],
    side: str = "base",
    seed: int = 0,
    phrasing: str = "",
    wording: WordingKind = WordingKind.DIRECT,
    answer: str | None = "words",
    domain: str = "",
    source: str = "",
) -> Row:
    return AnswerCell(prompt, instruction, side, answer, phrasing, wording, seed, domain, source), vector


def table_of(rows: Sequence[Row]) -> AnswerTable:
    return answer_table([cell for cell, _ in rows], np.array([vector for _, vector in rows], dtype=np.float32))


def angle(degrees: float) -> tuple[float, float]:
    return float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))


def simulated(
    prompts: int,
    types: int = 4,
    sides: dict[str, float] | None = None,
    seeds: int = 1,
    d: int = 6,
    noise: float = 0.5,
    seed: int = 0,
) -> tuple[AnswerTable, Prototypes]:
    """Answers that lean on their prompt, on their instruction by their side's strength, which varies from prompt to prompt,
    and on chance."""
    rng = np.random.default_rng(seed)
    candidates = Prototypes(tuple(f"t{i}" for i in range(types)), np.eye(d)[:types])
    rows: list[AnswerCell] = []
    vectors: list[np.ndarray] = []
    for p in range(prompts):
        own, ease = rng.normal(size=d), rng.gamma(2, 0.5)
        for side, strength in (sides or {"base": 0.5}).items():
            for s in range(seeds):
                for t in range(types):
                    rows.append(AnswerCell(f"p{p}", f"t{t}", side, "words", seed=s, domain=f"d{p % 3}"))
                    vectors.append(own + strength * ease * candidates.vectors[t] + noise * rng.normal(size=d))
    return answer_table(rows, unit(np.array(vectors))), candidates


def recognition_of(table: AnswerTable, candidates: Prototypes = AXES) -> Recognition:
    return recognise(table, candidates, grids(table, candidates.types))


def test_a_prototype_is_the_mean_direction_of_its_characteristics() -> None:
    """Unit vectors (1, 0) and (0, 1), the second given at length 5: their mean points at 45 degrees."""
    assert prototype([[1, 0], [0, 5]]) == pytest.approx(angle(45))
    assert prototype([[3, 4]]) == pytest.approx([0.6, 0.8])
    three = prototype([angle(0), angle(0), angle(90)])
    assert three == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_characteristics_that_cancel_out_have_no_prototype() -> None:
    with pytest.raises(ValueError, match="points nowhere"):
        prototype([[1, 0], [-1, 0]])
    with pytest.raises(ValueError, match="at least one characteristic"):
        prototype(np.zeros((0, 2)))


def letters(texts: Sequence[str]) -> np.ndarray:
    """Counts of a, b and c."""
    return np.array([[text.count(letter) for letter in "abc"] for text in texts], dtype=float)


def test_prototypes_from_sentences() -> None:
    found = prototypes({"x": ["aa", "b"], "y": ["c"]}, letters)
    assert found.types == ("x", "y")
    assert found.vectors == pytest.approx(np.array([[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]]))
    assert found.chance == 0.5
    with pytest.raises(ValueError, match="'y' has no characteristics"):
        prototypes({"x": ["a"], "y": []}, letters)
    with pytest.raises(ValueError, match="at least two"):
        prototypes({"x": ["a"]}, letters)
    with pytest.raises(ValueError, match="at least two"):
        prototypes({}, letters)
    with pytest.raises(ValueError, match="one instruction type"):
        Prototypes(("x", "x"), np.eye(2))


def test_texts_are_embedded_once_and_blank_ones_never() -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return letters(texts)

    cells = [
        AnswerCell("p", kind, "base", text)
        for kind, text in zip("uvwxyz", ["ab", " ", None, "ab", "", "c"], strict=True)
    ]
    table = embedded(cells, embed)
    assert asked == ["ab", "c"]
    assert table.vectors[0] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert np.array_equal(table.vectors[0], table.vectors[3])
    assert not table.vectors[[1, 2, 4]].any()
    assert table.filled.tolist() == [True, False, False, True, False, True]
    assert table.answered.tolist() == [True, True, False, True, True, True]
    assert len(embedded([AnswerCell("p", "x", "base", None)], embed)) == 1
    with pytest.raises(ValueError, match="came back"):
        embedded(cells, lambda texts: letters(texts)[:1])


def test_tables_refuse_what_does_not_fit() -> None:
    cells = [AnswerCell("p", "a", "base", "x"), AnswerCell("p", "b", "base", "y")]
    with pytest.raises(ValueError, match="2 cells need as many"):
        answer_table(cells, np.eye(3))
    with pytest.raises(ValueError, match=r"Two answers stand in one cell: p / a /  / direct / base / 0\."):
        answer_table([cells[0], cells[0]], np.eye(2))
    for bad in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="points nowhere"):
            answer_table(cells, [[1, 0], [bad, bad]])
    blank = AnswerCell("p", "b", "base", " ")
    assert not answer_table([cells[0], blank], [[1, 0], [float("nan"), 0]]).vectors[1].any()


def test_rows_are_scaled() -> None:
    table = table_of([row("p", "a", (3, 4)), row("p", "b", (0, 0.5))])
    assert table.vectors == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))
    assert table.vectors.dtype == np.float64


def test_direct_wordings_and_paraphrases_are_plain() -> None:
    assert [kind.family for kind in WordingKind] == ["plain", "plain", "indirect", "underspecified", "adversarial"]
