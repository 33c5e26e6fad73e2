from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id
from aligntui.core.pair import Verdict
from aligntui.core.turn import Answer, Session
from aligntui.store import QueueKind, QueueState, QueueWish, Store
from tests.store.builders import ask, both, make_pair


@pytest.fixture
def takes(store: Store, session: Session) -> list[list[Answer]]:
    return [both(store, ask(store, session, f"Question {number}")) for number in range(4)]


def wish(answers: list[Answer], **changes: object) -> QueueWish:
    return replace(QueueWish(answers[0].id, answers[1].id), **changes)  # type: ignore[arg-type]


def test_items_come_in_the_order_they_were_put(store: Store, takes: list[list[Answer]]) -> None:
    items = store.add_queue_items([wish(take, score=number / 2) for number, take in enumerate(takes)])
    assert [item.position for item in items] == [1, 2, 3, 4]
    assert [item.score for item in items] == [0, 0.5, 1, 1.5]
    assert store.next_queue_item("ann") == items[0]
    assert store.next_queue_item("ann", after=items[1].id) == items[2]
    assert store.next_queue_item("ann", after=items[3].id) is None
    store.close_queue_item(items[0].id)
    assert store.next_queue_item("ann") == items[1]
    with pytest.raises(UserError, match="no item"):
        store.next_queue_item("ann", after="queue_none")


def test_a_given_position_goes_before(store: Store, takes: list[list[Answer]]) -> None:
    late, early = store.add_queue_items([wish(takes[0], position=5), wish(takes[1], position=2)])
    (last,) = store.add_queue_items([wish(takes[2])])
    assert last.position == 6
    assert [store.next_queue_item("ann"), store.next_queue_item("ann", early.id)] == [early, late]


def test_each_annotator_gets_their_own_and_what_is_for_anyone(store: Store, takes: list[list[Answer]]) -> None:
    anyone, ann, bob = store.add_queue_items(
        [
            wish(takes[0], position=3),
            wish(takes[1], annotator="ann", position=2),
            wish(takes[1], annotator="bob", position=1),
        ]
    )
    assert store.next_queue_item("ann") == ann
    assert store.next_queue_item("bob") == bob
    assert store.next_queue_item("cleo") == anyone
    assert store.queue_counts("ann") == {(QueueKind.PROPOSED, QueueState.OPEN): 2}
    assert store.queue_counts() == {(QueueKind.PROPOSED, QueueState.OPEN): 3}


def test_what_waits_already_is_not_put_twice(store: Store, takes: list[list[Answer]]) -> None:
    left, right = takes[0]
    (item,) = store.add_queue_items([wish(takes[0]), QueueWish(right.id, left.id)])
    assert store.add_queue_items([wish(takes[0])]) == []
    store.close_queue_item(item.id)
    (again,) = store.add_queue_items([wish(takes[0])])
    with pytest.raises(UserError, match="in the queue again"):
        store.reopen_queue_item(item.id)
    store.close_queue_item(again.id)
    assert store.reopen_queue_item(item.id) == item
    with pytest.raises(UserError, match="is open"):
        store.reopen_queue_item(item.id)


def test_a_verdict_closes_its_item(store: Store, takes: list[list[Answer]]) -> None:
    items = store.add_queue_items([wish(take) for take in takes])
    pair = store.judge_queue_item(items[0].id, make_pair(*takes[0][::-1], Verdict.TIE))
    assert store.list_pairs() == [pair]
    closed = store.queue_item_of(pair.id)
    assert closed == replace(items[0], state=QueueState.JUDGED, pair_id=pair.id)
    assert store.queue_item_of("pair_none") is None
    assert store.next_queue_item("ann") == items[1]
    for wrong, message in (
        (lambda: store.judge_queue_item(items[0].id, make_pair(*takes[0])), "judged already"),
        (lambda: store.judge_queue_item(items[1].id, make_pair(*takes[2])), "were not judged"),
        (lambda: store.judge_queue_item("queue_none", make_pair(*takes[2])), "no item"),
        (lambda: store.close_queue_item(items[1].id, "pair_none"), "no pair"),
        (lambda: store.judge_queue_item(items[1].id, make_pair(*takes[1], id=pair.id)), "stored already"),
    ):
        with pytest.raises(UserError, match=message):
            wrong()
    assert store.list_pairs() == [pair]
    assert store.queue_counts() == {
        (QueueKind.PROPOSED, QueueState.OPEN): 3,
        (QueueKind.PROPOSED, QueueState.JUDGED): 1,
    }


def test_a_repeat_measures_and_does_not_count(store: Store, takes: list[list[Answer]]) -> None:
    first = store.add_pair(make_pair(*takes[0]))
    (item,) = store.add_queue_items([wish(takes[0], kind=QueueKind.REPEAT, repeat_of=first.id, annotator="ann")])
    repeat = store.judge_queue_item(item.id, make_pair(*takes[0][::-1], id=new_id("pair")))
    assert repeat.repeat_of == first.id
    assert store.list_pairs() == [first]
    assert [row.repeat_of for row in store.judgements()] == [None, first.id]
    store.undo_pairs([repeat.id])
    assert store.reopen_queue_item(item.id).state is QueueState.OPEN
    assert store.verify() == []


def test_what_cannot_be_asked(store: Store, session: Session, takes: list[list[Answer]]) -> None:
    pair = store.add_pair(make_pair(*takes[0]))
    for wrong in (
        wish(takes[0], kind=QueueKind.REPEAT),
        wish(takes[0], repeat_of=pair.id),
        wish(takes[1], kind=QueueKind.REPEAT, repeat_of=pair.id),
        wish(takes[0], kind=QueueKind.REPEAT, repeat_of="pair_none"),
        QueueWish(takes[0][0].id, takes[0][0].id),
        QueueWish(takes[0][0].id, takes[1][0].id),
        QueueWish(takes[0][0].id, "turn_none"),
    ):
        with pytest.raises(UserError):
            store.add_queue_items([wish(takes[2]), wrong])
    assert store.queue_counts() == {}
