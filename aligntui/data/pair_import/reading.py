"""A source as a stream of records, a look at its beginning, and the rule of all or only the good ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from aligntui.core.errors import UserError
from aligntui.data.pair_import.columns import ColumnMapping
from aligntui.data.pair_import.layouts import read_row
from aligntui.data.pair_import.plan import AUTO, Plan, make_plan
from aligntui.data.pair_import.records import KINDS, BadRecord, ImportedRecord, Place, RawRow, Refused
from aligntui.data.pair_import.source import Source

KEPT = 20
"""Bad records that are kept for a report; all are counted."""
PREVIEW_ROWS = 1000
"""Records that a preview looks at."""


def read(source: Source, plan: Plan) -> Iterator[ImportedRecord | BadRecord]:
    """Every record of the source, in its order, understood or with the reason why not.

    Both kinds are handed out whatever the user wants done with bad ones, so that a report can name them all; `accept`
    applies the wish.

    Raises:
        UserError: the file changed meanwhile, perhaps noticed only after its last record, or is damaged as a whole.
            What was handed out before must not be kept.
        EnvironmentProblem: it cannot be read any more.
    """
    yield from _records(source.rows(), plan)


def _records(rows: Iterable[RawRow | BadRecord], plan: Plan) -> Iterator[ImportedRecord | BadRecord]:
    first_with: dict[bytes, Place] = {}  # by hash: ids may be of any length, and there may be millions
    for row in rows:
        if isinstance(row, BadRecord):
            yield row
            continue
        try:
            record = read_row(plan.layout, row.place, plan.fields(row))
            if record.id is not None:
                key = sha256(record.id.encode("utf-8")).digest()[:16]
                if first_with.setdefault(key, row.place) is not row.place:
                    raise Refused("duplicate", f"the id {record.id[:80]!r} stands already in {first_with[key]}")
        except Refused as error:
            yield BadRecord(row.place, error.kind, error.reason)
        else:
            yield record


@dataclass
class ImportReport:
    """What became of the records; filled while `accept` runs."""

    good: int = 0
    """Records that were handed on."""
    examples: int = 0
    """Of these, those without a rejected side."""
    bad: int = 0
    bad_kinds: Counter[str] = field(default_factory=Counter)
    """Bad records by `records.KINDS`."""
    first_bad: list[BadRecord] = field(default_factory=list)
    """The first `KEPT` of them."""
    notes: Counter[str] = field(default_factory=Counter)
    """Notes of good records, with how many have each."""
    read_to_end: bool = False
    """Whether the source was read to its end and had not changed."""

    def add(self, record: ImportedRecord | BadRecord) -> None:
        """Count one."""
        if isinstance(record, BadRecord):
            self.bad += 1
            self.bad_kinds[record.kind] += 1
            if len(self.first_bad) < KEPT:
                self.first_bad.append(record)
        else:
            self.good += 1
            self.examples += record.rejected is None
            self.notes.update(record.notes)

    def as_dict(self) -> dict[str, object]:
        """Plain JSON-ready mapping."""
        return {
            "good": self.good,
            "examples": self.examples,
            "bad": self.bad,
            "bad_kinds": dict(self.bad_kinds),
            "first_bad": [
                {"file": one.file, one.place.unit: one.line, "kind": one.kind, "reason": one.reason}
                for one in self.first_bad
            ],
            "notes": dict(self.notes),
        }


def accept(
    records: Iterable[ImportedRecord | BadRecord], report: ImportReport, *, skip_bad: bool
) -> Iterator[ImportedRecord]:
    """The good records; without `skip_bad` the first bad one ends them, and all are counted before the error.

    To be iterated inside one transaction, which an exception rolls back: then either nothing enters, or, with
    `skip_bad`, exactly the good records do.

    Args:
        records: from `read`.
        report: filled on the way.
        skip_bad: leave bad records out instead of refusing the file.

    Raises:
        UserError: there are bad records and they are not to be skipped, or none is good; the message has file, line
            and reason of the first ones.
    """
    for record in records:
        report.add(record)
        if isinstance(record, ImportedRecord) and (skip_bad or not report.bad):
            yield record
    report.read_to_end = True
    if report.bad and (not skip_bad or not report.good):
        raise _refusal(report, skip_bad)


def _refusal(report: ImportReport, skip_bad: bool) -> UserError:
    shown = report.first_bad[:5]
    more = f"; and {report.bad - len(shown)} more" if report.bad > len(shown) else ""
    faults = "; ".join(map(str, shown))
    total = report.good + report.bad
    hint = "Correct them" if skip_bad or not report.good else "Correct them, or leave them out with --skip-bad"
    return UserError(
        f"Nothing was imported: {report.bad} of {total} {'record' if total == 1 else 'records'} cannot be read. {faults}{more}.",
        f"{hint}.",
    )


@dataclass(frozen=True)
class Preview:
    """What an import would do, seen in the first records."""

    plan: Plan
    records: tuple[ImportedRecord, ...]
    """The first good ones."""
    report: ImportReport
    """Counts over the records looked at."""
    whole: bool
    """Whether these were all."""
    warnings: tuple[str, ...]
    """Of the source and the plan."""

    @property
    def looked_at(self) -> int:
        """Records looked at, good and bad."""
        return self.report.good + self.report.bad

    def as_dict(self) -> dict[str, object]:
        """Plain JSON-ready mapping."""
        return {
            "layout": self.plan.layout,
            "reason": self.plan.reason,
            "mapping": self.plan.mapping,
            "columns": list(self.plan.columns),
            "unused": list(self.plan.unused),
            "warnings": list(self.warnings),
            "looked_at": self.looked_at,
            "whole": self.whole,
            **self.report.as_dict(),
            "records": [_shown(record) for record in self.records],
        }


def preview(
    source: Source,
    layout: str = AUTO,
    mapping: ColumnMapping | None = None,
    *,
    count: int = 5,
    look_at: int = PREVIEW_ROWS,
) -> Preview:
    """Read the first records without importing anything.

    Args:
        source: the files.
        layout: as `make_plan`.
        mapping: as `make_plan`.
        count: good records to show.
        look_at: records to count problems in.

    Raises:
        UserError: as `make_plan`, or the file is damaged or changed within the records looked at.
        EnvironmentProblem: it cannot be read.
    """
    plan, report = make_plan(source, layout, mapping), ImportReport()
    shown: list[ImportedRecord] = []
    rows = source.rows()
    for record in _records(islice(rows, look_at), plan):
        report.add(record)
        if isinstance(record, ImportedRecord) and len(shown) < count:
            shown.append(record)
    report.read_to_end = next(rows, None) is None
    return Preview(plan, tuple(shown), report, report.read_to_end, (*source.warnings, *plan.warnings))


def summary(report: ImportReport) -> str:
    """What is wrong, in words: "2 not in UTF-8, 1 without a column"."""
    return ", ".join(f"{count} {KINDS[kind]}" for kind, count in report.bad_kinds.most_common())


def _shown(record: ImportedRecord) -> dict[str, object]:
    sides = {"prompt": record.prompt, "chosen": record.chosen, "rejected": record.rejected}
    return {
        "place": str(record.place),
        "id": record.id,
        "instruction": record.instruction,
        "mode": record.mode.value,
        **{name: None if side is None else [one.as_dict() for one in side] for name, side in sides.items()},
        "tags": list(record.tags),
        "notes": list(record.notes),
        "fingerprint": record.fingerprint,
    }
