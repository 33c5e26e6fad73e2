"""`aligntui score`: suites asked of base and adapters, judged, compared, reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.counting_line import counting
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.option_flags import options_of, value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.run_face import ROWS, RunFace, with_server
from aligntui.cli.score_wishes import check_flags, load_all, names_of, refuse_with_resume, wish_of
from aligntui.cli.server_flags import with_servers
from aligntui.cli.shared import Json, Limit, opened_store, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import RunProgress
    from aligntui.workbench.scoring.scored import Scored

app = group("Score base and adapters: ask a suite, judge recorded answers, list, show and report.")

_FLAGS = [name for name in options_of("model", "answer", "instruction") if name != "instruction"]
_LIMIT = Option("limit", 1, "So many prompts, of the beginning of the suite; all without it.", "run", low=1)
_SEEDS = Option("seeds", 1, "Answers to each prompt, each under a seed of its own.", "run", low=1, high=100)
_TURN = Option(
    "turn", 1, "Ask each question as the user's turn N, after plain exchanges; tells how far an injection reaches.", "run",
    low=1, high=12,
)  # fmt: skip
INCOMPLETE = 3
Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, beginning of an id, or name of a run.")]

HELP = {
    "ifeval": "IFEval: 25 types of instructions that a program can check, strict and loose, with tiers.",
    "tracka": "Track A: 480 prompts with one constraint each.",
    "battery": "A compliance battery: does an adapter keep to its rules, with and without being told them?",
    "verbosity": "How long answers to general questions are.",
    "bleed": "How many answers to general questions speak of rules that nobody asked about.",
    "repetition": "How many answers to general questions go round in a loop.",
    "all": "All suites, one run each, with one loading of the model.",
}
"""Suite to its line in `aligntui score --help`."""


_MORE = """Answers are greedy unless --temperature is given. Each is stored as it is finished, and one that was made under the same
conditions before is taken from the cache; an interrupted run goes on with --resume. Exit code 3 says that answers are
missing; with --responses missing answers are told as coverage."""


def _command(suite: str) -> Callable[..., int]:
    """The command of one suite."""

    @with_servers
    @with_options(_FLAGS)
    def score(
        ctx: typer.Context,
        flags: dict[str, Any],
        servers: Any,
        prompts: Annotated[
            str,
            typer.Option(
                metavar="FILE|OWNER/NAME",
                help="The suite's prompts, in its own shape; of IFEval that of google/IFEval. With `all`, those of IFEval.",
                show_default=False,
            ),
        ] = "",
        battery: Annotated[
            str,
            typer.Option(
                metavar="FILE",
                help="A battery of your own; bleed looks for its doctrine. four-laws, the bundled one, without it.",
                show_default=False,
            ),
        ] = "",
        limit: Annotated[
            int | None, typer.Option(metavar="N", parser=value_of(_LIMIT), help=_LIMIT.help, show_default=False)
        ] = None,
        seeds: Annotated[int, typer.Option(metavar="K", parser=value_of(_SEEDS), help=_SEEDS.help)] = 1,
        instruction: Annotated[
            str, typer.Option(metavar="TEXT", help="Text that both sides are given alike.", show_default=False)
        ] = "",
        instruction_type: Annotated[
            str, typer.Option(metavar="TYPE[/N]", help="The same out of the library.", show_default=False)
        ] = "",
        delivery: Annotated[
            str,
            typer.Option(
                metavar="WAY,...",
                help="How it reaches the model: none, system, injection, both, ita; several make columns of their own. A "
                "battery is asked in the first four without it.",
                show_default=False,
            ),
        ] = "",
        turn: Annotated[int, typer.Option(metavar="N", parser=value_of(_TURN), help=_TURN.help)] = 1,
        with_base: Annotated[bool, typer.Option("--base", help="Ask a battery of the base, too.")] = False,
        responses: Annotated[
            list[Path] | None,
            typer.Option(
                metavar="FILE",
                help='Judge recorded answers, one {"prompt", "response"} a line, instead of asking; give it again for more.',
                show_default=False,
            ),
        ] = None,
        verdicts: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help='Write {"key", "strict": [..], "loose": [..]} for each answer.'),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Write the report there, as `score report --out` does.")
        ] = None,
        name: Annotated[str, typer.Option(metavar="NAME", help="Of the run.", show_default=False)] = "",
        resume: Annotated[
            str, typer.Option(metavar="RUN", help="Go on with a run, under its own settings.", show_default=False)
        ] = "",
        at_once: Annotated[
            int, typer.Option("--at-once", metavar="N", parser=value_of(ROWS), help=ROWS.help)
        ] = AT_ONCE,
        as_json: Json = False,
    ) -> int:
        check_flags(ctx, suite, bool(responses), resume, verdicts, out)
        if responses:
            loaded = load_all(suite, prompts, battery, limit)[0]
            from aligntui.workbench.scoring.scored import score_responses

            with counting("answers judged") as line:
                scored = score_responses(loaded, responses, lambda done, _total: line.show(done))
            _show([scored], verdicts, out, as_json)
            return 0
        face, workspace = RunFace(_how_to_go_on), workspace_of(ctx)
        more: dict[str, Any] = {"at_once": at_once, "engine_argv": engine_argv(), "servers": servers}
        from aligntui.core.generation import RunKind
        from aligntui.workbench.headless.score import for_scoring, resume_run, score_runs

        settings = for_scoring(settings_of(workspace, flags))
        if resume:
            refuse_with_resume(ctx)
            with opened_store(ctx) as store:
                run = store.get_run(resume, RunKind.SCORE)
            of = run.plan["suite"]["suite"]
            if suite != of:
                raise UserError(
                    f"The run {run.id} is one of {of}, not of {suite}.", f"aligntui score {of} --resume {run.id}"
                )
            done = face.wait(resume_run(workspace, settings, run, face.loading, face.begun, face.on_event, **more))
            face.ended(run, done)
            ended = [(run, done)]
        else:
            loaded = load_all(suite, prompts, battery, limit)
            text = names_of(workspace, instruction, instruction_type)
            wishes = [wish_of(one, seeds, delivery, text, with_base, name, turn) for one in loaded]
            more["on_ended"] = face.ended
            ended = face.wait(score_runs(workspace, settings, wishes, face.loading, face.begun, face.on_event, **more))
        return _tell(ctx, ended, verdicts, out, as_json)

    score.__doc__ = HELP[suite]
    return score


for _suite, _help in HELP.items():
    app.command(_suite, help=f"{_help}\n\n{_MORE}")(_command(_suite))


@app.command("list")
def list_runs(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runs, newest first."""
    from aligntui.core.generation import RunKind
    from aligntui.workbench.scoring.scored import described

    with opened_store(ctx) as store:
        runs = store.list_runs(RunKind.SCORE)
    if as_json:
        output.json_data([described(one) for one in runs])
        return
    rows: list[tuple[object, ...]] = [
        (
            one.id,
            one.created_at[:16].replace("T", " "),
            one.plan.get("suite", {}).get("suite", ""),
            f"{one.done:,} of {one.cells:,}",
            one_line(one.name, 60),
        )
        for one in runs
    ]
    output.table(("run", "begun (UTC)", "suite", "answers", "name"), rows)


