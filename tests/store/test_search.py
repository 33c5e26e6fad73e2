from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aligntui.core.turn import Role, Session
from aligntui.store import Store
from tests.store.builders import ask, both, chain, make_answer, make_conditions

HOSTILE = [
    "",
    " ",
    '"',
    '""',
    '"""',
    "'",
    "AND",
    "OR NOT",
    "a AND",
    "NEAR(",
    "NEAR(a b, 3)",
    "*",
    "a*",
    "^a",
    "-a",
    "text:",
    "text : hello",
    "{text}: x",
    "(",
    ")))",
    "a + b",
    "\\",
    "%",
    "_",
    "%_\\%",
    "\0",
    "a\0b",
    "\ud83d",
    "😀",
    "👨‍👩‍👧",
    "天",
    "天気",
    "今日の天気",
    "é",
    "e\u0301",
    "İ",
    "ß",
    "\u202e",
    "x" * 10_000,
    "a " * 5_000,
    " ".join(string.ascii_letters) * 20,
    "'; DROP TABLE turns; --",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_is_a_mistake(store: Store, session: Session, query: str) -> None:
    both(store, ask(store, session, "Hello world, 今日の天気 😀"), "é ß 100% a_b", 'say "hi" AND bye')
    assert isinstance(store.search(query), list)
    assert isinstance(store.search(query, session_id=session.id), list)
    assert isinstance(store.list_sessions(query=query), list)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("天気", True),
        ("天", True),
        ("予報", True),
        ("報", True),
        ("今日の天気予報", True),
        ("気天", False),
        ("😀", True),
        ("wor", True),
        ("WORLD", True),
        ("wo", True),
        ("ld,", True),
        ("hello 天気", True),
        ("hello 天地", False),
        ("o h", True),
        ('"hello world"', True),
        ('"world hello"', False),
        ("world hello", True),
        ('"hello', False),
        ("100%", True),
        ("0%", True),
        ("1%0", False),
        ("a_b", True),
        ("_", True),
        ("axb", False),
        ("É", True),
        ("ПРИВЕТ", True),
        ("привет", True),
        ("пр", True),
        ("ПР", True),
        ("zz", False),
        ("zzz", False),
    ],
)
def test_words_are_found_inside_texts_in_any_script(store: Store, session: Session, query: str, found: bool) -> None:
    text = "Hello world, 100% a_b é Привет 😀 今日の天気予報"
    prompt = ask(store, session, text)[0]
    assert [hit.turn_id for hit in store.search(query)] == ([prompt.id] if found else [])


def test_a_hit_says_where_it_is(store: Store, session: Session) -> None:
    text = "x" * 300 + " The Needle and the needle " + "y" * 300
    answer = store.add_answer(make_answer(ask(store, session)[0], text))
    (hit,) = store.search("needle")
    assert (hit.turn_id, hit.session_id, hit.session_name) == (answer.id, session.id, "First")
    assert (hit.role, hit.in_instruction, hit.created_at) == (Role.ANSWER, False, answer.created_at)
    assert hit.snippet.startswith("…xxx") and hit.snippet.endswith("yyy…")
    assert len(hit.snippet) < 200
    assert [hit.snippet[start:end] for start, end in hit.matches] == ["Needle", "needle"]


def test_newest_first_and_no_more_than_asked(store: Store, session: Session) -> None:
    prompts = [ask(store, session, f"question {number}")[0] for number in range(8)]
    assert [hit.turn_id for hit in store.search("question", limit=3)] == [prompt.id for prompt in prompts[:-4:-1]]
    assert [hit.turn_id for hit in store.search("qu", limit=3)] == [prompt.id for prompt in prompts[:-4:-1]]
    assert store.search("question", limit=0) == []


def test_one_session_only(store: Store, session: Session) -> None:
    other = store.create_session("Other")
    mine = ask(store, session, "apple pie 天気")[0]
    theirs = ask(store, other, "apple tart 天気")[0]
    again = ask(store, session, "apple cake")[0]
    assert [hit.turn_id for hit in store.search("apple")] == [again.id, theirs.id, mine.id]
    assert [hit.turn_id for hit in store.search("apple", session_id=other.id)] == [theirs.id]
    for query in ("apple", "ap"):
        assert [hit.turn_id for hit in store.search(query, session_id=session.id)] == [again.id, mine.id]
    assert [hit.turn_id for hit in store.search("天気", session_id=other.id)] == [theirs.id]
    assert store.search("apple", session_id="session_none") == []


def test_an_instruction_is_found_once_for_each_session_that_used_it(store: Store, session: Session) -> None:
    first = both(store, ask(store, session), conditions=make_conditions(instruction="Speak like a pirate."))[0]
    both(store, ask(store, session), conditions=make_conditions(instruction="Speak like a pirate."))
    other = store.create_session("Other")
    second = both(store, ask(store, other), conditions=make_conditions(instruction="Speak like a pirate."))[0]
    hits = store.search("pirate")
    assert [(hit.turn_id, hit.in_instruction, hit.snippet) for hit in hits] == [
        (second.id, True, "Speak like a pirate."),
        (first.id, True, "Speak like a pirate."),
    ]
    assert [hit.turn_id for hit in store.search("pi", session_id=session.id)] == [first.id]


def test_words_in_the_text_count_before_those_in_the_instruction(store: Store, session: Session) -> None:
    prompt = ask(store, session)[0]
    answer = store.add_answer(
        make_answer(prompt, "Arr, pirate!", conditions=make_conditions(instruction="Be a pirate."))
    )
    (hit,) = store.search("pirate")
    assert (hit.turn_id, hit.in_instruction) == (answer.id, False)


def test_a_prompt_sent_to_several_histories_is_one_hit(store: Store, session: Session) -> None:
    chain(store, session, 2)
    assert len(store.search("Question 1")) == 1
    assert store.verify() == []


def test_short_words_beyond_the_newest_turns(store: Store, session: Session) -> None:
    with store.connection.write():
        old = ask(store, session, "昔の天気")[0]
        for number in range(1200):
            ask(store, session, f"filler {number}")
        many = [ask(store, session, f"気{chr(0x4E00 + number)}")[0] for number in range(200)]
    assert [hit.turn_id for hit in store.search("天気")] == [old.id]
    assert [hit.turn_id for hit in store.search("天")] == [old.id]
    assert [hit.turn_id for hit in store.search("昔 filler")] == []
    assert len(store.search("気", limit=500)) == 201, "more entries than are looked up: found by a scan"
    assert [hit.turn_id for hit in store.search("気", limit=1)] == [many[-1].id]
    assert len(store.search("filler 9", limit=2000)) == sum("9" in str(number) for number in range(1200))


_TEXTS = st.lists(st.text('ab天気Zé "*%', max_size=12), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=_TEXTS, query=st.text("ab天気Zé*%", min_size=1, max_size=4))
def test_search_agrees_with_reading_everything(store: Store, texts: list[str], query: str) -> None:
    session = store.create_session("Hypothesis")
    prompts = [ask(store, session, text)[0] for text in texts]
    expected = [prompt.id for prompt in reversed(prompts) if query.lower() in prompt.text.lower()]
    assert [hit.turn_id for hit in store.search(query, session_id=session.id)] == expected
