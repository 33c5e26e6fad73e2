"""Which language langdetect takes a text for, the same answer every time, in a fraction of its time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Chances = NDArray[np.float64]

SEED = 0
"""langdetect draws random numbers; the reference's verdicts are made with its seed set to 0."""

UNKNOWN = "unknown"
"""What langdetect answers where no language reaches its threshold."""

_TRIALS = 7
_BETWEEN_CHECKS = 5
_LONGEST = 10_000
_SPACES = re.compile(" {2,}")
_LATIN = re.compile("[A-z]+")
_NOT_LATIN = re.compile("[\u0300-\u1dff\u1f00-\U0010ffff]+")


def detect(text: str) -> str | None:
    """Code of the most likely language of a text.

    The profiles, draws and floating-point operations are langdetect's, in its order, so that the answer is the one
    that `langdetect.detect` gives with its seed at `SEED`. Only the cost is less: langdetect tabulates every n-gram of
    every profile before the first answer, normalises each character anew, and runs over the languages one by one.

    Returns:
        A code; `UNKNOWN`; None where langdetect raises because no n-gram of the text is in any profile.

    Source: langdetect 1.0.9, `detector.py`; Nakatani 2010. Pinned against it in tests/score/test_ifeval_languages.py.
    """
    from langdetect.detector import Detector  # function-level: only needed where a language is asked for

    profiles = _profiles()
    found = _ngrams(_prepared(text), profiles)
    if not found:
        return None
    random = Random(SEED)
    total = [0.0] * len(profiles.languages)
    for _ in range(_TRIALS):
        weight = (Detector.ALPHA_DEFAULT + random.gauss(0.0, 1.0) * Detector.ALPHA_WIDTH) / Detector.BASE_FREQ
        total = [one + chance / _TRIALS for one, chance in zip(total, _trial(found, weight, random), strict=True)]
    best = max(total)
    return profiles.languages[total.index(best)] if best > Detector.PROB_THRESHOLD else UNKNOWN


def _trial(found: list[Chances], weight: float, random: Random) -> list[float]:
    """Chances of the languages after drawing n-grams until one of them is nearly certain."""
    import numpy as np  # function-level: numpy would slow the console's start
    from langdetect.detector import Detector

    draw, certain, most = random.choice, Detector.CONV_THRESHOLD, Detector.ITERATION_LIMIT
    chances = np.full(len(found[0]), 1.0 / len(found[0]))
    step = 0
    while True:
        chances *= draw(found) + weight
        if step % _BETWEEN_CHECKS == 0:
            # Python's sum, not numpy's: the two add in different orders and round differently
            chances /= sum(chances.tolist())
            values = chances.tolist()
            if step >= most or max(values) > certain:
                return values
        step += 1


def _prepared(text: str) -> str:
    """The part of a text that is looked at: no addresses, at most 10,000 characters, no Latin among other scripts."""
    from langdetect.detector import Detector  # function-level: only needed where a language is asked for
    from langdetect.utils.ngram import NGram

    text = Detector.MAIL_RE.sub(" ", Detector.URL_RE.sub(" ", text))
    text = _SPACES.sub(" ", NGram.normalize_vi(text)[:_LONGEST])
    latin, other = (sum(map(len, kind.findall(text))) for kind in (_LATIN, _NOT_LATIN))
    return _LATIN.sub("", text) if latin * 2 < other else text


def _ngrams(text: str, profiles: _Profiles) -> list[Chances]:
    """Chances of every known run of one to three characters, in the order of the text; words in capitals are left out."""
    found: list[Chances | None] = []
    add, chances_of = found.append, profiles.chances.__getitem__
    run, capitals = " ", False
    for char in map(_normal().__getitem__, text):
        before = run[-1]
        if before == " ":
            run, capitals = " ", False
            if char == " ":
                continue
        elif len(run) == 3:
            run = run[1:]
        run += char
        if not char.isupper():
            capitals = False
        elif before.isupper():
            capitals = True
        if capitals:
            continue
        if char != " ":
            add(chances_of(char))
        add(chances_of(run[-2:]))
        if len(run) == 3:
            add(chances_of(run))
    return [chances for chances in found if chances is not None]


class _Normal(dict[str, str]):
    """Characters as langdetect normalises them, each worked out once."""

    def __missing__(self, char: str) -> str:
        from langdetect.utils.ngram import NGram  # function-level: only needed where a language is asked for

        self[char] = normal = NGram.normalize(char)
        return normal


@cache
def _normal() -> _Normal:
    return _Normal()


class _Chances(dict[str, "Chances | None"]):
    """How frequent an n-gram is in each language, worked out where it is first met; None where no profile has it."""

    def __init__(self, tables: list[tuple[dict[str, int], list[int]]]) -> None:
        self._tables = tables

    def __missing__(self, gram: str) -> Chances | None:
        import numpy as np  # function-level: numpy would slow the console's start

        place = len(gram) - 1
        shares = [1.0 * counts[gram] / sums[place] if gram in counts else None for counts, sums in self._tables]
        known = any(share is not None for share in shares)
        self[gram] = chances = np.array([share or 0.0 for share in shares]) if known else None
        return chances


@dataclass(frozen=True)
class _Profiles:
    """What langdetect knows of its languages."""

    languages: list[str]
    """Codes, in the order in which langdetect loads them, which decides between languages that are equally likely."""
    chances: _Chances = field(repr=False)


@cache
def _profiles() -> _Profiles:
    from langdetect.detector_factory import (
        PROFILES_DIRECTORY,
    )  # function-level: only needed where a language is asked for

    languages: list[str] = []
    tables: list[tuple[dict[str, int], list[int]]] = []
    for path in Path(PROFILES_DIRECTORY).iterdir():  # unsorted, as langdetect itself reads them
        if path.name.startswith(".") or not path.is_file():
            continue
        profile = json.loads(path.read_text(encoding="utf-8"))
        languages.append(profile["name"])
        tables.append((profile["freq"], profile["n_words"]))
    return _Profiles(languages, _Chances(tables))
