"""Where a run stands, told from its events and from whether its process lives; nothing is written down as "running".

Pinned in tests/jobs/test_state.py.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError
from aligntui.jobs.event_log import EventLog
from aligntui.jobs.folders import RunFolder, list_run_folders, read_json
from aligntui.jobs.liveness import ProcessRecord
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import living_process, process_elsewhere
from aligntui.jobs.story import Story
from aligntui.wire.run_events import Event, Failed, Finished, Stamped, Stopped, Stopping


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    """Ended as asked, and never started, too: it can be resumed."""
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process is gone and said nothing of its end: killed, or the machine went down. It can be resumed."""

    @property
    def lives(self) -> bool:
        """Whether a process is at it."""
        return self in (RunState.STARTING, RunState.RUNNING, RunState.STOPPING)

    @property
    def can_resume(self) -> bool:
        """Whether it can be started again where it ended."""
        return self in (RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED)


_ENDS: dict[type[Event] | None, RunState] = {
    Stopped: RunState.STOPPED,
    Finished: RunState.FINISHED,
    Failed: RunState.FAILED,
}


@dataclass
class Run:
    """One run as a viewer sees it; `refresh` keeps up with it."""

    folder: RunFolder
    story: Story = field(default_factory=Story)
    state: RunState = RunState.STOPPED
    process: ProcessRecord | None = None
    """The process that is at it."""
    note: str = ""
    """What the state does not say: why it could not be started, or that it runs on another machine."""
    asked_to_stop: bool = False

    def __post_init__(self) -> None:
        self._log = EventLog(self.folder.events)

    @property
    def name(self) -> str:
        """Of the adapter that it trains."""
        return self.folder.name

    @property
    def seconds(self) -> float | None:
        """How long it has been at it, up to its end, over all lives; None before its first event."""
        if self.story.began is None:
            return None
        until = time.time() if self.state.lives else self.story.last_event
        return max(0.0, (until or self.story.began) - self.story.began)

    def refresh(self, queued: Collection[str] = ()) -> list[Stamped]:
        """Read on and tell anew where it stands.

        Args:
            queued: names of the runs that wait in the queue.

        Returns:
            The events that were new.

        Raises:
            EnvironmentProblem: its events cannot be read.
        """
        # the process is looked at before the events: whoever ends between the two has then written its last event
        self.process = living_process(self.folder)
        events = self._log.new()
        self.story.add_all(events)
        self.asked_to_stop = (self.folder.requests / "stop").exists()
        self.state, self.note = self._derived(self.name in queued)
        return events

    def _derived(self, queued: bool) -> tuple[RunState, str]:
        phase, launch = self.story.phase, read_json(self.folder.launch)
        problem = str(launch.get("problem") or "")
        elsewhere = process_elsewhere(self.folder)
        if self.process is not None:
            return self._living(phase, launch), ""
        if queued:
            return RunState.QUEUED, ""
        if elsewhere is not None and phase is not None and phase not in _ENDS:
            state = RunState.STOPPING if phase is Stopping else RunState.RUNNING
            return state, f"on {elsewhere.host}; whether its process lives cannot be told from here"
        if problem and float(launch.get("at") or 0) >= (self.story.last_event or 0):
            hint = str(launch.get("hint") or "")
            return RunState.FAILED, f"could not be started: {problem} {hint}".strip()
        if launch and float(launch.get("at") or 0) > (self.story.last_event or 0):
            return RunState.INTERRUPTED, f"its process ended before its first event; see {self.folder.console_log}"
        if phase in _ENDS:
            return _ENDS[phase], ""
        if phase is not None:
            return RunState.INTERRUPTED, "its process is gone and left no word of its end"
        return RunState.STOPPED, "not started yet"

    def _living(self, phase: type[Event] | None, launch: dict[str, Any]) -> RunState:
        said_by_this_process = phase is not None and (self.story.last_event or 0) >= float(launch.get("at") or 0)
        if not said_by_this_process:
            return RunState.STOPPING if self.asked_to_stop else RunState.STARTING
        if phase in _ENDS:  # it has said its last word and is about to leave
            return _ENDS[phase]
        return RunState.STOPPING if phase is Stopping or self.asked_to_stop else RunState.RUNNING


def look(folder: RunFolder, queued: Collection[str] = ()) -> Run:
    """A run as it stands now.

    Raises:
        EnvironmentProblem: its events cannot be read.
    """
    run = Run(folder)
    run.refresh(queued)
    return run


def waiting_names(workspace: Workspace) -> set[str]:
    """Runs that wait in the queue, or whose turn has come and that have not been started; none where it is damaged."""
    try:
        return {entry.name for entry in Queue(workspace).entries()}
    except AligntuiError:
        return set()


def list_runs(workspace: Workspace) -> list[Run]:
    """Every run of the workspace, the last active one first.

    Raises:
        EnvironmentProblem: events cannot be read.
    """
    queued = waiting_names(workspace)
    runs = [look(folder, queued) for folder in list_run_folders(workspace)]
    return sorted(runs, key=lambda run: (-(run.story.last_event or run.folder.config.stat().st_mtime), run.name))
