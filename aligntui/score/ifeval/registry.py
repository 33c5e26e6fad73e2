"""All instruction types by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.score.ifeval.checkers import (
    case,
    combination,
    content,
    formats,
    keywords,
    language,
    lengths,
    punctuation,
    start_end,
)
from aligntui.score.ifeval.checkers.arguments import BadArgument, read_arguments
from aligntui.score.ifeval.checkers.checker import Checker

CHECKERS: dict[str, type[Checker]] = {
    checker.id: checker
    for checker in (
        keywords.KeywordsExist,
        keywords.KeywordFrequency,
        keywords.ForbiddenWords,
        keywords.LetterFrequency,
        language.ResponseLanguage,
        lengths.NumberOfSentences,
        lengths.NumberOfParagraphs,
        lengths.NumberOfWords,
        lengths.NthParagraphFirstWord,
        content.NumberOfPlaceholders,
        content.Postscript,
        formats.NumberOfBullets,
        formats.ConstrainedResponse,
        formats.NumberOfHighlights,
        formats.MultipleSections,
        formats.JsonFormat,
        formats.Title,
        combination.TwoResponses,
        combination.RepeatPrompt,
        start_end.EndPhrase,
        case.CapitalWordFrequency,
        case.EnglishCapital,
        case.EnglishLowercase,
        punctuation.NoComma,
        start_end.Quotation,
    )
}
"""Every instruction type, in the order in which reports list them."""


def checker_for(instruction: str, arguments: Mapping[str, Any], place: str) -> Checker:
    """The checker of an instruction with its arguments.

    Args:
        instruction: `group:name`.
        arguments: by name, as the data set has them; None, 0 and empty ones count as not given.
        place: where the instruction stands, for the error.

    Raises:
        UserError: there is no such instruction, or an argument is missing, unknown or cannot be used.
    """
    checker = CHECKERS.get(instruction)
    if checker is None:
        raise UserError(f"{place}: there is no instruction type {instruction!r}.", nearest(instruction, list(CHECKERS)))
    try:
        return checker(**read_arguments(checker, arguments))
    except BadArgument as problem:
        raise UserError(f"{place}: the instruction {instruction} needs {str(problem).rstrip('.')}.") from None
