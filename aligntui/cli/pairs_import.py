"""`aligntui pairs import`: pairs from a file or the hub, looked at first or stored in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.choices import choice_of
from aligntui.cli.counting_line import counting
from aligntui.cli.option_flags import value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.data.pair_import import ImportedRecord, ImportReport, Preview
    from aligntui.workbench.curation.importing import Imported

LAYOUTS = ("auto", "trl", "eba", "ita", "contrastive-ita", "alpaca", "alpaca-task")
"""`auto`, and those of `data.pair_import`."""
_SHOW = Option("show", 5, "Records that --preview shows.", "import", metavar="N", low=0, high=1000)
_DELIMITERS = {"tab": "\t", "\\t": "\t"}
_TEXT_CHARS = 400
_INDENT = 14


@with_options(["model"])
def import_source(
    ctx: typer.Context,
    flags: dict[str, Any],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="JSON lines, JSON, CSV or Parquet, also .gz; or a data set of the hub: owner/name[@revision] or "
            "hf://datasets/owner/name/path.",
        ),
    ],
    layout: Annotated[str, choice_of("layout", LAYOUTS, "How records are laid out; auto looks at them.")] = "auto",
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Read a field from this column or path (messages.0.content); an empty one leaves the field out. "
            "Fields: prompt, chosen, rejected, completion, instruction, input, output, system, mode, id, tags.",
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be read; nothing is stored.")] = False,
    show: Annotated[int, typer.Option(metavar="N", parser=value_of(_SHOW), help=_SHOW.help)] = 5,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good records; else one bad record keeps out all.")
    ] = False,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the session that they become; else that of the file.")
    ] = "",
    annotator: Annotated[str, typer.Option(metavar="NAME", help="Whose verdicts they are.")] = "import",
    format: Annotated[
        str, typer.Option(metavar="TYPE", help="jsonl, json, csv or parquet, where the file does not tell.")
    ] = "",
    delimiter: Annotated[str, typer.Option(metavar="CHAR", help="Between the cells of CSV; tab for a tab.")] = "",
    config: Annotated[str, typer.Option(metavar="NAME", help="Configuration of a hub data set.")] = "",
    split: Annotated[str, typer.Option(metavar="NAME", help="Split of a hub data set.")] = "",
    token_counts: Annotated[
        bool, typer.Option("--token-counts/--no-token-counts", help="Count tokens with the tokenizer of --model.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Import pairs from a file or the hub.

    All records or none: a bad record is told by file, line and reason and nothing enters, or with --skip-bad exactly the
    good ones do. What was imported before is not added again. Prints the id of the session that the records became.
    """
    from aligntui.data.instruction_library import load_library
    from aligntui.data.pair_import import parse_mapping
    from aligntui.workbench.curation.importing import ImportWish, import_pairs, look
    from aligntui.workbench.curation.tokens import counter_for

    wish = ImportWish(
        source=source,
        layout=layout,
        mapping=parse_mapping(map or ()),
        skip_bad=skip_bad,
        name=name,
        annotator=annotator,
        format=format or None,
        delimiter=_DELIMITERS.get(delimiter, delimiter) or None,
        config=config or None,
        split=split or None,
    )
    if preview:
        found = look(wish, show)
        if as_json:
            output.json_data(found.as_dict())
        else:
            _show_preview(found)
        return
    workspace = workspace_of(ctx)
    settings = settings_of(workspace, flags)
    library = load_library(workspace)
    counter = counter_for(settings.model) if token_counts else None
    with opened_store(ctx) as store, counting("records read") as line:
        done = import_pairs(store, wish, library, counter, line.show)
    if token_counts and counter is None:
        output.say(f"tokens were not counted: the tokenizer of {settings.model} is not on this machine")
    _tell(done, as_json)


def _tell(done: Imported, as_json: bool) -> None:
    outcome, report = done.outcome, done.report
    for warning in (*done.source.warnings, *done.plan.warnings):
        output.say(f"warning: {warning}")
    if as_json:
        output.json_data(done.as_dict())
        return
    if outcome.session_id:
        output.data(outcome.session_id)
    pairs = outcome.added - outcome.examples
    kinds = [counted(pairs, "pair")] if pairs else []
    kinds += [f"{counted(outcome.examples, 'example')} without a rejected answer"] if outcome.examples else []
    output.say(f"{' and '.join(kinds) or 'nothing'} imported from {one_line(done.source.name)} as {done.plan.layout}")
    if outcome.known:
        deleted = f", {outcome.known_deleted} of them deleted since, and they stay so" if outcome.known_deleted else ""
        output.say(f"{counted(outcome.known, 'record')} known already, not added again{deleted}")
    _tell_bad(report)
    for note, count in report.notes.most_common():
        output.say(f"{counted(count, 'record')}: {one_line(note)}")


def _tell_bad(report: ImportReport) -> None:
    from aligntui.data.pair_import import summary

    if report.bad:
        output.say(f"{counted(report.bad, 'bad record')} left out: {summary(report)}")
        for bad in report.first_bad:
            output.say(f"  {one_line(str(bad))}")
        if report.bad > len(report.first_bad):
            output.say(f"  and {report.bad - len(report.first_bad)} more")


def _show_preview(found: Preview) -> None:
    from aligntui.data.pair_import import summary

    plan, report = found.plan, found.report
    output.data(f"layout    {plan.layout}: {one_line(plan.reason)}")
    mapped = (f"{field} from {one_line(column)}" if column else f"no {field}" for field, column in plan.mapping.items())
    output.data(f"fields    {', '.join(mapped)}")
    output.data(f"not used  {', '.join(map(one_line, plan.unused)) or 'no column'}")
    for warning in found.warnings:
        output.data(f"warning   {one_line(warning)}")
    reach = "all" if found.whole else "the first"
    output.data(
        f"looked at {reach} {counted(found.looked_at, 'record')}: {report.good} good "
        f"({counted(report.examples, 'example')}), {report.bad} bad{f': {summary(report)}' if report.bad else ''}"
    )
    for bad in report.first_bad:
        output.data(f"bad       {one_line(str(bad))}")
    for note, count in report.notes.most_common():
        output.data(f"note      {counted(count, 'record')}: {one_line(note)}")
    for record in found.records:
        output.data("\n" + "\n".join(_lines(record)))
    output.say("nothing was stored; the same command without --preview imports")


def _lines(record: ImportedRecord) -> list[str]:
    origin = [one_line(str(record.place)), *([f"id {one_line(record.id)}"] if record.id else [])]
    lines = [", ".join(origin + [f"#{one_line(tag)}" for tag in record.tags])]
    if record.instruction:
        lines += _texts(f"{record.mode.value}", [record.instruction])
    sides = {"prompt": record.prompt, "chosen": record.chosen, "rejected": record.rejected or ()}
    for name, side in sides.items():
        alone = len(side) == 1
        lines += _texts(name, [message.content if alone else f"{message.role}: {message.content}" for message in side])
    return lines


def _texts(name: str, texts: list[str]) -> list[str]:
    """Texts under their name, each on one line and cut."""
    return [
        f"  {(name if place == 0 else ''):<{_INDENT - 2}}{one_line(text, _TEXT_CHARS)}"
        for place, text in enumerate(texts)
    ]
