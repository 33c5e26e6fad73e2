"""Messages as JSON lines: what goes in comes out, and what is no message is said to be none."""

from __future__ import annotations

import json
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.wire import engine
from aligntui.wire.codec import BadMessage, decode, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KINDS = (*engine.REQUESTS, *engine.EVENTS)


def messages(kind: type) -> st.SearchStrategy:
    hints = get_type_hints(kind)
    conditions = {"conditions": st.dictionaries(st.text(), json_values, max_size=4)} if "conditions" in hints else {}
    return st.builds(
        kind, **conditions, **{name: st.from_type(hint) for name, hint in hints.items() if name not in conditions}
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_goes_in_comes_out(kind: type) -> None:
    @settings(max_examples=25, deadline=None)
    @given(messages(kind))
    def round_trip(message: object) -> None:
        line = encode(message)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert line.isascii()
        # not ==, because NaN is not equal to itself
        assert repr(decode(line)) == repr(message)

    round_trip()


def test_the_kind_stands_first() -> None:
    assert encode(engine.StopEngine("r")) == b'{"kind":"StopEngine","request":"r"}\n'


def test_a_lone_surrogate_and_line_breaks_pass() -> None:
    event = engine.TextArrived("r", "a", "\ud800 \n\r\u2028 日本 \x1b", 1)
    assert decode(encode(event)) == event


def test_missing_fields_take_their_defaults_and_unknown_ones_are_passed_over() -> None:
    assert decode(b'{"kind": "LoadModel", "request": "r", "of_a_later_version": [1]}') == engine.LoadModel("r")
    row = {"row": "a", "history": [["user", "x"]], "adapter": {"name": "demo", "path": "/d", "new": 1}}
    line = json.dumps({"kind": "StartGeneration", "request": "r", "rows": [row]}).encode()
    (read,) = decode(line).rows
    assert read == engine.Row("a", (("user", "x"),), adapter=engine.AdapterRef("demo", "/d"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"LoadModel"',
        b"{}",
        b'{"kind": "Nothing"}',
        b'{"kind": ["LoadModel"]}',
        b'{"kind": "LoadModel"}',
        b'{"kind": "StartGeneration", "request": "r", "rows": 3}',
        b'{"kind": "StartGeneration", "request": "r", "rows": [{"row": "a"}]}',
        b'{"kind": "StartGeneration", "request": "r", "rows": [{"row": "a", "history": [["user"]]}]}',
        b'{"kind": "InspectAdapter", "request": "r", "adapter": "demo"}',
        b"\xff\xfe",
        b"Loading checkpoint shards: 100%",
    ],
)
def test_what_is_no_message_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(BadMessage, match="Not a message of this protocol"):
        decode(line)


def test_a_long_line_is_quoted_short() -> None:
    with pytest.raises(BadMessage) as caught:
        decode(b"x" * 1_000_000)
    assert len(str(caught.value)) < 1000
