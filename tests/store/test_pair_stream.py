from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from aligntui.core.pair import Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish, Session
from aligntui.store import CuratedRecord, PairFilter, Store, pair_stream
from tests.store.builders import (
    ask,
    both,
    chain,
    import_all,
    make_answer,
    make_conditions,
    make_pair,
    make_record,
)


def plain(messages: list[Message] | None) -> tuple[tuple[str, str], ...] | None:
    return None if messages is None else tuple((message.role, message.content) for message in messages)


def test_every_field_of_a_record(store: Store, session: Session) -> None:
    prompt = ask(store, session, "Why?")[0]
    left = store.add_answer(make_answer(prompt, "Left.", finish=Finish.LENGTH, prompt_tokens=40))
    right = store.add_answer(
        make_answer(
            prompt,
            "Right.",
            1,
            token_ids=(1, 2),
            logprobs=(),
            instruction_label="concise/1",
            conditions=make_conditions(adapter="demo", strength=0.5, mode="injection", injection_every=3),
        )
    )
    pair = store.add_pair(make_pair(left, right, Verdict.RIGHT, reason="shorter", tags=("t",)))
    assert list(store.curated_records()) == [
        CuratedRecord(
            id=pair.id,
            session_id=session.id,
            scope=Scope.ANSWER,
            prompt=(("user", "Why?"),),
            chosen=(("assistant", "Right."),),
            rejected=(("assistant", "Left."),),
            instruction="Be concise.",
            instruction_label="concise/1",
            mode=Mode.INJECTION,
            injection_every=3,
            instructions_differ=True,
            chosen_finish=Finish.STOP,
            rejected_finish=Finish.LENGTH,
            chosen_side="demo x0.5",
            rejected_side="base",
            verdict=Verdict.RIGHT,
            annotator="ann",
            created_at=pair.created_at,
            tags=("t",),
            reason="shorter",
            prompt_tokens=40,
            chosen_tokens=2,
            rejected_tokens=3,
            imported=False,
            undone=False,
            repeat_of=None,
        )
    ]


def filled(store: Store, session: Session) -> None:
    """Pairs over single answers, over long histories, over conversations, and from a file."""
    with store.connection.write():
        takes = chain(store, session, 6)
        for take in takes:
            store.add_pair(make_pair(*take))
        for number in range(8):
            parent = takes[number % 6][0]
            prompt = ask(store, session, f"Branch {number}", (parent.id,))[0]
            conditions = make_conditions(instruction="Be kind." if number % 2 else " ")
            answers = [
                store.add_answer(make_answer(prompt, f"Answer {number}", 0)),
                store.add_answer(make_answer(prompt, f"Other {number}", 1, conditions=conditions)),
            ]
            store.add_pair(make_pair(*answers, list(Verdict)[number % 5]))
    talk = (Message("user", "A"), Message("assistant", "a"), Message("user", "B"))
    side = (Message("assistant", "b"), Message("user", "C"), Message("assistant", "c"))
    import_all(
        store,
        make_record(talk, side, chosen_tokens=9),
        make_record(talk, side, None, prompt_tokens=5),
        make_record(talk),
        make_record("Short"),
    )


@pytest.mark.parametrize(("batch", "turns"), [(500, 20_000), (3, 4), (1, 0)])
def test_records_are_what_resolving_each_pair_gives(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch, batch: int, turns: int
) -> None:
    monkeypatch.setattr(pair_stream, "_BATCH", batch)
    monkeypatch.setattr(pair_stream, "_TURNS", turns)
    filled(store, session)
    records = list(store.curated_records())
    assert [record.id for record in records] == store.pair_ids()[::-1]
    for record in records:
        pair = store.get_pair(record.id)
        if pair.verdict.trains:
            resolved = store.pair_messages(pair)
            assert record.prompt == plain(resolved.prompt)
            assert record.chosen == plain(resolved.chosen)
            assert record.rejected == plain(resolved.rejected)
            assert (record.instruction, record.mode) == (resolved.instruction, resolved.mode)
            assert record.instructions_differ == resolved.instructions_differ
            assert record.chosen_finish is resolved.chosen_finish
        else:
            assert record.chosen[-1][1] == store.get_answer(pair.left_id).text
        if record.scope is Scope.CONVERSATION and not record.imported:
            assert (record.prompt_tokens, record.chosen_tokens) == (None, None), "nobody counted the whole side"
    imported = [record for record in records if record.imported]
    assert [record.chosen_tokens for record in imported] == [9, None, None, None]
    assert [record.prompt_tokens for record in imported] == [None, 5, None, None]


