"""Degenerate repetition: answers that go round in a loop instead of ending.

An answer is degenerate when at least one of three signs is there. They look at words: runs of letters and digits whatever
their case, single characters in scripts without spaces. Punctuation is none, so that rules and borders of tables do not count.

1. *loop*: the answer ends in a block of words that comes at least `LOOP_REPEATS` times (`LONG_REPEATS` where the block has
   `LOOP_WORDS` words or more) and covers at least `LOOP_WORDS` words in all, `LOOP_NUMBERS` where it has no letter: rows of
   zeros are honest. The last round may be cut off, as a limit on the length does it. Or the last `LOOP_CHARS` characters,
   white space apart, are a block of at most `SHORT_BLOCK` of them over and over.
2. *lines*: one line of `LINE_WORDS` words or more, apart from its number or bullet, stands `LINE_RUN` times in a row, or
   at least `LINE_TIMES` times and makes up at least `LINE_SHARE` of all lines that are not blank.
3. *compression*: the words deflate to less than 1 / `COMPRESSION` of their size, where they have `COMPRESSION_BYTES` or more.

The thresholds lie where refrains, lists, tables, code and cumulative songs do not reach, and where loops soon do:
tests/score/test_answers_repetition.py has both.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import regex

from aligntui.score.battery.terms import UNSPACED
from aligntui.score.intervals import rate_of
from aligntui.score.paired import PairedRates, compare_rates
from aligntui.score.results import LEVEL, Coverage, Rate, Result, coverage

LOOP_REPEATS = 4
LONG_REPEATS = 3
LOOP_WORDS = 24
LOOP_NUMBERS = 120
LOOP_CHARS = 200
SHORT_BLOCK = 8
LONGEST_BLOCK = 150
"""Words of the longest block that is looked for."""
LINE_WORDS = 3
LINE_RUN = 4
LINE_TIMES = 5
LINE_SHARE = 1 / 3
COMPRESSION = 8.0
COMPRESSION_BYTES = 400
_MOST_WORDS = 4000
"""Words at the end of an answer in which a loop is looked for."""

_WORD = regex.compile(f"[{UNSPACED}]|[^\\W_{UNSPACED}]+")
_LETTER = regex.compile(r"\p{L}")
_LIST_MARK = regex.compile(r"^\s*(?:[-*+•>#|]+|\(?(?:\d{1,4}|\p{L})[.):])\s*")


class Sign(StrEnum):
    """Why an answer counts as degenerate."""

    LOOP = "loop"
    LINES = "lines"
    COMPRESSION = "compression"


@dataclass(frozen=True)
class Repetition(Result):
    """What one answer repeats."""

    signs: tuple[Sign, ...]
    """Empty where the answer is sound."""
    loop: str
    """The block that the answer ends in, folded to words; empty without a loop."""
    loop_repeats: float
    """How often it comes, the cut-off last round as a fraction; 0 without a loop."""
    line: str
    """The line that comes again and again; empty without one."""
    line_times: int
    compression: float
    """Size over deflated size; 0 for an answer too short to say."""

    @property
    def is_degenerate(self) -> bool:
        """Whether there is at least one sign."""
        return bool(self.signs)


@dataclass(frozen=True)
class RepetitionSummary(Result):
    """How many answers are degenerate, and by which sign. There is no chance level."""

    share: Rate
    signs: tuple[tuple[Sign, int], ...]
    """Answers with each sign; one answer may have several."""
    degenerate: tuple[str, ...]
    """Ids."""
    coverage: Coverage


def repetition(text: str) -> Repetition:
    """Look for degenerate repetition in one answer. An empty answer has none. Time grows with the length of the text alone.

    Source: the definition above is aligntui's. The compression sign follows Whisper's (Radford et al. 2022,
        arXiv:2212.04356, section 4.5), whose threshold of 2.4 is for speech and would take lists and tables here.
    """
    words = _WORD.findall(text.lower())
    block, repeats = _loop(words[-_MOST_WORDS:])
    if not block:
        block, repeats = _character_loop(text)
    line, times, by_lines = _line(text)
    ratio = _compression(words)
    signs = [
        sign
        for sign, there in (
            (Sign.LOOP, bool(block)),
            (Sign.LINES, by_lines),
            (Sign.COMPRESSION, ratio > COMPRESSION),
        )
        if there
    ]
    return Repetition(
        tuple(signs), " ".join(block), repeats, line if by_lines else "", times if by_lines else 0, round(ratio, 3)
    )


def summarise(answers: Mapping[str, str | None], level: float = LEVEL) -> RepetitionSummary:
    """The share of degenerate answers, by id; None is "no answer" and left out."""
    found = {id: repetition(text) for id, text in answers.items() if text is not None}
    counts = Counter(sign for one in found.values() for sign in one.signs)
    degenerate = tuple(id for id, one in found.items() if one.is_degenerate)
    return RepetitionSummary(
        share=rate_of(len(degenerate), len(found), None, level),
        signs=tuple((sign, counts[sign]) for sign in Sign),
        degenerate=degenerate,
        coverage=coverage(len(found), {"no answer": len(answers) - len(found)}),
    )


def compare_repetition(
    base: Mapping[str, str | None], adapter: Mapping[str, str | None], level: float = LEVEL
) -> PairedRates:
    """Compare two runs by id. The difference is adapter minus base; less is better."""
    ids = list(dict.fromkeys([*base, *adapter]))
    return compare_rates(
        [_degenerate(base.get(id)) for id in ids], [_degenerate(adapter.get(id)) for id in ids], level=level
    )


def _degenerate(text: str | None) -> bool | None:
    return None if text is None else repetition(text).is_degenerate


def _loop(words: Sequence[str]) -> tuple[list[str], float]:
    """The shortest block that the words end in often enough, and how often it comes."""
    for size in range(1, min(LONGEST_BLOCK, len(words) // LONG_REPEATS) + 1):
        covered = size
        while covered < len(words) and words[-covered - 1] == words[-covered - 1 + size]:
            covered += 1
        block = list(words[-covered:][:size])
        needed = LOOP_WORDS if any(map(_LETTER.search, block)) else LOOP_NUMBERS
        repeats = LOOP_REPEATS if size < LOOP_WORDS else LONG_REPEATS
        if covered >= max(needed, repeats * size):
            return block, covered / size
    return [], 0.0


def _character_loop(text: str) -> tuple[list[str], float]:
    """What words cannot show: dots, symbols, syllables without end."""
    tail = "".join(text.split())[-LOOP_CHARS:]
    for size in range(1, SHORT_BLOCK + 1):
        if len(tail) == LOOP_CHARS and tail[size:] == tail[:-size]:
            return [tail[-size:]], LOOP_CHARS / size
    return [], 0.0


def _line(text: str) -> tuple[str, int, bool]:
    """The line of several words that comes most often, how often, and whether that is too often."""
    lines = [" ".join(_LIST_MARK.sub("", line.lower()).split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    counts = Counter(line for line in lines if _LETTER.search(line) and len(_WORD.findall(line)) >= LINE_WORDS)
    if not counts:
        return "", 0, False
    line, times = counts.most_common(1)[0]
    longest_run, longest_line, run, previous = 0, "", 0, ""
    for one in lines:
        run = run + 1 if one == previous else 1
        previous = one
        if one in counts and run > longest_run:
            longest_run, longest_line = run, one
    if longest_run >= LINE_RUN:
        return longest_line, counts[longest_line], True
    return line, times, times >= LINE_TIMES and times >= LINE_SHARE * len(lines)


def _compression(words: Sequence[str]) -> float:
    data = " ".join(words).encode("utf-8", "replace")
    return len(data) / len(zlib.compress(data, 9)) if len(data) >= COMPRESSION_BYTES else 0.0
