"""The same pair twice, and the same prompt twice."""

from __future__ import annotations

from collections import defaultdict

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, Takes, plural

Place = tuple[bytes, str, bytes]
"""Where an answer was given: digests of instruction and prompt, with the mode between them."""


class DuplicatePairs(Rule):
    """Pairs with the same instruction, prompt, chosen and rejected, compared in normal form."""

    name = "duplicate-pairs"
    summary = "The same pair stands in the set more than once."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ids: dict[tuple[bytes, ...], list[str]] = defaultdict(list)

    def add(self, view: RecordView) -> str | None:
        """Remember the pair."""
        rejected = view.rejected.key if view.rejected else b""
        (instruction, mode, prompt) = place_of(view)
        self._ids[(instruction, mode.encode(), prompt, view.chosen.key, rejected)].append(view.id)
        return None

    def conclude(self) -> None:
        """Report what came more than once."""
        repeated = 0
        for ids in self._ids.values():
            if len(ids) > 1:
                repeated += len(ids) - 1
                self.find(
                    f"The same pair stands here {len(ids)} times.",
                    ids,
                    fix=Fix.DROP_ALL_BUT_FIRST,
                )
        self.statistics["repeated_pairs"] = repeated


class DuplicatePrompts(Rule):
    """Prompts that come more than once under one instruction, with other answers.

    Usual where more than two answers to a prompt were compared, and then right. It still counts such a prompt several
    times, and a random split puts it on both sides.
    """

    name = "duplicate-prompts"
    summary = "A prompt comes more than once under the same instruction, with other answers."
    severity = Severity.NOTICE
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pairs: dict[Place, dict[tuple[bytes, bytes], list[str]]] = {}

    def add(self, view: RecordView) -> str | None:
        """Remember the prompt."""
        answers = (view.chosen.key, view.rejected.key if view.rejected else b"")
        self._pairs.setdefault(place_of(view), {}).setdefault(answers, []).append(view.id)
        return None

    def conclude(self) -> None:
        """Report prompts with several pairs."""
        for pairs in self._pairs.values():
            if len(pairs) > 1:
                ids = [one for same in pairs.values() for one in same]
                self.find(
                    f"One prompt under one instruction has {plural(len(pairs), 'pair')}.",
                    ids,
                    fix=Fix.DROP_ALL_BUT_FIRST,
                )
        self.statistics["prompts"] = len({prompt for _, _, prompt in self._pairs})
        self.statistics["prompts_by_instruction"] = len(self._pairs)


def place_of(view: RecordView) -> Place:
    """Where the answers of a pair were given. Without an instruction in force the mode makes no difference."""
    return view.instruction_key, view.record.mode.value if view.instruction_key else "", view.prompt_key
