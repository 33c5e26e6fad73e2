"""Runs of generation: cells are filled once, answers are found again under their conditions, runs are found by name."""

from __future__ import annotations

import sqlite3

import pytest

from aligntui.core.errors import UserError
from aligntui.core.generation import RunKind
from aligntui.core.ids import sha256_text
from aligntui.core.turn import SessionKind
from aligntui.store import open_store
from tests.store.builders import ask, make_answer


def begin(store, name="grid", cells=4, **plan):
    return store.begin_run(RunKind.SWITCH, name, plan or {"prompts": 2}, cells)


def key_of(text):
    return sha256_text(text)


def answered(store, run, prompt, *filled):
    """Fill cells with answers to one prompt; returns the answers."""
    answers = [make_answer(prompt, text) for _, _, text in filled]
    pairs = zip(filled, answers, strict=True)
    store.fill_cells(run, [(cell, key_of(key), answer) for (cell, key, _), answer in pairs])
    return answers


def prompt_of(store, run, text="Why is the sky blue?"):
    return ask(store, store.get_session(run.session_id), text)[0]


def test_a_run_begins_empty_with_a_session_of_its_own(store):
    run = begin(store, "first grid", 40, prompts=2, seeds=[0, 1])
    assert (run.cells, run.done, run.cached) == (40, 0, 0)
    assert run.plan == {"prompts": 2, "seeds": [0, 1]}
    session = store.get_session(run.session_id)
    assert (session.name, session.kind) == ("first grid", SessionKind.SAMPLING)
    assert store.get_run(run.id) == run


def test_answers_fill_cells_and_survive_reopening(store, tmp_path):
    run = begin(store)
    prompt = prompt_of(store, run)
    answers = answered(store, run, prompt, ("a|base", "k1", "One."), ("b|base", "k2", "Two."))
    again = open_store(store.path)
    assert again.get_run(run.id).done == 2
    cells = again.filled_cells(run)
    assert {key: cell.answer_id for key, cell in cells.items()} == {"a|base": answers[0].id, "b|base": answers[1].id}
    assert not any(cell.cached for cell in cells.values())
    assert [(key, answer.text) for key, answer in again.run_answers(run)] == [("a|base", "One."), ("b|base", "Two.")]
    assert again.run_prompts(run) == {"Why is the sky blue?": prompt.id}
    again.close()


def test_a_cell_keeps_its_first_answer(store):
    run = begin(store)
    prompt = prompt_of(store, run)
    first = answered(store, run, prompt, ("a", "k1", "First."))[0]
    answered(store, run, prompt, ("a", "k1", "Second."))
    assert store.filled_cells(run)["a"].answer_id == first.id
    assert store.get_run(run.id).done == 1


def test_equal_conditions_are_answered_from_the_cache(store):
    first = begin(store, "first")
    answers = answered(store, first, prompt_of(store, first), ("a", "k1", "One."), ("b", "k2", "Two."))
    second = begin(store, "second")
    assert store.fill_from_cache(second, {"x": key_of("k1"), "y": key_of("k3"), "z": key_of("k1")}) == {"x", "z"}
    cells = store.filled_cells(second)
    assert {key: (cell.answer_id, cell.cached) for key, cell in cells.items()} == {
        "x": (answers[0].id, True),
        "z": (answers[0].id, True),
    }
    assert (store.get_run(second.id).done, store.get_run(second.id).cached) == (2, 2)
    # asking again changes nothing and says the same
    assert store.fill_from_cache(second, {"x": key_of("k1")}) == {"x"}
    assert store.get_run(second.id).done == 2


def test_more_cells_than_one_statement_binds(store):
    run = begin(store, cells=1200)
    prompt = prompt_of(store, run)
    answered(store, run, prompt, *((f"c{n:04}", f"k{n}", f"Answer {n}.") for n in range(1200)))
    other = begin(store, "other", cells=1200)
    wanted = {f"d{n:04}": key_of(f"k{n}") for n in range(1200)}
    assert store.fill_from_cache(other, wanted) == set(wanted)
    texts = [answer.text for _, answer in store.run_answers(other)]
    assert texts == [f"Answer {n}." for n in range(1200)]


def test_nothing_of_a_refused_write_stays(store):
    run = begin(store)
    other = prompt_of(store, begin(store, "other"))
    good = make_answer(prompt_of(store, run), "Good.")
    foreign = make_answer(other, "Foreign.", session_id=run.session_id)
    with pytest.raises(UserError):
        store.fill_cells(run, [("a", key_of("k1"), good), ("b", key_of("k2"), foreign)])
    assert store.filled_cells(run) == {}
    assert store.fill_from_cache(run, {"a": key_of("k1")}) == set()


