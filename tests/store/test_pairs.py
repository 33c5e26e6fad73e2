from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish, Session
from aligntui.store import Store, Undone, open_store
from tests.store.builders import ask, both, chain, make_answer, make_conditions, make_pair


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.EXAMPLE])
def test_every_verdict_comes_back(store: Store, session: Session, verdict: Verdict) -> None:
    pair = make_pair(
        *both(store, ask(store, session)), verdict, blind=True, shuffled=True, reason="Warum? 天気", tags=("a", 'b "c"')
    )
    assert store.add_pair(pair) == pair
    assert store.get_pair(pair.id) == pair
    assert store.list_pairs(session.id) == [pair]


def test_what_makes_no_pair(store: Store, session: Session) -> None:
    first, second = both(store, ask(store, session))
    elsewhere = both(store, ask(store, store.create_session("Other")))
    good = make_pair(first, second)
    for wrong, message in (
        (replace(good, right_id=first.id), "two different answers"),
        (replace(good, right_id="turn_none"), "no answer"),
        (replace(good, right_id=first.parent_id), "is a prompt"),
        (replace(good, right_id=elsewhere[0].id), "belongs to session"),
        (replace(good, session_id=elsewhere[0].session_id), "belongs to session"),
        (replace(good, scope=Scope.CONVERSATION), "scope"),
    ):
        with pytest.raises(UserError, match=message):
            store.add_pair(wrong)
    store.add_pair(good)
    with pytest.raises(UserError, match="stored already"):
        store.add_pair(good)
    assert store.count_pairs() == 1


def test_an_example_is_one_answer(store: Store, session: Session) -> None:
    left, right = both(store, ask(store, session))
    example = replace(make_pair(left, right, Verdict.EXAMPLE), right_id=None)
    for wrong in (
        make_pair(left, right, Verdict.EXAMPLE),
        replace(example, verdict=Verdict.LEFT),
        replace(example, scope=Scope.CONVERSATION),
        replace(example, left_id=left.parent_id),
        replace(example, left_id="turn_none"),
        replace(example, repeat_of="pair_none"),
        replace(example, prompt_id=left.id, scope=Scope.CONVERSATION),
    ):
        with pytest.raises(UserError):
            store.add_pair(wrong)
    assert store.add_pair(example) == example
    assert store.pairs_of([left.id]) == [example]
    assert store.undo_last_pair(session.id, "ann") == Undone(replace(example, undone=True), None)
    assert store.verify() == []


def test_an_example_of_a_conversation_says_where_it_begins(store: Store, session: Session) -> None:
    takes = chain(store, session, 3)
    path = store.path_to_root(takes[2][0].id)
    example = replace(
        make_pair(*takes[2], Verdict.EXAMPLE), right_id=None, scope=Scope.CONVERSATION, prompt_id=path[2].id
    )
    stored = store.add_pair(example)
    resolved = store.pair_messages(stored)
    assert [message.content for message in resolved.prompt] == ["Question 0", "Left 0", "Question 1"]
    assert [message.content for message in resolved.chosen] == ["Left 1", "Question 2", "Left 2"]
    elsewhere = ask(store, session, "Another root")[0]
    for wrong in (path[1].id, elsewhere.id, takes[2][1].parent_id, "turn_none"):
        with pytest.raises(UserError, match="no prompt that the answer"):
            store.add_pair(replace(example, id="pair_wrong", prompt_id=wrong))
    (row,) = store.pair_rows()
    assert row.prompt == "Question 1"


def test_a_repeat_is_no_standing_verdict(store: Store, session: Session) -> None:
    left, right = both(store, ask(store, session))
    first = store.add_pair(make_pair(left, right, annotator="bob"))
    repeat = store.add_pair(make_pair(right, left, Verdict.TIE, repeat_of=first.id))
    assert store.get_pair(repeat.id) == repeat and repeat.repeat_of == first.id
    assert store.list_pairs() == store.list_pairs(session.id) == store.pairs_of([left.id]) == [first]
    assert store.list_pairs(repeats=True) == [repeat, first]
    assert (store.count_pairs(), store.count_pairs(include_undone=True)) == (1, 1)
    assert store.get_session(session.id).pair_count == 1
    assert store.undo_last_pair(session.id, "ann") is None
    store.undo_pair(repeat.id)
    assert store.list_pairs(repeats=True) == [first]
    assert store.get_session(session.id).pair_count == 1
    store.restore_pair(repeat.id)
    assert store.get_session(session.id).pair_count == 1
    assert store.verify() == []


