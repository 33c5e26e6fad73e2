"""The split by prompt: sides, shares, and that they stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message
from aligntui.data.dataset_versions import SplitRule, prompt_group, validation_groups
from aligntui.data.dataset_versions.split import position
from tests.data.rows import assistant, user

GROUPS = st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), min_size=1, max_size=40)
RULES = st.builds(SplitRule, st.floats(0, 0.99), st.integers())


def test_what_counts_as_the_same_prompt() -> None:
    group = prompt_group([user("Why is the sky blue?")])
    same = ["why is  the\nsky blue? ", "\uff37hy is the sky blue?"]
    assert {prompt_group([user(text)]) for text in same} == {group}
    assert prompt_group([user("Why is the sky blue?"), assistant("So."), user("Really?")]) == group
    assert prompt_group([Message("system", "S"), user("Why is the sky blue?")]) == group
    assert prompt_group([user("Why is the sky red?")]) != group


@given(GROUPS, RULES)
def test_no_side_is_empty_where_there_are_two_prompts(groups: list[str], rule: SplitRule) -> None:
    chosen = validation_groups(groups, rule)
    assert chosen <= set(groups)
    if rule.validation_share and len(set(groups)) > 1:
        assert chosen
        assert chosen != set(groups)
    else:
        assert not chosen


@given(GROUPS, RULES, st.randoms())
def test_sides_depend_on_the_prompts_alone(groups: list[str], rule: SplitRule, random: object) -> None:
    shuffled = sorted(groups, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert validation_groups(shuffled + groups, rule) == validation_groups(groups, rule)


@given(GROUPS, GROUPS, RULES)
def test_sides_stay_when_the_data_grow(groups: list[str], more: list[str], rule: SplitRule) -> None:
    before = validation_groups(groups, rule)
    known = {group: group in before for group in groups}
    after = validation_groups([*groups, *more], rule, known)
    if before:
        assert {group for group in groups if group in after} == before
    assert after == validation_groups([*more, *groups], rule, known)


def test_sides_stay_without_a_parent_unless_one_side_was_empty() -> None:
    rule = SplitRule(0.2, 7)
    groups = [prompt_group([user(f"{number}?")]) for number in range(1000)]
    few, many = validation_groups(groups[:100], rule), validation_groups(groups, rule)
    assert {group for group in groups[:100] if group in many} == few


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_share_is_met_up_to_chance(share: float, seed: int) -> None:
    groups = [prompt_group([user(f"{number}?")]) for number in range(4000)]
    found = len(validation_groups(groups, SplitRule(share, seed))) / len(groups)
    assert abs(found - share) < 4 * (share * (1 - share) / len(groups)) ** 0.5


def test_another_seed_is_another_split() -> None:
    groups = [prompt_group([user(f"{number}?")]) for number in range(200)]
    one, two = (validation_groups(groups, SplitRule(0.5, seed)) for seed in (0, 1))
    assert 0.3 < len(one & two) / 100 < 0.7
    assert position(groups[0], 0) != position(groups[0], 1)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(UserError, match="0 to below 1"):
        SplitRule(share)
