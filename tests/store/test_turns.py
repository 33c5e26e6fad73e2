from __future__ import annotations

import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.core.turn import Finish, Session
from aligntui.store import Store
from aligntui.store.values import pack_float32, pack_int32, storable, unpack_float32, unpack_int32
from tests.store.builders import ask, both, import_all, make_answer, make_conditions, make_pair, make_record


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_token_ids_come_back(values: list[int]) -> None:
    blob = pack_int32(values)
    assert len(blob) == 4 * len(values)
    assert unpack_int32(blob) == tuple(values)


@given(st.lists(st.floats(width=32)))
def test_log_probs_come_back(values: list[float]) -> None:
    back = unpack_float32(pack_float32(values))
    assert len(back) == len(values)
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(back, values, strict=True))


@given(st.text(st.characters()))
def test_every_text_can_be_stored(text: str) -> None:
    assert storable(text).encode() is not None
    assert len(storable(text)) == len(text)


def test_the_blobs_are_little_endian() -> None:
    assert pack_int32([1, -2]) == bytes.fromhex("01000000feffffff")
    assert pack_float32([-0.5]) == bytes.fromhex("000000bf")


def test_an_answer_comes_back_whole(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    first = make_answer(prompt)
    second = make_answer(
        prompt,
        'Ärger 天気 \x1b[31m "quoted"\0\r\n',
        1,
        finish=Finish.LENGTH,
        conditions=make_conditions(
            adapter="demo",
            adapter_path="/a",
            adapter_sha256="c" * 64,
            strength=0.5,
            seed=2**63 - 1,
            mode="injection",
            injection_every=3,
            quantisation="nf4",
            device="cuda:0",
        ),
        instruction_label="concise/1",
        prompt_tokens=12,
        decode_s=1.5,
        first_token_s=0.25,
        edited_from=first.id,
        continued_from=first.id,
    )
    assert store.add_answers([first, second]) == [first, second]
    assert [store.get_answer(first.id), store.get_turn(second.id)] == [first, second]


def test_conditions_are_not_shared_between_answers(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    answers[0].conditions.versions["torch"] = "changed"
    assert store.get_answer(answers[0].id).conditions.versions == {"torch": "2.13.0"}


def test_equal_conditions_are_stored_once(store: Store, session: Session) -> None:
    for seed in range(5):
        prompt = ask(store, session)[0]
        store.add_answer(make_answer(prompt, conditions=make_conditions(seed=seed)))
    with store.connection.read() as conn:
        counts = [
            conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("conditions", "instructions", "rendered_prompts", "answers")
        ]
    assert counts == [1, 1, 1, 5]


def test_a_later_version_may_add_conditions(store: Store, session: Session) -> None:
    answer = store.add_answer(make_answer(ask(store, session)[0]))
    with store.connection.write() as conn:
        conn.execute("UPDATE conditions SET json = json_set(json, '$.from_the_future', 1)")
    assert store.get_answer(answer.id) == answer


def test_log_probs_are_rounded_to_float32_and_that_is_returned(store: Store, session: Session) -> None:
    answer = make_answer(ask(store, session)[0], logprobs=(-0.1, -math.inf, 0.0))
    stored = store.add_answer(answer)
    assert stored.logprobs == pytest.approx(answer.logprobs, rel=1e-7)
    assert store.get_answer(answer.id) == stored


def test_half_a_surrogate_pair_does_not_cost_the_answer(store: Store, session: Session) -> None:
    prompt = ask(store, session, "broken \ud83d")[0]
    stored = store.add_answer(
        make_answer(
            prompt, "half \udc00 pair", conditions=make_conditions(instruction="a\ud800", rendered_prompt="\udfff")
        )
    )
    assert prompt.text == "broken \ufffd"
    assert stored.text == "half \ufffd pair"
    assert (stored.conditions.instruction, stored.conditions.rendered_prompt) == ("a\ufffd", "\ufffd")
    assert store.get_answer(stored.id) == stored


@pytest.mark.parametrize("text", ["", " ", "x" * 200_000, "天" * 70_000, "\0", "\0after"])
def test_texts_of_any_kind(store: Store, session: Session, text: str) -> None:
    prompt = ask(store, session, text)[0]
    answer = store.add_answer(make_answer(prompt, text, token_ids=(), logprobs=(), finish=Finish.CANCELLED))
    assert store.get_prompt(prompt.id).text == text
    assert store.get_answer(answer.id).text == text
    assert store.verify() == []


def test_a_turn_is_found_by_the_beginning_of_its_id(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    assert store.get_turn(prompt.id[:-1]) == prompt
    both(store, [prompt])
    with pytest.raises(UserError, match="Several turns"):
        store.get_turn(prompt.id[:6])
    for unknown in ("turn_zz", "turn_", "", "nothing", "\ud800"):
        with pytest.raises(UserError, match="no turn"):
            store.get_turn(unknown)


def test_prompts_and_answers_are_told_apart(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    answer = store.add_answer(make_answer(prompt))
    with pytest.raises(UserError, match="is a prompt"):
        store.get_answer(prompt.id)
    with pytest.raises(UserError, match="is an answer"):
        store.get_prompt(answer.id)


def test_a_turn_stands_under_the_other_role_of_its_own_session(store: Store, session: Session) -> None:
    other = store.create_session("Other")
    prompt = ask(store, session)[0]
    answer = store.add_answer(make_answer(prompt))
    for wrong_parent, in_session, message in (
        (prompt.id, session, "other role"),
        (answer.id, other, "belongs to session"),
        ("turn_none", session, "no turn"),
    ):
        with pytest.raises(UserError, match=message):
            ask(store, in_session, "?", (wrong_parent,))
    with pytest.raises(UserError, match="no session"):
        store.add_prompt("session_none", None, "exchange_1", "?")
    for wrong in (
        replace(make_answer(prompt), parent_id=answer.id),
        replace(make_answer(prompt), session_id=other.id),
        replace(make_answer(prompt), edited_from="turn_none"),
        replace(make_answer(prompt), continued_from=prompt.id),
        replace(make_answer(prompt), id=answer.id),
    ):
        with pytest.raises(UserError):
            store.add_answer(wrong)
    assert store.get_session(session.id).turn_count == 2
    assert store.verify() == []


def test_a_take_is_stored_whole_or_not_at_all(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    with pytest.raises(UserError):
        store.add_answers([make_answer(prompt), make_answer(replace(prompt, id="turn_none"))])
    assert store.answers_of([prompt.id]) == []


def test_the_schema_itself_refuses_what_makes_no_sense(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    answers = both(store, [prompt])
    store.add_pair(make_pair(*answers))
    other_program = sqlite3.connect(store.path, isolation_level=None)
    other_program.execute("PRAGMA foreign_keys = ON")
    third = store.add_answer(make_answer(prompt, "Third", 2))
    turn = "INSERT INTO turns (id, session_id, parent_id, root_id, depth, role, {}, created_at, text) VALUES "
    pair = (
        "INSERT INTO pairs (id, session_id, blind, shuffled, annotator, created_at, reason, tags, left_id, right_id, "
        "verdict, scope, replaces, repeat_of, prompt_id) SELECT 'x', session_id, 0, 0, '', '', '', '[]',"
    )
    for statement in (
        f"{turn.format('take_id')} ('a', '{session.id}', NULL, 'a', 0, 'answer', 't', '', '')",
        f"{turn.format('take_id')} ('a', '{session.id}', '{answers[0].id}', '{prompt.id}', 2, 'answer', 't', '', '')",
        f"{turn.format('exchange_id')} ('a', '{session.id}', '{answers[0].id}', '{prompt.id}', 9, 'prompt', 'e', '', '')",
        f"UPDATE turns SET text = 'rewritten' WHERE id = '{prompt.id}'",
        "UPDATE pairs SET verdict = 'tie'",
        "DELETE FROM pairs",
        f"{pair} left_id, left_id, verdict, scope, NULL, NULL, NULL FROM pairs",
        f"{pair} left_id, right_id, 'best', scope, NULL, NULL, NULL FROM pairs",
        f"{pair} left_id, right_id, 'tie', scope, id, NULL, NULL FROM pairs",
        f"{pair} left_id, right_id, 'example', scope, NULL, NULL, NULL FROM pairs",
        f"{pair} left_id, NULL, 'left', scope, NULL, NULL, NULL FROM pairs",
        f"{pair} left_id, NULL, 'example', 'conversation', NULL, NULL, NULL FROM pairs",
        f"{pair} left_id, NULL, 'example', 'conversation', NULL, NULL, right_id FROM pairs",
        f"{pair} left_id, NULL, 'example', scope, NULL, id, NULL FROM pairs",
        f"{pair} left_id, right_id, 'left', scope, NULL, 'pair_none', NULL FROM pairs",
        f"{pair} '{third.id}', right_id, 'left', scope, NULL, id, NULL FROM pairs",
        "UPDATE sessions SET kind = 'party'",
        "INSERT INTO waivers VALUES (1, 'w', 'rule', '', 'key', ' ', 'ann', '', NULL)",
        f"INSERT INTO queue_items VALUES (1, 'q', 'repeat', '{answers[0].id}', '{third.id}', NULL, '', 0, 1, '', 'open', NULL)",
        f"INSERT INTO queue_items VALUES (1, 'q', 'proposed', '{answers[0].id}', '{third.id}', NULL, '', 0, 1, '', 'judged', NULL)",
        "UPDATE answers SET finish = 'bored'",
        "UPDATE answers SET seed = 'seven'",
        f"DELETE FROM sessions WHERE id = '{session.id}'",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            other_program.execute(statement)
    other_program.close()
    assert store.verify() == []


def test_recall_of_prompts(store: Store, session: Session) -> None:
    other = store.create_session("Other")
    answers = both(store, ask(store, session, "first"))
    ask(store, session, "second", tuple(answer.id for answer in answers))
    ask(store, session, "first")
    ask(store, other, "elsewhere")
    (imported,) = import_all(store, make_record("from a file"))
    assert store.recent_prompts() == ["elsewhere", "first", "second"]
    assert store.recent_prompts(session_id=session.id) == ["first", "second"]
    assert store.recent_prompts(session_id=imported.session_id) == [], "it was not sent"
    ask(store, store.get_session(imported.session_id), "going on", (imported.left_id,))
    assert store.recent_prompts(session_id=imported.session_id) == ["going on"]
    assert store.recent_prompts(limit=2) == ["going on", "elsewhere"]
    assert store.recent_prompts(limit=1) == ["going on"]