def test_what_is_no_repeat(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    third = store.add_answer(make_answer(store.get_prompt(answers[0].parent_id), "Third", 2))
    first = store.add_pair(make_pair(*answers))
    repeat = store.add_pair(make_pair(*answers, repeat_of=first.id))
    gone = store.undo_pair(store.add_pair(make_pair(*answers)).id).pair
    undone_repeat = store.undo_pair(store.add_pair(make_pair(*answers, repeat_of=first.id)).id).pair
    for wrong, replaces, message in (
        (make_pair(answers[0], third, repeat_of=first.id), None, "cannot be repeated"),
        (make_pair(*answers, repeat_of=repeat.id), None, "cannot be repeated"),
        (make_pair(*answers, repeat_of="pair_none"), None, "no pair"),
        (make_pair(*answers, repeat_of=first.id), first.id, "takes no place"),
        (make_pair(*answers), repeat.id, "nothing can take the place"),
    ):
        with pytest.raises(UserError, match=message):
            store.add_pair(wrong, replaces=replaces)
    assert store.add_pair(make_pair(*answers, repeat_of=gone.id)).repeat_of == gone.id, "its answers are what counts"
    with store.connection.write() as conn, pytest.raises(sqlite3.IntegrityError, match="is undone and no repeat"):
        conn.execute(
            "INSERT INTO pairs (id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, "
            "created_at, reason, tags, replaces) SELECT 'x', session_id, left_id, right_id, 'tie', scope, 0, 0, '', '', "
            "'', '[]', id FROM pairs WHERE id = ?",
            (undone_repeat.id,),
        )
    assert store.verify() == []


def test_undo_is_a_row(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first, second = (store.add_pair(make_pair(*answers, verdict)) for verdict in (Verdict.LEFT, Verdict.TIE))
    undone = store.undo_last_pair(session.id, "ann")
    assert undone == Undone(replace(second, undone=True), None)
    assert store.list_pairs(session.id) == [first]
    assert store.list_pairs(session.id, include_undone=True) == [undone.pair, first]
    assert (store.count_pairs(), store.count_pairs(include_undone=True)) == (1, 2)
    assert store.undo_last_pair(session.id, "ann") == Undone(replace(first, undone=True), None)
    assert store.undo_last_pair(session.id, "ann") is None
    assert store.restore_pair(second.id) == second
    assert store.list_pairs() == [second]
    with store.connection.read() as conn:
        kinds = [row[0] for row in conn.execute("SELECT kind FROM pair_events ORDER BY seq")]
    assert kinds == ["undone", "undone", "restored"]


def test_undo_takes_back_only_ones_own(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    mine = store.add_pair(make_pair(*answers))
    theirs = store.add_pair(make_pair(*answers, annotator="bob"))
    assert store.undo_last_pair(session.id, "nobody") is None
    assert store.undo_last_pair("session_none", "ann") is None
    assert store.undo_last_pair(session.id, "ann") == Undone(replace(mine, undone=True), None)
    assert store.list_pairs() == [theirs]


def test_the_newest_of_all_sessions(store: Store, session: Session) -> None:
    other = store.create_session("Other")
    pairs = [store.add_pair(make_pair(*both(store, ask(store, place)))) for place in (other, session)]
    for pair in reversed(pairs):
        assert store.undo_last_pair(None, "ann") == Undone(replace(pair, undone=True), None)
    assert store.undo_last_pair(None, "ann") is None


def test_undoing_and_restoring_out_of_turn(store: Store, session: Session) -> None:
    pair = store.add_pair(make_pair(*both(store, ask(store, session))))
    with pytest.raises(UserError, match="is not undone"):
        store.restore_pair(pair.id)
    store.undo_pair(pair.id)
    with pytest.raises(UserError, match="undone already"):
        store.undo_pair(pair.id)
    for call in (store.undo_pair, store.restore_pair, store.get_pair):
        with pytest.raises(UserError, match="no pair"):
            call("pair_none")
    assert store.verify() == []


def test_a_changed_verdict_replaces_the_earlier_one_at_once(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers, Verdict.LEFT))
    second = store.add_pair(make_pair(*answers, Verdict.RIGHT), replaces=first.id)
    assert store.list_pairs() == [second]
    with pytest.raises(UserError, match="undone already"):
        store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    assert store.list_pairs() == [second]
    assert store.count_pairs(include_undone=True) == 2
    elsewhere = make_pair(*both(store, ask(store, store.create_session("Other"))))
    for replaces, message in ((second.id, "belongs to session"), ("pair_none", "no pair")):
        with pytest.raises(UserError, match=message):
            store.add_pair(elsewhere, replaces=replaces)
    assert store.list_pairs() == [second]


def test_undo_brings_back_what_was_replaced_after_a_restart_too(path: Path) -> None:
    with open_store(path) as store:
        session = store.create_session("First")
        answers = both(store, ask(store, session))
        first = store.add_pair(make_pair(*answers, Verdict.LEFT))
        second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
        third = store.add_pair(make_pair(*answers, Verdict.RIGHT), replaces=second.id)
        assert store.undo_last_pair(session.id, "ann") == Undone(replace(third, undone=True), second)
        assert store.list_pairs() == [second]
    with open_store(path) as store:
        assert store.undo_last_pair(session.id, "ann") == Undone(replace(second, undone=True), first)
        assert store.list_pairs() == [first]
        assert store.get_session(session.id).pair_count == 1
        assert store.undo_last_pair(session.id, "ann") == Undone(replace(first, undone=True), None)
        assert store.undo_last_pair(session.id, "ann") is None
        with store.connection.read() as conn:
            events = [tuple(row) for row in conn.execute("SELECT pair_id, kind FROM pair_events ORDER BY seq")]
        assert events == [
            (first.id, "undone"),
            (second.id, "undone"),
            (third.id, "undone"),
            (second.id, "restored"),
            (second.id, "undone"),
            (first.id, "restored"),
            (first.id, "undone"),
        ]
        assert store.verify() == []


def test_undo_by_id_brings_back_only_what_is_still_undone(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers, Verdict.LEFT, annotator="bob"))
    second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    store.restore_pair(first.id)
    assert store.undo_pair(second.id, "ann") == Undone(replace(second, undone=True), None)
    third = store.add_pair(make_pair(*answers, Verdict.BAD), replaces=first.id)
    assert store.undo_pair(third.id, "ann") == Undone(replace(third, undone=True), first)
    assert store.list_pairs() == [first]


def test_the_last_verdict_is_the_last_that_was_given(store: Store, session: Session) -> None:
    answers, others = both(store, ask(store, session)), both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers, Verdict.LEFT))
    between = store.add_pair(make_pair(*others))
    second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    assert store.undo_last_pair(session.id, "ann") == Undone(replace(second, undone=True), first)
    assert store.undo_last_pair(session.id, "ann") == Undone(replace(between, undone=True), None)
    assert store.list_pairs() == [first]


