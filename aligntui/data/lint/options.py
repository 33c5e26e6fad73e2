"""Every threshold of lint, with its reason; one group a rule or family of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aligntui.data.lint.doctrine_terms import DOCTRINE_TERMS
from aligntui.data.lint.finding import Severity
from aligntui.data.lint.option_values import check_at_least, check_confidence, check_share, read_options
from aligntui.data.lint.patterns import Pattern


@dataclass(frozen=True, slots=True)
class SamenessOptions:
    """`near-identical-answers`."""

    near: float = 0.95
    """Similarity of the two answers, 0 to 1, from which they count as near-identical: 1 - insertions and deletions of
    characters over the length of both. At 0.95 an answer of 150 words differs in about seven of them; a judgement."""

    def __post_init__(self) -> None:
        check_share("sameness.near", self.near)


@dataclass(frozen=True, slots=True)
class TruncationOptions:
    """`identical-after-truncation`."""

    training_length: int | None = None
    """Tokens of prompt and answer together that training keeps, TRL's `max_length`; None: the rule cannot check."""

    def __post_init__(self) -> None:
        check_at_least("truncation.training_length", self.training_length, 1)


@dataclass(frozen=True, slots=True)
class DuplicateOptions:
    """`near-duplicate-prompts`."""

    near: float = 0.7
    """Jaccard similarity of shingles from which two prompts count as near-duplicates. With shingles of three words one
    changed word in twenty is found (0.71) and one in ten is not (0.45). Collections of web pages use 0.75 to 0.8
    (FineWeb, arXiv 2406.17557; SlimPajama), but on texts many times as long."""
    shingle_words: int = 3
    """Words in a shingle; characters in scripts without spaces."""
    permutations: int = 128
    """Length of a MinHash signature. Only how many candidates are met depends on it: similarity is then exact."""
    compare_at_most: int = 1000
    """Candidates that a prompt is held against. Only prompts cut from one template by the thousand have so many; what was
    left out is told in the coverage. It keeps the search linear there too."""

    def __post_init__(self) -> None:
        check_share("duplicates.near", self.near)
        check_at_least("duplicates.near", self.near, 0.2)
        check_at_least("duplicates.shingle_words", self.shingle_words, 1)
        check_at_least("duplicates.permutations", self.permutations, 16)
        check_at_least("duplicates.compare_at_most", self.compare_at_most, 1)


@dataclass(frozen=True, slots=True)
class LengthOptions:
    """`length-skew`."""

    longer_share: float = 0.6
    """Share of pairs whose chosen answer is the longer (or the shorter) one, above which the set is skewed. A set is
    only called so when the whole interval lies above. A judgement: 0.5 is no skew, and at 0.6 length alone already
    guesses three verdicts of five."""
    confidence: float = 0.95
    """Of the intervals."""

    def __post_init__(self) -> None:
        check_share("lengths.longer_share", self.longer_share)
        check_at_least("lengths.longer_share", self.longer_share, 0.5)
        check_confidence("lengths.confidence", self.confidence)


@dataclass(frozen=True, slots=True)
class InstructionOptions:
    """`one-sided-instructions`."""

    opposed_share: float = 0.0
    """An instruction is reported when no more than this share of its prompts has an opposite pair; 0: none has."""

    def __post_init__(self) -> None:
        check_share("instructions.opposed_share", self.opposed_share)


@dataclass(frozen=True, slots=True)
class DoctrineOptions:
    """`doctrine-terms`."""

    terms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: DOCTRINE_TERMS)
    """Terms by the name of their group, found as whole words whatever their case."""


@dataclass(frozen=True, slots=True)
class ContaminationOptions:
    """`contamination`."""

    skip: tuple[str, ...] = ()
    """Names of built-in patterns to leave out."""
    own: tuple[Pattern, ...] = ()
    """The user's patterns; from a mapping, a table `name = "regular expression"` or of tables (see `patterns_from`)."""
    timeout_s: float = 0.1
    """Time that one pattern of the user gets for one answer; built-in patterns are linear and need none."""

    def __post_init__(self) -> None:
        check_at_least("contamination.timeout_s", self.timeout_s, 0.001)


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """`languages`."""

    sample: int = 2000
    """Pairs looked at, drawn by a hash of their ids, so that the same set gives the same sample; 0: all of them. At 2,000
    a share of a half is known to +-2.2 points."""
    single_share: float = 0.98
    """Share of answers in one language above which the set is reported as being in that language only: training on such
    a set was seen to suppress other languages (AISF, methods.md section 1)."""
    wanted: Mapping[str, float] = field(default_factory=dict)
    """Least share of answers by language code, such as `{"de": 0.05}`."""
    least_letters: int = 20
    """Letters below which a language cannot be told; eight times fewer in scripts without spaces."""
    least_probability: float = 0.9
    """Probability below which a language cannot be told."""
    confidence: float = 0.95
    """Of the intervals."""

    def __post_init__(self) -> None:
        check_at_least("languages.sample", self.sample, 0)
        check_share("languages.single_share", self.single_share)
        check_share("languages.least_probability", self.least_probability)
        check_confidence("languages.confidence", self.confidence)
        for language, share in self.wanted.items():
            check_share(f"languages.wanted.{language}", share)


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """`evaluation-overlap`."""

    ngram_words: int = 8
    """Words in a row that count as shared. Source: Tulu 3 (arXiv 2411.15124, section 3.2) uses 8; GPT-3 (arXiv 2005.14165,
    appendix C) between 8 and 13."""
    covered_share: float = 0.5
    """Share of a suite prompt's words inside shared runs above which it counts as taken over. Source: Tulu 3, likewise;
    a single shared run is common between prompts that state the same constraint in the usual words."""

    def __post_init__(self) -> None:
        check_at_least("evaluation.ngram_words", self.ngram_words, 2)
        check_share("evaluation.covered_share", self.covered_share)


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What to look for and how closely."""

    rules: tuple[str, ...] | None = None
    """Names of the rules to run; None: all."""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Severity by rule, where it is to differ from the rule's own."""
    sameness: SamenessOptions = SamenessOptions()
    truncation: TruncationOptions = TruncationOptions()
    duplicates: DuplicateOptions = DuplicateOptions()
    lengths: LengthOptions = LengthOptions()
    instructions: InstructionOptions = InstructionOptions()
    doctrine: DoctrineOptions = field(default_factory=DoctrineOptions)
    contamination: ContaminationOptions = ContaminationOptions()
    languages: LanguageOptions = field(default_factory=LanguageOptions)
    evaluation: EvaluationOptions = EvaluationOptions()

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> LintOptions:
        """Options from nested tables, as TOML or JSON give them; what is not named keeps its default.

        Raises:
            UserError: a name is unknown, or a value has the wrong type or lies outside its range.
        """
        return read_options(cls, mapping, "")
