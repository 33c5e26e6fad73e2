"""`python -m aligntui.backend.train.run FOLDER [--resume | --preview] [--processes N]`.

FOLDER is `adapters/NAME/run/` with `config.yaml` and `data/train.jsonl`. Exit codes: 0 done or stopped as asked, 1 a bug of
ours, 2 the user can fix it, 3 the environment lacks something. With --preview it prints the first batch as JSON lines and
trains nothing. Several processes: `accelerate launch --multi_gpu -m aligntui.backend.train.run FOLDER`, or torchrun.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aligntui.backend.stdio import settle_environment

if TYPE_CHECKING:
    from aligntui.backend.train.run.event_log import EventLog
    from aligntui.backend.train.run.folder import RunFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m aligntui.backend.train.run", description="Train one run folder.")
    parser.add_argument("folder", type=Path, help="adapters/NAME/run")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    parser.add_argument(
        "--processes", type=int, default=0, metavar="N", help="train with so many processes or not at all"
    )
    parser.add_argument("--preview", action="store_true", help="print the first batch as fed, and train nothing")
    options = parser.parse_args(arguments)
    settle_environment()  # before torch is imported
    from aligntui.core.errors import AligntuiError

    try:
        from aligntui.backend.train.run.folder import RunFolder

        folder = RunFolder(options.folder)
        if options.preview:
            return _preview(folder)
        return _train(folder, resume=options.resume, processes=options.processes)
    except AligntuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _preview(folder: RunFolder) -> int:
    from aligntui.backend.train.run.preview import preview

    for line in preview(folder):
        sys.stdout.write(line + "\n")
    return 0


def _train(folder: RunFolder, *, resume: bool, processes: int) -> int:
    from aligntui.backend.train.run.event_log import EventLog

    first = int(os.environ.get("RANK", "0")) == 0
    with folder.held() if first else contextlib.nullcontext():
        log = EventLog(folder.events if first else None)
        try:
            return _watched(folder, log, resume=resume, first=first, processes=processes)
        finally:
            log.close()


def _watched(folder: RunFolder, log: EventLog, *, resume: bool, first: bool, processes: int) -> int:
    """Train, and leave the reason in the events however it ends."""
    from aligntui.backend.train.run.hooks import StopSignals
    from aligntui.backend.train.run.processes import check_processes
    from aligntui.backend.train.run.running import Run, check_fresh

    signals = StopSignals()
    signals.install()
    check_fresh(folder, resume=resume)
    run = None
    try:
        if first:
            folder.write_process()
            folder.take_requests()  # asked of an earlier life
        check_processes(processes)
        run = Run(folder, log, signals, resume=resume)
        if first:
            run.checkpoints.sweep()
        run.go()
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it is, the run's story must say how it ended
        return _fail(error, folder, log, run.step if run else 0)


def _fail(error: Exception, folder: RunFolder, log: EventLog, step: int) -> int:
    from aligntui.backend.train.run.failures import explain
    from aligntui.backend.train.run.trainer import NonFinite
    from aligntui.wire.run_events import Failed

    known = explain(error)
    where = None
    if isinstance(error, NonFinite):
        step = error.step
        where = folder.relative(error.where) if error.where else None
    if known is None:
        traceback.print_exc()
        body = Failed(
            f"A bug of aligntui: {type(error).__name__}: {error}"[:2000],
            "The end of console.log has the details; earlier checkpoints are whole.",
            step,
        )
    else:
        sys.stderr.write(f"{known}\n")
        body = Failed(known.message, known.hint, step, where, known.exit_code)
    with contextlib.suppress(OSError):  # a full disk may refuse even this line
        log.add(body)
    return body.exit_code


if __name__ == "__main__":
    sys.exit(main())
