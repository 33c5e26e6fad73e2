"""The bundled Instruction Switch Dataset keeps what its card promises: full cells, no near-duplicates, no manner asked for."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz, process

from aligntui.config.paths import bundled
from aligntui.core.instruction import CANONICAL_TYPES

BANK = bundled("datasets", "isd")
LIBRARY = bundled("datasets", "instructions", "canonical.jsonl")
DEMO = bundled("datasets", "opposed-demo")
SOURCES = ("headline", "educational", "task", "intent")
SUITES = {"honest-confident": "hc", "strict-permissive": "sp", "concise-detailed": "cd"}
PROMPT_FILES = ("prompts", *SUITES)

LETTERS_ALIKE = 75.0
"""Least `fuzz.ratio` of two whole prompts, in per cent, that counts as the same prompt."""
CONTENT_ALIKE = 78.0
"""Least `fuzz.token_set_ratio` of the words that carry the content; both sides have `CONTENT_LEAST` of them or more."""
CONTENT_LEAST = 3
SHINGLES_ALIKE = 0.35
"""Least Jaccard overlap of the runs of three words."""
MANNERS = re.compile(
    r"""\b(brief(ly)? | concise(ly)? | short(ly|er)? | in\ (one|a\ few|two|three)\ (words?|sentences?|lines?|paragraphs?)
    | summar\w+ | sum\ up | tl;?dr | detail(s|ed)? | in\ depth | thorough(ly)? | at\ length | step\ by\ step
    | neutral(ly)? | balanced | impartial(ly)? | objective(ly)? | unbiased | both\ sides | pros\ and\ cons
    | conservative(ly)? | traditionally | liberal(ly)? | inclusive(ly)? | progressive
    | regulat\w+ | complian\w+ | legal(ly)? | paperwork
    | empath\w+ | kind | kindly | gentl[ey] | warm(ly)? | compassion\w* | reassur\w+ | sensitive(ly)?
    | safe(ly|ty)? | cautious(ly)? | careful(ly)? | risks? | precaution\w*
    | teach\ me | didactic\w* | formal(ly)? | professional(ly)? | polite(ly)? | business-like | tactful(ly)?
    | creativ\w+ | imaginativ\w+ | playful(ly)? | vivid(ly)? | funny | humorous(ly)? | metaphors? | poem | rhym\w+
    | simple\ terms | plain\ words | honest(ly)? | frank(ly)? | confident(ly)? | persuasive(ly)?)\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words by which a prompt would ask for one of the ten manners, or for a length."""

CUES = {
    "neutral": ("neutral", "balanced"),
    "conservative": ("conservative", "custom"),
    "liberal": ("liberal", "freely"),
    "regulatory-aware": ("rules", "law", "paperwork"),
    "empathetic": ("feelings", "shoulder to cry", "warm words"),
    "safety-first": ("safe", "danger", "risks"),
    "educational": ("educat", "lesson", "lecture", "teach"),
    "concise": ("brief",),
    "professional": ("professional",),
    "creative": ("creative", "story"),
}
"""Words that a reader of surfaces would take for a type; adversarial wordings hold those of other types."""


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"['’]", "", text.lower()))


FUNCTION_WORDS = frozenset(
    words(
        """a about after all an and any are as at be before been but by can could did do does for from had has have he her
    his how i if in into is it its may me more most my no not of on one or our out she should so some than that the
    their them then there these they this those to up us was we were what when where which who why will with would you
    your"""
    )
)
"""Words that carry no content; they do not count in the token-set measure."""


def shingles(text: str, n: int = 3) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}


@dataclass(frozen=True)
class Close:
    """Two prompts that are too much alike, and by which measure."""

    first: str
    second: str
    measure: str


def near_duplicates(ours: list[str], others: list[str] | None = None) -> list[Close]:
    """Pairs within `ours`, and between `ours` and `others`, that reach one of the three thresholds."""
    everything = [*ours, *(others or [])]
    plain = [" ".join(words(text)) for text in everything]
    content = [" ".join(word for word in text.split() if word not in FUNCTION_WORDS) for text in plain]
    runs = [shingles(text) for text in everything]
    many = np.array([len(set(text.split())) >= CONTENT_LEAST for text in content])
    rank = np.arange(len(everything))
    # Each pair once, and none of two prompts that are both not ours.
    wanted = (rank[:, None] < rank[None, :]) & (rank[:, None] < len(ours))
    letters = process.cdist(plain, plain, scorer=fuzz.ratio) >= LETTERS_ALIKE
    meaning = process.cdist(content, content, scorer=fuzz.token_set_ratio) >= CONTENT_ALIKE
    found = [
        Close(everything[i], everything[j], measure)
        for measure, hit in (("ratio", letters), ("token set", meaning & many[:, None] & many[None, :]))
        for i, j in np.argwhere(hit & wanted)
    ]
    sharing: dict[tuple[str, ...], list[int]] = {}
    for at, own in enumerate(runs):
        for run in own:
            sharing.setdefault(run, []).append(at)
    pairs = {pair for holders in sharing.values() for pair in combinations(holders, 2) if wanted[pair]}
    for i, j in sorted(pairs):
        if len(runs[i] & runs[j]) >= SHINGLES_ALIKE * len(runs[i] | runs[j]):
            found.append(Close(everything[i], everything[j], "shingles"))
    return found


@pytest.fixture(scope="module")
def bank() -> dict[str, list[dict[str, Any]]]:
    return {name: rows(BANK / f"{name}.jsonl") for name in PROMPT_FILES}


@pytest.fixture(scope="module")
def prompts(bank) -> list[dict[str, Any]]:
    return bank["prompts"]


@pytest.fixture(scope="module")
def wordings() -> list[dict[str, str]]:
    return rows(BANK / "wordings.jsonl")


@pytest.fixture(scope="module")
def library() -> dict[str, dict[str, Any]]:
    return {kind["type"]: kind for kind in rows(LIBRARY)}


def test_five_hundred_prompts_and_more_than_a_hundred_in_each_side_suite(bank):
    assert len(bank["prompts"]) == 500
    for suite in SUITES:
        assert len(bank[suite]) >= 100, suite


def test_records_have_their_fields_and_ids_in_order(bank):
    for name, prefix in {"prompts": "isd", **SUITES}.items():
        fields = {"id", "prompt", "domain"} | ({"source"} if name == "prompts" else set())
        for number, record in enumerate(bank[name], 1):
            assert set(record) == fields, (name, record)
            assert record["id"] == f"{prefix}-{number:03d}"
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", record["domain"]), record


def test_prompts_are_plain_text_of_five_to_forty_words(bank):
    for record in (r for name in PROMPT_FILES for r in bank[name]):
        text = record["prompt"]
        assert text == " ".join(text.split()) and text.isprintable(), record["id"]
        assert not re.search(r"[*_#`{}<>\[\]]|https?:", text), record["id"]
        assert 5 <= len(text.split()) <= 40, (record["id"], len(text.split()))


def test_every_domain_holds_every_source_about_evenly(prompts):
    cells = Counter((r["domain"], r["source"]) for r in prompts)
    domains = {domain for domain, _ in cells}
    assert len(domains) >= 12
    assert set(cells) == {(domain, source) for domain in domains for source in SOURCES}
    assert max(cells.values()) - min(cells.values()) <= 1, cells
    assert set(Counter(r["source"] for r in prompts).values()) == {125}


def test_first_prompts_are_a_spread_sample(prompts):
    """Whoever takes the first N prompts gets all domains and sources, not one corner of the bank."""
    cells = {(r["domain"], r["source"]) for r in prompts}
    assert {(r["domain"], r["source"]) for r in prompts[: len(cells)]} == cells


def test_domains_of_the_side_suites_hold_several_prompts(bank):
    for suite in SUITES:
        counts = Counter(r["domain"] for r in bank[suite])
        assert len(counts) >= 10 and min(counts.values()) >= 6, (suite, counts)


def test_no_near_duplicates_within_and_across_the_banks_and_the_demo_set(bank):
    ours = [r["prompt"] for name in PROMPT_FILES for r in bank[name]]
    demo = [r["prompt"] for part in sorted(DEMO.glob("part-*.jsonl")) for r in rows(part)]
    assert len(demo) > 200
    assert near_duplicates(ours, demo) == []


@pytest.mark.parametrize(
    ("planted", "measure"),
    [
        # A word changed; the same words in another order; a template with a new slot; one sentence put behind.
        ("Should travellers pay to enter an old town?", "ratio"),
        ("An old town: should tourists pay to enter?", "token set"),
        ("What can a notary do for an ordinary citizen?", "ratio"),
        (
            "I fall asleep at the opera. Is there a trick? My husband says that coffee and a seat on the aisle would "
            "see anybody through to the last act.",
            "token set",
        ),
        ("Two flats, same rent: one above a bakery, one beside a school. Tell me which you would take.", "shingles"),
    ],
)
def test_a_planted_near_duplicate_is_found(bank, planted, measure):
    ours = [r["prompt"] for name in PROMPT_FILES for r in bank[name]]
    found = near_duplicates([*ours, planted])
    assert found and {close.second for close in found} == {planted}
    assert measure in {close.measure for close in found}


def test_a_demo_prompt_in_the_bank_would_be_found():
    demo = ["Why does bread dough need time to rise?"]
    assert near_duplicates(["Why does dough for bread need time to rise?"], demo)
    # Two prompts of the demo set are not this test's business.
    assert near_duplicates(["Can an animal be bored?"], demo * 2) == []


def test_openings_vary(bank):
    for name in PROMPT_FILES:
        two = Counter(tuple(words(r["prompt"])[:2]) for r in bank[name])
        four = Counter(tuple(words(r["prompt"])[:4]) for r in bank[name])
        assert max(two.values()) <= (0.03 if name == "prompts" else 0.06) * len(bank[name]), (name, two.most_common(3))
        assert max(four.values()) <= 2, (name, four.most_common(3))


def test_no_prompt_names_a_manner(bank):
    for record in (r for name in PROMPT_FILES for r in bank[name]):
        assert not MANNERS.search(record["prompt"]), (record["id"], MANNERS.search(record["prompt"]))


@pytest.mark.parametrize(
    "text",
    [
        "Briefly explain why bread rises.",
        "Give me a balanced view of school uniforms.",
        "How do I safely cross a river?",
        "Write a formal note to the landlord.",
        "Explain tides in simple terms.",
        "Tell me in two sentences what a tax is.",
    ],
)
def test_a_prompt_that_names_a_manner_is_noticed(text):
    assert MANNERS.search(text)


def test_each_type_has_one_indirect_one_underspecified_and_one_adversarial_wording(wordings):
    assert [(w["type"], w["wording"]) for w in wordings] == [
        (kind, wording) for kind in CANONICAL_TYPES for wording in ("indirect", "underspecified", "adversarial")
    ]
    assert all(set(w) == {"type", "wording", "text"} for w in wordings)
    assert len({w["text"] for w in wordings}) == len(wordings)


def test_wordings_are_not_the_canonical_phrasings_again(wordings, library):
    canonical = [text for kind in library.values() for text in (*kind["phrasings"], *kind["characteristics"])]
    assert near_duplicates([w["text"] for w in wordings], canonical) == []
    for wording in wordings:
        for text in canonical:
            assert not shingles(wording["text"], 4) & shingles(text, 4), (wording["type"], wording["wording"], text)


def test_wordings_differ_in_the_way_their_names_say(wordings):
    for entry in wordings:
        text, size = entry["text"].lower(), len(entry["text"].split())
        own = entry["type"].replace("-first", "").replace("-aware", "")
        assert own not in text, entry
        if entry["wording"] == "indirect":
            # A situation, never an order: nobody addresses the model.
            assert 12 <= size <= 30 and not re.search(r"\b(you|please|must|should|write|answer|reply)\b", text), entry
        elif entry["wording"] == "underspecified":
            assert size <= 8, entry
        else:
            named = {kind for kind, cues in CUES.items() if any(cue in text for cue in cues)}
            assert len(named - {entry["type"]}) >= 2, (entry, named)


def test_suites_name_two_instructions_a_measure_and_targets():
    suites = {suite["suite"]: suite for suite in rows(BANK / "suites.jsonl")}
    assert list(suites) == list(SUITES)
    for name, suite in suites.items():
        assert set(suite) == {"suite", "first", "second", "measure", "targets"}
        assert f"{suite['first']['type']}-{suite['second']['type']}" == name
        for side in ("first", "second"):
            assert set(suite[side]) == {"type", "text", "paraphrases"}
            texts = [suite[side]["text"], *suite[side]["paraphrases"]]
            assert len(set(texts)) == 3 and near_duplicates(texts) == []
    assert [s["measure"] for s in suites.values()] == ["hedge-rate", "refusal-rate", "length-ratio"]
    assert suites["honest-confident"]["targets"] == suites["strict-permissive"]["targets"] == {"difference_over": 0.0}
    length = suites["concise-detailed"]
    assert length["targets"] == {"ratio_over": 4.0, "first_words_at_most": 50, "second_words_at_least": 200}
    for side, number in (("first", "50|fifty"), ("second", "200|two hundred")):
        for text in (length[side]["text"], *length[side]["paraphrases"]):
            assert re.search(rf"\b({number})\b", text.lower()), text


def table(card: str, first: str) -> dict[str, list[str]]:
    """Rows of the card's table whose heading begins with `first`, by their first cell."""
    lines = iter(card.splitlines())
    heading = next(line for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    out = {"": [cell.strip() for cell in heading.strip("|").split("|")]}
    for line in lines:
        if not line.startswith("|"):
            break
        name, *cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        out[name] = cells
    return out


def test_numbers_of_the_card_are_those_of_the_files(bank, prompts, wordings):
    card = (BANK / "README.md").read_text("utf-8")
    cells = Counter((r["domain"], r["source"]) for r in prompts)
    counts = table(card, "domain")
    assert counts.pop("")[1:] == [*SOURCES, "all"]
    totals = counts.pop("all")
    assert set(counts) == {domain for domain, _ in cells}
    for domain, numbers in counts.items():
        expected = [cells[domain, source] for source in SOURCES]
        assert [int(n) for n in numbers] == [*expected, sum(expected)], domain
    assert [int(n) for n in totals] == [125, 125, 125, 125, 500]
    files = table(card, "file")
    files.pop("")
    assert {name: int(cells[0]) for name, cells in files.items()} == {
        **{f"{name}.jsonl": len(bank[name]) for name in PROMPT_FILES},
        "wordings.jsonl": len(wordings),
        "suites.jsonl": len(SUITES),
    }
    side = table(card, "suite")
    side.pop("")
    for suite in SUITES:
        domains = Counter(r["domain"] for r in bank[suite])
        assert side[suite][1] == ", ".join(f"{name} {number}" for name, number in domains.items()), suite
    lengths = [len(r["prompt"].split()) for r in prompts]
    assert f"{min(lengths)} to {max(lengths)} words, {np.mean(lengths):.1f} on average" in card
    openings = Counter(tuple(words(r["prompt"])[:2]) for r in prompts)
    assert f"no two first words open more than {max(openings.values())} of the 500" in card
