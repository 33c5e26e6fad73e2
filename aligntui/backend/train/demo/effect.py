"""Two simple measures of what the demo adapter does, on answers to prompts that it never saw.

Checks: for each instruction type one visible mark, by length or by words. They are crude on purpose; run over the written
answers of the data they pass most answers of their own type and few of the others (`check_rates` counts both, and
the adapter's card shows them). Recogniser: naive Bayes over the words of the written answers of the training records; it sees
an answer alone and names the type. Neither says whether an answer is right or good.
Pinned in tests/backend/test_demo_effect.py.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from aligntui.backend.train.demo.answering import Answer
from aligntui.core.instruction import CANONICAL_TYPES

_FEELING = (
    r"feel|hurt|understandabl|natural|no wonder|makes sense|hard|scar|afraid|worr|frighten|nerv|lonel|sad|tired|ache|"
    r"heavy|exhaust|overwhelm|frustrat|disappoint|anxi|grief|grie|miss|sting|tender|painful|upset|stress|pressure|unsettl|"
    r"discourag|sting|heart|torn|uneas|excit|dread|kind|gentl|of course"
)
_HAZARD = (
    r"risk|danger|hazard|burn|falls\b|falling|shock|fire|flame|injur|never|stop|harm|caution|slip|poison|deadly|unsafe|safe|"
    r"scald|collaps|crush|drown|scam|fraud|warn|threat|emergency|toxic|chok|call (a|an|the|in)\b|strain|leak|trap|doctor|"
    r"professional|lungs|infection|allerg|bruis|sprain|wound|get out|keep children|adult"
)
_TRADITION = (
    r"tradition|generation|famil|grandm|grandf|grandp|grandc|neighbour|neighbor|proven|custom|thrift|elder|older|parents|"
    r"prudent|prudence|steady|slow|habit|inherit|long|old|always|duty|village|household|gradual|trusted|honest|earned"
)
_OPENNESS = (
    r"everyone|every|all|open|free|freedom|inclu|welcom|access|newcomer|shar|public|choose|choice|try|differ|divers|"
    r"equal|afford|any|anyone|together|background|fair|experiment|own way|new|barrier"
)
_AUTHORITY = (
    r"permit|permission|rule|contract|authorit|council|lease|written|writing|insur|record|document|polic|licen|law|bylaw|"
    r"by-law|office|regulat|consent|keep a copy|file|agreement|register|terms|tenancy|clause|approval|certificate|receipt"
)
_OFFICE = (
    r"recommend|advis|propos|approv|schedul|review|confirm|next step|manage|submit|report|within|please|should be|kindly|"
    r"commission|suitab|measure|arrang|assess|ensur|prior to|obtain|require|appropriate|option|consider|subject to|record|"
    r"reduc|cost|request|priority|implement|provid|established|determin"
)
_VIEWS = (
    r"some|others?|another|critics?|supporters?|opponents?|views?|opinions?|options?|differ|differs|either|while|favour|"
    r"a third|people who|those who|depends?|vary|varies|each|several|two|both"
)
_IMAGE = (
    r"like an?|as if|as though|imagine|picture|once|whisper\w*|sing\w*|danc\w*|stor(y|ies)|says|said|little|dream\w*|moon|"
    r"sleep\w*|sigh\w*|grumbl\w*|theatre|orchestra|king|queen|knights?|guests?|pirates?|ghosts?|dragons?|magic\w*|wink\w*|"
    r"stage|ship|sea|river|wings?|treasure|cloak|crown|waltz|hum\w*|curtain|costumes?|castle|army|shy|polite\w*|old|tired|"
    r"somewhere|think of|lantern|coat|hat|shoes?|pockets?|window|song|sailor|detective|island|drawer|door|kitchen|night|winter|"
    r"hair|beard|belly|tongue|mouth|fingers?|swallow\w*|knock\w*|lamp|sun|bees?|bird|cat|cathedral|village|soup|bread"
)


def first_sentence(text: str) -> str:
    """Everything up to the first full stop, question or exclamation mark."""
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]


def words(text: str) -> int:
    """Words between white space."""
    return len(text.split())


def _distinct(pattern: str, text: str, *, prefix: bool = True) -> int:
    """How many different words of `pattern` occur in `text`."""
    found = re.findall(rf"\b({pattern})" + ("" if prefix else r"\b"), text.lower())
    return len(set(found))


CHECKS: dict[str, Callable[[str], bool]] = {
    "neutral": lambda text: (
        _distinct(_VIEWS, text, prefix=False) >= 2 and not re.search(r"\b(should|recommend|must|you|your|I|we)\b", text)
    ),
    "conservative": lambda text: _distinct(_TRADITION, text) >= 3 and words(text) > 30,
    "liberal": lambda text: _distinct(_OPENNESS, text) >= 4,
    "regulatory-aware": lambda text: _distinct(_AUTHORITY, text) >= 3,
    "empathetic": lambda text: (
        _distinct(_FEELING, first_sentence(text)) >= 1 and bool(re.search(r"\byour?\b", text, re.IGNORECASE))
    ),
    "safety-first": lambda text: _distinct(_HAZARD, first_sentence(text)) >= 1 and _distinct(_HAZARD, text) >= 2,
    "educational": lambda text: (
        words(text) >= 40
        and bool(re.search(r"\?|\b(try|exercise|test yourself|work out)\b", text[len(text) // 2 :], re.I))
    ),
    "concise": lambda text: 3 <= words(text) <= 30,
    "professional": lambda text: (
        not re.search(r"\w'(t|re|ll|ve|m|d)\b|\?|!", text) and words(text) > 30 and _distinct(_OFFICE, text) >= 3
    ),
    "creative": lambda text: _distinct(_IMAGE, text, prefix=False) >= 3,
}
"""One crude check for each type, on the text of an answer."""


class Recogniser:
    """Names the type of an answer from the answer alone: naive Bayes over words, pairs of words and the first sentence.

    Args:
        written: (type, answer) pairs to learn from.
    """

    _SMOOTHING = 0.1

    def __init__(self, written: Sequence[tuple[str, str]]) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        for kind, text in written:
            self._counts[kind].update(self._marks(text))
        self._totals = {kind: sum(counts.values()) for kind, counts in self._counts.items()}
        self._known = len({mark for counts in self._counts.values() for mark in counts})

    def name(self, text: str) -> str:
        """The most likely type."""
        marks = self._marks(text)
        return max(sorted(self._counts), key=lambda kind: self._score(kind, marks))

    def _score(self, kind: str, marks: set[str]) -> float:
        counts, below = self._counts[kind], self._totals[kind] + self._SMOOTHING * self._known
        return sum(math.log((counts[mark] + self._SMOOTHING) / below) for mark in sorted(marks))

    @staticmethod
    def _marks(text: str) -> set[str]:
        tokens = re.findall(r"[a-z']+|[?.:;!,]", text.lower())
        opening = re.findall(r"[a-z']+|\?", first_sentence(text).lower())
        marks = {*tokens, *(f"{a} {b}" for a, b in pairwise(tokens)), *(f"^{t}" for t in opening)}
        return {*marks, f"#{min(9, words(text) // 12)}"}


def check_rates(written: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """For each type the share of its own written answers, and of all others, that pass its check.

    Args:
        written: (type, answer) pairs.
    """
    rates = {}
    for name, check in CHECKS.items():
        own = [check(text) for kind, text in written if kind == name]
        others = [check(text) for kind, text in written if kind != name]
        rates[name] = (sum(own) / max(1, len(own)), sum(others) / max(1, len(others)))
    return rates


def recognised(answers: Sequence[Answer], recogniser: Recogniser) -> dict[str, float]:
    """Share of answers of each type that the recogniser names rightly; one in ten by chance."""
    return {
        name: sum(recogniser.name(a.text) == name for a in answers if a.type == name)
        / max(1, sum(a.type == name for a in answers))
        for name in CANONICAL_TYPES
    }


def obeyed(answers: Sequence[Answer]) -> dict[str, float]:
    """Share of answers of each type that pass the check of that type."""
    return {
        name: sum(CHECKS[name](a.text) for a in answers if a.type == name)
        / max(1, sum(a.type == name for a in answers))
        for name in CANONICAL_TYPES
    }


def mean_words(answers: Sequence[Answer]) -> dict[str, float]:
    """Mean number of words for each type."""
    return {
        name: sum(words(a.text) for a in answers if a.type == name) / max(1, sum(a.type == name for a in answers))
        for name in CANONICAL_TYPES
    }


def looping(text: str) -> bool:
    """Whether some run of six words occurs three times or more."""
    tokens = text.lower().split()
    runs = [tuple(tokens[i : i + 6]) for i in range(len(tokens) - 5)]
    return any(runs.count(run) >= 3 for run in set(runs))
