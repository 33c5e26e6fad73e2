"""Preference data from files and the hub: a source becomes a stream of records and of reasons why some are none.

    source = open_source("pairs.jsonl")
    plan = make_plan(source)
    report = ImportReport()
    with transaction:
        for record in accept(read(source, plan), report, skip_bad=False):
            ...

Nothing is stored here. The way back is `aligntui.data.pair_layouts`: what it writes is read here to the same fields, as
far as the layout carries them (tests/data/test_pair_import_round_trip.py).
"""

from __future__ import annotations

from aligntui.data.pair_import.columns import FIELDS, ColumnMapping, parse_mapping
from aligntui.data.pair_import.layouts import IMPORT_LAYOUTS
from aligntui.data.pair_import.plan import AUTO, Plan, make_plan
from aligntui.data.pair_import.reading import ImportReport, Preview, accept, preview, read, summary
from aligntui.data.pair_import.records import KINDS, BadRecord, ImportedRecord, Place
from aligntui.data.pair_import.source import FORMATS, MAX_RECORD_BYTES, Source, SourceFile, open_source

__all__ = [
    "AUTO",
    "FIELDS",
    "FORMATS",
    "IMPORT_LAYOUTS",
    "KINDS",
    "MAX_RECORD_BYTES",
    "BadRecord",
    "ColumnMapping",
    "ImportReport",
    "ImportedRecord",
    "Place",
    "Plan",
    "Preview",
    "Source",
    "SourceFile",
    "accept",
    "make_plan",
    "open_source",
    "parse_mapping",
    "preview",
    "read",
    "summary",
]