def test_an_undo_that_fails_half_way_is_none(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers, Verdict.LEFT))
    second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    with store.connection.write() as conn:
        conn.execute(
            "CREATE TRIGGER failing BEFORE INSERT ON pair_events WHEN NEW.kind = 'restored' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(UserError):
        store.undo_last_pair(session.id, "ann")
    assert store.list_pairs() == [second]


def test_the_newest_annotation_counts_and_the_others_stay(store: Store, session: Session) -> None:
    pair = store.add_pair(make_pair(*both(store, ask(store, session)), reason="first", tags=("x",)))
    noted = store.annotate_pair(pair.id, "second", ["tone", "länge"], "ann")
    assert noted == replace(pair, reason="second", tags=("tone", "länge"))
    assert store.annotate_pair(pair.id, "") == replace(pair, reason="", tags=())
    with store.connection.read() as conn:
        reasons = [row[0] for row in conn.execute("SELECT reason FROM pair_events ORDER BY seq")]
    assert reasons == ["second", ""]
    with pytest.raises(UserError, match="no pair"):
        store.annotate_pair("pair_none", "why")


def test_lists_page_and_turn_round(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    pairs = [store.add_pair(make_pair(*answers)) for _ in range(5)]
    assert store.list_pairs(limit=2, offset=1) == [pairs[3], pairs[2]]
    assert store.list_pairs(oldest_first=True) == pairs
    assert store.list_pairs("session_none") == []
    assert store.count_pairs(session.id) == 5
    assert store.count_pairs("session_none") == 0


def test_pairs_of_answers_on_the_screen(store: Store, session: Session) -> None:
    takes = chain(store, session, 2)
    first = store.add_pair(make_pair(*takes[0]))
    second = store.add_pair(make_pair(*takes[1]))
    assert store.pairs_of([takes[0][1].id]) == [first]
    assert store.pairs_of([answer.id for take in takes for answer in take]) == [first, second]
    store.undo_pair(first.id)
    assert store.pairs_of([takes[0][1].id]) == []
    assert store.pairs_of([takes[0][1].id], include_undone=True) == [replace(first, undone=True)]
    assert store.pairs_of([]) == []


def test_scope_answer_is_one_prompt_turn(store: Store, session: Session) -> None:
    left, right = both(store, ask(store, session, "Why?"), "Because.", "No idea.")
    assert store.scope_of(left.id, right.id) is Scope.ANSWER
    resolved = store.pair_messages(make_pair(left, right, Verdict.RIGHT))
    assert resolved.scope is Scope.ANSWER
    assert resolved.prompt == [Message("user", "Why?")]
    assert resolved.chosen == [Message("assistant", "No idea.")]
    assert resolved.rejected == [Message("assistant", "Because.")]
    assert (resolved.instruction, resolved.mode, resolved.injection_every) == ("Be concise.", Mode.SYSTEM, 1)
    assert not resolved.instructions_differ
    assert not resolved.partial


def test_scope_conversation_runs_from_where_the_histories_part(store: Store, session: Session) -> None:
    takes = chain(store, session, 3)
    assert store.scope_of(takes[2][0].id, takes[2][1].id) is Scope.CONVERSATION
    resolved = store.pair_messages(make_pair(*takes[2]))
    assert resolved.prompt == [Message("user", "Question 0")]
    assert [message.content for message in resolved.chosen] == [
        "Left 0",
        "Question 1",
        "Left 1",
        "Question 2",
        "Left 2",
    ]
    assert [message.role for message in resolved.rejected] == ["assistant", "user", "assistant", "user", "assistant"]
    assert resolved.rejected[-1].content == "Right 2"


def test_a_shared_answer_opens_both_sides(store: Store, session: Session) -> None:
    root = both(store, ask(store, session, "Root"), "Shared")[0]
    left = store.add_answer(make_answer(ask(store, session, "Politely?", (root.id,))[0], "Yes"))
    right = store.add_answer(make_answer(ask(store, session, "Rudely?", (root.id,))[0], "No"))
    resolved = store.pair_messages(make_pair(left, right))
    assert resolved.prompt == [Message("user", "Root")]
    assert [message.content for message in resolved.chosen] == ["Shared", "Politely?", "Yes"]
    assert [message.content for message in resolved.rejected] == ["Shared", "Rudely?", "No"]


def test_answers_that_cannot_be_compared(store: Store, session: Session) -> None:
    takes = chain(store, session, 2)
    stranger = both(store, ask(store, session, "Another root"))[0]
    with pytest.raises(UserError, match="continues the other"):
        store.scope_of(takes[0][0].id, takes[1][0].id)
    with pytest.raises(UserError, match="continues the other"):
        store.scope_of(takes[1][0].id, takes[0][0].id)
    with pytest.raises(UserError, match="share no prompt"):
        store.scope_of(takes[0][0].id, stranger.id)
    with pytest.raises(UserError, match="different sessions"):
        store.scope_of(takes[0][0].id, both(store, ask(store, store.create_session("Other")))[0].id)
    assert store.scope_of(takes[0][1].id, takes[1][0].id) is Scope.CONVERSATION


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if not verdict.trains])
def test_a_verdict_that_does_not_decide_has_no_messages(store: Store, session: Session, verdict: Verdict) -> None:
    with pytest.raises(UserError, match="nothing was chosen"):
        store.pair_messages(make_pair(*both(store, ask(store, session)), verdict))


