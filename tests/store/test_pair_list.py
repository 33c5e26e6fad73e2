"""The list of pairs says what reading every pair says, under any filter, in any order, page by page."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Answer, Finish, Session
from aligntui.store import Facets, PairFilter, PairRow, PairSort, Store, open_store, pair_list, pair_query
from aligntui.store.pair_row import EXCERPT, excerpt
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

WORDS = ["alpha", "beta", "gamma", "delta", "天気", "Äther", "a%b", "x"]
START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """What the public reading methods say of one pair."""

    pair: Pair
    from_file: bool
    left: Answer
    right: Answer | None
    prompt: str
    at: datetime
    order: int

    @property
    def chosen(self) -> Answer:
        return self.right if self.pair.verdict is Verdict.RIGHT and self.right else self.left

    @property
    def instruction(self) -> str:
        conditions = self.chosen.conditions
        if conditions.mode == Mode.NONE or not conditions.instruction.strip():
            return "none"
        return self.chosen.instruction_label or " ".join(conditions.instruction.split())[:80]

    @property
    def sides(self) -> list[str]:
        return ["" if a.conditions.engine == "import" else a.side for a in (self.left, self.right) if a]

    @property
    def imported(self) -> bool:
        return all(a.finish is Finish.IMPORTED for a in (self.left, self.right) if a)

    @property
    def texts(self) -> str:
        return "\n".join([self.prompt, self.left.text, self.right.text if self.right else ""]).lower()

    @property
    def lengths(self) -> tuple[int, int]:
        left, right = len(self.left.text), len(self.right.text) if self.right else 0
        return left + right, abs(left - right) if self.right else 0


def build(store: Store, seed: int, count: int) -> None:
    """Pairs of every kind, some undone, replaced, repeated, tagged again."""
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(0, 4)))

    def when() -> str:
        at = START + timedelta(hours=rng.randint(0, 240), milliseconds=rng.choice([0, 7]))
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    sessions = [store.create_session(name) for name in ("One", "Two")]
    pairs: list[Pair] = []
    with store.connection.write():
        for session in sessions:
            chain(store, session, 3)
        for _ in range(count):
            session = rng.choice(sessions)
            prompts = ask(store, session, text())
            answers = [
                store.add_answer(
                    make_answer(
                        prompts[0],
                        text(),
                        column,
                        finish=rng.choice([Finish.STOP, Finish.EDITED]),
                        instruction_label=rng.choice(["", "concise/1", "concise/2", "concise-er/1"]),
                        conditions=make_conditions(
                            adapter=rng.choice([None, "demo"]),
                            strength=rng.choice([1.0, 0.5, 0.1, 1e-7]),
                            instruction=rng.choice(["", " \n", "Be kind.", "Be\n kind. " + "y" * 90]),
                            mode=rng.choice(list(Mode)),
                        ),
                        token_ids=(1,) * column,
                        logprobs=(),
                    )
                )
                for column in range(2)
            ]
            pair = make_pair(
                *answers,
                rng.choice([one for one in Verdict if one is not Verdict.EXAMPLE]),
                annotator=rng.choice(["ann", "bob"]),
                created_at=when(),
                tags=tuple(rng.choices(["t", "u", "v", "t"], k=rng.randint(0, 2))),
            )
            standing = [known for known in pairs if {known.left_id} <= {a.id for a in answers}]
            assert not standing
            pairs.append(store.add_pair(pair))
            if rng.random() < 0.2:
                repeat = make_pair(*answers[::-1], Verdict.LEFT, annotator="ann", created_at=when(), repeat_of=pair.id)
                pairs.append(store.add_pair(repeat))
            elif rng.random() < 0.2:
                pairs.append(store.add_pair(make_pair(*answers, Verdict.TIE, created_at=when()), replaces=pair.id))
            elif rng.random() < 0.2:
                store.undo_pair(pair.id)
                if rng.random() < 0.5:
                    store.restore_pair(pair.id)
            if rng.random() < 0.2:
                store.annotate_pair(pair.id, "noted", rng.choices(["t", "w"], k=1))
    import_all(
        store,
        *(
            make_record(
                text(),
                text(),
                text() if number % 3 else None,
                fingerprint=f"{seed} {number}",
                instruction=rng.choice(["", "Be kind."]),
                mode=Mode.SYSTEM,
                tags=("t",),
                chosen_tokens=number,
            )
            for number in range(count // 3)
        ),
    )
    taken = store.list_pairs(limit=5)
    store.undo_pairs([pair.id for pair in taken[::2]], "bob")


def read_all(store: Store) -> list[Known]:
    found = []
    with store.connection.read() as conn:
        from_file = {row[0] for row in conn.execute("SELECT pair_id FROM import_fingerprints")}
    for order, pair in enumerate(store.list_pairs(include_undone=True, oldest_first=True, repeats=True)):
        detail = store.pair_detail(pair.id)
        first = detail.prompt[0] if pair.scope == "conversation" and pair.prompt_id is None else detail.prompt[-1]
        at = datetime.fromisoformat(pair.created_at)
        found.append(Known(pair, pair.id in from_file, detail.left, detail.right, first.content, at, order))
    return found


def fits(known: Known, wanted: PairFilter) -> bool:
    pair = known.pair
    day = timedelta(days=1)
    named = known.instruction
    return all(
        (
            wanted.deleted in (None, pair.undone),
            wanted.repeats or pair.repeat_of is None,
            wanted.session_id in (None, pair.session_id),
            wanted.instruction in (None, named, named.rpartition("/")[0]),
            wanted.tag is None or wanted.tag in pair.tags,
            wanted.side is None or wanted.side in known.sides,
            wanted.annotator in (None, pair.annotator),
            not wanted.verdicts or pair.verdict in wanted.verdicts,
            wanted.imported in (None, known.from_file),
            wanted.ids is None or pair.id in wanted.ids,
            wanted.since is None or known.at >= datetime.fromisoformat(f"{wanted.since}T00:00:00Z"),
            wanted.until is None or known.at < datetime.fromisoformat(f"{wanted.until}T00:00:00Z") + day,
            all(word.lower() in known.texts for word in wanted.text.split()),
        )
    )


KEYS: dict[PairSort, tuple[Callable[[Known], Any], bool]] = {
    PairSort.NEWEST: (lambda k: (k.at, k.order), True),
    PairSort.OLDEST: (lambda k: (k.at, k.order), False),
    PairSort.LONGEST: (lambda k: (k.lengths[0], k.order), True),
    PairSort.SHORTEST: (lambda k: (k.lengths[0], k.order), False),
    PairSort.LENGTH_GAP: (lambda k: (k.lengths[1], k.order), True),
    PairSort.INSTRUCTION: (lambda k: (k.instruction.encode(), k.at, k.order), False),
    PairSort.ANNOTATOR: (lambda k: (k.pair.annotator, k.at, k.order), False),
    PairSort.VERDICT: (lambda k: (k.pair.verdict.value, k.at, k.order), False),
}


def expected(known: list[Known], wanted: PairFilter, sort: PairSort) -> list[str]:
    key, down = KEYS[sort]
    return [one.pair.id for one in sorted(known, key=key, reverse=down) if fits(one, wanted)]


class Filled:
    """A database and what reading all of it says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known = read_all(store)

    def __repr__(self) -> str:
        return f"<{len(self.known)} pairs>"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with open_store(tmp_path_factory.mktemp("list") / "aligntui.db") as store:
        build(store, 1, 90)
        assert store.verify() == []
        yield Filled(store)


