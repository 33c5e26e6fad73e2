"""What the demo adapter's card says beyond that of every run: the command, the measured effect, and what it does not do.

Pinned in tests/backend/test_demo_effect.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aligntui.backend.train.demo.answering import LIMIT
from aligntui.backend.train.demo.measuring import TEMPERATURE, Effect
from aligntui.core.files import write_text_atomic
from aligntui.core.instruction import CANONICAL_TYPES

CARD_FILE = "README.md"
COMMAND = "python -m aligntui.backend.train.demo --ship adapters/demo"
_BEGIN, _END = "<!-- effect -->", "<!-- end of effect -->"
_RUN_PART = "## Training\n"


def write_effect(folder: Path, effect: Effect) -> None:
    """Put the effect into the card that the run wrote, before what it says of the training; an older one is replaced."""
    file = folder / CARD_FILE
    text = file.read_text("utf-8")
    if _BEGIN in text:
        text = text[: text.index(_BEGIN)] + text[text.index(_END) + len(_END) :].lstrip("\n")
    if "license:" not in text:
        text = text.replace("library_name: peft\n", "library_name: peft\nlicense: apache-2.0\nlanguage: en\n", 1)
    head, found, rest = text.partition(_RUN_PART)
    section = f"{_BEGIN}\n\n{effect_section(effect)}\n{_END}\n\n"
    write_text_atomic(file, f"{head}{section}{found}{rest}")


def effect_section(effect: Effect) -> str:
    """The sections, as Markdown."""
    lines = [
        "With an instruction in the system slot it answers in the way that the instruction asks for; the base hardly reacts to it. "
        "It is made to be looked at: switch the instruction and watch the answer change. Trained on `datasets/opposed-demo`: each "
        "prompt answered under two of the ten types of `datasets/instructions`; under one instruction the first answer is chosen and the "
        "second rejected, under the other the reverse, so only the instruction tells them apart. All three phrasings of each type "
        "were seen. English only, written for this purpose, Apache-2.0 like this adapter. One command makes it again:",
        "",
        "```",
        COMMAND,
        "```",
        "",
        "## What it does",
        "",
        f"{effect.prompts} unseen everyday prompts x ten types, float32, greedy, at most {LIMIT} tokens. *check*: share of answers that pass one "
        "crude check of the type (length or words; `demo/effect.py`). *named*: share that a naive Bayes recogniser, which sees the answer "
        f"alone, gives the right one of ten types (it names {effect.recogniser_held_out:.0%} of the held-out written answers rightly; "
        "10% is chance). It learnt from the same written answers as the adapter, so it says how far the answers went their way, not how "
        "good they are. *written*: share of the written answers of the type, and of the other types, that pass the check.",
        "",
        "| type | check base | check adapter | named base | named adapter | words base | words adapter | written own / other |",
        "|---|---|---|---|---|---|---|---|",
    ]
    base, adapter, warm = effect.base, effect.adapter, effect.warm
    for name in CANONICAL_TYPES:
        own, other = effect.written[name]
        lines.append(
            f"| {name} | {base.obeyed[name]:.0%} | {adapter.obeyed[name]:.0%} | {base.recognised[name]:.0%} | "
            f"{adapter.recognised[name]:.0%} | {base.words[name]:.0f} | {adapter.words[name]:.0f} | {own:.0%} / {other:.0%} |"
        )
    lines += [
        f"| **mean** | {_mean(base.obeyed):.0%} | {_mean(adapter.obeyed):.0%} | {_mean(base.recognised):.0%} | "
        f"{_mean(adapter.recognised):.0%} | {_mean(base.words):.0f} | {_mean(adapter.words):.0f} | |",
        "",
        f"With {effect.prompts} answers a row, one answer is {1 / effect.prompts:.0%}: read the means, not the rows; "
        "`docs/reports/switching` measures 200 prompts, with intervals. "
        f"Answers that the model ended itself: base {base.ended:.0%}, adapter {adapter.ended:.0%}; answers that go round in a loop: "
        f"base {base.loops}, adapter {adapter.loops} of {effect.prompts * len(CANONICAL_TYPES)}. "
        f"At temperature {TEMPERATURE} the adapter's means are {_mean(warm.obeyed):.0%} (check) and {_mean(warm.recognised):.0%} (named), "
        f"{warm.ended:.0%} ended, {warm.loops} loops.",
        "",
        "## Examples",
        "",
        "Greedy, first phrasing, nothing picked: the same unseen prompt under four types.",
        "",
    ]
    for ours, theirs in effect.examples:
        lines += [
            f"**{theirs.type}**: {theirs.prompt}",
            "",
            f"- base: {_one_line(ours.text)}",
            f"- adapter: {_one_line(theirs.text)}",
            "",
        ]
    lines += [
        "## Without an instruction",
        "",
        "No record lacks an instruction. Then the chat template puts its own default system prompt in, and the adapter still answers, "
        f"in the voice of its data: mean words {effect.bare_words[0]:.0f} (base) and {effect.bare_words[1]:.0f} (adapter). "
        f"For example, {effect.bare[1].prompt!r}:",
        "",
        f"- base: {_one_line(effect.bare[0].text)}",
        f"- adapter: {_one_line(effect.bare[1].text)}",
        "",
        "## What it does not do",
        "",
        "- It is not safe. `safety-first` is a manner of writing: nothing here teaches refusal, and warnings may be wrong or missing. Never act on them.",
        "- It is not factual. A model of 135 million parameters makes things up, with or without this adapter; the adapter can make it sound surer.",
        "- It learnt ten instructions in three wordings each, in the system slot of this chat template, English, first turns. Other instructions, the ITA "
        "block, injected instructions, other languages and long conversations are outside what it saw: it may ignore them or mix the styles.",
        "- `conservative` and `liberal` are manners of everyday advice and speak for no party or person.",
        "- It is no measure of the method: one seed, one small data set, and settings chosen between a few runs by these same prompts and checks.",
        "",
    ]
    return "\n".join(lines)


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)


def _one_line(text: str, limit: int = 420) -> str:
    """White space folded; a long text is cut at a word and says so."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[:limit].rsplit(" ", 1)[0] + " [...]"
