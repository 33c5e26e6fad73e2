"""Lint of 100,000 preference pairs against 10,000, without the language rule.

    python benchmarks/pair_lint.py [--check] [--small N] [--large N] [--rounds N] [--profile]

Makes pairs of two answers of 150 words on average, the same ones on every run, with one defect in a hundred pairs, and
prints seconds, pairs a second, the ratio of the large set to the small one, the peak of resident memory with the pairs in
it, and how many of the planted defects each rule found. The ratio is of processor time, which other work on the machine
does not stretch; lint runs in one process. `--check` exits with 1 when a limit is not held.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import random
import resource
import statistics
import subprocess
import sys
import time
from bisect import bisect
from dataclasses import replace
from itertools import accumulate
from typing import Any

from aligntui.core.pair import Verdict
from aligntui.data.lint import RULES, LintOptions, LintRecord, Report, lint

RATIO_LIMIT = 12.0
SECONDS_LIMIT = 60.0
MEMORY_LIMIT_GB = 2.0
RECALL_LIMIT = 0.98
MEAN_WORDS = 150
TRAINING_LENGTH = 1024
DEFECTS_EVERY = 100
INSTRUCTIONS = [
    "concise",
    "warm",
    "formal",
    "playful",
    "critical",
    "cautious",
    "direct",
    "patient",
    "scholarly",
    "plain",
]
WITHOUT_LANGUAGES = tuple(name for name in RULES if name != "languages")


class Words:
    """Sentences over 30,000 made-up words with the frequencies of a natural language (Zipf)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        sounds = random.Random(0)
        heads, tails = (
            [*"bcdfghjklmnprstvw", "st", "tr", "pl", "gr"],
            [*"aeiou", "ai", "ea", "ou", "an", "er", "in", "on"],
        )
        made: dict[str, None] = {}
        while len(made) < 30_000:
            syllables = sounds.choice((1, 2, 2, 3))
            made["".join(sounds.choice(heads) + sounds.choice(tails) for _ in range(syllables))] = None
        self.words = list(made)
        self.weights = list(accumulate(1 / rank for rank in range(1, len(self.words) + 1)))

    def word(self) -> str:
        """One word."""
        return self.words[bisect(self.weights, self.random.random() * self.weights[-1])]

    def text(self, count: int) -> str:
        """Sentences of some 15 words, a new paragraph now and then."""
        made = self.random.choices(self.words, cum_weights=self.weights, k=count)
        for place in range(14, count, 15):
            made[place] += ".\n\n" if place % 60 == 59 else "."
        return " ".join(made).rstrip(".\n") + "."

    def around(self, mean: int) -> int:
        """A length, log-normal, whose mean is `mean`."""
        return max(3, round(mean * self.random.lognormvariate(-0.125, 0.5)))


def make_pairs(count: int) -> tuple[list[LintRecord], dict[str, list[str]], list[str]]:
    """Pairs, the ids with a planted defect by rule, and the prompts of an evaluation suite."""
    words = Words(count)
    suite = [words.text(words.around(40) + 20) for _ in range(541)]
    records: list[LintRecord] = []
    while len(records) < count:
        prompt = (("user", words.text(words.around(25))),)
        sides = [(("assistant", words.text(words.around(MEAN_WORDS))),) for _ in range(2)]
        first, second = words.random.sample(INSTRUCTIONS, 2)
        for name, chosen, rejected in ((first, *sides), (second, *reversed(sides))):
            records.append(
                LintRecord(
                    f"pair_{len(records)}",
                    prompt,
                    chosen,
                    rejected,
                    f"Answer in a {name} way.",
                    f"{name}/1",
                    annotator="bench",
                    chosen_finish="stop",
                    rejected_finish="stop",
                    prompt_tokens=60,
                    chosen_tokens=len(chosen[0][1]) // 4,
                    rejected_tokens=len(rejected[0][1]) // 4,
                )
            )
    del records[count:]
    planted: dict[str, list[str]] = {}
    plants = list(PLANTS.items())
    for turn, place in enumerate(range(0, count - 1, DEFECTS_EVERY)):
        rule, plant = plants[turn % len(plants)]
        other = place
        while other % DEFECTS_EVERY < 2:  # no pair with a defect of its own, nor the sound twin of one
            other = words.random.randrange(count)
        other = records[other]
        records[place] = plant(records[place], other, words, suite)
        planted.setdefault(rule, []).append(records[place].id)
    return records, planted, suite