FILTERS = st.builds(
    PairFilter,
    text=st.sampled_from(["", "", "alpha", "ALPHA beta", "天気", "äther", "a%b", "x", "天 be", "nowhere"]),
    session_id=st.sampled_from([None, None, 0, 1, 2, "session_none"]),
    instruction=st.sampled_from(
        [None, None, "none", "concise", "concise/2", "Be kind.", "Be kind. " + "y" * 71, "zzz"]
    ),
    tag=st.sampled_from([None, None, "t", "u", "w", "zzz"]),
    side=st.sampled_from([None, None, "base", "demo", "demo x0.5", "demo x1e-07", "zzz"]),
    annotator=st.sampled_from([None, None, "ann", "bob", "zzz"]),
    verdicts=st.lists(st.sampled_from(Verdict), max_size=3).map(tuple),
    since=st.sampled_from([None, None, "2026-11-03", "2027-11-01"]),
    until=st.sampled_from([None, None, "2026-11-06", "2026-10-01"]),
    deleted=st.sampled_from([False, False, True, None]),
    imported=st.sampled_from([None, None, True, False]),
    repeats=st.booleans(),
    ids=st.one_of(st.none(), st.none(), st.lists(st.integers(0, 120), max_size=40).map(tuple)),
)


def in_this(filled: Filled, wanted: PairFilter) -> PairFilter:
    """The filter with ids in place of numbers of sessions and pairs."""
    sessions = [session.id for session in filled.store.list_sessions()]
    if isinstance(wanted.session_id, int):
        wanted = replace(wanted, session_id=sessions[wanted.session_id])
    if wanted.ids is not None:
        pairs = dict(enumerate(known.pair.id for known in filled.known))
        wanted = replace(wanted, ids=tuple(pairs.get(number, "pair_none") for number in wanted.ids))  # type: ignore[arg-type]
    return wanted


