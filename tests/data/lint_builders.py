"""Sets of pairs for the lint tests: clean ones, and ones with a planted defect."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Mode
from aligntui.data.lint import RULES, Finding, LintOptions, LintRecord, Report, lint

TRAINING_LENGTH = 512
SUITE = {
    "suite": (
        "Write a limerick about a lighthouse keeper who collects broken clocks and never sleeps before noon.",
        "Name three rivers.",
    )
}
BUT_LANGUAGES = tuple(name for name in RULES if name != "languages")


def options(**groups: Any) -> LintOptions:
    """Options from tables, with a training length."""
    return LintOptions.from_mapping({"truncation": {"training_length": TRAINING_LENGTH}} | groups)


def run(records: Iterable[LintRecord], *rules: str, **groups: Any) -> Report:
    """Lint with the suite and the training length; all rules where none is named."""
    return lint(records, options(**({"rules": list(rules)} if rules else {}), **groups), suites=SUITE)


def found(records: Iterable[LintRecord], rule: str, **groups: Any) -> list[Finding]:
    """Findings of one rule."""
    return list(run(records, rule, **groups).findings)


def record(name: str = "p", **changes: Any) -> LintRecord:
    """One sound pair; `prompt`, `chosen` and `rejected` may be given as plain texts."""
    values: dict[str, Any] = {
        "prompt": "How do I keep basil alive in winter?",
        "chosen": "Put it on the brightest sill and water it from below.",
        "rejected": "Basil is an annual; buy a new pot each spring instead.",
        "chosen_finish": "stop",
        "rejected_finish": "stop",
        "prompt_tokens": 20,
        "chosen_tokens": 12,
        "rejected_tokens": 13,
    } | changes
    values |= {"mode": Mode(values.get("mode", "system")), "verdict": Verdict(values.get("verdict", "left"))}
    for key, role in (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant")):
        if isinstance(values[key], str):
            values[key] = ((role, values[key]),)
    return LintRecord(name, **values)


class Maker:
    """Texts of made-up words, the same for the same seed; two of them hardly ever share three words in a row."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, least: int, most: int) -> str:
        """A text of between `least` and `most` words."""
        return " ".join(self.word() for _ in range(self.random.randint(least, most)))

    def word(self) -> str:
        """One word."""
        return "".join(self.random.choice("bdfgklmnprstvz") + self.random.choice("aeiou") for _ in range(3))


def clean_set(seed: int, prompts: int) -> list[LintRecord]:
    """Two records a prompt, under two instructions with opposite preferences."""
    make = Maker(seed)
    records: list[LintRecord] = []
    for number in range(prompts):
        prompt, one, other = make.text(8, 25), make.text(15, 60), make.text(15, 60)
        first, second = make.random.sample(["concise", "warm", "formal"], 2)
        for kind, chosen, rejected in ((first, one, other), (second, other, one)):
            records.append(
                record(
                    f"p{number}-{kind}",
                    prompt=prompt,
                    chosen=chosen,
                    rejected=rejected,
                    instruction=f"Answer in a {kind} way.",
                    instruction_label=f"{kind}/1",
                    chosen_tokens=len(chosen),
                    rejected_tokens=len(rejected),
                )
            )
    return records


Planted = tuple[list[LintRecord], set[str]]
"""A set with a defect, and the ids that the rule has to name."""


def plant(rule: str, records: list[LintRecord], place: int) -> Planted:
    """Put the defect of a rule into a clean set, at some record."""
    made = list(records)
    pair, twin = made[place], made[place ^ 1]
    text = dict(prompt=pair.prompt[0][1], chosen=pair.chosen[0][1])
    changed: dict[str, LintRecord] = {
        "role-order": replace(pair, prompt=(*pair.prompt, ("assistant", "Well."))),
        "empty-answers": replace(pair, rejected=(("assistant", " \n\t"),)),
        "truncated-answers": replace(pair, rejected_finish="length"),
        "identical-answers": replace(pair, rejected=(("assistant", text["chosen"] + "\n"),)),
        "near-identical-answers": replace(pair, rejected=(("assistant", text["chosen"].upper() + "!"),)),
        "identical-after-truncation": replace(pair, prompt_tokens=TRAINING_LENGTH),
        "doctrine-terms": replace(pair, chosen=(("assistant", text["chosen"] + " The  four laws ask for it."),)),
        "contamination": replace(pair, chosen=(("assistant", text["chosen"] + "<|im_end|>"),)),
        "evaluation-overlap": replace(pair, prompt=(("user", f"Now: {SUITE['suite'][0].upper()}"),)),
    }
    if rule in changed:
        made[place] = changed[rule]
        return made, {pair.id}
    added: dict[str, LintRecord] = {
        "duplicate-pairs": replace(pair, id="again", prompt=(("user", text["prompt"].title()),)),
        "duplicate-prompts": replace(pair, id="again", chosen=(("assistant", "quite another answer than before"),)),
        "near-duplicate-prompts": replace(pair, id="again", prompt=(("user", text["prompt"] + " please"),)),
        "contradictory-verdicts": replace(pair.swapped(), id="again", verdict=Verdict.RIGHT),
    }
    if rule in added:
        made.append(added[rule])
        return made, {pair.id, "again"}
    if rule == "length-skew":
        made = [one if len(one.chosen[0][1]) > len(one.rejected[0][1]) else one.swapped() for one in made]
        return made, {one.id for one in made}
    if rule == "one-sided-instructions":
        made[place] = replace(pair, instruction="Answer in verse.", instruction_label="")
        made[place ^ 1] = replace(
            twin, chosen=(("assistant", "a third answer"),), rejected=(("assistant", "a fourth"),)
        )
        return made, {pair.id}
    raise KeyError(rule)
