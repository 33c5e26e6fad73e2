"""Imports: every record comes back as it was, all of them enter or none, and none enters twice."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aligntui.core.conditions import UNKNOWN_ENGINE
from aligntui.core.errors import UserError
from aligntui.core.ids import new_id
from aligntui.core.pair import Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish, Session, SessionKind
from aligntui.store import ImportHead, ImportRecord, Store, open_store
from aligntui.store.imports import _BATCH
from aligntui.store.values import storable
from tests.store.builders import ask, both, import_all, make_pair, make_record

HEAD = ImportHead("From a file", "pairs.jsonl", annotator="ann")


def messages(first: str, *texts: str) -> tuple[Message, ...]:
    other = {"user": "assistant", "assistant": "user"}[first]
    return tuple(Message(first if place % 2 == 0 else other, text) for place, text in enumerate(texts))


def dump(store: Store) -> list[str]:
    with store.connection.read() as conn:
        return list(conn.iterdump())


TEXT = st.text(st.characters(), max_size=12)
SIDE = st.lists(TEXT, min_size=1, max_size=5).filter(lambda texts: len(texts) % 2 == 1)
TOKENS = st.none() | st.integers(0, 9_999)
RECORDS = st.lists(
    st.builds(
        ImportRecord,
        fingerprint=st.just("set by the test: one database sees many examples"),
        prompt=SIDE.map(lambda texts: messages("user", *texts)),
        chosen=SIDE.map(lambda texts: messages("assistant", *texts)),
        rejected=st.none() | SIDE.map(lambda texts: messages("assistant", *texts)),
        instruction=TEXT,
        instruction_label=st.sampled_from(["", "concise/1", "own/2"]),
        mode=st.sampled_from(Mode),
        injection_every=st.none() | st.integers(1, 9),
        tags=st.lists(TEXT, max_size=3).map(tuple),
        reason=TEXT,
        record_id=TEXT,
        place=TEXT,
        prompt_tokens=TOKENS,
        chosen_tokens=TOKENS,
        rejected_tokens=TOKENS,
    ),
    max_size=6,
)


def stored(side: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(Message(message.role, storable(message.content)) for message in side)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS)
def test_every_field_of_every_record_comes_back(store: Store, records: list[ImportRecord]) -> None:
    records = [replace(record, fingerprint=new_id("record")) for record in records]
    for pair, record in zip(import_all(store, *records), records, strict=True):
        detail = store.pair_detail(pair.id)
        assert (detail.prompt, detail.left_messages) == (stored(record.prompt), stored(record.chosen))
        assert detail.right_messages == (None if record.rejected is None else stored(record.rejected))
        conditions = detail.left.conditions
        assert (conditions.instruction, conditions.mode) == (storable(record.instruction), record.mode)
        assert conditions.injection_every == record.injection_every
        assert detail.left.instruction_label == record.instruction_label
        assert (pair.tags, pair.reason) == (tuple(map(storable, record.tags)), storable(record.reason))
        assert pair.verdict is (Verdict.EXAMPLE if record.rejected is None else Verdict.LEFT)
        assert detail.origin is not None
        assert detail.origin.fingerprint == record.fingerprint
        assert (detail.origin.record_id, detail.origin.place) == (storable(record.record_id), storable(record.place))
        assert detail.origin.prompt_tokens == record.prompt_tokens
        assert detail.origin.chosen_tokens == record.chosen_tokens
        assert detail.origin.rejected_tokens == record.rejected_tokens
        resolved = store.pair_messages(pair)
        assert (tuple(resolved.prompt), tuple(resolved.chosen)) == (detail.prompt, detail.left_messages)
        assert (resolved.rejected is None) == (record.rejected is None)
    assert store.verify() == []


def test_an_import_is_a_session_of_its_own(store: Store, session: Session) -> None:
    outcome = store.import_records(
        ImportHead("  My \n file ", "a.jsonl", "ab" * 32, "trl", {"prompt": "question"}, "ann", "smollm2", {"bad": 3}),
        [make_record("One"), make_record("Two", rejected=None), make_record("One")],
    )
    assert (outcome.added, outcome.examples, outcome.known, outcome.known_deleted) == (2, 1, 1, 0)
    assert outcome.session_id is not None
    made = store.get_session(outcome.session_id)
    assert (made.name, made.kind, made.turn_count, made.pair_count) == ("My file", SessionKind.IMPORT, 5, 2)
    assert store.get_session(session.id).kind is SessionKind.CHAT
    (entry,) = store.list_imports()
    assert (entry.id, entry.session_id, entry.source) == (outcome.import_id, outcome.session_id, "a.jsonl")
    assert (entry.source_sha256, entry.layout, entry.tokenizer) == ("ab" * 32, "trl", "smollm2")
    assert entry.mapping == {"prompt": "question"}
    assert entry.counts == {"added": 2, "examples": 1, "known": 1, "known_deleted": 0, "bad": 3}


def test_how_a_pair_stands_in_the_tree(store: Store) -> None:
    (pair,) = import_all(store, make_record())
    left, right = store.get_answer(pair.left_id), store.get_answer(pair.right_id or "")
    assert (left.column, right.column) == (0, 1)
    assert left.take_id == right.take_id and left.parent_id == right.parent_id
    assert {left.finish, right.finish} == {Finish.IMPORTED}
    assert not left.finish.partial
    assert left.conditions.engine == UNKNOWN_ENGINE and left.conditions.model == ""
    assert (pair.scope, pair.annotator, pair.blind) == (Scope.ANSWER, "ann", False)
    (exchange,) = store.exchanges(pair.session_id)
    assert [take.answers for take in exchange.takes] == [(left, right)]
    assert (pair.chosen_id, pair.rejected_id) == (left.id, right.id)


def test_an_example_has_one_answer(store: Store) -> None:
    (pair,) = import_all(store, make_record(rejected=None))
    assert (pair.verdict, pair.right_id) == (Verdict.EXAMPLE, None)
    assert (pair.chosen_id, pair.rejected_id) == (pair.left_id, None)
    assert pair.verdict.trains and not pair.verdict.decides
    resolved = store.pair_messages(pair)
    assert (resolved.rejected, resolved.rejected_finish, resolved.instructions_differ) == (None, None, False)


def test_sides_of_several_messages_are_conversations(store: Store) -> None:
    longer = make_record(
        prompt=messages("user", "A", "a", "B"),
        chosen=messages("assistant", "one", "C", "two"),
        rejected=messages("assistant", "one"),
        fingerprint="longer",
    )
    example = make_record(chosen="x", rejected=None, fingerprint="example")
    talk = make_record(prompt=messages("user", "A", "a", "B"), fingerprint="talk")
    first, second, third = import_all(store, longer, example, talk)
    assert [pair.scope for pair in (first, second, third)] == [Scope.CONVERSATION, Scope.ANSWER, Scope.ANSWER]
    assert first.prompt_id is not None and second.prompt_id is None and third.prompt_id is None
    resolved = store.pair_messages(first)
    assert [message.content for message in resolved.prompt] == ["A", "a", "B"]
    assert [message.content for message in resolved.chosen] == ["one", "C", "two"]
    assert [message.content for message in resolved.rejected or []] == ["one"]
    assert store.scope_of(first.left_id, first.right_id or "") is Scope.CONVERSATION


def test_a_record_enters_once(store: Store) -> None:
    records = [make_record(f"Question {number}") for number in range(3)]
    first, second, third = import_all(store, *records)
    store.undo_pair(second.id)
    store.annotate_pair(third.id, "noted")
    before = dump(store)
    outcome = store.import_records(HEAD, records)
    assert (outcome.added, outcome.known, outcome.known_deleted) == (0, 3, 1)
    assert (outcome.session_id, outcome.import_id) == (None, None)
    assert dump(store) == before, "a file that holds nothing new writes nothing"
    outcome = store.import_records(HEAD, [*records, make_record("New")])
    assert (outcome.added, outcome.known, outcome.known_deleted) == (1, 3, 1)
    assert store.get_pair(second.id).undone
    assert [pair.id for pair in store.list_pairs(first.session_id)] == [third.id, first.id]


@pytest.mark.parametrize("count", [0, 3, _BATCH + 3])
def test_a_failed_import_leaves_the_database_as_it_was(store: Store, session: Session, count: int) -> None:
    store.add_pair(make_pair(*both(store, ask(store, session))))
    import_all(store, make_record("Kept"))

    def failing() -> Iterator[ImportRecord]:
        for number in range(count):
            yield make_record(f"Question {number} about 天気", instruction=f"Be {number}.")
        raise UserError("The record cannot be read.")

    before = dump(store)
    with pytest.raises(UserError, match="cannot be read"):
        store.import_records(HEAD, failing())
    assert dump(store) == before
    assert store.verify() == []
    assert store.search("天気") == []
    assert len(import_all(store, *(make_record(f"Question {number} 天気") for number in range(3)))) == 3
    assert len(store.search("天気")) == 3, "the index follows again"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ()},
        {"prompt": messages("assistant", "a")},
        {"prompt": messages("user", "a", "b")},
        {"chosen": messages("user", "a")},
        {"chosen": messages("assistant", "a", "b")},
        {"rejected": ()},
        {"rejected": (Message("system", "a"),)},
    ],
)
def test_messages_out_of_turn_are_refused(store: Store, wrong: dict[str, tuple[Message, ...]]) -> None:
    before = dump(store)
    with pytest.raises(UserError, match=r"pairs.jsonl, line 2.*out of turn"):
        store.import_records(HEAD, [make_record(), make_record(place="pairs.jsonl, line 2", **wrong)])
    assert dump(store) == before


def test_a_blank_name_is_refused_before_anything_is_read(store: Store) -> None:
    def unread() -> Iterator[ImportRecord]:
        raise AssertionError("a record was asked for")
        yield

    with pytest.raises(UserError, match="needs a name"):
        store.import_records(ImportHead(" ", "pairs.jsonl"), unread())


def test_a_killed_import_leaves_nothing(path: Path) -> None:
    code = (
        "import os, signal, sys, pathlib\n"
        "from aligntui.store import ImportHead, open_store\n"
        "from tests.store.builders import make_record\n"
        "def records():\n"
        "    for number in range(1200):\n"
        "        yield make_record(str(number))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_store(pathlib.Path(sys.argv[1])).import_records(ImportHead('Killed', 'f'), records())\n"
    )
    with open_store(path) as store:
        before = dump(store)
    run = subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[2], capture_output=True)
    assert run.returncode == -9, run.stderr
    with open_store(path) as store:
        assert dump(store) == before
        assert store.verify() == []


def test_imported_texts_are_found_as_others_are(store: Store, session: Session) -> None:
    import_all(store, make_record("Wie wird das 天気?", instruction="Speak like a pirate.", mode=Mode.SYSTEM))
    for query in ("天気", "becaus", "pirate", "from a fi"):
        assert len(store.search(query)) == (0 if query == "from a fi" else 1)
    assert len(store.list_sessions(query="from a file")) == 1
    ask(store, session, "After the import 天気")
    assert len(store.search("天気")) == 2
    assert store.verify() == []


def test_an_import_stands_in_no_other_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match="inside another write"), store.connection.write():
        store.import_records(HEAD, [make_record()])
    assert store.list_pairs() == []


def test_another_thread_waits_for_the_import(store: Store, session: Session) -> None:
    half_way, asked = threading.Event(), threading.Event()

    def records() -> Iterator[ImportRecord]:
        yield make_record("First")
        half_way.set()
        assert asked.wait(10)
        yield make_record("Second")

    importing = threading.Thread(target=lambda: store.import_records(HEAD, records()))
    importing.start()
    assert half_way.wait(10)
    asking = threading.Thread(target=lambda: ask(store, session, "Meanwhile"))
    asking.start()
    asked.set()
    importing.join()
    asking.join()
    assert store.get_session(session.id).turn_count == 1
    assert store.count_pairs() == 2
    assert store.verify() == []


def test_conditions_are_stored_once_and_instructions_too(store: Store) -> None:
    import_all(store, *(make_record(str(number), instruction="Be kind.", mode=Mode.ITA) for number in range(20)))
    with store.connection.read() as conn:
        counts = [
            conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("conditions", "instructions", "rendered_prompts", "instruction_uses")
        ]
    assert counts == [1, 1, 1, 1]


def test_more_instructions_than_are_remembered(store: Store) -> None:
    count = 1_100
    records = [make_record(str(number), instruction=f"Be {number % (count - 1)}.") for number in range(count)]
    import_all(store, *records, make_record("Again", instruction="Be 0."))
    with store.connection.read() as conn:
        assert conn.execute("SELECT count(*) FROM instructions").fetchone()[0] == count - 1
    assert store.verify() == []


def test_records_are_taken_batch_by_batch() -> None:
    taken = 0
    seen: list[int] = []

    def records() -> Iterator[ImportRecord]:
        nonlocal taken
        for number in range(3 * _BATCH):
            taken += 1
            yield make_record(str(number))

    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "a.db") as store:
        with store.connection.read() as conn:
            conn.set_trace_callback(lambda sql: seen.append(taken) if sql.startswith("INSERT INTO pairs ") else None)
        store.import_records(HEAD, records())
    assert seen[0] == _BATCH, "the first batch is stored before the second is read"


def test_an_edited_answer_of_an_import_takes_the_place_of_the_old_pair(store: Store) -> None:
    pair, example = import_all(
        store,
        make_record(),
        make_record(
            prompt=messages("user", "Q"), chosen=messages("assistant", "a", "b", "c"), rejected=None, fingerprint="x"
        ),
    )
    for old in (pair, example):
        answer = store.get_answer(old.left_id)
        edited = store.add_answer(
            replace(answer, id=new_id("turn"), text="Better.", finish=Finish.EDITED, edited_from=answer.id)
        )
        new = store.add_pair(replace(old, id=new_id("pair"), left_id=edited.id), replaces=old.id)
        assert store.pair_detail(new.id).left_messages[-1].content == "Better."
        assert store.pair_detail(new.id).prompt == store.pair_detail(old.id).prompt
        assert store.pair_detail(old.id).replaced_by == new.id
        (row,) = (one for one in store.pair_rows() if one.id == new.id)
        assert (row.imported, row.left_side, row.chosen_tokens) == (False, "", None)
    assert store.verify() == []
