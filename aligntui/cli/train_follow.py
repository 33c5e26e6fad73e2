"""Following a run from the command that started it, and leaving it alone."""

from __future__ import annotations

import time

from aligntui.cli import INTERRUPTED, output
from aligntui.cli.run_text import TrainingLine, event_line, progress_text
from aligntui.config.paths import Workspace
from aligntui.jobs.folders import RunFolder
from aligntui.jobs.state import Run, RunState
from aligntui.wire import run_events as wire

SECOND_THOUGHT_S = 2.0
"""How long after Ctrl-C another one means: stop the run."""
_LOST = 3
_SAID = (wire.Started, wire.Data, wire.Resumed, wire.Checkpoint, wire.Eval, wire.Warned)


def begin_and_follow(
    workspace: Workspace, folder: RunFolder, *, resume: bool = False, detach: bool = False, as_json: bool = False
) -> int:
    """Start a run and follow it to its end, or only to its first word.

    Returns:
        The exit code: 0 for a run that has finished, was stopped as asked or goes on by itself; that of its error for one
        that failed; 3 for one whose process is gone without a word; 130 after Ctrl-C, which leaves the run alone.

    Raises:
        UserError: it runs already, or ended before it began because of what the user can fix.
        EnvironmentProblem: no process could be started, or it ended before it began.
    """
    from aligntui.workbench.training.launching import begin

    output.say(f"starting {folder.name} ...")
    try:
        run = begin(folder, resume=resume)
    except KeyboardInterrupt:
        _say_how_to_go_on(folder.name)
        return INTERRUPTED
    if detach and run.state in (RunState.STARTING, RunState.RUNNING, RunState.STOPPING, RunState.FINISHED):
        return _left_alone(run, as_json)
    line = TrainingLine()
    try:
        code = _follow(workspace, run, line)
    except KeyboardInterrupt:
        line.clear()
        if not _asked_twice(run):
            _say_how_to_go_on(run.name)
            return INTERRUPTED
        code = _stop(workspace, run, line)
    finally:
        line.clear()
    return _told(run, code, as_json)


def _follow(workspace: Workspace, run: Run, line: TrainingLine) -> int:
    from aligntui.workbench.training.launching import follow

    fresh = Run(run.folder)  # from the first event, so that those seen by the start are told too
    for events in follow(workspace, fresh):
        for stamped in events:
            if isinstance(stamped.event, _SAID):
                line.say(event_line(stamped).partition("  ")[2])
        run.story, run.state, run.note, run.process = fresh.story, fresh.state, fresh.note, fresh.process
        line.show(run)
    return exit_code(run)


def exit_code(run: Run) -> int:
    """Of a command that has seen this run end."""
    if run.state in (RunState.FINISHED, RunState.STOPPED):
        return 0
    end = run.story.end
    return end.exit_code if run.state is RunState.FAILED and isinstance(end, wire.Failed) else _LOST


def _asked_twice(run: Run) -> bool:
    output.say(
        f"\n{run.name} goes on without this command. Ctrl-C once more within {SECOND_THOUGHT_S:g} s stops the run safely."
    )
    try:
        time.sleep(SECOND_THOUGHT_S)
    except KeyboardInterrupt:
        return True
    return False


def _stop(workspace: Workspace, run: Run, line: TrainingLine) -> int:
    from aligntui.workbench.training.launching import stop

    run.refresh()
    if run.state.lives:
        output.say(stop(workspace, run) + "; Ctrl-C leaves it to that")
    try:
        return _follow(workspace, run, line)
    except KeyboardInterrupt:
        return INTERRUPTED


def _left_alone(run: Run, as_json: bool) -> int:
    if as_json:
        pid = run.process.pid if run.process else None
        output.json_data({"run": run.name, "state": run.state, "pid": pid, "folder": str(run.folder.path)})
    else:
        output.data(run.name)
    _say_how_to_go_on(run.name)
    return 0


def _say_how_to_go_on(name: str) -> None:
    output.say(
        f"the run goes on by itself: `aligntui runs tail {name} -f` follows it, "
        f"`aligntui runs stop {name}` stops it safely"
    )


def _told(run: Run, code: int, as_json: bool) -> int:
    if as_json:
        from aligntui.workbench.training.summary import run_record

        output.json_data(run_record(run))
    elif run.state is RunState.FINISHED:
        output.data(run.name)
    name = run.name
    if run.state is RunState.FINISHED:
        output.say(f"{name} has finished: {progress_text(run)}. `aligntui chat --adapter {name} --prompt ...` asks it.")
    elif run.state is RunState.STOPPED:
        output.say(f"{name} has stopped at step {run.story.step:,}; `aligntui runs resume {name}` goes on.")
    elif isinstance(run.story.end, wire.Failed) and run.state is RunState.FAILED:
        end = run.story.end
        output.complain(f"{name} failed at step {end.step:,}: {end.error}", end.hint)
        if run.story.checkpoints:
            output.say(f"Its checkpoints are whole, the last one is {name}@{run.story.checkpoints[-1].step}.")
    elif code != INTERRUPTED:
        output.complain(
            f"{name} is {run.state}: {run.note or 'its process is gone'}.", f"`aligntui runs resume {name}` goes on."
        )
    return code
