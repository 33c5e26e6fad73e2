"""The effect of a trained demo adapter beside its base. Pinned in tests/backend/test_demo_effect.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from peft import PeftModel

from aligntui.backend.infer.weights import load_base
from aligntui.backend.train.demo.answering import EXAMPLE_TYPES, UNSEEN_PROMPTS, Answer, answer_all, grid
from aligntui.backend.train.demo.effect import Recogniser, check_rates, looping, mean_words, obeyed, recognised, words
from aligntui.backend.train.demo.records import bundled_records

TEMPERATURE = 0.7
SEED = 20


@dataclass(frozen=True)
class Side:
    """One side of the measured effect: the base, or the adapter."""

    obeyed: Mapping[str, float]
    """By type: share of answers that pass the check of the type."""
    recognised: Mapping[str, float]
    """By type: share of answers that the recogniser names rightly."""
    words: Mapping[str, float]
    """By type: mean words."""
    ended: float
    """Share of answers that the model ended itself."""
    loops: int
    """Answers in which some run of six words occurs three times."""


@dataclass(frozen=True)
class Effect:
    """Everything that the card tells besides the run."""

    written: Mapping[str, tuple[float, float]]
    """Check rates on the written answers: own type, other types."""
    recogniser_held_out: float
    """Share of held-out written answers that the recogniser names rightly."""
    base: Side
    adapter: Side
    warm: Side
    """The adapter at `TEMPERATURE`."""
    prompts: int
    examples: Sequence[tuple[Answer, Answer]]
    """(base, adapter) answers to show."""
    bare: tuple[Answer, Answer]
    """(base, adapter) answers to a prompt without any instruction."""
    bare_words: tuple[float, float]
    """Mean words without any instruction, base and adapter."""


def measure(folder: Path, model: str = "embedded", prompts: Sequence[str] = UNSEEN_PROMPTS) -> Effect:
    """Ask base and adapter under every instruction type, and count.

    Args:
        folder: of the adapter.
        model: the base it was trained on.
        prompts: none of them trained on.

    Raises:
        AligntuiError: base, adapter or data cannot be read.
    """
    library, train, held_out, _ = bundled_records()
    base = load_base(model, dtype="float32", device="cpu")
    adapted = PeftModel.from_pretrained(base.model, folder).eval()
    recogniser = Recogniser([pair for record in train for pair in record.answers])
    kinds = list(library.values())
    cases = grid(kinds, prompts)
    first = [(kind.type, kind.phrasings[0], prompts[0]) for kind in kinds if kind.type in EXAMPLE_TYPES]
    asked = [*cases, *first, *(("", "", prompt) for prompt in prompts)]
    with_adapter = answer_all(base, adapted, asked)
    warm = answer_all(base, adapted, cases, temperature=TEMPERATURE, seed=SEED)
    with adapted.disable_adapter():
        without = answer_all(base, adapted, asked)
    bare = len(cases) + len(first)
    written = [pair for record in held_out for pair in record.answers]
    return Effect(
        written=check_rates([pair for record in (*train, *held_out) for pair in record.answers]),
        recogniser_held_out=sum(recogniser.name(text) == kind for kind, text in written) / max(1, len(written)),
        base=_side(without[: len(cases)], recogniser),
        adapter=_side(with_adapter[: len(cases)], recogniser),
        warm=_side(warm, recogniser),
        prompts=len(prompts),
        examples=list(zip(without[len(cases) : bare], with_adapter[len(cases) : bare], strict=True)),
        bare=(without[bare], with_adapter[bare]),
        bare_words=(_mean_words(without[bare:]), _mean_words(with_adapter[bare:])),
    )


def _side(answers: Sequence[Answer], recogniser: Recogniser) -> Side:
    return Side(
        obeyed=obeyed(answers),
        recognised=recognised(answers, recogniser),
        words=mean_words(answers),
        ended=sum(answer.ended for answer in answers) / len(answers),
        loops=sum(looping(answer.text) for answer in answers),
    )


def _mean_words(answers: Sequence[Answer]) -> float:
    return sum(words(answer.text) for answer in answers) / len(answers)
