"""`aligntui sessions`: what was said, in the order in which it was said."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.output import counted
from aligntui.cli.pair_table import instruction_name
from aligntui.cli.shared import Json, Limit, opened_store
from aligntui.core.printable import one_line
from aligntui.core.turn import Answer

if TYPE_CHECKING:
    from aligntui.core.pair import Pair
    from aligntui.store import Exchange, Take

app = group("List, show, search, rename and export sessions.")

Session = Annotated[str, typer.Argument(metavar="ID", help="Id, beginning of an id, or name of a session.")]


@app.command("list")
def list_all(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(metavar="TEXT", help="Only sessions whose name has these words.")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List sessions, those used last first; messages are prompts and answers together."""
    with opened_store(ctx) as store:
        found = store.list_sessions(limit, query=name)
    if as_json:
        output.json_data(found)
    elif found:
        rows = [(s.id, s.updated_at[:16].replace("T", " "), s.turn_count, s.pair_count, s.name) for s in found]
        output.table(("session", "used (UTC)", "messages", "verdicts", "name"), rows)
    else:
        output.say("There is no such session." if name else "There are no sessions yet.")


@app.command("show")
def show(ctx: typer.Context, session: Session, as_json: Json = False) -> None:
    """Show a session with the ids of its turns.

    With --json the whole tree is printed, with every condition of every answer.
    """
    with opened_store(ctx) as store:
        head = store.get_session(session)
        exchanges = list(store.exchanges(head.id))
        pairs = store.list_pairs(head.id, include_undone=True, oldest_first=True)
    if as_json:
        tree = {"session": asdict(head), "exchanges": [_record(one) for one in exchanges], "pairs": pairs}
        output.json_data(tree)
        return
    answers = sum(len(take.answers) for exchange in exchanges for take in exchange.takes)
    counts = (counted(len(exchanges), "prompt"), counted(answers, "answer"), counted(head.pair_count, "verdict"))
    output.data(f"{head.id}  {one_line(head.name)}\n{', '.join(counts)}, used {head.updated_at}")
    for exchange in exchanges:
        output.data(_text(exchange, pairs))


@app.command("search")
def search(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help='Words that all have to occur; "quoted words" together.')
    ],
    session: Annotated[str, typer.Option(metavar="ID", help="In this session only.")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Find prompts, answers and instructions, newest first."""
    with opened_store(ctx) as store:
        hits = store.search(query, limit, store.get_session(session).id if session else None)
    if as_json:
        output.json_data(hits)
    elif hits:
        rows = [
            (hit.turn_id, "instruction" if hit.in_instruction else hit.role, hit.session_name[:32], hit.snippet)
            for hit in hits
        ]
        output.table(("turn", "in", "session", "text"), rows)
    else:
        output.say("Nothing was found.")


@app.command("rename")
def rename(
    ctx: typer.Context,
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    as_json: Json = False,
) -> None:
    """Give a session another name."""
    with opened_store(ctx) as store:
        renamed = store.rename_session(store.get_session(session).id, name)
    if as_json:
        output.json_data(renamed)
    else:
        output.data(f"{renamed.id}  {one_line(renamed.name)}")


@app.command("export")
def export(
    ctx: typer.Context,
    session: Session,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Markdown file to write; stdout when left out.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Export a session as Markdown.

    The document is made to be read and written on, so a file that is there already stays unless --force is given; its
    folder has to be there.
    """
    from aligntui.cli.out_file import check_out_file
    from aligntui.store.markdown import export_session, markdown

    replaces = out is not None and check_out_file(out, may_replace=force)
    with opened_store(ctx) as store:
        head = store.get_session(session)
        if out is not None:
            export_session(store, head.id, out)
        elif as_json:
            output.json_data({"session": head.id, "markdown": "".join(markdown(store, head))})
            return
        else:
            for piece in markdown(store, head):
                output.raw(piece)
            return
    if as_json:
        output.json_data({"session": head.id, "out": str(out)})
    else:
        replacing = ", in place of the earlier file" if replaces else ""
        output.say(f"{one_line(head.name)} written to {out}{replacing}")


def _record(exchange: Exchange) -> dict[str, Any]:
    return {
        "id": exchange.id,
        "created_at": exchange.created_at,
        "parents": list(exchange.parent_ids),
        "text": exchange.text,
        "prompts": [asdict(prompt) for prompt in exchange.prompts],
        "takes": [
            {"id": take.id, "answers": [{"side": answer.side, **asdict(answer)} for answer in take.answers]}
            for take in exchange.takes
        ],
    }


def _text(exchange: Exchange, pairs: list[Pair]) -> str:
    after = f"  (after {', '.join(exchange.parent_ids)})" if exchange.parent_ids else ""
    prompts = ", ".join(prompt.id for prompt in exchange.prompts)
    lines = ["", f"{exchange.id}  {prompts}{after}", f"> {_indented(exchange.text, '> ')}"]
    for take in exchange.takes:
        lines += _take_lines(take)
        ids = {answer.id for answer in take.answers}
        lines += [f"  verdict {_verdict(pair)}" for pair in pairs if ids.issuperset(_judged(pair))]
    return "\n".join(lines)


def _take_lines(take: Take) -> list[str]:
    lines = ["", f"  {take.id}  {_instruction(take.answers[0])}"]
    for answer in take.answers:
        origin = f", edited from {answer.edited_from}" if answer.edited_from else ""
        origin = f", continues {answer.continued_from}" if answer.continued_from else origin
        length = counted(len(answer.token_ids), "token")
        head = f"  [{one_line(answer.side)}] {answer.id}  {length}, {answer.finish.value}{origin}"
        lines += [head, f"    {_indented(answer.text, '    ')}"]
    return lines


def _instruction(answer: Answer) -> str:
    c = answer.conditions
    name = instruction_name(answer)
    return f"{name} ({c.mode}), seed {c.seed}" if name else f"no instruction, seed {c.seed}"


def _judged(pair: Pair) -> list[str]:
    return [id for id in (pair.left_id, pair.right_id) if id]


def _verdict(pair: Pair) -> str:
    better = {
        "left": f"{pair.left_id} better than {pair.right_id}",
        "right": f"{pair.right_id} better than {pair.left_id}",
    }
    said = better.get(pair.verdict, f"{pair.verdict.value}: {', '.join(_judged(pair))}")
    reason = f" because {one_line(pair.reason)}" if pair.reason else ""
    return f"{pair.id}  {said}, by {one_line(pair.annotator)}{reason}{' (undone)' if pair.undone else ''}"


def _indented(text: str, lead: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", f"\n{lead}")
