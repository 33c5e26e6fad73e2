"""Any runs and files side by side: shared items, shared bases, progression, models across suites."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.score.suites.columns import judged
from aligntui.workbench.scoring.comparing import Source, compare
from aligntui.workbench.scoring.comparison_document import comparison_document, comparison_lines
from aligntui.workbench.scoring.scored import scored
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a
from tests.score.test_suites_reading import battery

GOOD, BAD = "no comma and just six words", "one, two"


def answers(suite, failing: int, good: str = GOOD, bad: str = BAD) -> dict[str, str]:
    return {item.id: bad if n < failing else good for n, item in enumerate(suite.items)}


def about(adapter: str | None, weights: str = "w", **more) -> dict:
    sha = None if adapter is None else f"sha of {adapter}"
    return {"adapter": adapter, "adapter_sha256": sha, "weights_sha256": weights, "strength": 1.0, "model": "m",
            "parameters": 5, "trained_mode": "system", **more}  # fmt: skip


def run(label: str, suite, base: int, tuned: int, name: str, **kinds) -> Source:
    columns = [
        column(suite, answers(suite, base, **kinds), "base", delivery="none", about=about(None)),
        column(suite, answers(suite, tuned, **kinds), name, delivery="none", about=about(name)),
    ]
    return Source(label, scored(suite, columns))


def test_a_base_that_said_the_same_stands_once_and_names_stay_unique() -> None:
    suite = small_track_a(10)
    found = compare([run("r1", suite, 8, 4, "v1"), run("r2", suite, 8, 1, "v2"), run("r3", suite, 7, 1, "v2")])
    (group,) = found.groups
    assert [one.name for one in group.scored.columns] == ["r1: base", "v1", "r2: v2", "r3: base", "r3: v2"]
    assert group.scored.table.pairs == ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4))
    by_name = {one.name: one for one in group.versions}
    assert (by_name["v1"].failures, by_name["v1"].reduction, by_name["v1"].step) == (4, 50.0, 50.0)
    assert (by_name["r2: v2"].reduction, by_name["r2: v2"].step) == (87.5, 75.0)
    assert by_name["r1: base"].reduction is None and by_name["r1: base"].versus_first is None
    versus = by_name["r2: v2"].versus_first
    assert versus is not None and (versus.first, versus.gained, versus.lost) == ("r1: base", 7, 0)
    flips = group.flips[1]
    assert (flips.first, flips.second, flips.lost) == ("r1: base", "r2: v2", ())
    assert flips.gained == tuple(f"a{n}" for n in range(1, 8))
    assert "r2: v2 against r1: base: lost 0; gained 7 (a1, a2, " in " ".join(comparison_lines(found))


def test_a_first_version_without_failures_has_no_reduction() -> None:
    suite = small_track_a(4)
    (group,) = compare([Source("a", scored(suite, [column(suite, answers(suite, 0), "a")])),
                        Source("b", scored(suite, [column(suite, answers(suite, 2), "b")]))]).groups  # fmt: skip
    assert [one.reduction for one in group.versions] == [None, None] and group.versions[1].failures == 2


def test_only_shared_items_count_and_other_demands_are_refused() -> None:
    suite = small_track_a(6)
    part = suite.only(suite.items[2:])
    (group,) = compare([run("a", suite, 6, 0, "v1"), run("b", part, 4, 2, "v2")]).groups
    assert [item.id for item in group.scored.suite.items] == ["a2", "a3", "a4", "a5"]
    assert {one.n for one in group.versions} == {4}
    assert any("Compared on the 4 items" in note for note in group.scored.notes)
    from aligntui.score.suites.track_a_suite import prompts_of, track_a_suite

    changed = track_a_suite(prompts_of([one | {"subject": "other"} for one in suite.records()]), "x")
    with pytest.raises(UserError, match="the item a0 differs in its prompt or its demands"):
        compare([run("a", suite, 1, 1, "v1"), run("b", changed, 1, 1, "v2")])
    with pytest.raises(UserError, match="share no item"):
        compare([run("a", suite.only(suite.items[:2]), 1, 1, "v1"), run("b", part, 1, 1, "v2")])


def test_seeds_of_two_runs_go_by_their_place() -> None:
    suite = small_track_a(3)

    def one(seeds: tuple[int, ...], text: str) -> Source:
        made = judged(
            suite, {(item.id, seed): text for item in suite.items for seed in seeds}, f"s{seeds[0]}", seeds=seeds
        )
        return Source(f"s{seeds[0]}", scored(suite, [made]))

    (group,) = compare([one((1, 2), GOOD), one((8, 9), BAD)]).groups
    assert group.versions[1].n == 6 and group.scored.table.headline.versus[0].coverage.used == 6


def test_models_gather_what_several_suites_say(tmp_path) -> None:
    ifeval, tracka, rules = small_ifeval(8), small_track_a(8), battery(tmp_path)
    kept = {"q1": "walk", "q2": "No.\nBecause.", "q3": "aaa"}
    batteries = scored(
        rules,
        [
            column(rules, {}, "v1 (none)", side="v1", delivery="none", about=about("v1")),
            column(rules, kept, "v1 (system)", side="v1", delivery="system", about=about("v1")),
        ],
    )
    found = compare(
        [
            run("i", ifeval, 2, 6, "v1", good="this is small", bad="A, B"),
            run("t", tracka, 5, 1, "v1"),
            Source("b", batteries),
            run("i2", ifeval, 2, 2, "v2", good="this is small", bad="A, B"),
        ]
    )
    first, second = found.models
    assert (first.adapter, first.model, first.parameters) == ("v1", "m", 5)
    assert first.battery is not None and (first.battery.k, first.battery.n, first.battery_delivery) == (3, 3, "system")
    assert first.base is not None and first.base.n == 4, "adjusted: without the prompts that forbid commas"
    assert first.ifeval is not None and first.ifeval.second == "v1" and first.tracka is not None
    assert first.words_from == "ifeval" and second.battery is None and second.tracka is None
    assert [group.scored.suite.name for group in found.groups] == ["ifeval"]
    (models,) = [table for table in comparison_document(found).tables if table.name == "models"]
    assert [str(row[2]) for row in models.rows] == ["v1", "v2"] and str(models.rows[0][3]) == "100.0%"
    assert all(len(line) <= 100 for line in comparison_lines(found, 100))


def test_what_has_nothing_in_common_is_refused() -> None:
    a, b = questions(), small_track_a(2)
    sources = [Source("a", scored(a, [column(a, {"g0": "x"}, "a")])), Source("b", scored(b, [column(b, {}, "b")]))]
    with pytest.raises(UserError, match="a, b have no suite in common"):
        compare(sources)
    with pytest.raises(UserError, match="at least two"):
        compare(sources[:1])


def test_lengths_are_compared_without_a_progression() -> None:
    suite = questions()
    texts = [{f"g{n}": "word " * (n + k) for n in range(6)} for k in (1, 9)]
    (group,) = compare(
        [Source(f"s{k}", scored(suite, [column(suite, one, f"s{k}")])) for k, one in enumerate(texts)]
    ).groups
    assert group.versions == () and group.scored.table.headline.versus[0].finding == "longer"