@settings(max_examples=250, deadline=None)
@given(
    wanted=FILTERS, sort=st.sampled_from(PairSort), few=st.sampled_from([0, 5, 5_000]), near=st.sampled_from([0, 1_000])
)
def test_the_list_is_what_reading_everything_gives(
    filled: Filled, wanted: PairFilter, sort: PairSort, few: int, near: int
) -> None:
    store, known = filled.store, filled.known
    wanted = in_this(filled, wanted)
    ids = expected(known, wanted, sort)
    with pytest.MonkeyPatch.context() as patch:
        # so that a small list takes every way that a long one takes
        patch.setattr(pair_query, "FEW", few)
        patch.setattr(pair_list, "_FAR", near)
        patch.setattr(pair_list, "READ_FIRST", 7)
        store._search = None
        assert [row.id for row in store.pair_rows(wanted, sort, 8)] == ids[:8]
        assert store.pair_ids(wanted, sort) == ids
        assert store.count_pair_rows(wanted) == len(ids)
        assert store.count_pair_rows(wanted, at_most=4) == min(4, len(ids))
        for offset in (0, 3, len(ids) // 2, len(ids) - 2, len(ids) + 5):
            if offset >= 0:
                assert [row.id for row in store.pair_rows_at(wanted, sort, offset, 6)] == ids[offset : offset + 6]
        for offset in (-1, -6, -9):
            end = offset + 6 if offset + 6 < 0 else None
            assert [row.id for row in store.pair_rows_at(wanted, sort, offset, 6)] == ids[offset:end]


@settings(max_examples=60, deadline=None)
@given(wanted=FILTERS, sort=st.sampled_from(PairSort), size=st.integers(1, 9))
def test_pages_follow_each_other_in_both_directions(
    filled: Filled, wanted: PairFilter, sort: PairSort, size: int
) -> None:
    store, known = filled.store, filled.known
    wanted = in_this(filled, wanted)
    ids = expected(known, wanted, sort)
    down: list[str] = []
    while page := store.pair_rows(wanted, sort, size, after=down[-1] if down else None):
        down += [row.id for row in page]
    assert down == ids
    up = ids[-1:]
    while up and (page := store.pair_rows(wanted, sort, size, before=up[0])):
        up = [*(row.id for row in page), *up]
    assert up == ids


def test_a_page_goes_on_from_a_pair_that_left_the_list(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    pairs = [store.add_pair(make_pair(*answers)) for _ in range(5)]
    store.undo_pair(pairs[2].id)
    assert [row.id for row in store.pair_rows(after=pairs[2].id)] == [pairs[1].id, pairs[0].id]
    assert [row.id for row in store.pair_rows(before=pairs[2].id)] == [pairs[4].id, pairs[3].id]
    with pytest.raises(UserError, match="no pair"):
        store.pair_rows(after="pair_none")
    with pytest.raises(ValueError, match="not both"):
        store.pair_rows(after=pairs[0].id, before=pairs[1].id)


def test_facets_count_what_counts(filled: Filled) -> None:
    store, known = filled.store, filled.known
    standing = [one for one in known if not one.pair.undone and one.pair.repeat_of is None]
    facets = store.pair_facets()
    assert facets.verdicts == Counter(one.pair.verdict for one in standing)
    assert facets.annotators == Counter(one.pair.annotator for one in standing)
    assert facets.instructions == Counter(one.instruction for one in standing)
    assert facets.sides == Counter(side for one in standing for side in set(one.sides) if side)
    assert facets.tags == Counter(tag for one in standing for tag in set(one.pair.tags))
    assert facets.total == len(standing)
    assert list(facets.tags.values()) == sorted(facets.tags.values(), reverse=True)


def test_facets_of_an_empty_database(store: Store) -> None:
    assert store.pair_facets() == Facets({}, {}, {}, {}, {})
    assert store.pair_rows() == store.pair_rows_at() == store.pair_rows_at(offset=-5) == []
    assert store.count_pair_rows() == 0


def test_every_field_of_a_row(store: Store, session: Session) -> None:
    prompt = ask(store, session, "Why  is\nthe sky " + "blue " * 50)[0]
    left = store.add_answer(make_answer(prompt, "L" * 200, conditions=make_conditions(instruction="Be\nkind.")))
    right = store.add_answer(
        make_answer(
            prompt,
            "Right.",
            1,
            instruction_label="concise/1",
            conditions=make_conditions(adapter="demo", strength=0.5),
        )
    )
    pair = store.add_pair(make_pair(left, right, Verdict.RIGHT, reason="shorter", tags=("a", "b")))
    (row,) = store.pair_rows()
    assert row == PairRow(
        id=pair.id,
        verdict=Verdict.RIGHT,
        scope=pair.scope,
        undone=False,
        repeat_of=None,
        annotator="ann",
        created_at=pair.created_at,
        instruction_label="concise/1",
        instruction="Be concise.",
        left_side="base",
        right_side="demo x0.5",
        prompt=("Why is the sky " + "blue " * 50)[: EXCERPT - 1] + "…",
        chosen="Right.",
        rejected="L" * (EXCERPT - 1) + "…",
        left_column=0,
        right_column=1,
        chosen_chars=6,
        rejected_chars=200,
        chosen_tokens=3,
        rejected_tokens=3,
        tags=("a", "b"),
        reason="shorter",
        session_id=session.id,
        session_name="First",
        imported=False,
    )
    store.undo_pair(pair.id)
    store.annotate_pair(pair.id, "why", ["c"])
    (row,) = store.pair_rows(PairFilter(deleted=True))
    assert (row.undone, row.reason, row.tags) == (True, "why", ("c",))


def test_rows_of_imports_and_examples(store: Store) -> None:
    import_all(
        store,
        make_record("Q", "Yes", "No", chosen_tokens=11, rejected_tokens=12, instruction="Be kind.", mode=Mode.SYSTEM),
        make_record("Q", "Only", None),
    )
    example, pair = store.pair_rows()
    assert (pair.left_side, pair.right_side, pair.imported) == ("", "", True)
    assert (pair.chosen_tokens, pair.rejected_tokens) == (11, 12)
    assert (pair.instruction_label, pair.instruction) == ("", "Be kind.")
    assert (example.verdict, example.chosen, example.rejected) == (Verdict.EXAMPLE, "Only", "")
    assert (example.rejected_chars, example.rejected_tokens, example.instruction) == (None, None, "")
    assert store.pair_facets().sides == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), (None, ""), (" a \n\t b ", "a b"), ("x" * 160, "x" * 160), ("x" * 161, "x" * 159 + "…")],
)
def test_excerpts(text: str | None, expected: str) -> None:
    assert excerpt(text) == expected