@app.command("report")
def report(
    ctx: typer.Context,
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write report.md, report.html, tables as CSV, figures, report.json and results in the shape of "
            "lm-evaluation-harness.",
        ),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Write {"key", "strict": [..], "loose": [..]} for each answer.'),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge and report a run, whether or not it has ended; no model is loaded."""
    _show([_read(ctx, run)], verdicts, out, as_json, brief=False)


@app.command("show")
def show(
    ctx: typer.Context,
    run: Run,
    failed: Annotated[bool, typer.Option("--failed", help="Only what at least one of the two columns fails.")] = False,
    flips: Annotated[bool, typer.Option("--flips", help="Only what the two columns differ on.")] = False,
    first: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column that is compared with.", show_default=False)
    ] = "",
    second: Annotated[str, typer.Option(metavar="COLUMN", help="The column that is judged.", show_default=False)] = "",
    category: Annotated[
        str, typer.Option(metavar="NAME", help="Only prompts with this demand.", show_default=False)
    ] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Go down to the prompts: both answers, what failed and why; flips come first."""
    from aligntui.workbench.scoring.drill import DrillFilter, drill_rows, failures

    scored = _read(ctx, run)
    if category and category not in scored.suite.categories:
        from aligntui.core.errors import nearest

        raise UserError(
            f"There is no {scored.suite.category_noun} {category!r}.", nearest(category, list(scored.suite.categories))
        )
    found = drill_rows(scored, first, second, DrillFilter(flips=flips, failed=failed, category=category))
    rows = [(row, failures(scored, row, first, second)) for row in found[:limit]]
    if as_json:
        output.json_data(
            [{**row.as_dict(), "failures": [[one.as_dict() for one in side] for side in why]} for row, why in rows]
        )
        return
    from aligntui.cli.score_text import drill_lines

    output.data("\n".join(drill_lines(scored, rows, len(found), first, second)))


def _read(ctx: typer.Context, run: str) -> Scored:
    from aligntui.workbench.headless.score import read_scores

    with counting("answers judged") as line:
        return asyncio.run(read_scores(workspace_of(ctx), run, lambda done, _total: line.show(done)))


def _tell(
    ctx: typer.Context,
    ended: Sequence[tuple[GenerationRun, RunProgress]],
    verdicts: Path | None,
    out: Path | None,
    as_json: bool,
) -> int:
    missing = False
    scores: list[Scored] = []
    for run, done in ended:
        if done.left:
            missing = True
            output.say(f"{counted(done.left, 'answer')} missing: `{_how_to_go_on(run)}`")
        if done.done:
            scores.append(_read(ctx, run.id))
    _show(scores, verdicts, out, as_json)
    return INCOMPLETE if missing else 0


def _how_to_go_on(run: GenerationRun) -> str:
    return with_server(f"aligntui score {run.plan['suite']['suite']} --resume {run.id}", run)


def _show(
    scores: Sequence[Scored], verdicts: Path | None, out: Path | None, as_json: bool, *, brief: bool = True
) -> None:
    from aligntui.workbench.scoring.report_files import report_lines, write_report, write_verdicts

    for scored in scores:
        written: list[Path] = []
        if verdicts is not None:
            written += write_verdicts(scored, verdicts)
        if out is not None:
            written += write_report(scored, out if len(scores) == 1 else out / scored.suite.name)
        for path in written:
            output.say(f"written: {path}")
    if as_json:
        output.json_data(scores[0].as_dict() if len(scores) == 1 else [one.as_dict() for one in scores])
    else:
        output.data("\n\n".join("\n".join(report_lines(one, brief=brief)) for one in scores))
