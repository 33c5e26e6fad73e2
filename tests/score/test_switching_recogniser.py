"""The default recogniser and the judge's column."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.switching.cells import AnswerCell, Prototypes, WordingKind, answer_table, unit
from aligntui.score.switching.recogniser import (
    COULD_NOT_TELL,
    EMPTY,
    INCOMPLETE,
    NO_TYPE,
    NOT_ANSWERED,
    NOT_JUDGED,
    PARTLY_JUDGED,
    UNDIVIDED,
    judged,
    recognise,
)
from tests.score.test_switching_cells import AXES, angle, recognition_of, row, simulated, table_of

vectors = st.lists(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1), min_size=3, max_size=3)


def test_the_prompts_mean_is_taken_off() -> None:
    """At 30 and 40 degrees both answers are nearer to a; their mean is at 35, so they differ along -55 and 125 degrees."""
    found = recognition_of(table_of([row("p", "a", angle(30)), row("p", "b", angle(40))]))
    assert [found.named(i) for i in range(2)] == ["a", "b"]
    assert found.credit.tolist() == [1, 1]
    swapped = recognition_of(table_of([row("p", "b", angle(30)), row("p", "a", angle(40))]))
    assert [swapped.named(i) for i in range(2)] == ["a", "b"]
    assert swapped.credit.tolist() == [0, 0]


def test_the_mean_is_that_of_the_same_side_seed_and_kind_of_wording() -> None:
    """Each pair of answers stands elsewhere on the circle, and each is told apart by itself."""
    rows = [
        row("p", name, angle(start + turn), side, seed, wording=wording)
        for start, side, seed, wording in (
            (10, "base", 0, WordingKind.DIRECT),
            (40, "base", 1, WordingKind.DIRECT),
            (60, "tuned", 0, WordingKind.DIRECT),
            (20, "base", 0, WordingKind.INDIRECT),
            (50, "base", 0, WordingKind.ADVERSARIAL),
        )
        for name, turn in (("a", 0), ("b", 5))
    ]
    assert recognition_of(table_of(rows)).credit.tolist() == [1] * 10


def test_each_instruction_weighs_the_same_in_the_mean() -> None:
    """Two phrasings of a at 0 and 20 degrees, one of b at 30. The mean of (mean of a) and b is at 20.0 degrees nearly, so
    the second phrasing of a stays on b's side or not by that mean alone: computed here by hand."""
    rows = [
        row("p", "a", angle(0), phrasing="1"),
        row("p", "a", angle(20), phrasing="2", wording=WordingKind.PARAPHRASE),
        row("p", "b", angle(30)),
    ]
    table = table_of(rows)
    mean = ((table.vectors[0] + table.vectors[1]) / 2 + table.vectors[2]) / 2
    plain = table.vectors.mean(0)
    found = recognition_of(table)
    for i, vector in enumerate(table.vectors):
        assert found.named(i) == AXES.types[int((AXES.vectors @ (vector - mean)).argmax())]
    # with every answer weighing the same, the second phrasing of a would be taken for b
    assert AXES.types[int((AXES.vectors @ (table.vectors[1] - plain)).argmax())] == "b"
    assert found.named(1) == "a"


def test_identical_answers_are_at_chance() -> None:
    rng = np.random.default_rng(1)
    for m in (2, 3, 10):
        candidates = Prototypes(tuple(map(str, range(m))), np.eye(m))
        # one text embedded in two batches differs in the last bits
        rows = [row("p", name, np.full(m, 1.0) + 1e-7 * rng.normal(size=m)) for name in candidates.types]
        found = recognition_of(table_of(rows), candidates)
        assert found.credit == pytest.approx(np.full(m, 1 / m), abs=0)
        assert set(found.none) == {UNDIVIDED}
        assert found.named(0) is None


