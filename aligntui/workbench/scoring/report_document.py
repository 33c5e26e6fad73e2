"""The report on scores: what was asked, rates with intervals, comparisons, and the answers on which columns differ."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from aligntui.core.printable import one_line
from aligntui.score.battery.delivery import Delivery
from aligntui.score.reporting.document import Document, Figure, Section, Table, count
from aligntui.score.suites.table import CATEGORY, OVERALL
from aligntui.workbench.scoring.drill import DrillFilter, drill_rows, failures
from aligntui.workbench.scoring.plan import ScorePlan
from aligntui.workbench.scoring.report_tables import (
    category_parts,
    coverage_parts,
    delivery_parts,
    explained_parts,
    overall_parts,
    result_lines,
    seed_parts,
    side_effect_parts,
    tier_parts,
)
from aligntui.workbench.scoring.scored import Scored
from aligntui.workbench.scoring.suites import OWN

SHOWN = 10
"""Flips and failures in the report; the CSV has all."""
CHARS = 400
"""Of an answer in the report; the CSV has all of it."""
RATES, CATEGORIES = "rates", "categories"
"""Files of the figures."""
READING = (
    "Every rate has a 95% interval that counts whole prompts: Wilson's where a prompt has one verdict, else Wilson's at the "
    "number of independent verdicts. Two columns are compared on the prompts that both answered: McNemar's exact test where a "
    "prompt has one verdict, else random signs over whole prompts. “Better” and “worse” are said where the interval of the "
    "difference leaves out zero, and for categories also after Holm's correction; “null” means that no difference was shown, "
    "not that there is none: the smallest difference that could have been found (level 0.05, power 0.8) stands beside it. These "
    "checks have no chance level: guessing has no meaning here."
)


def report_document(
    scored: Scored, *, figures: bool = False, whole: bool = False, brief: bool = False, narrow: bool = False
) -> Document:
    """The report.

    Args:
        scored: what was scored.
        figures: whether the figures' files lie beside it.
        whole: whether tables of answers have all rows and whole texts, for CSV.
        brief: without the answers.
        narrow: with short names, for a terminal.
    """
    table, suite = scored.table, scored.suite
    has_categories = bool(table.group(CATEGORY))
    sections = [
        Section("Result", (*result_lines(scored), *(f"Note: {note}" for note in scored.notes))),
        Section("Coverage", tuple(coverage_parts(scored))),
        Section(
            "Scores",
            (
                *overall_parts(table),
                *([Figure(RATES, _alt(scored, False))] if figures and table.group(OVERALL) else []),
            ),
        ),
        Section("Tiers", tuple(tier_parts(table))),
        Section(
            f"By {suite.category_noun}",
            (
                *category_parts(table, suite.category_noun, narrow=narrow),
                *([Figure(CATEGORIES, _alt(scored, True))] if figures and has_categories else []),
            ),
        ),
        Section("With and without the instruction", tuple(delivery_parts(scored))),
        Section("Side effects", tuple(side_effect_parts(table))),
        Section("Seeds", tuple(seed_parts(table))),
        Section("Failures that speak of the doctrine", tuple(explained_parts(scored))),
        Section("What was asked", tuple(_asked(scored))),
    ]
    if not brief:
        sections += [
            Section("Flips", tuple(flip_parts(scored, whole))),
            Section("Failures", tuple(_failed(scored, whole))),
        ]
    sections.append(Section("How to read this", (READING,)))
    return Document(scored.title, tuple(one for one in sections if one.parts), commands=tuple(_commands(scored)))


def _alt(scored: Scored, categories: bool) -> str:
    names = ", ".join(scored.table.columns)
    return f"Rates of {names} {'by category ' if categories else ''}with 95% intervals"


def _asked(scored: Scored) -> Iterator[str | Table]:
    suite, plan, run = scored.suite, scored.plan, scored.run
    yield (
        f"{suite.title} from {suite.source}: {len(suite.items):,} of {suite.total:,} items, "
        f"fingerprint {suite.fingerprint[:12]}."
    )
    if plan is None or run is None:
        for column in scored.columns:
            yield f"{column.name}: recorded answers of {column.about.get('file', 'a file')}."
        return
    sampling = plan.asking.sampling
    yield (
        f"Run {run.id}, begun {run.created_at[:16].replace('T', ' ')} UTC: {run.done:,} of {run.cells:,} answers, "
        f"{run.cached:,} of them from the cache. Temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, at most "
        f"{sampling.max_new_tokens:,} new tokens, {'seeds' if len(plan.seeds) > 1 else 'seed'} "
        f"{', '.join(map(str, plan.seeds))}. Every side was asked alike."
    )
    if any(one is not Delivery.NONE for one in plan.deliveries):
        ways = ", ".join(f"{one.label} ({one})" for one in plan.deliveries)
        yield f"Delivered as {ways}: {one_line(plan.instruction.text, 200)}"
        if any(one in (Delivery.INJECTION, Delivery.BOTH) for one in plan.deliveries):
            yield _injected(plan)
    if plan.turn > 1:
        yield f"Asked as the user's turn {plan.turn}, after {plan.turn - 1} plain exchanges that were the same for all."
    yield Table(
        "sides",
        ("side", "weights", "SHA-256", "trained with mode"),
        tuple(
            (
                side.name,
                side.place(plan.base.model),
                (side.adapter_sha256 or plan.base.weights_sha256)[:16],
                plan.trained.get(side.name, "-"),
            )
            for side in plan.sides
        ),
    )
    yield Table(
        "finishes",
        ("column", "ended by", "answers"),
        tuple(
            (column.name, finish, count(number))
            for column in scored.columns
            for finish, number in column.about.get("finishes", {}).items()
        ),
        "stop: the model ended it; length: it was cut at the limit of new tokens.",
    )


def _injected(plan: ScorePlan) -> str:
    every, since = plan.asking.injection_every, (plan.turn - 1) % plan.asking.injection_every
    where = (
        "the question's own turn carries it" if not since else f"the last one stood {since} turns before the question"
    )
    return f"Injected every {every} turns from the first on; {where}."


def flip_parts(scored: Scored, whole: bool) -> Iterator[str | Table]:
    """For every pair of columns what was lost and gained, with both answers."""
    for place, (first, second) in enumerate(scored.table.pairs):
        names = scored.table.columns[first], scored.table.columns[second]
        rows = drill_rows(scored, *names, DrillFilter(flips=True))
        lost = sum(row.flip == "lost" for row in rows)
        yield f"{names[1]} against {names[0]}: {lost:,} lost, {len(rows) - lost:,} gained."
        shown = rows if whole else rows[:SHOWN]
        if not shown:
            continue
        told = [(row, failures(scored, row, *names)) for row in shown]
        yield Table(
            "flips" if not place else f"flips-{place + 1}",
            ("item", "flip", "prompt", f"answer of {names[0]}", f"answer of {names[1]}", "what failed"),
            tuple(
                (
                    row.item,
                    row.flip,
                    _cut(row.prompt, whole),
                    *(_cut(answer or "(no answer)", whole) for answer in row.answers),
                    "\n".join(
                        f"{name}: {one.category}: {one.reason}"
                        for name, found in zip(names, why, strict=True)
                        for one in found
                    ),
                )
                for row, why in told
            ),
            "" if whole or len(rows) <= SHOWN else f"The first {SHOWN}; flips.csv has all.",
            prose=True,
        )


def _failed(scored: Scored, whole: bool) -> Iterator[str | Table]:
    for number, column in enumerate(scored.columns, 1):
        if not scored.suite.categories:
            return
        rows = drill_rows(scored, column.name, wanted=DrillFilter(failed=True))
        yield f"{column.name}: {len(rows):,} failed."
        shown = rows if whole else rows[:SHOWN]
        if shown:
            yield Table(
                "failures" if number == 1 else f"failures-{number}",
                ("item", "failed", "why", "answer"),
                tuple(
                    (
                        row.item,
                        ", ".join(one.category for one in why),
                        "; ".join(one.reason for one in why),
                        _cut(row.answers[0] or "", whole),
                    )
                    for row, why in ((row, failures(scored, row, column.name)[0]) for row in shown)
                ),
                "" if whole or len(rows) <= SHOWN else f"The first {SHOWN}; the CSV has all.",
                prose=True,
            )


def _cut(text: str, whole: bool) -> str:
    return text if whole else one_line(text, CHARS)


def _commands(scored: Scored) -> Iterator[str]:
    if scored.plan is None or scored.run is None:
        files = [str(column.about["file"]) for column in scored.columns if "file" in column.about]
        if len(files) == len(scored.columns):
            words = [word for file in files for word in ("--responses", file)]
            yield f"aligntui score {scored.suite.name} {shlex.join([*_source(scored), *words])}"
        return
    yield f"aligntui score {scored.suite.name} {shlex.join([*_source(scored), *_flags(scored.plan)])}"
    yield f"aligntui score report {scored.run.id}"


def _source(scored: Scored) -> Iterator[str]:
    suite = scored.suite
    if suite.source not in OWN:
        yield from ("--battery" if suite.name == "battery" else "--prompts", suite.source)
    if len(suite.items) < suite.total:
        yield from ("--limit", str(len(suite.items)))


def _flags(plan: ScorePlan) -> Iterator[str]:
    sampling, base = plan.asking.sampling, plan.base
    yield from ("--model", base.model, "--dtype", base.dtype)
    if base.quantisation:
        yield from ("--quantisation", base.quantisation)
    adapters = [side for side in plan.sides if side.adapter is not None]
    for side in adapters:
        yield from ("--adapter", side.adapter.name if side.adapter else "")
    if not adapters:
        yield from ("--adapter", "")
    if adapters and adapters[0].strength != 1:
        yield from ("--strength", f"{adapters[0].strength:g}")
    if not plan.suite.for_base and len(adapters) < len(plan.sides):
        yield "--base"
    yield from ("--delivery", ",".join(map(str, plan.deliveries)))
    if any(one in (Delivery.INJECTION, Delivery.BOTH) for one in plan.deliveries):
        yield from ("--injection-every", str(plan.asking.injection_every))
    if plan.turn > 1:
        yield from ("--turn", str(plan.turn))
    if plan.instruction.text != plan.suite.rules and plan.instruction.text.strip():
        yield from (
            ("--instruction-type", plan.instruction.label)
            if plan.instruction.type
            else ("--instruction", plan.instruction.text)
        )
    yield from ("--temperature", f"{sampling.temperature:g}", "--top-p", f"{sampling.top_p:g}")
    yield from ("--max-new-tokens", str(sampling.max_new_tokens), "--seed", str(sampling.seed))
    if len(plan.seeds) > 1:
        yield from ("--seeds", str(len(plan.seeds)))
