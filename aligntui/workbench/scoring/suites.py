"""Suites by name: their prompts from a file, from the hub, or as they come with aligntui."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntui.config.paths import bundled
from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.data.pair_import.records import BadRecord
from aligntui.data.pair_import.source import open_source
from aligntui.score.battery.battery import Battery
from aligntui.score.battery.reading import read_battery
from aligntui.score.ifeval.json_lines import read_objects
from aligntui.score.suites.battery_suite import battery_suite
from aligntui.score.suites.general_suite import GENERAL, general_suite
from aligntui.score.suites.ifeval_suite import ifeval_suite
from aligntui.score.suites.reading import SUITES
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.track_a_suite import track_a_suite
from aligntui.score.track_a.loading import load_prompts

HUB = "google/IFEval"
"""Where IFEval's prompts lie, which do not come with aligntui."""
OWN_BATTERY = "datasets/four-laws/battery.jsonl"
OWN_QUESTIONS = "datasets/four-laws/general.jsonl"
OWN_TRACK_A = "datasets/track-a/prompts.jsonl"
OWN = (HUB, OWN_BATTERY, OWN_QUESTIONS, OWN_TRACK_A)
"""Sources that need not be named."""


@dataclass(frozen=True)
class LoadedSuite:
    """A suite as it is asked, and the whole of it."""

    suite: Suite
    whole: Suite


def load_suite(name: str, prompts: str = "", battery: str = "", limit: int | None = None) -> LoadedSuite:
    """Read a suite.

    Args:
        name: one of `SUITES`.
        prompts: file of the prompts, or a data set of the hub; empty for those that belong to the suite.
        battery: file of the battery whose questions are asked, or whose doctrine is looked for; empty for the bundled one.
        limit: only so many, from the beginning.

    Raises:
        UserError: there is no such suite, or its file cannot be used; names file, line and reason.
        EnvironmentProblem: the hub cannot be reached.
    """
    if name not in SUITES:
        raise UserError(f"There is no suite {name!r}.", nearest(name, list(SUITES)))
    whole = _whole(name, prompts, battery)
    return LoadedSuite(whole.limited(limit), whole)


def _whole(name: str, prompts: str, battery: str) -> Suite:
    if name in GENERAL:
        path = Path(prompts) if prompts else bundled(*OWN_QUESTIONS.split("/"))
        terms = [term.written for term in _battery(battery).doctrine] if name == "bleed" else ()
        return general_suite(name, read_objects(path), prompts or OWN_QUESTIONS, terms)
    if name == "battery":
        if prompts and battery:
            raise UserError("--prompts and --battery both name the battery.", "Give one of the two.")
        return battery_suite(_battery(battery or prompts))
    if name == "tracka":
        path = Path(prompts) if prompts else None
        return track_a_suite(load_prompts(path), prompts or OWN_TRACK_A)
    source = prompts or HUB
    return ifeval_suite(_rows(source), source)


def _battery(path: str) -> Battery:
    if path:
        return read_battery(Path(path))
    return replace(read_battery(bundled(*OWN_BATTERY.split("/"))), source=OWN_BATTERY)


def _rows(source: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of a file, or of a data set on the hub."""
    path = Path(source)
    if path.suffix in (".jsonl", ".json") and path.is_file():
        yield from read_objects(path)
        return
    try:
        found = open_source(source, split=None)
    except EnvironmentProblem as error:
        raise EnvironmentProblem(
            error.message,
            f"{error.hint} The prompts may also come from a file in the hub's shape: --prompts FILE.".lstrip(),
        ) from error
    for row in found.rows():
        if isinstance(row, BadRecord):
            raise UserError(f"{row}.", "Every line has to be a prompt in the shape of google/IFEval.")
        yield str(row.place), row.values