def test_equally_near_prototypes_share_the_credit() -> None:
    """Prototypes a and c are the same, so whoever is near to one is near to both."""
    candidates = Prototypes(("a", "b", "c"), np.array([[1.0, 0], [0, 1], [1, 0]]))
    found = recognition_of(
        table_of([row("p", "a", angle(30)), row("p", "b", angle(60)), row("p", "c", (1, 1), answer="")]), candidates
    )
    assert found.shares.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]]
    assert found.credit.tolist() == [0.5, 1, 0]
    assert found.none == (UNDIVIDED, "", EMPTY)


def test_an_empty_answer_counts_as_not_switched_and_moves_nothing() -> None:
    candidates = Prototypes(("a", "b", "c"), np.eye(3))
    with_empty = [row("p", "a", (1, 0.2, 0.2)), row("p", "b", (0.2, 1, 0.2)), row("p", "c", (9, 9, 9), answer=" \n")]
    found = recognition_of(table_of(with_empty), candidates)
    assert found.credit.tolist() == [1, 1, 0]
    assert found.none == ("", "", EMPTY)
    assert found.counted.all()


def test_the_only_text_of_a_grid_has_nothing_to_be_told_from() -> None:
    found = recognition_of(table_of([row("p", "a", (1, 0)), row("p", "b", (1, 0), answer="")]))
    assert found.credit.tolist() == [0.5, 0]


def test_cells_that_cannot_be_counted_say_why() -> None:
    rows = [
        row("p", "a", angle(0)),
        row("p", "b", angle(90)),
        row("p", "x", angle(45)),
        row("q", "a", angle(0)),
        row("q", "b", angle(90), answer=None),
        row("r", "a", angle(0), answer=None),
    ]
    found = recognition_of(table_of(rows))
    assert found.left_out == ("", "", NO_TYPE, INCOMPLETE, NOT_ANSWERED, NOT_ANSWERED)
    assert np.isnan(found.credit).tolist() == [False, False, True, True, True, True]
    assert found.coverage(range(6)).as_dict() == {
        "used": 2, "total": 6, "left_out": {NO_TYPE: 1, INCOMPLETE: 1, NOT_ANSWERED: 2},
    }  # fmt: skip


def test_a_grid_with_gaps_is_named_and_counted_for_display_alone() -> None:
    """a and b are there of three: both are named, and counted only where the run is shown while it fills."""
    candidates = Prototypes(("a", "b", "c"), np.eye(3))
    table = table_of([row("p", "a", (1, 0, 0)), row("p", "b", (0, 1, 0)), row("q", "a", (1, 0, 0))])
    strict, filling = recognition_of(table, candidates), recognise(table, candidates, unfinished=True)
    assert [strict.named(i) for i in range(2)] == [filling.named(i) for i in range(2)] == ["a", "b"]
    assert strict.left_out == (INCOMPLETE,) * 3
    assert filling.left_out == ("", "", INCOMPLETE)
    assert filling.credit.tolist()[:2] == [1, 1]
    everything = {cell.key: cell.instruction for cell in table.cells}
    assert judged(table, candidates.types, everything, "j").left_out == (INCOMPLETE,) * 3
    assert judged(table, candidates.types, everything, "j", unfinished=True).credit.tolist()[:2] == [1, 1]


def test_an_instruction_without_characteristics_does_not_move_the_mean() -> None:
    both = [row("p", "a", angle(30)), row("p", "b", angle(40))]
    assert recognition_of(table_of([*both, row("p", "x", angle(200))])).credit.tolist()[:2] == [1, 1]


def test_spaces_have_to_be_the_same() -> None:
    with pytest.raises(ValueError, match="different embedding models"):
        recognise(table_of([row("p", "a", (1, 0, 0)), row("p", "b", (0, 1, 0))]), AXES)


