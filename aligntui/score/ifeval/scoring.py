"""Verdicts on answers: which instructions of its prompt each follows, strictly and loosely."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from aligntui.core.errors import UserError
from aligntui.core.files import write_text_atomic
from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.checker import Reason
from aligntui.score.ifeval.loose import variants
from aligntui.score.ifeval.prompts import Key, Prompt


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer with its verdicts, one for each instruction in the prompt's order."""

    prompt: Prompt
    response: str = field(repr=False)
    strict: tuple[bool, ...]
    """Whether the answer as it stands follows the instruction."""
    loose: tuple[bool, ...]
    """Whether one of its variants does; true wherever `strict` is."""

    @property
    def key(self) -> Key:
        """Of the prompt."""
        return self.prompt.key

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read in the answer, so that it fails everything."""
        return not self.response.strip()

    def follows_all(self, *, loose: bool = False) -> bool:
        """Whether the answer follows every instruction of its prompt."""
        return all(self.loose if loose else self.strict)

    def reasons(self) -> tuple[Reason | None, ...]:
        """Why each instruction failed strictly, None where it did not; worked out on each call."""
        text = AnswerText(self.response)
        return tuple(
            None if followed else checker.reason(text)
            for checker, followed in zip(self.prompt.checkers, self.strict, strict=True)
        )

    def loosened(self) -> tuple[str | None, ...]:
        """Which variant each instruction needs that passes only loosely, as `without asterisks`; worked out on each call."""
        only_loose = [loose and not strict for strict, loose in zip(self.strict, self.loose, strict=True)]
        texts = [(name, AnswerText(text)) for name, text in variants(self.response)] if any(only_loose) else []
        return tuple(
            next(name for name, text in texts if checker.passes(text)) if wanted else None
            for checker, wanted in zip(self.prompt.checkers, only_loose, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Scoring:
    """All answers of one run over the prompts."""

    prompts: tuple[Prompt, ...]
    scored: tuple[Scored, ...]
    """In the order of the prompts, those with an answer."""

    @property
    def missing(self) -> tuple[Prompt, ...]:
        """Prompts without an answer; they count neither way and belong into the coverage."""
        answered = {scored.key for scored in self.scored}
        return tuple(prompt for prompt in self.prompts if prompt.key not in answered)


def score_answer(prompt: Prompt, response: str) -> Scored:
    """The verdicts on one answer.

    An answer that follows an instruction as it stands follows it loosely too, being its own first variant; the other
    variants are only tried where it does not.

    Raises:
        EnvironmentProblem: sentences have to be counted and Punkt's parameters are not there.
    """
    answer = _Answer(response)
    strict = tuple(checker.passes(answer.text) for checker in prompt.checkers)
    loose = tuple(
        followed or any(checker.passes(text) for text in answer.variants)
        for checker, followed in zip(prompt.checkers, strict, strict=True)
    )
    assert all(loosely >= strictly for strictly, loosely in zip(strict, loose, strict=True))
    return Scored(prompt, response, strict, loose)


def score_answers(
    prompts: Sequence[Prompt], responses: Mapping[Key, str], progress: Callable[[int, int], None] | None = None
) -> Scoring:
    """The verdicts on every answer there is.

    Args:
        prompts: all of the suite, or those that were asked.
        responses: answers by the key of their prompt.
        progress: told after each answer how many of how many are scored.

    Raises:
        UserError: an answer belongs to none of the prompts.
        EnvironmentProblem: sentences have to be counted and Punkt's parameters are not there.
    """
    strangers = responses.keys() - {prompt.key for prompt in prompts}
    if strangers:
        raise UserError(f"There is no prompt with the key {min(strangers, key=str)!r}, but an answer to it.")
    scored: list[Scored] = []
    for prompt in prompts:
        if prompt.key in responses:
            scored.append(score_answer(prompt, responses[prompt.key]))
            if progress:
                progress(len(scored), len(responses))
    return Scoring(tuple(prompts), tuple(scored))


def write_verdicts(path: Path, scoring: Scoring) -> None:
    """Write one `{"key", "strict": [..], "loose": [..]}` a line, one boolean for each instruction in the prompt's order.

    Prompts without an answer have no line. The file appears whole or not at all.
    """
    write_text_atomic(
        path,
        (
            json.dumps({"key": scored.key, "strict": scored.strict, "loose": scored.loose}, ensure_ascii=False) + "\n"
            for scored in scoring.scored
        ),
    )


class _Answer:
    """An answer and its variants; what one instruction had worked out about a text the next one finds there."""

    def __init__(self, response: str) -> None:
        self.text = AnswerText(response)

    @cached_property
    def variants(self) -> list[AnswerText]:
        """The variants other than the answer as it stands."""
        return [AnswerText(text) for _, text in islice(variants(self.text.text), 1, None)]
