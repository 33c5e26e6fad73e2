"""`aligntui datasets`: versions of data sets out of pairs, never changed once written; cases of instruction switching."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.choices import choice_of
from aligntui.cli.counting_line import counting
from aligntui.cli.datasets_cross import case_pair, cases_lines, diff_of_cases, in_words, tell_case_check, with_crossing
from aligntui.cli.option_flags import value_of
from aligntui.cli.output import counted
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.pairs_export import LAYOUTS, SameInstruction, SystemSlot, WithPartial
from aligntui.cli.shared import Json, opened_store, workspace_of
from aligntui.config.options import Option
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.data.dataset_versions import Manifest
    from aligntui.workbench.curation.versions import Built

app = group("Build versions of data sets, list, compare, check.")

USER_CAN_FIX_IT = 2
Version = Annotated[str, typer.Argument(metavar="NAME[@N]", help="A data set; its latest version without @N.")]
_SHARE = Option(
    "validation-share", 0.1, "Share of the prompts that goes to validation; 0 for none.", "build", low=0, high=0.99
)
_SEED = Option("seed", 0, "Of the split: another one deals the prompts anew.", "build", metavar="N")
_PARENT = Option("parent", 1, "Version that it goes on from; the latest when left out.", "build", metavar="N", low=1)
_EXAMPLES = Option("examples", 3, "Records of each kind that are shown.", "diff", metavar="N", low=0)
_NAMES_SHOWN = 12


@app.command("build")
@with_crossing
@with_filters
def build(
    ctx: typer.Context,
    filters: dict[str, Any],
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new data set, or one that gets another version.")],
    from_pairs: Annotated[
        bool,
        typer.Option("--from-pairs", show_default=False, help="Out of the pairs of this workspace, as without it."),
    ] = True,
    format: Annotated[str, choice_of("format", LAYOUTS, "Layout of the records, as for `pairs export`.")] = "trl",
    validation_share: Annotated[
        float, typer.Option("--validation-share", metavar="X", parser=value_of(_SHARE), help=_SHARE.help)
    ] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", parser=value_of(_SEED), help=_SEED.help)] = 0,
    parent: Annotated[int | None, typer.Option(metavar="N", parser=value_of(_PARENT), help=_PARENT.help)] = None,
    without_lint_findings: Annotated[
        bool, typer.Option("--without-lint-findings", help="Leave out what `pairs lint --fix` would delete.")
    ] = False,
    lint_options: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with rules and thresholds of that lint.")
    ] = None,
    with_partial: WithPartial = False,
    same_instruction: SameInstruction = False,
    system_slot: SystemSlot = True,
    whole: Annotated[
        bool, typer.Option("--whole", help="Refuse pairs that the layout cannot hold, instead of leaving them out.")
    ] = False,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What this version is for.")] = "",
    as_json: Json = False,
) -> None:
    """Write the next version of a data set out of pairs, or cases of instruction switching.

    Out of pairs: train and validation are split by prompt: no prompt stands on both sides, and one keeps its side in later
    versions. Where nothing changed since the parent, no version is written. Prints NAME@N.

    Cases (--prompts, --instructions, --bank, --library, --phrasings, --wordings, --out): every prompt of a bank under every
    wording of an instruction library, to be asked by `aligntui switch run --dataset NAME`. Prints NAME.
    """
    from aligntui.workbench.curation.versions import BuildWish, build_version, lint_reasons

    workspace = workspace_of(ctx)
    with opened_store(ctx) as store, counting("pairs read") as line:
        wanted = pair_filter(store, filters)
        found = lint_reasons(store, wanted, lint_options, line.show) if without_lint_findings or lint_options else None
        wish = BuildWish(
            name,
            format,
            wanted,
            validation_share,
            seed,
            parent,
            with_partial,
            same_instruction,
            system_slot,
            leave_out_misfits=not whole,
            leave_out=found.ids if found else frozenset(),
            reason=found.counts if found else {},
            note=note,
        )
        built = build_version(store, workspace, wish, line.show)
    if as_json:
        output.json_data(built.as_dict())
    else:
        _tell_built(built)


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List your data sets and the bundled ones."""
    from aligntui.workbench.curation.versions import data_set_list
    from aligntui.workbench.switching.crossing import case_sets

    workspace = workspace_of(ctx)
    found = data_set_list(workspace)
    cases, unread = case_sets(workspace)
    for problem in (*found.problems, *unread):
        output.say(f"warning: {problem}")
    if as_json:
        own = [{"versions": list(one.versions), **one.latest.as_dict()} for one in found.own]
        output.json_data({"own": own, "cases": [one.as_dict() for one in cases], "bundled": found.bundled})
        return
    rows: list[tuple[object, ...]] = []
    for one in found.own:
        made, counts = one.latest, one.latest.counts
        latest = f"{made.name}@{made.version}"
        rows.append((latest, made.layout, counts.train, counts.validation, made.created_at[:10], one_line(made.note)))
    rows += [(one.name, "cases", one.cases, 0, "", in_words(one)) for one in cases]
    rows += [(one.name, "bundled", one.records, 0, "", one.files) for one in found.bundled]
    output.table(("data set", "format", "train", "validation", "made", "note"), rows)


