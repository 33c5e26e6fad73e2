"""The one table of all suites says what each instrument's own summary and comparison say."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.score.battery.comparing import compare_batteries
from aligntui.score.battery.reading import parse_battery
from aligntui.score.battery.scoring import score_battery
from aligntui.score.ifeval import comparison, scoring, summary
from aligntui.score.results import Estimate, Rate
from aligntui.score.suites.battery_suite import battery_suite
from aligntui.score.suites.columns import covered, is_whole, judged, rate, whole
from aligntui.score.suites.general_suite import WORDS
from aligntui.score.suites.suite import Marks, Part
from aligntui.score.suites.table import CATEGORY, SIDE_EFFECT, TIER, against_first, score_table, step_by_step
from aligntui.score.track_a.checking import check_answers
from aligntui.score.track_a.comparing import compare_runs
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a

ANSWERS = ("one two three", "Yes, but THEN again I should say some more", "", "a, b")
BATTERY = b"""{"battery": "tiny", "laws": ["Calm"]}
{"id": "q1", "question": "Run?", "kind": "x", "expect": {"all": ["walk"]}}
{"id": "q2", "question": "Shout?", "kind": "y", "expect": {"none": ["yes"]}}
{"id": "q3", "question": "Wait?", "kind": "x", "expect": {"any": ["re:wait|stay"]}}
"""


def spread(suite, shift: int) -> dict[str, str]:
    return {item.id: ANSWERS[(n * 3 + n // 2 + shift) % 4] for n, item in enumerate(suite.items)}


def test_ifeval_rates_are_those_of_its_own_summary_and_comparison() -> None:
    suite = small_ifeval(11)
    texts = spread(suite, 0), spread(suite, 1)
    del texts[1]["103"]
    table = score_table(suite, [column(suite, texts[0], "base"), column(suite, texts[1], "tuned")])
    prompts = list(suite.prompts.values())
    own = [scoring.score_answers(prompts, {int(id_): text for id_, text in some.items()}) for some in texts]
    summaries, compared = [summary.summarise(one) for one in own], comparison.compare(*own)

    for place, one in enumerate(summaries):
        for name, wanted in {
            "prompt level, strict": one.all.prompt_strict,
            "instruction level, strict": one.all.instruction_strict,
            "prompt level, loose": one.all.prompt_loose,
            "instruction level, loose": one.all.instruction_loose,
            "prompt level, strict (adj)": one.adjusted.prompt_strict,
            "instruction level, loose (adj)": one.adjusted.instruction_loose,
        }.items():
            row = table.row(name)
            assert row is not None and row.values[place] == wanted, name
        for category in one.categories:
            for reading in ("strict", "loose"):
                row = table.row(category.instruction, CATEGORY, reading)
                assert row is not None and row.values[place] == getattr(category, reading)
                assert row.tier == category.tier
        for tier in one.tiers:
            row = table.row(tier.tier, TIER, "strict")
            assert row is not None and row.values[place] == tier.strict
        assert table.coverage[place].used == one.coverage.used and table.empty[place] == one.empty

    strict = compared.strict
    for name, wanted in {
        "prompt level, strict": strict.prompt,
        "instruction level, strict": strict.instruction,
        "prompt level, strict (adj)": strict.prompt_adjusted,
    }.items():
        versus = table.row(name).versus[0]  # type: ignore[union-attr]
        assert (versus.difference, versus.p, versus.p_method) == (wanted.difference, wanted.p, wanted.p_method)
        assert (versus.gained, versus.lost, versus.detectable) == (
            wanted.only_second,
            wanted.only_first,
            wanted.detectable,
        )
    assert table.row("prompt level, strict").versus[0].p_method == "mcnemar, exact"  # type: ignore[union-attr]
    assert table.row("instruction level, strict").versus[0].p_method == "sign flips over prompts"  # type: ignore[union-attr]
    for category in strict.categories:
        versus = table.row(category.instruction, CATEGORY, "strict").versus[0]  # type: ignore[union-attr]
        assert (versus.difference, versus.p_corrected) == (category.rates.difference, category.p_holm)
    for tier in strict.tiers:
        assert table.row(tier.tier, TIER, "strict").versus[0].difference == tier.difference  # type: ignore[union-attr]


def test_track_a_is_compared_as_it_compares_itself() -> None:
    suite = small_track_a(9)
    texts = spread(suite, 0), spread(suite, 2)
    table = score_table(suite, [column(suite, texts[0], "base"), column(suite, texts[1], "adapter")])
    prompts = list(suite.prompts.values())
    wanted = compare_runs(prompts, *(check_answers(prompts, some) for some in texts))
    versus = table.headline.versus[0]
    assert (versus.difference, versus.p, versus.sentence) == (
        wanted.overall.difference,
        wanted.overall.p,
        wanted.wording.sentence,
    )
    assert (versus.gained, versus.lost) == (len(wanted.gained), len(wanted.lost))
    for one in wanted.types:
        versus = table.row(str(one.type), CATEGORY).versus[0]  # type: ignore[union-attr]
        assert (versus.p_corrected, versus.finding) == (one.p_corrected, one.wording.finding)
    assert table.family == wanted.family == 2


def test_a_battery_is_compared_as_it_compares_itself() -> None:
    from pathlib import Path

    battery = parse_battery(BATTERY, Path("tiny.jsonl"))
    suite = battery_suite(battery)
    texts = {"q1": "walk", "q2": "yes", "q3": ""}, {"q1": "run", "q2": "no", "q3": "Stay."}
    table = score_table(suite, [column(suite, texts[0], "a"), column(suite, texts[1], "b")])
    wanted = compare_batteries(score_battery(battery, texts[0]), score_battery(battery, texts[1]))
    assert table.headline.values == (score_battery(battery, texts[0]).overall, score_battery(battery, texts[1]).overall)
    assert table.headline.versus[0].difference == wanted.overall.difference
    assert (table.headline.versus[0].gained, table.headline.versus[0].lost) == (2, 1)
    assert table.empty == (1, 0)
    assert {row.name for row in table.group(CATEGORY)} == {"x", "y"}


def test_what_is_missing_is_counted_by_who_lacks_it_and_a_part_is_no_whole() -> None:
    suite = small_track_a(6)
    first, second = column(suite, {"a0": "x", "a1": "y"}, "base"), column(suite, {"a1": "y, z", "a2": "x"}, "tuned")
    versus = score_table(suite, [first, second]).headline.versus[0]
    assert versus.coverage.as_dict() == {
        "used": 1,
        "total": 6,
        "left_out": {"no answer of base": 1, "no answer of tuned": 1, "no answer of either": 3},
    }
    part = suite.limited(2)
    assert covered(part, first).as_dict() == {"used": 2, "total": 6, "left_out": {"not asked": 4}}
    assert not is_whole(part, first) and is_whole(part.limited(None), column(suite.limited(9), spread(suite, 0), "x"))


def test_nothing_answered_has_no_rate_and_raises_nothing() -> None:
    suite = small_ifeval(3)
    table = score_table(suite, [column(suite, {}, "base"), column(suite, {}, "tuned")])
    assert isinstance(table.headline.values[0], Rate) and table.headline.values[0].rate is None
    assert table.headline.versus[0].finding == "unknown"


def test_several_seeds_count_whole_items_and_are_shown_one_by_one() -> None:
    suite = small_track_a(4)
    answers = {
        (item.id, seed): "one, two" if seed == 7 else "one two three four five six"
        for item in suite.items
        for seed in (5, 6, 7)
    }
    one = judged(suite, answers, "base", seeds=(5, 6, 7))
    other = judged(suite, {at: "no comma and just six words" for at in answers}, "tuned", seeds=(5, 6, 7))
    table = score_table(suite, [one, other])
    value = table.headline.values[0]
    assert isinstance(value, Rate) and (value.k, value.n, value.clusters) == (8, 12, 4)
    assert table.headline.versus[0].p_method == "sign flips over prompts"
    row = table.seeds[0]
    assert row.rates == (1.0, 1.0, 0.0) and row.mean == pytest.approx(2 / 3) and (row.lowest, row.highest) == (0.0, 1.0)
    assert table.seeds[1].sd == 0.0 and table.coverage[0].total == 12


def test_lengths_are_neither_better_nor_worse() -> None:
    suite = questions()
    short = column(suite, {f"g{n}": "one two" for n in range(6)}, "base")
    long = column(suite, {f"g{n}": "one two three " * (n + 2) for n in range(6)}, "tuned")
    table = score_table(suite, [short, long])
    assert table.headline.name == WORDS and table.headline.higher_is_better is None
    mean = table.headline.values[1]
    assert isinstance(mean, Estimate) and mean.value == pytest.approx(3 * 4.5)
    versus = table.headline.versus[0]
    assert versus.finding == "longer" and versus.percent is not None and versus.percent.value == pytest.approx(575)
    assert "longer than those of base" in versus.sentence
    same = score_table(suite, [short, column(suite, dict.fromkeys((f"g{n}" for n in range(6)), "a b"), "same")])
    assert same.headline.versus[0].finding == "null"


def test_bleed_and_repetition_are_better_low_as_signs_and_high_as_suites() -> None:
    suite = questions("bleed", doctrine=("four laws",))
    clean = column(suite, {f"g{n}": "A plain answer." for n in range(6)}, "base")
    bled = column(suite, {f"g{n}": "The four laws say so." for n in range(6)}, "tuned")
    table = score_table(suite, [clean, bled])
    assert [value.rate for value in table.headline.values if isinstance(value, Rate)] == [1.0, 0.0]
    assert table.headline.versus[0].finding == "worse"
    assert suite.reasons(suite.items[0], "The four laws say so.") == ("speaks of 'four laws'",)
    loops = column(suite, {f"g{n}": "round and round " * 40 for n in range(6)}, "tuned")
    signs = score_table(suite, [clean, loops]).row("degenerate repetition", SIDE_EFFECT)
    assert signs is not None and signs.higher_is_better is False
    assert [value.rate for value in signs.values if isinstance(value, Rate)] == [0.0, 1.0]
    assert signs.versus[0].finding == "worse"
    repeating = questions("repetition")
    assert repeating.judge(repeating.items[0], "round and round " * 40) == Marks(
        (Part("sound answer", False, False),), False
    )


def test_pairs_go_against_the_first_of_a_delivery_or_step_by_step() -> None:
    suite = small_track_a(2)
    columns = [column(suite, {}, f"{n}", delivery="system" if n > 1 else "none") for n in range(4)]
    assert against_first(columns) == ((0, 1), (2, 3))
    assert step_by_step(columns) == ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3))
    assert rate(suite, columns[0], whole(False)).n == 0


def test_an_answer_to_no_item_is_refused() -> None:
    with pytest.raises(UserError, match="no item 'zz'"):
        column(small_track_a(2), {"zz": "x"}, "base")
