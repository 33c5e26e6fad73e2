"""Submitting a run: configuration, data and lineage are frozen into `adapters/NAME/run/`, whole or not at all.

Afterwards nothing that the user changes elsewhere changes the run. Everything is written below a hidden name first and
renamed at the end, so that a kill leaves no half of a run. Pinned in tests/workbench/test_training_submitting.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntui import __version__
from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, dump_config
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.files import write_text_atomic
from aligntui.core.ids import new_id, now_utc
from aligntui.data.adapter_folders import find_adapter
from aligntui.data.pair_layouts import json_line
from aligntui.jobs.folders import RunFolder, run_folder, write_json
from aligntui.jobs.starting import living_process
from aligntui.workbench.training.records import Item, Source, Split, numbered, split

FORMAT = 1
"""Of manifest and lineage."""
REPLACED = ".replaced"
"""Folder in `adapters/` where runs go that another of the same name took the place of."""


@dataclass(frozen=True)
class Submission:
    """A run that could be started; nothing of it is on disk yet."""

    name: str
    config: TrainingConfig
    source: Source
    split: Split
    warnings: tuple[str, ...] = ()
    accelerate: tuple[str, ...] | None = None
    """Words for `accelerate launch`; None for one process."""

    @property
    def counts(self) -> dict[str, Any]:
        """Records by what becomes of them."""
        return {
            "train": len(self.split.train),
            "held_out": len(self.split.held_out),
            "skipped": dict(self.split.skipped),
        }


def prepare(
    workspace: Workspace,
    name: str,
    config: TrainingConfig,
    source: Source,
    *,
    accelerate: Sequence[str] | None = None,
) -> Submission:
    """Put a run together without writing anything.

    Raises:
        UserError: the name cannot be one, no record is left to train on, or the parent adapter is not there.
    """
    run_folder(workspace, name)
    config = _with_parent(workspace, config)
    parted = split(source, config)
    if not parted.train:
        raise _nothing_to_train_on(config, source, parted)
    warnings = list(source.warnings)
    warnings += [f"{count} records {reason}: left out." for reason, count in parted.skipped.items()]
    words = None if accelerate is None else tuple(accelerate)
    return Submission(name, config, source, parted, tuple(warnings), words)


def check_name(workspace: Workspace, name: str, *, replace_it: bool = False) -> None:
    """Refuse a name that is taken.

    Args:
        workspace: where adapters lie.
        name: of the new adapter.
        replace_it: allow the name of a run that has ended without an adapter.

    Raises:
        UserError: the name cannot be one, an adapter has it, or a run that lives.
    """
    folder = run_folder(workspace, name)
    if not os.path.lexists(folder.adapter):
        return
    if (folder.adapter / "adapter_config.json").exists() or not folder.is_there:
        raise UserError(f"There is an adapter {name!r} already ({folder.adapter}).", "Choose another --name.")
    if living_process(folder) is not None:
        raise UserError(f"The run {name!r} is training now.", "Choose another --name, or stop it first.")
    if not replace_it:
        raise UserError(
            f"There is a run {name!r} already, which has made no adapter yet.",
            f"`aligntui runs resume {name}` goes on with it; --replace puts it aside and starts anew; or choose another "
            "--name.",
        )


def submit(workspace: Workspace, submission: Submission, *, replace_it: bool = False) -> RunFolder:
    """Freeze a run into its folder.

    Args:
        workspace: where the adapter will lie.
        submission: from `prepare`.
        replace_it: put an ended run of this name that made no adapter into `adapters/.replaced/`.

    Raises:
        UserError: the name is taken, or the folder may not be written.
        EnvironmentProblem: the disk is full or failed.
    """
    workspace.make()
    check_name(workspace, submission.name, replace_it=replace_it)
    draft = workspace.adapters / f".draft-{new_id('run')}"
    folder = run_folder(workspace, submission.name)
    try:
        freeze(submission, draft / "run")
        if folder.adapter.exists():
            aside = workspace.adapters / REPLACED
            aside.mkdir(exist_ok=True)
            folder.adapter.rename(aside / f"{submission.name}-{new_id('old')}")
        draft.rename(folder.adapter)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(
            f"The run {submission.name} could not be written to {workspace.adapters}: {reason}.",
            "Nothing was started. Free some space, or choose another workspace.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def freeze(submission: Submission, path: Path) -> None:
    """Write what a training process needs into a folder `run`.

    Raises:
        UserError: it may not be written there.
        EnvironmentProblem: the disk is full or failed.
        OSError: a folder cannot be made.
    """
    folder = RunFolder(submission.name, path)
    taken: set[str] = set()
    train = numbered(submission.split.train, taken)
    held_out = numbered(submission.split.held_out, taken)
    folder.train_data.parent.mkdir(parents=True, exist_ok=True)
    folder.requests.mkdir(exist_ok=True)
    files = {"train.jsonl": _write(folder.train_data, train)}
    if held_out:
        files["eval.jsonl"] = _write(folder.eval_data, held_out)
    write_json(folder.manifest, _manifest(submission, files))
    write_json(folder.lineage, _lineage(submission, [*train, *held_out]))
    if submission.accelerate is not None:
        write_json(folder.path / "start.json", {"accelerate": list(submission.accelerate)})
    # last: a folder with a configuration is a run
    write_text_atomic(folder.config, dump_config(submission.config))


def _write(path: Path, items: Sequence[tuple[str, Item]]) -> dict[str, Any]:
    digest = hashlib.sha256()

    def lines() -> Any:
        for id, item in items:
            line = json_line(item.record(id))
            digest.update(line.encode())
            yield line

    write_text_atomic(path, lines())
    return {"sha256": digest.hexdigest(), "records": len(items)}


def _manifest(submission: Submission, files: dict[str, Any]) -> dict[str, Any]:
    parted = submission.split
    return {
        "format": FORMAT,
        "source": submission.source.origin,
        "files": files,
        "counts": submission.counts,
        "own_validation_split": parted.own_split,
        "skipped": dict(parted.skipped),
        "warnings": list(submission.warnings),
        "sha256": files["train.jsonl"]["sha256"],
    }


def _lineage(submission: Submission, items: Sequence[tuple[str, Item]]) -> dict[str, Any]:
    origin, config = submission.source.origin, submission.config
    is_version = origin.get("kind") == "data set"
    return {
        "format": FORMAT,
        "tool_version": __version__,
        "created_at": now_utc(),
        "run": submission.name,
        "preset": config.preset or None,
        "base_model": config.base.model,
        "parent_adapter": _parent(config),
        "data_set": {key: origin.get(key) for key in ("name", "version", "content_sha256")} if is_version else None,
        "pairs": [item.pair_id for _, item in items if item.pair_id],
        "records": len(items),
    }


def _parent(config: TrainingConfig) -> dict[str, str] | None:
    if not config.adapter.parent:
        return None
    path = Path(config.adapter.parent)
    weights = path / "adapter_model.safetensors"
    with contextlib.suppress(OSError), weights.open("rb") as stream:
        return {"name": path.name, "path": str(path), "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    return {"name": path.name, "path": str(path), "sha256": ""}


def _with_parent(workspace: Workspace, config: TrainingConfig) -> TrainingConfig:
    """The parent by its folder, so that the run finds it wherever it is started."""
    if not config.adapter.parent:
        return config
    found = find_adapter(workspace, config.adapter.parent)
    return replace(config, adapter=replace(config.adapter, parent=str(found.path.absolute())))


def _nothing_to_train_on(config: TrainingConfig, source: Source, parted: Split) -> UserError:
    where = source.origin.get("source", "the data")
    reasons = ", ".join(f"{count} {reason}" for reason, count in parted.skipped.items())
    if not reasons:
        empty = "No pair was judged yet." if where == "pairs" else "It has no records."
        return UserError(
            f"There is nothing to train on in {where}: {empty}", "Name data with at least two records of their own."
        )
    hint = "Judge pairs, or name other data."
    if config.needs_rejected:
        hint = (
            f"{config.method} learns from pairs with a chosen and a rejected answer; --set method=sft takes examples."
        )
    return UserError(f"There is nothing to train on in {where}: {reasons}.", hint)
