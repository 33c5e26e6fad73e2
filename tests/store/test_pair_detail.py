from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Session, SessionKind
from aligntui.store import PairEvent, PairOrigin, Store
from tests.store.builders import ask, both, chain, import_all, make_answer, make_pair, make_record


def test_a_pair_with_its_place_and_texts(store: Store, session: Session) -> None:
    root = both(store, ask(store, session, "Root"))
    prompts = ask(store, session, "And then?", (root[0].id,))
    left, right = store.add_answers([make_answer(prompts[0], "One"), make_answer(prompts[0], "Two", 1)])
    pair = store.add_pair(make_pair(left, right, Verdict.RIGHT, reason="why", tags=("t",)))
    detail = store.pair_detail(pair.id)
    assert (detail.pair, detail.left, detail.right) == (pair, left, right)
    assert (detail.session_name, detail.session_kind) == ("First", SessionKind.CHAT)
    assert (detail.prompt_turn_id, detail.exchange_id) == (prompts[0].id, prompts[0].exchange_id)
    assert [message.content for message in detail.prompt] == ["Root", "Left.", "And then?"]
    assert detail.left_messages == (Message("assistant", "One"),)
    assert detail.right_messages == (Message("assistant", "Two"),)
    assert (detail.history, detail.replaces, detail.replaced_by, detail.origin) == ((), None, None, None)
    with pytest.raises(UserError, match="no pair"):
        store.pair_detail("pair_none")


def test_sides_of_a_conversation_run_from_where_the_histories_part(store: Store, session: Session) -> None:
    takes = chain(store, session, 3)
    pair = store.add_pair(make_pair(*takes[2]))
    detail = store.pair_detail(pair.id)
    assert detail.pair.scope is Scope.CONVERSATION
    assert [message.content for message in detail.prompt] == ["Question 0"]
    assert [message.content for message in detail.left_messages] == [
        "Left 0", "Question 1", "Left 1", "Question 2", "Left 2",
    ]  # fmt: skip
    assert detail.right_messages is not None and detail.right_messages[-1].content == "Right 2"
    assert detail.left.text == "Left 2"


def test_the_history_says_what_was_done_and_by_whom(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers))
    store.annotate_pair(first.id, "tone", ["a", "b"], "bob")
    second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    store.undo_pair(second.id, "cleo")
    detail = store.pair_detail(first.id)
    assert [(event.kind, event.annotator, event.reason, event.tags) for event in detail.history] == [
        ("annotated", "bob", "tone", ("a", "b")),
        ("undone", "ann", "", ()),
        ("restored", "cleo", "", ()),
    ]
    assert all(event.created_at.endswith("Z") for event in detail.history)
    assert isinstance(detail.history[0], PairEvent)
    assert (detail.replaces, detail.replaced_by) == (None, second.id)
    assert store.pair_detail(second.id).replaces == first.id


def test_an_imported_pair_names_its_record(store: Store) -> None:
    (pair,) = import_all(
        store,
        make_record(
            fingerprint="fp", record_id="7", place="pairs.jsonl, line 7", prompt_tokens=1, chosen_tokens=2,
            rejected_tokens=3, instruction="Be kind.", mode=Mode.ITA,
        ),
        source_sha256="ab" * 32,
        layout="trl",
        tokenizer="smollm2",
    )  # fmt: skip
    detail = store.pair_detail(pair.id)
    (entry,) = store.list_imports()
    assert detail.origin == PairOrigin(
        entry.id, "pairs.jsonl", "ab" * 32, "trl", "pairs.jsonl, line 7", "7", "fp", "smollm2", 1, 2, 3
    )
    assert detail.session_kind is SessionKind.IMPORT
    assert (detail.left.conditions.instruction, detail.left.conditions.mode) == ("Be kind.", "ita")
