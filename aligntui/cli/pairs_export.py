"""`aligntui pairs export`: a file that a trainer reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.choices import choice_of
from aligntui.cli.counting_line import counting
from aligntui.cli.output import counted
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.shared import Json, opened_store

LAYOUTS = ("trl", "eba", "ita", "contrastive-ita", "alpaca")
"""Those of `aligntui.data.pair_layouts`."""

Format = Annotated[
    str, choice_of("format", LAYOUTS, "trl and eba for preference training; ita, contrastive-ita and alpaca for SFT.")
]
WithPartial = Annotated[bool, typer.Option("--with-partial", help="Also pairs in which an answer was broken off.")]
SameInstruction = Annotated[
    bool, typer.Option("--same-instruction", help="Leave out pairs whose two answers had different instructions.")
]
SystemSlot = Annotated[
    bool,
    typer.Option(
        "--system-slot/--no-system-slot", help="Whether the chat template to be trained with has a system slot."
    ),
]


@with_filters
def export(
    ctx: typer.Context,
    filters: dict[str, Any],
    format: Format,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines file to write; an earlier one is replaced as a whole.")
    ],
    with_partial: WithPartial = False,
    same_instruction: SameInstruction = False,
    system_slot: SystemSlot = True,
    as_json: Json = False,
) -> None:
    """Write a training file and its manifest.

    Every decided pair and example goes in. FILE.manifest.json has counts, hashes and filters; the counts go to stderr
    too, or with --json to stdout. The file is there for a trainer and made anew whenever there are more
    verdicts, so an earlier one is replaced without asking (and said); its folder has to be there. `aligntui datasets
    build` keeps versions instead, split into train and validation.
    """
    from aligntui.cli.out_file import check_out_file
    from aligntui.workbench.pair_export import ExportWish, export_pairs

    replaces = check_out_file(out, may_replace=True)
    with opened_store(ctx) as store, counting("pairs read") as line:
        wanted = pair_filter(store, filters)
        wish = ExportWish(format, out, wanted, with_partial, same_instruction, system_slot)
        exported = export_pairs(store, wish, line.show)
    counts = exported.counts
    if as_json:
        more = {"manifest": str(exported.manifest), "sha256": exported.sha256}
        output.json_data({"out": str(out), "format": format, **counts.as_dict(), **more})
        return
    replacing = ", in place of the earlier file" if replaces else ""
    output.say(f"{counted(counts.written, 'pair')} written to {out} as {format}{replacing}")
    if counts.examples:
        output.say(f"of these {counted(counts.examples, 'example')} without a rejected answer")
    left_out = (counted(counts.ties, "tie"), f"{counts.both_bad} both bad", f"{counts.skipped} skipped")
    output.say(f"not written: {', '.join(left_out)}, {counts.undone} taken back or replaced")
    for reason, count in counts.settled.items():
        output.say(f"{counted(count, 'pair')} {reason}: left out")
    for reason, count in counts.misfits.items():
        output.say(f"{count} with {reason}, which {format} cannot hold: left out")
    if counts.partial:
        what = "written, as asked" if with_partial else "left out; --with-partial writes them"
        output.say(f"{counts.partial} with a broken-off answer: {what}")
    if counts.instructions_differ:
        what = (
            "left out, as asked"
            if same_instruction
            else "written under the instruction of the chosen one; --same-instruction leaves them out"
        )
        output.say(f"{counts.instructions_differ} with answers made under different instructions: {what}")
