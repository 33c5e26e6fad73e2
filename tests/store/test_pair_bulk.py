from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.turn import Session
from aligntui.store import Store
from tests.store.builders import ask, both, make_pair


@pytest.fixture
def pairs(store: Store, session: Session) -> list[Pair]:
    answers = both(store, ask(store, session))
    return [store.add_pair(make_pair(*answers, reason="why", tags=("a", "b"))) for _ in range(4)]


def test_pairs_are_taken_back_and_brought_back(store: Store, pairs: list[Pair]) -> None:
    ids = [pair.id for pair in pairs]
    store.undo_pair(ids[1])
    gone = store.undo_pairs([ids[2], ids[1], ids[0], ids[2]], "bob")
    assert gone == [ids[2], ids[0]]
    assert store.pair_ids() == [ids[3]]
    assert store.restore_pairs(gone, "bob") == gone
    assert store.pair_ids() == [ids[3], ids[2], ids[0]]
    assert store.restore_pairs([ids[1], ids[0]]) == [ids[1]]
    assert [event.annotator for event in store.pair_detail(ids[2]).history] == ["bob", "bob"]
    assert store.undo_pairs([]) == []
    assert store.verify() == []


def test_taking_back_brings_no_earlier_verdict_back(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers))
    second = store.add_pair(make_pair(*answers, Verdict.TIE), replaces=first.id)
    store.undo_pairs([second.id])
    assert store.list_pairs() == []


def test_tags_are_added_and_taken_away(store: Store, pairs: list[Pair]) -> None:
    ids = [pair.id for pair in pairs]
    store.annotate_pair(ids[3], "other", ["c"])
    before = store.retag_pairs([*ids, ids[0]], add=[" c ", "", "c", "d"], remove=["b"], annotator="bob")
    assert before == {ids[0]: ("a", "b"), ids[1]: ("a", "b"), ids[2]: ("a", "b"), ids[3]: ("c",)}
    assert [store.get_pair(one).tags for one in ids] == [("a", "c", "d")] * 3 + [("c", "d")]
    assert [store.get_pair(one).reason for one in ids] == ["why"] * 3 + ["other"]
    assert store.pair_facets().tags == {"c": 4, "d": 4, "a": 3}
    assert store.retag_pairs(ids, add=["d"], remove=["zzz"]) == {}, "nothing changed, nothing is noted"
    assert store.set_tags(before, "bob") == dict.fromkeys(ids[:3], ("a", "c", "d")) | {ids[3]: ("c", "d")}
    assert [store.get_pair(one).tags for one in ids] == list(before.values())
    assert store.verify() == []


def test_a_pair_that_is_missing_stops_all(store: Store, pairs: list[Pair]) -> None:
    ids = [pairs[0].id, "pair_none"]
    for call in (
        lambda: store.undo_pairs(ids),
        lambda: store.restore_pairs(ids),
        lambda: store.retag_pairs(ids, add=["x"]),
        lambda: store.set_tags(dict.fromkeys(ids, ())),
    ):
        with pytest.raises(UserError, match="no pair 'pair_none'"):
            call()
    assert store.list_pairs() == pairs[::-1]


def test_a_failure_half_way_changes_nothing(store: Store, pairs: list[Pair]) -> None:
    with store.connection.write() as conn:
        conn.execute(
            f"CREATE TRIGGER failing BEFORE INSERT ON pair_events WHEN NEW.pair_id = '{pairs[2].id}' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    ids = [pair.id for pair in pairs]
    with pytest.raises(UserError):
        store.undo_pairs(ids)
    with pytest.raises(UserError):
        store.retag_pairs(ids, add=["x"])
    assert store.list_pairs() == pairs[::-1]