@app.command("show")
def show(ctx: typer.Context, version: Version, as_json: Json = False) -> None:
    """Show what a version, or a data set of cases, is and holds."""
    from aligntui.data.dataset_versions import data_sets, find_version, load_manifest
    from aligntui.data.switch_cases import read_cases
    from aligntui.workbench.switching.crossing import counted_cases, find_cases

    workspace = workspace_of(ctx)
    cases = find_cases(workspace, version)
    if cases is not None and version not in data_sets(workspace):
        counts = counted_cases(cases, read_cases(cases))
        if as_json:
            output.json_data(counts.as_dict())
        else:
            output.data("\n".join(cases_lines(counts)))
        return
    if cases is not None:
        output.say(f"there are also cases of that name: {cases}")
    folder = find_version(workspace, version)
    manifest = load_manifest(folder)
    if as_json:
        output.json_data({"folder": str(folder), **manifest.as_dict()})
    else:
        output.data("\n".join(_manifest_lines(manifest, folder)))


@app.command("diff")
def diff(
    ctx: typer.Context,
    earlier: Annotated[
        str, typer.Argument(metavar="NAME@N", help="A version, or a set of switch cases by name or file.")
    ],
    later: Annotated[str, typer.Argument(metavar="NAME@N", help="Another one, of the same data set or of another.")],
    examples: Annotated[int, typer.Option(metavar="N", parser=value_of(_EXAMPLES), help=_EXAMPLES.help)] = 3,
    as_json: Json = False,
) -> None:
    """Say what changed between two versions, or between two sets of switch cases."""
    from aligntui.data.dataset_versions import compare, find_version

    workspace = workspace_of(ctx)
    sets = case_pair(workspace, earlier, later)
    if sets is not None:
        of_cases = diff_of_cases(*sets)
        if as_json:
            output.json_data(of_cases.as_dict())
        else:
            output.data("\n".join(of_cases.lines(examples)))
        return
    found = compare(find_version(workspace, earlier), find_version(workspace, later))
    if as_json:
        output.json_data(found.as_dict())
    else:
        output.data("\n".join(found.lines(examples)))


@app.command("verify")
def verify_version(ctx: typer.Context, version: Version, as_json: Json = False) -> int:
    """Hold the files of a version, or of a set of switch cases, against its hashes.

    Exit code 2 when something does not hold.
    """
    from aligntui.data.dataset_versions import data_sets, find_version, verify
    from aligntui.workbench.switching.crossing import named_cases

    workspace = workspace_of(ctx)
    cases = named_cases(workspace, version)
    if cases is not None and version not in data_sets(workspace):
        return USER_CAN_FIX_IT if tell_case_check(cases, as_json) else 0
    folder = find_version(workspace, version)
    problems = verify(folder)
    if as_json:
        output.json_data({"folder": str(folder), "problems": problems})
    elif problems:
        output.data("\n".join(map(one_line, problems)))
        output.say("Restore the files, or build the version again.")
    else:
        output.say(f"{folder}: every file is as it was written")
    return USER_CAN_FIX_IT if problems else 0


def _tell_built(built: Built) -> None:
    from aligntui.workbench.curation.versions import in_words

    made = built.written.manifest
    output.data(f"{made.name}@{made.version}")
    if not built.written.is_new:
        output.say(f"nothing changed since {made.name}@{made.version}, so no version was written")
        return
    counts = made.counts
    output.say(
        f"{counted(counts.records, 'record')} written to {built.written.folder} as {made.layout}: {counts.train} to train "
        f"on, {counts.validation} to validate ({counts.validation_prompts} of {counted(counts.prompts, 'prompt')})"
    )
    if counts.duplicates:
        output.say(f"{counted(counts.duplicates, 'record')} of the same content as another")
    if built.left_out:
        output.say(f"left out: {in_words(built.left_out)}")
    if counts.left_out:
        reasons = ", ".join(f"{count} with {reason}" for reason, count in counts.left_out.items())
        output.say(f"left out, because {made.layout} cannot hold them: {reasons}")


def _manifest_lines(made: Manifest, folder: Path) -> list[str]:
    counts = made.counts
    parent = "none" if made.parent is None else f"{made.name}@{made.parent}"
    slot = "" if made.system_slot else ", no system slot"
    examples = f", {counted(counts.examples, 'example')}" if counts.examples else ""
    return [
        f"{made.name}@{made.version}: {one_line(made.note) or 'no note'}",
        f"folder       {folder}",
        f"made         {made.created_at} by aligntui {made.tool_version}",
        f"parent       {parent}",
        f"format       {made.layout}{slot}",
        f"records      {counts.records}: {counts.train} to train on, {counts.validation} to validate{examples}",
        f"prompts      {counts.prompts}: {counts.validation_prompts} in validation; share "
        f"{made.split.validation_share:g}, seed {made.split.seed}, by {made.split.by}",
        f"duplicates   {counts.duplicates}",
        f"filters      {_plain(made.filters)}",
        f"origin       {_plain(made.origin)}",
        f"left out     {_plain(counts.left_out)}",
        f"instructions {_plain(dict(list(counts.instructions.items())[:_NAMES_SHOWN]))}",
        f"tags         {_plain(counts.tags)}",
        f"content      sha256 {made.content_sha256}",
        *(f"{name:<17}{entry.records} records, {entry.size_bytes:,} bytes, sha256 {entry.sha256}"
          for name, entry in made.files.items()),
    ]  # fmt: skip


def _plain(values: dict[str, Any]) -> str:
    """`a 1, b 2`; nested values follow in brackets."""
    if not values:
        return "none"
    shown = (f"({_plain(value)})" if isinstance(value, dict) else one_line(str(value), 60) for value in values.values())
    return ", ".join(f"{one_line(name, 60) or '(none)'} {value}" for name, value in zip(values, shown, strict=True))
