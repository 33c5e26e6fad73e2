"""One pass over the records, all rules at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aligntui.core.errors import UserError
from aligntui.data.lint.options import LintOptions
from aligntui.data.lint.record import LintRecord, RecordView, Tokenize
from aligntui.data.lint.registry import chosen_rules
from aligntui.data.lint.report import Report, by_weight
from aligntui.data.lint.rule import Context

PROGRESS_EVERY = 500
"""Records between two calls of `progress`."""


def lint(
    records: Iterable[LintRecord],
    options: LintOptions | None = None,
    *,
    suites: Mapping[str, Iterable[str]] | None = None,
    tokenize: Tokenize | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Look for defects in preference pairs.

    Records are read once and not kept, so a generator over a database will do: what stays in memory is digests, the
    texts of distinct prompts and a sample of answers.

    Args:
        records: the pairs, undecided verdicts included where contradictions are to be seen.
        options: rules and thresholds; the defaults where None.
        suites: prompts of the evaluation suites that must not be in the set, by suite.
        tokenize: token ids of a text, without special tokens, of the tokenizer to be trained with.
        progress: called now and then with the number of records read, and at the end. What it raises ends the run.

    Returns:
        Findings, coverage and figures; the same records in the same order give the same report.

    Raises:
        UserError: two records have the same id, or the options name something that does not exist.
    """
    options = options or LintOptions()
    given = {suite: tuple(prompts) for suite, prompts in (suites or {}).items()}
    context = Context(options, given, tokenize)
    rules = [rule(context) for rule in chosen_rules(options)]
    contents = context.contents
    for record in records:
        if record.id in contents:
            raise UserError(f"Two pairs have the id {record.id!r}.", "Findings name pairs by id; give each its own.")
        view = RecordView(record)
        contents[record.id] = view.content
        for rule in rules:
            rule.see(view)
        if progress and len(contents) % PROGRESS_EVERY == 0:
            progress(len(contents))
    outcomes = {rule.name: rule.finish() for rule in rules}
    if progress:
        progress(len(contents))
    return Report(
        len(contents),
        by_weight([finding for outcome in outcomes.values() for finding in outcome.findings]),
        {name: outcome.coverage for name, outcome in outcomes.items()},
        {name: outcome.statistics for name, outcome in outcomes.items()},
    )
