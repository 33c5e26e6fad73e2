"""Findings, what may be done about them, and waivers that outlive a second run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.ids import canonical_json

ANY = "*"
"""As the key of a waiver: every finding of its rule, or of its rule and subject."""


class Severity(StrEnum):
    """How much a finding matters, the worst first."""

    ERROR = "error"
    """Training on it is wrong or impossible."""
    WARNING = "warning"
    """It probably teaches something that was not meant."""
    NOTICE = "notice"
    """Worth knowing; often as it should be."""


class Fix(StrEnum):
    """What a machine can do about a finding."""

    DROP = "drop"
    """Leave the targets out."""
    DROP_ALL_BUT_FIRST = "drop-all-but-first"
    """Leave the targets out and keep the pairs that stand before them."""
    SWAP = "swap"
    """Exchange chosen and rejected of the targets. No rule proposes it, for it reverses a verdict; a user may."""
    NONE = "none"
    """Nothing: new or changed pairs are needed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect, with the pairs that show it.

    Message, subject and evidence can hold pieces of the texts as they are; what prints them makes them printable.
    """

    rule: str
    severity: Severity
    message: str
    """One sentence: what was found."""
    pair_ids: tuple[str, ...]
    """All pairs concerned, the one to keep first where one is kept."""
    fix: Fix = Fix.NONE
    subject: str = ""
    """Within the rule, what it is about: a pattern, a suite, an instruction; empty where the rule has one subject."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Figures and short excerpts, JSON values only."""
    targets: tuple[str, ...] = ()
    """Pairs that `fix` applies to; empty means all of them, or for `drop-all-but-first` all after the first."""
    content: str = ""
    """Hex digest of the texts it rests on."""
    whole_set: bool = False
    """Whether it is about the set as a whole; its key then does not depend on which pairs are in the set."""

    @property
    def key(self) -> str:
        """Name of this finding that stays the same as long as its pairs and their texts do."""
        ids = [] if self.whole_set else sorted(self.pair_ids)
        text = canonical_json([self.rule, self.subject, ids, self.content])
        return "b2:" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    @property
    def affected(self) -> tuple[str, ...]:
        """Pairs that the fix changes."""
        if self.fix is Fix.NONE:
            return ()
        if self.targets:
            return self.targets
        return self.pair_ids[1:] if self.fix is Fix.DROP_ALL_BUT_FIRST else self.pair_ids

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rule": self.rule,
            "subject": self.subject,
            "severity": self.severity.value,
            "message": self.message,
            "pair_ids": list(self.pair_ids),
            "fix": self.fix.value,
            "affected": list(self.affected),
            "evidence": dict(self.evidence),
            "key": self.key,
        }


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody looked at a finding and lets it stand.

    Raises:
        UserError: rule, key or reason is blank.
    """

    rule: str
    key: str
    """Key of one finding, or `*` for all of the rule (and subject) today and later."""
    reason: str
    who: str = ""
    when: str = ""
    """ISO 8601."""
    subject: str = ""
    """For `*`: only findings about this pattern, suite or instruction; empty means all."""

    def __post_init__(self) -> None:
        if not self.rule.strip() or not self.key.strip():
            raise UserError(
                "A waiver names the rule and the key of a finding.", f"The key {ANY!r} means all of the rule."
            )
        if not self.reason.strip():
            raise UserError(f"A waiver of {self.rule} needs a reason.", "Say in a few words why it may stand.")

    def covers(self, finding: Finding, key: str | None = None) -> bool:
        """Whether it lets this finding stand.

        Args:
            finding: the finding.
            key: its key, where the caller has it already.
        """
        if self.rule != finding.rule:
            return False
        if self.key == ANY:
            return self.subject in ("", finding.subject)
        return self.key == (key or finding.key)

    def as_dict(self) -> dict[str, str]:
        """As a JSON object."""
        return {name: getattr(self, name) for name in ("rule", "subject", "key", "reason", "who", "when")}


@dataclass(frozen=True, slots=True)
class Waived:
    """Findings parted by whether a waiver covers them."""

    open: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]
    stale: tuple[Waiver, ...]
    """Waivers that cover nothing any more: the texts changed, or the pairs are gone."""


def apply_waivers(findings: Iterable[Finding], waivers: Sequence[Waiver]) -> Waived:
    """Part findings into open and waived; a waiver for one finding goes before one for all of a rule."""
    by_key = {(waiver.rule, waiver.key): waiver for waiver in waivers if waiver.key != ANY}
    general = [waiver for waiver in waivers if waiver.key == ANY]
    used: set[int] = set()
    still_open: list[Finding] = []
    waived: list[tuple[Finding, Waiver]] = []
    for finding in findings:
        waiver = by_key.get((finding.rule, finding.key)) if by_key else None
        waiver = waiver or next((one for one in general if one.covers(finding)), None)
        if waiver is None:
            still_open.append(finding)
        else:
            used.add(id(waiver))
            waived.append((finding, waiver))
    stale = tuple(waiver for waiver in waivers if id(waiver) not in used)
    return Waived(tuple(still_open), tuple(waived), stale)


def content_of(digests: Iterable[bytes], rests_on: str = "") -> str:
    """`Finding.content` over the contents of its pairs, whatever their order, and over what else it rests on."""
    parts = [*sorted(digests), rests_on.encode("utf-8", "surrogatepass")]
    return blake2b(b"".join(parts), digest_size=16).hexdigest()
