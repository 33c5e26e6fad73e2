"""Win rates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aligntui.score.intervals import clustered_rate, wilson
from aligntui.score.verdicts.win_rates import (
    outcome_for,
    win_rate,
    win_rates,
    win_rates_by_instruction,
    win_rates_by_tag,
)
from tests.score.builders import judgement, wins

rows = st.lists(
    st.tuples(st.sampled_from(["left", "right", "tie", "bad", "skip"]), st.booleans(), st.integers(0, 5)), max_size=25
)


def test_a_worked_example() -> None:
    """tuned against base: 12 won, 4 lost, 3 ties, 1 both bad, 2 skipped, one asked again, two others over other sides."""
    given = [*wins("tuned", "base", 12), *wins("base", "tuned", 4), *(judgement("tie") for _ in range(3))]
    given += [judgement("bad"), judgement("skip"), judgement("skip"), *wins("tuned", "other", 2)]
    given.append(
        judgement("right", "tuned", "base", left_answer=given[0].right.answer, right_answer=given[0].left.answer)
    )
    found = win_rate(given, "tuned", "base")
    assert (found.wins, found.losses, found.ties, found.bad, found.judged) == (12, 4, 3, 1, 20)
    assert (found.decided.k, found.decided.n, found.decided.chance) == (12, 16, 0.5)
    assert (found.decided.low, found.decided.high, found.decided.method) == (*wilson(12, 16), "wilson")
    assert (found.ties_half.k, found.ties_half.n) == (14, 20)
    assert found.ties_half.method == "wilson, effective n"
    assert {name: rate.k for name, rate in found.shares} == {"win": 12, "loss": 4, "tie": 3, "bad": 1}
    assert found.p == pytest.approx(stats.binomtest(12, 16).pvalue)
    assert found.coverage.as_dict() == {"used": 20, "total": 23, "left_out": {"repeated": 1, "skipped": 2}}
    plain = found.as_dict()
    assert plain["shares"]["tie"]["rate"] == 0.15
    assert plain["decided"]["chance"] == 0.5


def test_ties_make_the_half_rate_surer_than_wins_alone_would() -> None:
    """A tie has no spread: 10 wins, 10 losses and 80 ties are surer of one half than 50 wins and 50 losses."""
    with_ties = win_rate(
        [*wins("a", "b", 10), *wins("b", "a", 10), *(judgement("tie", "a", "b") for _ in range(80))], "a", "b"
    )
    decided = win_rate([*wins("a", "b", 50), *wins("b", "a", 50)], "a", "b")
    assert with_ties.ties_half.rate == decided.ties_half.rate == 0.5
    width = [found.ties_half.high - found.ties_half.low for found in (with_ties, decided)]  # type: ignore[operator]
    assert width[0] == pytest.approx(width[1] * 0.2**0.5, rel=0.1)


def test_several_verdicts_of_a_prompt_are_one_draw() -> None:
    given = [judgement("left", "a", "b", prompt=f"prompt {i // 5}") for i in range(40)]
    given += [judgement("right", "a", "b", prompt=f"other {i // 5}") for i in range(10)]
    found = win_rate(given, "a", "b")
    assert (found.decided.k, found.decided.n, found.decided.clusters) == (40, 50, 10)
    assert found.decided.method == "wilson, effective n"
    # 8 prompts for, 2 against: the sign test of the ten prompts
    assert found.p == pytest.approx(stats.binomtest(8, 10).pvalue)
    assert found.detectable is not None and found.detectable > 0.35


@settings(deadline=None)
@given(rows)
def test_swapping_the_sides_mirrors_the_rates(given_rows: list[tuple[str, bool, int]]) -> None:
    given = [
        judgement(verdict, *(("b", "a") if turned else ("a", "b")), prompt=f"prompt {prompt}")
        for verdict, turned, prompt in given_rows
    ]
    there, back = win_rate(given, "a", "b"), win_rate(given, "b", "a")
    assert (there.wins, there.losses, there.ties, there.bad) == (back.losses, back.wins, back.ties, back.bad)
    assert there.p == back.p
    assert there.judged + sum(verdict == "skip" for verdict, _, _ in given_rows) == len(given_rows)
    for one, other in ((there.decided, back.decided), (there.ties_half, back.ties_half)):
        if one.rate is None:
            assert other.rate is None
            continue
        assert one.low <= one.rate <= one.high  # type: ignore[operator]
        assert (other.rate, other.low, other.high) == pytest.approx((1 - one.rate, 1 - one.high, 1 - one.low))  # type: ignore[operator]


def test_every_side_against_the_base() -> None:
    given = [*wins("tuned", "base", 3), *wins("base", "tuned x0.5", 2), *wins("tuned", "tuned x0.5", 4)]
    assert [(r.side, r.against, r.wins, r.losses) for r in win_rates(given)] == [
        ("tuned", "base", 3, 0),
        ("tuned x0.5", "base", 0, 2),
    ]


def test_by_instruction_with_a_correction() -> None:
    given = [*wins("tuned", "base", 9, instruction="concise"), *wins("tuned", "base", 5, instruction="polite")]
    given += [*wins("base", "tuned", 4, instruction="polite"), judgement("left", instruction=("concise", "polite"))]
    given += [judgement("tie", instruction="formal"), judgement("skip", instruction="formal")]
    found = win_rates_by_instruction(given, "tuned", "base")
    assert [(g.group, g.win_rate.wins, g.win_rate.judged) for g in found.groups] == [
        ("concise", 9, 9),
        ("formal", 0, 1),
        ("polite", 5, 9),
    ]
    assert (found.correction, found.family) == ("holm", 2)
    concise, formal, polite = found.groups
    assert concise.p_corrected == pytest.approx(2 * 2 / 2**9)
    assert (formal.p_corrected, formal.win_rate.p, formal.win_rate.decided.rate) == (None, None, None)
    assert polite.p_corrected == pytest.approx(1.0)
    assert found.coverage.as_dict() == {"used": 19, "total": 21, "left_out": {"skipped": 1, "instructions differ": 1}}


def test_by_tag_a_verdict_counts_in_each_of_its_tags() -> None:
    given = [*wins("tuned", "base", 4, tags=("style", "facts")), *wins("base", "tuned", 2, tags=("style", "style"))]
    given.append(judgement("left"))
    found = win_rates_by_tag(given, "tuned", "base", "benjamini-hochberg")
    assert [(g.group, g.win_rate.wins, g.win_rate.losses) for g in found.groups] == [("facts", 4, 0), ("style", 4, 2)]
    assert found.correction == "benjamini-hochberg"
    assert found.coverage.as_dict() == {"used": 6, "total": 7, "left_out": {"no tag": 1}}


def test_a_group_has_the_rate_it_would_have_alone() -> None:
    given = [*wins("tuned", "base", 6, tags=("style",)), *wins("base", "tuned", 3)]
    found = win_rates_by_tag(given, "tuned", "base").groups[0].win_rate
    assert found == win_rate(given[:6], "tuned", "base")
    assert found.decided == clustered_rate(((j.cluster, 1.0) for j in given[:6]), 0.5)


def test_nothing_to_count_is_no_error() -> None:
    found = win_rate([], "a", "b")
    assert (found.decided.rate, found.ties_half.low, found.p, found.detectable) == (None, None, None, None)
    assert win_rates([]) == ()
    assert win_rates_by_tag([], "a", "b").groups == ()
    with pytest.raises(ValueError, match="cannot win over itself"):
        win_rate([], "a", "a")


def test_an_outcome_is_seen_from_a_side() -> None:
    one = judgement("left", "a", "b")
    assert (outcome_for(one, "a"), outcome_for(one, "b")) == ("win", "loss")
    assert [outcome_for(judgement(v, "a", "b"), "a") for v in ("tie", "bad", "skip")] == ["tie", "bad", None]
