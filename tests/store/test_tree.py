from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message
from aligntui.core.turn import Session, SessionKind
from aligntui.store import Store
from aligntui.store.tree import PAGE
from tests.store.builders import ask, both, chain, make_answer


def test_the_path_is_the_history_that_the_model_saw(store: Store, session: Session) -> None:
    takes = chain(store, session, 3)
    leaf = takes[2][1]
    path = store.path_to_root(leaf.id)
    assert [turn.text for turn in path] == [
        "Question 0",
        "Right 0",
        "Question 1",
        "Right 1",
        "Question 2",
        "Right 2",
    ]
    assert path[-1] == leaf
    assert [turn.text for turn in store.path_to_root(leaf.id, limit=3)] == ["Right 1", "Question 2", "Right 2"]
    assert store.messages_of(leaf.id) == [
        Message("user" if place % 2 == 0 else "assistant", turn.text) for place, turn in enumerate(path)
    ]
    assert store.messages_of(path[0].id) == [Message("user", "Question 0")]


def test_unknown_turns_and_exchanges(store: Store, session: Session) -> None:
    calls = (store.path_to_root, store.messages_of, store.exchange, store.exchange_of, store.sibling_exchanges)
    for call in (*calls, store.take):
        with pytest.raises(UserError, match="There is no"):
            call("nothing")
    assert store.child_exchanges("nothing") == []
    assert list(store.exchanges("nothing")) == []
    assert store.answers_of(["nothing"]) == []
    assert store.children_prompts([]) == []


def test_a_session_opens_at_its_end_and_scrolls_up(store: Store, session: Session) -> None:
    assert store.open_session(session.id, 5) == []
    assert store.last_exchange(session.id) is None
    chain(store, session, 12)
    shown = store.open_session(session.id, 5)
    assert [exchange.text for exchange in shown] == [f"Question {number}" for number in range(7, 12)]
    assert shown[-1] == store.last_exchange(session.id)
    above = store.earlier_exchanges(shown[0].id, 5)
    assert [exchange.text for exchange in above] == [f"Question {number}" for number in range(2, 7)]
    top = store.earlier_exchanges(above[0].id, 5)
    assert [exchange.text for exchange in top] == ["Question 0", "Question 1"]
    assert top[0].parent_ids == ()
    assert store.earlier_exchanges(top[0].id, 5) == []
    assert store.earlier_exchanges(shown[0].id, 0) == []


def test_an_exchange_has_a_prompt_for_each_history_and_its_takes(store: Store, session: Session) -> None:
    takes = chain(store, session, 2)
    exchange = store.last_exchange(session.id)
    assert exchange is not None
    assert [prompt.parent_id for prompt in exchange.prompts] == [answer.id for answer in takes[0]]
    assert exchange.parent_ids == tuple(answer.id for answer in takes[0])
    again = store.add_answers(
        [make_answer(prompt, "Again", 1 - place, take_id="take_2") for place, prompt in enumerate(exchange.prompts)]
    )
    first, second = store.takes_of(exchange.id)
    assert first.answers == tuple(takes[1])
    assert second.answers == (again[1], again[0]), "by column"
    assert [store.take(take.id) for take in (first, second)] == [first, second]
    assert store.exchange_of(again[0].id) == store.exchange_of(exchange.prompts[1].id) == store.exchange(exchange.id)


def test_branches_are_children_and_siblings(store: Store, session: Session) -> None:
    root = ask(store, session, "Root")
    first_take = both(store, root)
    second_take = both(store, root, take_id="take_2")
    parents = tuple(answer.id for answer in first_take)
    first, second = (ask(store, session, text, parents) for text in ("Branch one", "Branch two"))
    other = ask(store, session, "Under the second take", (second_take[0].id,))
    children = store.child_exchanges(first_take[0].take_id)
    assert [child.text for child in children] == ["Branch one", "Branch two"]
    assert store.sibling_exchanges(second[0].exchange_id) == children
    assert store.sibling_ids(first[0].exchange_id) == [child.id for child in children]
    assert [child.text for child in store.child_exchanges("take_2")] == ["Under the second take"]
    assert [prompt.id for prompt in store.children_prompts(parents)] == [prompt.id for prompt in (*first, *second)]
    last = store.last_exchange(session.id)
    assert last is not None and last.id == other[0].exchange_id


def test_all_exchanges_come_in_the_order_they_were_sent(store: Store, session: Session) -> None:
    assert list(store.exchanges(session.id)) == []
    with store.connection.write():
        takes = chain(store, session, PAGE)
        ask(store, session, "Another root")
        ask(store, store.create_session("Other"), "Elsewhere")
        both(store, ask(store, session, "A branch", tuple(answer.id for answer in takes[3])))
    found = store.exchanges(session.id)
    first = next(found)
    ask(store, session, "Meanwhile")  # the database is not held between two exchanges
    rest = list(found)
    sent = [f"Question {number}" for number in range(PAGE)]
    assert [exchange.text for exchange in (first, *rest)] == [*sent, "Another root", "A branch", "Meanwhile"]
    assert rest[-2] == store.exchange(rest[-2].id)


def test_roots_are_siblings(store: Store, session: Session) -> None:
    roots = [ask(store, session, text)[0] for text in ("One", "Two")]
    ask(store, store.create_session("Other"), "Elsewhere")
    assert [exchange.text for exchange in store.sibling_exchanges(roots[0].exchange_id)] == ["One", "Two"]


@pytest.mark.parametrize("kind", [SessionKind.IMPORT, SessionKind.SAMPLING])
def test_roots_that_have_nothing_to_do_with_each_other_are_no_siblings(store: Store, kind: SessionKind) -> None:
    session = store.create_session("A list", kind)
    roots = [ask(store, session, text)[0] for text in ("One", "Two")]
    assert store.sibling_ids(roots[0].exchange_id) == [roots[0].exchange_id]
    assert [exchange.text for exchange in store.sibling_exchanges(roots[1].exchange_id)] == ["Two"]
    answer = both(store, roots[:1])[0]
    below = [ask(store, session, text, (answer.id,))[0].exchange_id for text in ("Three", "Four")]
    assert store.sibling_ids(below[0]) == below


def test_a_history_over_different_exchanges_follows_the_left_column(store: Store, session: Session) -> None:
    left = both(store, ask(store, session, "Left root"))
    right = both(store, ask(store, session, "Right root"))
    joined = ask(store, session, "Joined", (left[0].id, right[1].id))
    assert [exchange.text for exchange in store.earlier_exchanges(joined[0].exchange_id, 5)] == ["Left root"]


def test_a_prompt_without_answers_is_an_exchange_without_takes(store: Store, session: Session) -> None:
    ask(store, session, "Unanswered")
    last = store.last_exchange(session.id)
    assert last is not None and (last.text, last.takes) == ("Unanswered", ())


def test_a_conversation_deeper_than_pythons_stack(store: Store, session: Session) -> None:
    with store.connection.write():
        takes = chain(store, session, 1500)
    leaf = takes[-1][0].id
    assert len(store.messages_of(leaf)) == 3000
    assert len(store.earlier_exchanges(store.exchange_of(leaf).id, 10_000)) == 1499
    assert store.scope_of(*(answer.id for answer in takes[-1])) == "conversation"