def test_only_what_the_filter_asks_for(store: Store, session: Session) -> None:
    filled(store, session)
    assert [record.verdict for record in store.curated_records(PairFilter(verdicts=(Verdict.EXAMPLE,)))] == ["example"]
    assert len(list(store.curated_records(PairFilter(text="branch", session_id=session.id)))) == 8


def test_the_database_is_free_between_two_records(store: Store, session: Session) -> None:
    filled(store, session)
    records = store.curated_records()
    first = next(records)
    store.undo_pair(first.id)
    assert next(records).id != first.id
    assert first.id not in {record.id for record in store.curated_records()}


def test_every_field_of_a_judgement(store: Store, session: Session) -> None:
    prompt = ask(store, session, "Why?")[0]
    left = store.add_answer(make_answer(prompt, "Left.", conditions=make_conditions(mode="none")))
    right = store.add_answer(
        make_answer(prompt, "Right!", 1, instruction_label="concise/1", conditions=make_conditions(adapter="demo"))
    )
    pair = store.add_pair(make_pair(left, right, blind=True, shuffled=True, tags=("t",)))
    (row,) = store.judgements()
    assert (row.id, row.session_id, row.repeat_of) == (pair.id, session.id, None)
    assert (row.left_id, row.right_id) == (left.id, right.id)
    assert (row.left_side, row.right_side) == ("base", "demo")
    assert (row.left_instruction, row.right_instruction) == ("none", "concise/1")
    assert (row.left_chars, row.right_chars, row.left_tokens, row.right_tokens) == (5, 6, 3, 3)
    assert (row.verdict, row.annotator, row.created_at) == (Verdict.LEFT, "ann", pair.created_at)
    assert (row.blind, row.shuffled, row.tags) == (True, True, ("t",))


def test_judgements_with_and_without_repeats(store: Store, session: Session) -> None:
    filled(store, session)
    pair = next(pair for pair in store.list_pairs(session.id))
    answers = [store.get_answer(one) for one in (pair.right_id or "", pair.left_id)]
    repeat = store.add_pair(make_pair(*answers, repeat_of=pair.id))
    rows = list(store.judgements())
    assert rows[-1].repeat_of == pair.id and rows[-1].id == repeat.id
    assert (rows[-1].left_id, rows[-1].right_id) == (pair.right_id, pair.left_id)
    assert [row.id for row in store.judgements(repeats=False)] == [row.id for row in rows[:-1]]
    examples = [one for one in store.list_pairs() if one.verdict is Verdict.EXAMPLE]
    assert len(examples) == 1 and not {row.id for row in rows} & {one.id for one in examples}, (
        "one answer: no judgement"
    )
    assert list(store.judgements(PairFilter(verdicts=(Verdict.EXAMPLE,)))) == []
    counts = Counter(row.verdict for row in store.judgements(PairFilter(verdicts=(Verdict.TIE, Verdict.EXAMPLE))))
    assert set(counts) == {Verdict.TIE}


def test_equal_prompts_have_one_key(store: Store, session: Session) -> None:
    root = both(store, ask(store, session, "Same"))
    again = both(store, ask(store, store.create_session("Other"), "Same"))
    below = both(store, ask(store, session, "Same", (root[0].id,)))
    other = both(store, ask(store, session, "same"))
    keys = []
    for answers in (root, again, below, other):
        pair = store.add_pair(replace(make_pair(*answers), session_id=answers[0].session_id))
        keys.append(next(row.prompt_key for row in store.judgements() if row.id == pair.id))
    assert keys[0] == keys[1] == keys[2] != keys[3]