def _near(text: str, words: Words) -> str:
    parts = text.split(" ")
    parts[len(parts) // 2] += words.word()
    return " ".join(parts)


PLANTS = {
    "role-order": lambda r, o, w, s: replace(r, prompt=(*r.prompt, ("assistant", "x"))),
    "empty-answers": lambda r, o, w, s: replace(r, rejected=(("assistant", " \n"),)),
    "truncated-answers": lambda r, o, w, s: replace(r, chosen_finish="length"),
    "identical-answers": lambda r, o, w, s: replace(r, rejected=r.chosen),
    "near-identical-answers": lambda r, o, w, s: replace(
        r, chosen=(("assistant", (t := w.text(150))),), rejected=(("assistant", _near(t, w)),)
    ),
    "identical-after-truncation": lambda r, o, w, s: replace(r, prompt_tokens=TRAINING_LENGTH),
    "duplicate-pairs": lambda r, o, w, s: replace(o, id=r.id),
    "duplicate-prompts": lambda r, o, w, s: replace(
        r, prompt=o.prompt, instruction=o.instruction, instruction_label=o.instruction_label
    ),
    "near-duplicate-prompts": lambda r, o, w, s: replace(
        r,
        prompt=(("user", f"Please {o.prompt[0][1]}"),),
        instruction=o.instruction,
        instruction_label=o.instruction_label,
    ),
    "contradictory-verdicts": lambda r, o, w, s: replace(o, id=r.id, verdict=Verdict.RIGHT).swapped(),
    "doctrine-terms": lambda r, o, w, s: replace(
        r, chosen=(("assistant", f"{r.chosen[0][1]} By the Four Laws, yes."),)
    ),
    "contamination": lambda r, o, w, s: replace(r, chosen=(("assistant", f"{r.chosen[0][1]}<|im_end|>"),)),
    "evaluation-overlap": lambda r, o, w, s: replace(r, prompt=(("user", f"Hello. {w.random.choice(s)}"),)),
}
"""How each defect is made from a pair, another pair, the words and the suite."""


def measure(count: int, rounds: int, profile: bool) -> dict[str, Any]:
    """Seconds of each round, peak memory and recall, in this process."""
    records, planted, suite = make_pairs(count)
    base_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    options = LintOptions.from_mapping(
        {"rules": list(WITHOUT_LANGUAGES), "truncation": {"training_length": TRAINING_LENGTH}}
    )
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    report: Report | None = None
    profiler = cProfile.Profile() if profile else None
    for _ in range(rounds):
        report = None
        start, start_cpu = time.perf_counter(), time.process_time()
        if profiler:
            profiler.enable()
        report = lint(iter(records), options, suites={"suite": suite})
        if profiler:
            profiler.disable()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - start_cpu)
    if profiler:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    assert report is not None
    named: dict[str, set[str]] = {}
    for finding in report.findings:
        named.setdefault(finding.rule, set()).update(finding.pair_ids)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "records_mb": base_mb,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "recall": {rule: (len(named.get(rule, set()) & set(ids)), len(ids)) for rule, ids in planted.items()},
        "findings": report.counts,
    }


def in_process(count: int, options: argparse.Namespace) -> dict[str, Any]:
    """`measure` in a process of its own, so that each has its own peak of memory."""
    command = [sys.executable, __file__, "--measure", str(count), "--rounds", str(options.rounds)]
    command += ["--profile"] if options.profile else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def main() -> int:
    """Measure both sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is not held")
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.rounds, options.profile)))
        return 0
    results = [in_process(count, options) for count in (options.small, options.large)]
    walls, works = ([statistics.median(r[key]) for r in results] for key in ("seconds", "cpu_seconds"))
    for count, result, wall, work in zip((options.small, options.large), results, walls, works, strict=True):
        print(
            f"{count:>8,} pairs: {wall:6.2f} s ({min(result['seconds']):.2f} to {max(result['seconds']):.2f}), "
            f"{work:.2f} s of processor, {count / wall:,.0f} pairs/s, "
            f"peak {result['peak_mb']:,.0f} MB, {result['records_mb']:,.0f} MB of it before lint"
        )
    ratio = works[1] / works[0]
    print(
        f"   ratio: {ratio:.2f} x the processor time for {options.large / options.small:g} x the pairs "
        f"(limit {RATIO_LIMIT:g}); {walls[1] / walls[0]:.2f} x by the clock"
    )
    print(f"\n{'rule':28}{'planted':>9}{'found':>9}{'findings':>10}   in the large set")
    lowest = 1.0
    for rule, (found, planted) in results[1]["recall"].items():
        lowest = min(lowest, found / planted)
        print(f"{rule:28}{planted:>9,}{found:>9,}{results[1]['findings'][rule]:>10,}")
    held = (
        ratio <= RATIO_LIMIT
        and walls[1] <= SECONDS_LIMIT
        and results[1]["peak_mb"] <= MEMORY_LIMIT_GB * 1024
        and lowest >= RECALL_LIMIT
    )
    print(f"\nlimits {'held' if held else 'NOT held'}")
    return int(options.check and not held)


if __name__ == "__main__":
    sys.exit(main())
