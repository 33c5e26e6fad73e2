"""`aligntui chat`: one prompt, answered by the base and every adapter under equal conditions."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.answer_stream import AnswerStream
from aligntui.cli.app import single
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.loading import LoadingLine
from aligntui.cli.named_instruction import library_name
from aligntui.cli.option_flags import options_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.shared import Json, settings_of, workspace_of
from aligntui.core.errors import EnvironmentProblem, StoreError, UserError
from aligntui.core.printable import one_line
from aligntui.workbench.changes import AnswerChanged, Change, EngineChanged, Noticed
from aligntui.workbench.headless.ask import Question, Reply, ask
from aligntui.workbench.opening import Workbench

app = single()
_ITS_OWN = ("instruction",)
"""Options for which this command has flags of its own: a script writes an instruction out more often than it names one,
and sends none where it gives none."""
_FLAGS = [name for name in [*options_of("model", "answer", "instruction"), "history"] if name not in _ITS_OWN]
STDIN = "-"


@app.command()
@with_options(_FLAGS)
def chat(
    ctx: typer.Context,
    flags: dict[str, Any],
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="The prompt; - reads standard input.")] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read the prompt from a file; - as above.")
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Alignment instruction, written out; a name of the library, such as concise/2, means that one. [none]",
        ),
    ] = None,
    instruction_type: Annotated[
        str | None,
        typer.Option(metavar="TYPE[/N]", help="Alignment instruction of the library by its name, for scripts."),
    ] = None,
    no_adapter: Annotated[bool, typer.Option("--no-adapter", help="The base alone; the same as --adapter ''.")] = False,
    session: Annotated[str, typer.Option(metavar="NAME|ID", help="Continue the last exchange of this session.")] = "",
    no_store: Annotated[bool, typer.Option("--no-store", help="Store nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Answer one prompt: base and adapters in one batch, under equal conditions, stored like a turn of the console."""
    question = Question(_prompt(prompt, prompt_file), instruction, session, keep=not no_store)
    if instruction is not None and instruction_type is not None:
        raise UserError("--instruction and --instruction-type exclude each other.", "Give one of the two.")
    workspace = workspace_of(ctx)
    if instruction and (name := library_name(workspace, instruction)):
        output.say(f"--instruction {one_line(instruction)} names {name} of the library, whose text is sent")
        question, instruction_type = replace(question, instruction=None), name
    if instruction_type is not None:
        flags["instruction"] = instruction_type
    if no_adapter:
        if any(flags.get("adapter", ())):
            raise UserError("--adapter and --no-adapter exclude each other.", "Give one of the two.")
        flags["adapter"] = [""]
    face = _Face(as_json)
    try:
        reply = asyncio.run(ask(workspace, settings_of(workspace, flags), question, face.on_change, engine_argv()))
    finally:
        face.loading.clear()
    if as_json:
        output.json_data(reply.as_dict())
    _narrate(reply)
    if reply.unsaved:
        were = "answer is" if reply.unsaved == 1 else "answers are"
        raise StoreError(f"{reply.unsaved} {were} printed above and not stored.", "See the reason above.")


class _Face:
    """What the user sees while it goes on."""

    def __init__(self, as_json: bool) -> None:
        self.loading = LoadingLine()
        self._stream = None if as_json else AnswerStream()
        self._warned = False

    def on_change(self, bench: Workbench, change: Change) -> None:
        match change:
            case EngineChanged():
                self.loading.show(bench.chat.state.engine)
            case AnswerChanged(answer):
                self._warn(bench)
                found = bench.chat.state.exchange_of(answer.id)
                if self._stream is not None and found is not None:
                    self._stream.show(found[1])
            case Noticed(severity="error"):
                output.complain(change.message, change.hint)
            case Noticed():  # its hint names keys of the console
                output.say(f"warning: {change.message}")
            case _:
                pass

    def _warn(self, bench: Workbench) -> None:
        if not self._warned:
            for warning in [*bench.library.warnings, *bench.chat.state.warnings(bench.chat.settings.mode)]:
                output.say(f"warning: {warning}")
            self._warned = True


def _narrate(reply: Reply) -> None:
    for answer in reply.answers:
        length = counted(len(answer.token_ids), "token")
        output.say(f"{one_line(answer.side)}: {length}, {answer.finish.value}, seed {answer.conditions.seed}")
    output.say(
        f"{counted(reply.batch.tokens, 'token')} in {reply.batch.decode_s:.2f} s, {reply.tokens_per_s:.1f} tokens/s"
    )
    if reply.session_id:
        output.say(f"stored as {reply.take_id} in {reply.session_id}")


def _prompt(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise UserError("--prompt and --prompt-file exclude each other.", "Give one of the two.")
    if text is None and file is None:
        raise UserError("There is no prompt.", "Give --prompt TEXT, `--prompt -` for standard input, or --prompt-file.")
    if text is not None and text != STDIN:
        return text
    name = "standard input" if file is None or str(file) == STDIN else str(file)
    try:
        content = sys.stdin.buffer.read() if file is None or str(file) == STDIN else file.read_bytes()
        return content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UserError(f"The prompt in {name} is not UTF-8 text.", "Save it as UTF-8.") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UserError(f"There is no file {name} with a prompt.", "Check its path.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(f"The prompt in {name} cannot be read: {reason}.") from error
