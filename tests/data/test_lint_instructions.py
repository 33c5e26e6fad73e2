"""Instructions without opposite pairs."""

from __future__ import annotations

from aligntui.data.lint import Finding, LintRecord
from tests.data.lint_builders import found, record, run

RULE = "one-sided-instructions"


def under(instruction: str, order: str, prompt: str = "Why is the sky blue?", label: str = "") -> LintRecord:
    """A pair such as `A>B` under an instruction."""
    better, worse = order.split(">")
    name = f"{instruction} {label} {order} {prompt}"
    return record(
        name,
        prompt=prompt,
        instruction=instruction,
        instruction_label=label,
        chosen=f"answer {better}",
        rejected=f"answer {worse}",
    )


def named(findings: list[Finding]) -> list[str]:
    return [finding.subject for finding in findings]


def test_opposite_pairs_are_enough() -> None:
    assert not found([under("Be brief.", "A>B"), under("Be warm.", "B>A")], RULE)
    # one answer that one instruction prefers and another rejects is enough
    assert not found([under("Be brief.", "A>B"), under("Be warm.", "C>A")], RULE)
    assert not found([under("Be brief.", "A>B"), under("", "B>A")], RULE)


def test_the_same_preference_everywhere_is_not() -> None:
    findings = found([under("Be brief.", "A>B"), under("Be warm.", "A>B")], RULE)
    assert named(findings) == ["Be brief.", "Be warm."]
    assert "None of the 1 prompt under 'Be brief.'" in findings[0].message
    assert named(found([under("Be brief.", "A>B"), under("", "A>B")], RULE)) == ["Be brief."]


def test_another_answer_alone_is_not_but_it_is_told() -> None:
    findings = found([under("Be brief.", "A>C"), under("Be warm.", "B>C")], RULE)
    assert named(findings) == ["Be brief.", "Be warm."]
    assert findings[0].evidence == {"prompts": 1, "opposed": 0, "another_answer_preferred": 1}


def test_phrasings_of_one_type_are_one_instruction() -> None:
    records = [under("Be brief.", "A>B", label="concise/1"), under("In short.", "B>A", label="concise/2")]
    assert named(found(records, RULE)) == ["concise"]
    assert not found([*records, under("Be warm.", "B>A", label="empathetic/1")], RULE)
    assert named(found([under("Be brief.", "A>B", label="edited")], RULE)) == ["Be brief."]


def test_other_prompts_do_not_help() -> None:
    assert len(found([under("Be brief.", "A>B", "Why?"), under("Be warm.", "B>A", "How?")], RULE)) == 2


def test_a_share_may_be_asked_for() -> None:
    records = [under("Be brief.", "A>B"), under("Be warm.", "B>A")]
    records += [under("Be brief.", "A>B", f"Question {number}?") for number in range(3)]
    assert not found(records, RULE)
    (finding,) = found(records, RULE, instructions={"opposed_share": 0.5})
    assert finding.message.startswith("Only 1 of the 4 prompts under 'Be brief.' has")
    figures = run(records, RULE).statistics[RULE]["by_instruction"]["Be brief."]
    assert (figures["opposite_pair"]["count"], figures["opposite_pair"]["of"]) == (1, 4)
    assert figures["exactly_swapped_pair"]["count"] == 1


def test_a_set_without_instructions_says_so() -> None:
    report = run([under("", "A>B"), record("x", instruction="Be brief.", mode="none")], RULE)
    assert not report.findings
    assert report.coverage[RULE].notes == ["No pair has an instruction."]
