"""Does an answer keep the constraint of its prompt? A verdict, and where it fails the reason in plain words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aligntui.core.errors import UserError
from aligntui.score.results import Result
from aligntui.score.track_a.languages import LANGUAGES, detect
from aligntui.score.track_a.prompt import WORD_TOLERANCE, ConstraintType, Prompt
from aligntui.score.track_a.sentences import sentences, why_no_sentences
from aligntui.score.track_a.words import has_content, is_mostly_unspaced, occurrences, whitespace_words


class Outcome(StrEnum):
    """What came of checking an answer."""

    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_CHECK = "could_not_check"
    """The rule says nothing of such an answer. It counts as not passed."""


@dataclass(frozen=True)
class AnswerVerdict(Result):
    """The verdict on one answer."""

    prompt_id: str
    type: ConstraintType
    outcome: Outcome
    reason: str = ""
    """What was wanted and what was found, or why it could not be checked; empty where it passed."""
    empty: bool = False
    """There is no letter and no digit in the answer."""

    @property
    def passed(self) -> bool:
        """Whether the answer keeps the constraint, and that could be told."""
        return self.outcome is Outcome.PASSED


_Finding = tuple[Outcome, str]
_KEPT: _Finding = (Outcome.PASSED, "")


def check_answer(prompt: Prompt, answer: str) -> AnswerVerdict:
    """Check one answer.

    An answer without a letter or digit fails under every type: silence is not the absence of commas that was asked for.

    Args:
        prompt: the prompt that was answered.
        answer: all that the model wrote, unchanged.

    Raises:
        EnvironmentProblem: sentences have to be counted and NLTK or its English parameters are missing.

    Source: the types and rules of section 4.3 of the AISF study (methods reference, section 3). Boundaries are pinned in
        tests/score/test_track_a_checking.py, hand-written answers in tests/score/test_track_a_answers.py.
    """
    if not has_content(answer):
        found = "has no letter or digit" if answer.strip() else "is empty"
        return AnswerVerdict(prompt.id, prompt.type, Outcome.FAILED, f"the answer {found}", empty=True)
    outcome, reason = _CHECKS[prompt.type](prompt, answer)
    return AnswerVerdict(prompt.id, prompt.type, outcome, reason)


def check_answers(prompts: Iterable[Prompt], answers: Mapping[str, str]) -> tuple[AnswerVerdict, ...]:
    """Check answers by the id of their prompts.

    Args:
        prompts: the prompts of the suite.
        answers: prompt id and answer; a prompt may be missing, and then there is no verdict on it.

    Returns:
        Verdicts in the order of the prompts.

    Raises:
        UserError: an answer belongs to no prompt.
        EnvironmentProblem: as `check_answer`.
    """
    known = {prompt.id: prompt for prompt in prompts}
    for name in answers:
        if name not in known:
            raise UserError(
                f"There is an answer to {name!r}, and no prompt of this suite has that id.",
                "Answers go by the ids of the prompts, such as 'ta-wc-01'.",
            )
    return tuple(check_answer(prompt, answers[name]) for name, prompt in known.items() if name in answers)


def commas(text: str) -> int:
    """Number of commas of any script: the plain one, the full-width and the ideographic one, the Arabic one and so on."""
    return sum(char == "," or (char > "\u007f" and _is_comma(char)) for char in text)


def _is_comma(char: str) -> bool:
    # the category keeps out letters and marks with a comma in their name, such as the Hawaiian okina
    return unicodedata.category(char) == "Po" and "COMMA" in unicodedata.name(char, "").split()


def _word_count(prompt: Prompt, answer: str) -> _Finding:
    if is_mostly_unspaced(answer):
        return Outcome.COULD_NOT_CHECK, "the answer is in a script without spaces, whose words white space cannot count"
    wanted, found = prompt.params.count, whitespace_words(answer)
    if abs(found - wanted) <= WORD_TOLERANCE:
        return _KEPT
    return Outcome.FAILED, f"wanted {_many(wanted, 'word')}, {WORD_TOLERANCE} more or fewer allowed, found {found}"


def _sentence_count(prompt: Prompt, answer: str) -> _Finding:
    return _counted_sentences(prompt.params.count, answer)


def _single_sentence(prompt: Prompt, answer: str) -> _Finding:
    return _counted_sentences(1, answer)


def _counted_sentences(wanted: int, answer: str) -> _Finding:
    if reason := why_no_sentences(answer):
        return Outcome.COULD_NOT_CHECK, reason
    found = sentences(answer)
    return _KEPT if found == wanted else (Outcome.FAILED, f"wanted {_many(wanted, 'sentence')}, found {found}")


def _forbidden_word(prompt: Prompt, answer: str) -> _Finding:
    word = prompt.params.word
    found = occurrences(answer, word)
    return (Outcome.FAILED, f"wanted no {word!r}, found it {_many(found, 'time')}") if found else _KEPT


def _required_word(prompt: Prompt, answer: str) -> _Finding:
    word = prompt.params.word
    return _KEPT if occurrences(answer, word) else (Outcome.FAILED, f"wanted {word!r} as a whole word, found none")


def _word_frequency(prompt: Prompt, answer: str) -> _Finding:
    word, wanted = prompt.params.word, prompt.params.count
    found = occurrences(answer, word)
    if found == wanted:
        return _KEPT
    return Outcome.FAILED, f"wanted {word!r} as a whole word {_many(wanted, 'time')}, found it {_many(found, 'time')}"


def _no_comma(prompt: Prompt, answer: str) -> _Finding:
    found = commas(answer)
    return (Outcome.FAILED, f"wanted no comma, found {found}") if found else _KEPT


def _language(prompt: Prompt, answer: str) -> _Finding:
    wanted = prompt.params.language
    found = detect(answer)
    if found is None:
        return Outcome.COULD_NOT_CHECK, f"wanted {LANGUAGES[wanted]}, and langdetect found nothing to go by"
    if found.language == wanted:
        return _KEPT
    name = LANGUAGES.get(found.language, found.language)
    return Outcome.FAILED, f"wanted {LANGUAGES[wanted]}, found {name} (probability {found.probability:.2f})"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


_CHECKS: dict[ConstraintType, Callable[[Prompt, str], _Finding]] = {
    ConstraintType.WORD_COUNT: _word_count,
    ConstraintType.SENTENCE_COUNT: _sentence_count,
    ConstraintType.FORBIDDEN_WORD: _forbidden_word,
    ConstraintType.REQUIRED_WORD: _required_word,
    ConstraintType.NO_COMMA: _no_comma,
    ConstraintType.LANGUAGE: _language,
    ConstraintType.WORD_FREQUENCY: _word_frequency,
    ConstraintType.SINGLE_SENTENCE: _single_sentence,
}
