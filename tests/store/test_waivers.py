from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.store import Store


def test_a_waiver_stands_until_it_is_withdrawn(store: Store) -> None:
    first = store.add_waiver("duplicates", "b2:1", "meant so", "ann")
    second = store.add_waiver("lengths", "*", "short answers are wanted", "bob", subject="concise")
    assert store.list_waivers() == [first, second]
    assert (first.subject, first.withdrawn_at) == ("", None)
    gone = store.withdraw_waiver(first.id)
    assert gone.withdrawn_at is not None
    assert store.list_waivers() == [second]
    assert store.list_waivers(include_withdrawn=True) == [gone, second]
    with pytest.raises(UserError, match="withdrawn already"):
        store.withdraw_waiver(first.id)
    with pytest.raises(UserError, match="no waiver"):
        store.withdraw_waiver("waiver_none")
    again = store.add_waiver("duplicates", "b2:1", "after all", "ann")
    assert store.list_waivers() == [second, again]


def test_a_finding_is_waived_once(store: Store) -> None:
    store.add_waiver("lengths", "*", "why", subject="concise")
    store.add_waiver("lengths", "*", "why")
    with pytest.raises(UserError, match="waived already"):
        store.add_waiver("lengths", "*", "again", subject=" concise ")


@pytest.mark.parametrize(("rule", "key", "reason"), [(" ", "*", "why"), ("lengths", "", "why"), ("lengths", "*", "\n")])
def test_a_waiver_names_rule_key_and_reason(store: Store, rule: str, key: str, reason: str) -> None:
    with pytest.raises(UserError):
        store.add_waiver(rule, key, reason)
    assert store.list_waivers() == []
