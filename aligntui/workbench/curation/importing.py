"""Pairs from a file or the hub into the database: look first, then all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Mode
from aligntui.data.instruction_library import InstructionLibrary
from aligntui.data.pair_import import (
    AUTO,
    BadRecord,
    ImportedRecord,
    ImportReport,
    Plan,
    Preview,
    Source,
    accept,
    make_plan,
    open_source,
    preview,
    read,
)
from aligntui.data.token_count import TokenCounter

if TYPE_CHECKING:
    from aligntui import store as db

COUNTED_AT_ONCE = 500
"""Records whose tokens are counted together, on all cores."""
PROGRESS_EVERY = 1000
ANNOTATOR = "import"
"""Who judged an imported pair: nobody here."""


@dataclass(frozen=True)
class ImportWish:
    """What to import, and how to read it."""

    source: str
    """A file, or a data set of the hub."""
    layout: str = AUTO
    mapping: dict[str, str] = field(default_factory=dict)
    """Field to column."""
    skip_bad: bool = False
    """Leave bad records out instead of refusing the whole."""
    name: str = ""
    """Of the session; empty takes that of the source."""
    annotator: str = ANNOTATOR
    format: str | None = None
    delimiter: str | None = None
    config: str | None = None
    split: str | None = None

    def open(self) -> Source:
        """Find, fetch and hash the files.

        Raises:
            UserError: there is no such source, or its format is unknown.
            EnvironmentProblem: it cannot be read or reached.
        """
        return open_source(
            self.source, format=self.format, delimiter=self.delimiter, config=self.config, split=self.split
        )


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    outcome: db.ImportOutcome
    report: ImportReport
    plan: Plan
    source: Source
    tokenizer: str
    """What tokens were counted with; empty where they were not."""

    def as_dict(self) -> dict[str, object]:
        """Plain JSON-ready mapping."""
        return {
            "source": self.source.name,
            "source_sha256": self.source.sha256,
            "layout": self.plan.layout,
            "mapping": self.plan.mapping,
            "added": self.outcome.added,
            "examples": self.outcome.examples,
            "known": self.outcome.known,
            "known_deleted": self.outcome.known_deleted,
            "session": self.outcome.session_id,
            "tokenizer": self.tokenizer or None,
            "warnings": [*self.source.warnings, *self.plan.warnings],
            **{key: value for key, value in self.report.as_dict().items() if key != "examples"},
        }


def look(wish: ImportWish, count: int = 5) -> Preview:
    """What an import would do, from the first records; nothing is stored.

    Raises:
        UserError: the source cannot be understood.
        EnvironmentProblem: it cannot be read.
    """
    return preview(wish.open(), wish.layout, wish.mapping or None, count=count)


def import_pairs(
    store: db.Store,
    wish: ImportWish,
    library: InstructionLibrary,
    counter: TokenCounter | None = None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Imported:
    """Import a source: all records, or with `skip_bad` exactly the good ones, or nothing.

    Args:
        store: of the workspace.
        wish: what, and how to read it.
        library: instructions that texts are recognised from.
        counter: counts tokens; None leaves them uncounted.
        on_progress: told now and then how many records were read. What it raises ends the import, and nothing enters.

    Raises:
        UserError: a record is bad, or the file changed while it was read; nothing was imported.
        EnvironmentProblem: it cannot be read, or nothing could be written.
    """
    from aligntui.store import ImportHead

    source = wish.open()
    plan = make_plan(source, wish.layout, wish.mapping or None)
    report = ImportReport()
    good = accept(_counted(read(source, plan), on_progress), report, skip_bad=wish.skip_bad)
    labels = {text: f"{known.type}/{n}" for known in library.types for n, text in enumerate(known.phrasings, 1)}
    tokenizer = counter.name if counter else ""
    counts: dict[str, int] = {}
    head = ImportHead(
        name=wish.name or PurePath(source.name).name or source.name,
        source=source.name,
        source_sha256=source.sha256,
        layout=plan.layout,
        mapping=plan.mapping,
        annotator=wish.annotator,
        tokenizer=tokenizer,
        counts=counts,
    )
    outcome = store.import_records(head, _stored(_then_counted(good, report, counts), labels, counter))
    return Imported(outcome, report, plan, source, tokenizer)


def _counted(
    records: Iterable[ImportedRecord | BadRecord], on_progress: Callable[[int], None]
) -> Iterator[ImportedRecord | BadRecord]:
    for done, record in enumerate(records, 1):
        yield record
        if done % PROGRESS_EVERY == 0:
            on_progress(done)


def _then_counted(
    good: Iterator[ImportedRecord], report: ImportReport, counts: dict[str, int]
) -> Iterator[ImportedRecord]:
    """The records; at their end `counts` has what the import's entry says of the bad ones."""
    yield from good
    counts.update({"bad": report.bad} if report.bad else {})


def _stored(
    records: Iterator[ImportedRecord], labels: dict[str, str], counter: TokenCounter | None
) -> Iterator[db.ImportRecord]:
    while batch := list(islice(records, COUNTED_AT_ONCE)):
        yield from (
            _record(record, labels.get(record.instruction, ""), counts)
            for record, counts in zip(batch, _token_counts(batch, counter), strict=True)
        )


Counts = tuple[int | None, int | None, int | None]
"""Tokens of the rendered prompt, the chosen and the rejected side; None where they were not counted."""


def _token_counts(batch: list[ImportedRecord], counter: TokenCounter | None) -> list[Counts]:
    """Of each record."""
    if counter is None:
        return [(None, None, None)] * len(batch)
    texts: list[str] = []
    refused: set[int] = set()
    for number, record in enumerate(batch):
        try:
            texts.append(counter.rendered(record.prompt, record.instruction, record.mode))
        except UserError:  # a template that wants other turns: a count is no reason to refuse a record
            refused.add(number)
            texts.append("")
        texts += ("\n\n".join(m.content for m in side) for side in (record.chosen, record.rejected or ()))
    counts = counter.counts(texts)
    return [
        (
            None if number in refused else counts[3 * number],
            counts[3 * number + 1],
            None if record.rejected is None else counts[3 * number + 2],
        )
        for number, record in enumerate(batch)
    ]


def _record(record: ImportedRecord, label: str, counts: Counts) -> db.ImportRecord:
    from aligntui.store import ImportRecord

    return ImportRecord(
        fingerprint=record.fingerprint,
        prompt=record.prompt,
        chosen=record.chosen,
        rejected=record.rejected,
        instruction=record.instruction,
        instruction_label=label,
        mode=record.mode,
        injection_every=1 if record.mode is Mode.INJECTION else None,
        tags=record.tags,
        record_id=record.id or "",
        place=str(record.place),
        prompt_tokens=counts[0],
        chosen_tokens=counts[1],
        rejected_tokens=counts[2],
    )