def test_a_perfect_classifier_names_everything() -> None:
    """Answers lie where their prompt is and lean a little towards their instruction, which the raw cosine would miss."""
    candidates = Prototypes(tuple("abcde"), np.eye(5, 8))
    rng = np.random.default_rng(4)
    rows = [
        row(f"p{p}", name, np.concatenate([np.full(5, 0.1), own]) + 0.05 * candidates.vectors[t])
        for p in range(20)
        for own in [rng.normal(size=3)]
        for t, name in enumerate(candidates.types)
    ]
    assert recognition_of(table_of(rows), candidates).credit.tolist() == [1] * 100


@settings(deadline=None, max_examples=60)
@given(vectors, vectors)
def test_dealing_answers_out_at_random_gives_exactly_chance(answers: list, directions: list) -> None:
    """Over all ways to hand three answers to three instructions, a third of the names fall right, whatever the recogniser
    favours."""
    candidates = Prototypes(tuple("abc"), unit(np.array(directions)))
    total = 0.0
    for order in permutations(range(3)):
        rows = [row("p", "abc"[place], answers[answer]) for place, answer in enumerate(order)]
        total += recognition_of(table_of(rows), candidates).credit.sum()
    assert total / 18 == pytest.approx(1 / 3)


@settings(deadline=None, max_examples=40)
@given(vectors, vectors)
def test_a_part_that_all_prototypes_share_changes_nothing(answers: list, directions: list) -> None:
    """Why prototypes are not centred: by the definition's cosine, the mean prototype adds the same to every candidate."""
    candidates = Prototypes(tuple("abc"), unit(np.array(directions)))
    table = table_of([row("p", name, answer) for name, answer in zip("abc", answers, strict=True)])
    found = recognition_of(table, candidates)
    centred = table.vectors - table.vectors.mean(0)
    score = centred @ (candidates.vectors - candidates.vectors.mean(0)).T
    for i in range(3):
        if found.named(i) is not None:
            assert score[i, candidates.types.index(found.named(i))] == pytest.approx(score[i].max(), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_order_and_rotation_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, candidates = simulated(6, sides={"base": 0.2, "tuned": 1.0}, seeds=2, seed=seed)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    order = rng.permutation(len(table))
    credit = recognition_of(table, candidates).credit
    rows = [(table.cells[i], table.vectors[i] @ turn) for i in order]
    turned = Prototypes(candidates.types, candidates.vectors @ turn)
    assert np.array_equal(recognition_of(table_of(rows), turned).credit, credit[order])


def test_a_judges_column() -> None:
    cells = [
        AnswerCell("p", "a", "base", "x"),
        AnswerCell("p", "b", "base", "y"),
        AnswerCell("p", "a", "tuned", "z"),
        AnswerCell("p", "b", "tuned", " "),
        AnswerCell("r", "a", "base", "not asked"),
        AnswerCell("r", "b", "base", ""),
        AnswerCell("q", "a", "base", "not asked either"),
        AnswerCell("q", "b", "base", None),
        AnswerCell("q", "x", "base", "w"),
    ]
    verdicts = {cells[0].key: "a", cells[1].key: "a", cells[2].key: None, cells[3].key: "b"}
    table = answer_table(cells, np.ones((len(cells), 1)))
    found = judged(table, ("a", "b"), verdicts, "some model")
    assert found.name == "some model"
    left_out = ("", "", "", "", NOT_JUDGED, PARTLY_JUDGED, INCOMPLETE, NOT_ANSWERED, NO_TYPE)
    assert found.left_out == left_out, "chance is one in M in whole grids alone"
    assert judged(table, ("a", "b"), verdicts, "some model", unfinished=True).left_out[5] == ""
    assert found.none[:4] == ("", "", COULD_NOT_TELL, EMPTY)
    assert found.credit[:4].tolist() == [1, 0, 0, 0]
    assert found.named(1) == "a"
    with pytest.raises(ValueError, match="none of: a, b"):
        judged(table, ("a", "b"), {cells[0].key: "c"}, "some model")
    with pytest.raises(ValueError, match="name of its own"):
        judged(table, ("a", "b"), {}, "nearest prototype")
