"""Suites of two opposed instructions."""

from __future__ import annotations

import json

import pytest

from aligntui.core.errors import UserError
from aligntui.data.switch_suites import MEASURES, OpposedSuite, load_suites

NAMES = ("honest-confident", "strict-permissive", "concise-detailed")


def test_all_suites_with_all_their_prompts() -> None:
    suites = load_suites()
    assert tuple(suite.name for suite in suites) == NAMES
    assert {suite.measure for suite in suites} == set(MEASURES)
    for suite in suites:
        assert len(suite.prompts) >= 100 and len({prompt.id for prompt in suite.prompts}) == len(suite.prompts)
        assert f"{suite.first.type}-{suite.second.type}" == suite.name
        assert suite.first.text.strip() and suite.second.text.strip() and suite.targets


def test_some_suites_in_the_order_asked_and_a_beginning_of_their_prompts() -> None:
    found = load_suites(["concise-detailed", "honest-confident", "concise-detailed"], 2)
    assert [suite.name for suite in found] == ["concise-detailed", "honest-confident"]
    assert [len(suite.prompts) for suite in found] == [2, 2]
    assert load_suites([]) == ()


def test_a_suite_that_is_none() -> None:
    with pytest.raises(UserError, match="no suite 'concise'") as refused:
        load_suites(["concise"])
    assert "concise-detailed" in refused.value.hint


def test_a_suite_goes_into_a_plan_and_comes_back() -> None:
    for suite in load_suites(sample=3):
        assert OpposedSuite.from_dict(json.loads(json.dumps(suite.as_dict()))) == suite
