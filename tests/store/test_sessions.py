from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.core.turn import Session, SessionKind
from aligntui.store import Store
from tests.store.builders import ask, both, import_all, make_pair, make_record


def test_created_sessions_are_listed_newest_first(store: Store) -> None:
    made = [store.create_session(f"Session {number}") for number in range(5)]
    assert store.list_sessions() == made[::-1]
    assert store.list_sessions(limit=2, offset=1) == [made[3], made[2]]


def test_a_session_says_what_kind_it_is(store: Store, session: Session) -> None:
    sampled = store.create_session("Sampled", SessionKind.SAMPLING)
    (pair,) = import_all(store, make_record())
    kinds = [one.kind for one in store.list_sessions()]
    assert kinds == [SessionKind.IMPORT, SessionKind.SAMPLING, SessionKind.CHAT]
    assert store.get_session(pair.session_id).kind == "import"
    assert store.rename_session(sampled.id, "Renamed").kind is SessionKind.SAMPLING
    assert session.kind is SessionKind.CHAT


def test_a_session_that_is_used_moves_up(store: Store) -> None:
    first, second = store.create_session("First"), store.create_session("Second")
    both(store, ask(store, first), created_at="2999-01-01T00:00:00.000Z")
    assert [one.id for one in store.list_sessions()] == [first.id, second.id]


def test_counters_follow_turns_and_verdicts(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    pair = store.add_pair(make_pair(*answers))
    now = store.get_session(session.id)
    assert (now.turn_count, now.pair_count) == (3, 1)
    store.undo_pair(pair.id)
    assert store.get_session(session.id).pair_count == 0
    store.restore_pair(pair.id)
    assert store.get_session(session.id).pair_count == 1


def test_renaming_keeps_the_place_and_is_found(store: Store) -> None:
    first, second = store.create_session("Alpha"), store.create_session("Beta")
    renamed = store.rename_session(first.id, "  Gamma \n ray ")
    assert renamed.name == "Gamma ray"
    assert [one.id for one in store.list_sessions()] == [second.id, first.id]
    assert store.list_sessions(query="gamma") == [renamed]
    assert store.list_sessions(query="alpha") == []


@pytest.mark.parametrize("name", ["", "  ", "\n\t"])
def test_a_blank_name_is_refused(store: Store, session: Session, name: str) -> None:
    with pytest.raises(UserError, match="needs a name"):
        store.create_session(name)
    with pytest.raises(UserError, match="needs a name"):
        store.rename_session(session.id, name)


def test_a_session_is_found_by_id_name_and_beginning(store: Store) -> None:
    made = store.create_session("The one")
    for key in (made.id, "The one", made.id[:-1], made.id.removeprefix("session_")[:-1], f" {made.id} "):
        assert store.get_session(key) == made


def test_a_name_that_two_have_asks_for_the_id(store: Store) -> None:
    ids = [store.create_session("Twice").id for _ in range(2)]
    with pytest.raises(UserError, match="Several sessions") as caught:
        store.get_session("Twice")
    assert all(one in caught.value.message for one in ids)
    with pytest.raises(UserError, match="Several sessions"):
        store.get_session(ids[0][:12])


@pytest.mark.parametrize("key", ["", "session_", "nothing", "session_zzz", "%", "'; DROP TABLE sessions; --", "\ud800"])
def test_an_unknown_session(store: Store, session: Session, key: str) -> None:
    with pytest.raises(UserError, match="There is no session"):
        store.get_session(key)
    with pytest.raises(UserError):
        store.rename_session("session_unknown", "Name")


def test_an_unknown_name_gets_the_nearest(store: Store) -> None:
    store.create_session("Experiment")
    with pytest.raises(UserError, match="no session") as caught:
        store.get_session("Experimnt")
    assert "Experiment" in caught.value.hint


def test_many_sessions_are_searched_by_name(store: Store) -> None:
    with store.connection.write():
        made = [
            store.create_session(f"Notes {number} " + ("天気" if number == 3 else "plain")) for number in range(300)
        ]
    assert store.list_sessions(query="天気") == [made[3]]
    assert store.list_sessions(query="notes 17", limit=5) == [made[number] for number in (217, 179, 178, 177, 176)]
    assert store.list_sessions(query="notes 17", limit=100) == [
        made[number] for number in range(299, -1, -1) if "17" in str(number)
    ]
    assert store.list_sessions(query='"% _') == []
    assert store.list_sessions(query="   ", limit=1) == [made[-1]]
