"""Verdicts that contradict each other."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.data.lint import Finding, Fix, LintRecord, Severity
from tests.data.lint_builders import found, record, run

RULE = "contradictory-verdicts"


def judged(*orders: str, **changes: str) -> list[LintRecord]:
    """Records from orders such as `A>B`, `B=A`."""
    made = []
    for number, order in enumerate(orders):
        verdict = "tie" if "=" in order else "left"
        better, worse = order.replace("=", ">").split(">")
        made.append(
            record(f"p{number}", chosen=f"answer {better}", rejected=f"answer {worse}", verdict=verdict, **changes)
        )
    return made


def summary(findings: list[Finding]) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.subject, tuple(sorted(finding.pair_ids))) for finding in findings]


def test_both_ways() -> None:
    (finding,) = found(judged("A>B", "C>D", "B>A", "A>B"), RULE)
    assert summary([finding]) == [("both-ways", ("p0", "p2", "p3"))]
    assert (finding.severity, finding.fix) == (Severity.ERROR, Fix.DROP)
    assert "by one annotator" in finding.message
    assert {"2 to 1", "1 to 2"} & {finding.message.split("both ways, ")[1].split(",")[0]}


def test_a_round_of_three_and_what_lies_outside_it() -> None:
    (finding,) = found(judged("A>B", "B>C", "C>A", "A>D", "E>A"), RULE)
    assert summary([finding]) == [("cycle", ("p0", "p1", "p2"))]
    assert finding.fix is Fix.NONE
    assert not found(judged("A>B", "B>C", "A>C", "C>D", "B>D"), RULE)


def test_a_tie_against_a_preference_is_a_notice() -> None:
    (finding,) = found(judged("A>B", "B=A", "C=A"), RULE)
    assert summary([finding]) == [("tie-and-decided", ("p0", "p1"))]
    assert finding.severity is Severity.NOTICE


def test_annotators_are_named() -> None:
    one, other = judged("A>B", annotator="ana")[0], record("q", chosen="answer B", rejected="answer A", annotator="ben")
    (finding,) = found([one, other], RULE)
    assert finding.evidence["annotators"] == ["ana", "ben"]
    assert "by 2 annotators" in finding.message


def test_other_instructions_and_prompts_do_not_contradict() -> None:
    there = record("a", chosen="answer A", rejected="answer B", instruction="Be brief.")
    back = {"chosen": "answer B", "rejected": "answer A"}
    assert not found([there, record("b", instruction="Be warm.", **back)], RULE)
    assert not found([there, record("b", instruction="Be brief.", mode="none", **back)], RULE)
    assert not found([there, record("b", instruction="Be brief.", prompt="Why?", **back)], RULE)
    assert found([there, record("b", instruction=" be BRIEF. ", mode="ita", **back)], RULE)


def test_the_same_answer_twice_cannot_be_judged() -> None:
    report = run(judged("A>A"), RULE)
    assert report.unchecked == {RULE: "both answers are the same"}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from("ABCDE")] * 2).filter(lambda edge: edge[0] != edge[1]), max_size=8))
def test_quiet_exactly_where_some_ranking_explains_every_verdict(edges: list[tuple[str, str]]) -> None:
    records = judged(*(f"{better}>{worse}" for better, worse in edges))
    can_be_ranked = any(all(ranks.index(b) < ranks.index(w) for b, w in edges) for ranks in permutations("ABCDE"))
    findings = found(records, RULE)
    assert bool(findings) is not can_be_ranked
    named = {one for finding in findings for one in finding.pair_ids}
    assert not found([one for one in records if one.id not in named], RULE)