def test_takes_under_different_instructions_say_so(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    every = {"mode": "injection", "injection_every": 2}
    concise = store.add_answer(make_answer(prompt, "Short", conditions=make_conditions(**every)))
    kind = store.add_answer(make_answer(prompt, "Warm", 1, conditions=make_conditions(instruction="Be kind.")))
    bare = store.add_answer(make_answer(prompt, "Bare", 2, conditions=make_conditions(instruction="", mode="none")))
    blank = store.add_answer(make_answer(prompt, "Blank", 3, conditions=make_conditions(instruction=" ")))
    resolved = store.pair_messages(make_pair(concise, kind))
    assert resolved.instructions_differ
    assert (resolved.instruction, resolved.mode, resolved.injection_every) == ("Be concise.", Mode.INJECTION, 2)
    assert (resolved.rejected_instruction, resolved.rejected_mode) == ("Be kind.", Mode.SYSTEM)
    assert store.pair_messages(make_pair(concise, bare)).instructions_differ
    assert not store.pair_messages(make_pair(bare, blank)).instructions_differ, "neither had one"
    other_mode = store.add_answer(make_answer(prompt, "ITA", 4, conditions=make_conditions(mode="ita")))
    assert store.pair_messages(make_pair(concise, other_mode)).instructions_differ


def test_a_partial_answer_is_told(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    whole = store.add_answer(make_answer(prompt, "Whole"))
    broken = store.add_answer(make_answer(prompt, "Bro", 1, finish=Finish.CANCELLED))
    resolved = store.pair_messages(make_pair(whole, broken))
    assert resolved.partial
    assert (resolved.chosen_finish, resolved.rejected_finish) == (Finish.STOP, Finish.CANCELLED)