def test_times_in_a_filter(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    times = ["2026-11-21T00:00:00.000Z", "2026-11-21T14:30:00.500Z", "2026-11-22T00:00:00.000Z"]
    ids = [store.add_pair(make_pair(*answers, created_at=at)).id for at in times]
    for wanted, found in (
        (PairFilter(since="2026-11-21"), ids),
        (PairFilter(since="2026-11-22"), ids[2:]),
        (PairFilter(until="2026-11-21"), ids[:2]),
        (PairFilter(until="2026-11-20"), []),
        (PairFilter(since="2026-11-21T14:30", until="2026-11-21T14:31"), ids[1:2]),
        (PairFilter(since="2026-11-21T15:30:00.500+01:00"), ids[1:]),
        (PairFilter(until="2026-11-21T14:30:00.500Z"), ids[:1]),
    ):
        assert store.pair_ids(wanted, PairSort.OLDEST) == found, wanted
    for wrong in ("yesterday", "2026-13-01", "9999-12-31"):
        with pytest.raises(UserError, match="until is a day"):
            store.pair_rows(PairFilter(until=wrong))


def test_the_prompt_of_a_second_history_is_found(store: Store, session: Session) -> None:
    """Search knows a prompt once, however many histories it was sent to."""
    takes = chain(store, session, 2)
    edited = store.add_answer(make_answer(store.get_prompt(takes[1][1].parent_id), "Edited", 1))
    pair = store.add_pair(make_pair(edited, takes[1][1]))
    assert store.pair_ids(PairFilter(text="question 1")) == [pair.id]
    store._search = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_list, "READ_FIRST", 0)
        assert [row.id for row in store.pair_rows(PairFilter(text="question 1"))] == [pair.id]


