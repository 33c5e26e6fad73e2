"""Waits between attempts."""

from __future__ import annotations

import pytest

from aligntui.engine.servers.patience import Patience, retry_after_s


def test_waits_double_up_to_a_limit_and_vary_downwards() -> None:
    patience = Patience(first_s=0.5, most_s=3.0)
    assert [patience.wait_s(n, lambda: 1.0) for n in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert [patience.wait_s(n, lambda: 0.0) for n in range(3)] == [0.25, 0.5, 1.0]
    drawn = {patience.wait_s(1) for _ in range(50)}
    assert len(drawn) > 1 and all(0.5 <= wait <= 1.0 for wait in drawn)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1" * 400, float("inf")),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_what_a_server_asks_for(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, lambda: 1795262400.0) == seconds