def test_runs_are_found_by_id_its_beginning_and_name(store):
    old, new = begin(store, "grid"), begin(store, "grid")
    score = store.begin_run(RunKind.SCORE, "ifeval", {}, 1)
    assert store.get_run("grid").id == new.id
    assert store.get_run(old.id).id == old.id
    assert store.get_run(score.id[:9]).id == score.id
    assert store.get_run(score.id.partition("_")[2]).id == score.id
    assert [run.id for run in store.list_runs()] == [score.id, new.id, old.id]
    assert [run.id for run in store.list_runs(RunKind.SCORE)] == [score.id]
    with pytest.raises(UserError, match="2 runs begin"):
        store.get_run("switch_")
    with pytest.raises(UserError, match="no switch run 'ifevil'"):
        store.get_run("ifevil", RunKind.SWITCH)
    with pytest.raises(UserError, match="ifeval") as problem:
        store.get_run("ifevil", RunKind.SCORE)
    assert "ifeval" in problem.value.hint


@pytest.mark.parametrize(("name", "cells"), [(" ", 3), ("grid", 0)])
def test_a_run_that_wants_nothing_is_refused(store, name, cells):
    with pytest.raises(UserError):
        store.begin_run(RunKind.SWITCH, name, {}, cells)
    assert store.list_runs() == []
    assert store.list_sessions() == []


def test_the_database_itself_refuses_a_cell_without_an_answer(store):
    run = begin(store)
    with pytest.raises(UserError, match="FOREIGN KEY"), store.connection.write() as conn:
        conn.execute("INSERT INTO generation_cells VALUES ((SELECT seq FROM generation_runs), 'a', 999, 0)")
    assert store.filled_cells(run) == {}


def test_the_session_of_a_run_is_searched_like_any_other(store):
    run = begin(store)
    answered(store, run, prompt_of(store, run), ("a", "k1", "Scattering of short wavelengths."))
    assert [hit.session_id for hit in store.search("wavelengths")] == [run.session_id]


def test_a_database_of_the_second_version_gets_the_tables(tmp_path):
    path = tmp_path / "sessions" / "aligntui.db"
    open_store(path).close()
    with sqlite3.connect(path) as conn:
        for table in ("generation_cells", "answer_cache", "generation_runs"):
            conn.execute(f"DROP TABLE {table}")
        conn.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_generation_runs'")
        conn.execute("PRAGMA user_version = 2")
    conn.close()
    with open_store(path) as store:
        assert begin(store).done == 0


def test_an_answer_of_the_cache_becomes_one_of_the_run_where_it_is_judged(store):
    first, second = begin(store, "first"), begin(store, "second")
    made = answered(store, first, prompt_of(store, first), ("a", "k1", "One."))[0]
    store.fill_from_cache(second, {"x": key_of("k1")})
    own = store.own_answer(second, "x")
    assert own.id != made.id and own.session_id == second.session_id
    assert (own.text, own.conditions, own.token_ids) == (made.text, made.conditions, made.token_ids)
    assert store.own_answer(second, "x") == own
    assert store.filled_cells(second)["x"].cached
    # what is new there answers the same prompt turn, so that the two can be judged
    other = answered(store, second, store.get_turn(own.parent_id), ("y", "k2", "Two."))[0]
    assert store.own_answer(second, "y") == other
    assert own.parent_id == other.parent_id
    with pytest.raises(UserError, match="no answer"):
        store.own_answer(second, "z")


def test_a_run_can_want_more(store):
    run = begin(store, cells=4)
    assert store.extend_run(run, 3).cells == 7
    assert store.get_run(run.id).cells == 7


def test_the_cache_keeps_the_first_of_two_answers_to_the_same(store):
    first, second, third = begin(store, "first"), begin(store, "second"), begin(store, "third")
    made = answered(store, first, prompt_of(store, first), ("a", "k1", "First."))[0]
    own = answered(store, second, prompt_of(store, second), ("a", "k1", "Second."))[0]
    assert store.filled_cells(second)["a"].answer_id == own.id, "what a run has made it keeps"
    store.fill_from_cache(third, {"a": key_of("k1")})
    assert store.filled_cells(third)["a"].answer_id == made.id


def test_a_hash_that_is_none_is_refused_and_not_passed_over(store):
    run = begin(store)
    with pytest.raises(UserError, match="refused"):
        store.fill_cells(run, [("a", "short", make_answer(prompt_of(store, run), "One."))])
    assert store.filled_cells(run) == {}


def test_a_blank_key_names_no_run(store):
    begin(store)
    with pytest.raises(UserError, match="no switch run ''"):
        store.get_run("  ", RunKind.SWITCH)
