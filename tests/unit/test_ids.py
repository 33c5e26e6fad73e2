"""Identifiers that sort by age, and hashes of content."""

from __future__ import annotations

import json
import re
import time

from hypothesis import given
from hypothesis import strategies as st

from aligntui.core import ids
from aligntui.core.ids import canonical_json, new_id, now_utc, sha256_text


def test_identifiers_are_unique_and_sort_by_the_time_they_were_made() -> None:
    made = [new_id("turn") for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert sorted(made) == made
    assert all(re.fullmatch(r"turn_[0-9a-z]{18}", one) for one in made)


def test_they_sort_on_when_the_clock_goes_back(monkeypatch) -> None:
    first = new_id("a")
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_id("a") > first


def test_they_sort_on_when_a_millisecond_has_no_more_room(monkeypatch) -> None:
    new_id("a")
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(ids, "_last_random", (1 << 40) - 1)
    before = new_id("a")
    assert new_id("a") > before


def test_a_later_millisecond_sorts_later(monkeypatch) -> None:
    far = 2**47 * 1_000_000
    monkeypatch.setattr(ids, "_last_ms", 0)
    monkeypatch.setattr(time, "time_ns", lambda: far)
    first = new_id("a")
    monkeypatch.setattr(time, "time_ns", lambda: far + 1_000_000)
    assert new_id("a") > first


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none()))
def test_the_same_value_gives_the_same_text(value: dict) -> None:
    text = canonical_json(value)
    assert canonical_json(dict(reversed(value.items()))) == text
    assert json.loads(text) == value


def test_hashes() -> None:
    assert sha256_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert len(sha256_text("日本 \ud800")) == 64


def test_the_time_is_utc_with_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now_utc())