def test_a_search_sees_what_was_written_since(path: Path, store: Store, session: Session) -> None:
    wanted = PairFilter(text="left")
    answers = both(store, ask(store, session))
    first = store.add_pair(make_pair(*answers))
    assert store.pair_ids(wanted) == [first.id]
    second = store.add_pair(make_pair(*answers))
    assert store.pair_ids(wanted) == [second.id, first.id], "by this connection"
    with open_store(path) as other:
        third = other.add_pair(make_pair(*answers))
    assert store.pair_ids(wanted) == [third.id, second.id, first.id], "by another"
    store.undo_pair(third.id)
    assert store.pair_ids(wanted) == [second.id, first.id]


@pytest.mark.parametrize("searched_before", [False, True])
def test_a_search_inside_a_write_that_fails(store: Store, session: Session, searched_before: bool) -> None:
    wanted = PairFilter(text="right")
    pair = store.add_pair(make_pair(*both(store, ask(store, session))))
    if searched_before:
        assert store.pair_ids(PairFilter(text="nowhere")) == []
    with pytest.raises(KeyboardInterrupt), store.connection.write():
        store.add_pair(make_pair(*both(store, ask(store, session))))
        assert len(store.pair_ids(wanted)) == 2
        raise KeyboardInterrupt
    assert store.pair_ids(wanted) == [pair.id]


@pytest.mark.parametrize(
    "text", ['"', "%", "_", "\0", "a\0b", "\ud83d", "'; DROP TABLE pairs; --", "x" * 9_999, "a " * 999]
)
def test_no_search_is_a_mistake(store: Store, text: str) -> None:
    import_all(store, make_record("100% a_b", 'say "hi"', "'quoted'"))
    assert len(store.pair_rows(PairFilter(text=text))) == store.count_pair_rows(PairFilter(text=text))


def test_what_is_not_up_to_date_is_told(store: Store, session: Session) -> None:
    pair = store.add_pair(make_pair(*both(store, ask(store, session)), tags=("t",)))
    with store.connection.write() as conn:
        conn.execute("UPDATE pair_index SET left_chars = 99")
        conn.execute("DELETE FROM pair_tags")
        conn.execute("UPDATE pair_facets SET count = 7 WHERE kind = 'annotator'")
    problems = "\n".join(store.verify())
    assert f"{pair.id}: its row in the list of pairs is not" in problems
    assert f"{pair.id}: its tags in the list of pairs are not" in problems
    assert "number of those with annotator ann is not" in problems


def test_sides_are_named_as_answers_name_them(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    base = store.add_answer(make_answer(prompt))
    for strength in (1.0, 0.0, 0.1, 2.0, 1e-7, 123456.789, 1 / 3, -1.5):
        conditions = make_conditions(adapter="d x%s", strength=strength)
        answer = store.add_answer(make_answer(prompt, column=1, conditions=conditions))
        store.add_pair(make_pair(base, answer))
        assert store.pair_rows(limit=1)[0].right_side == answer.side


def test_chosen_pairs_alone_are_listed_and_counted(store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    pairs = [store.add_pair(make_pair(*answers)) for _ in range(4)]
    chosen = PairFilter(ids=(pairs[1].id, pairs[3].id, "pair_none", pairs[1].id))
    assert store.pair_ids(chosen) == [pairs[3].id, pairs[1].id]
    assert store.count_pair_rows(chosen) == 2
    assert store.count_pair_rows(PairFilter(ids=())) == 0


def test_a_verdict_given_here_over_answers_of_a_file_did_not_come_with_it(store: Store) -> None:
    import_all(store, make_record("Why?", "Because.", "No."))
    (imported,) = store.list_pairs()
    here = store.add_pair(replace(imported, id="pair_here", verdict=Verdict.RIGHT, annotator="me", blind=True))
    assert store.pair_ids(PairFilter(imported=True)) == [imported.id]
    assert store.pair_ids(PairFilter(imported=False)) == [here.id]
    (row,) = store.pair_rows(PairFilter(imported=False))
    assert row.imported and (row.left_column, row.right_column) == (0, 1)
