"""Whether switching between instructions can be learnt at all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from aligntui.data.lint.finding import Severity
from aligntui.data.lint.intervals import share_figures
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, excerpt, plural


@dataclass(frozen=True, slots=True)
class _Preference:
    id: str
    instruction: str
    chosen: bytes
    rejected: bytes


class OneSidedInstructions(Rule):
    """Instructions that no pair sets against another one.

    A prompt has an opposite pair under an instruction when another instruction, or none, rejects the answer that this
    one prefers or prefers the answer that this one rejects. Without any, the set teaches which answer is better and not
    that the instruction decides. Phrasings of one library type count as one instruction.

    Source: methods.md, section 4: a prompt needs pairs under two instructions with opposite preferences.
    """

    name = "one-sided-instructions"
    summary = "An instruction comes without opposite pairs on the same prompts, so switching to it cannot be learnt."
    severity = Severity.WARNING

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._by_prompt: dict[bytes, list[_Preference]] = defaultdict(list)

    def add(self, view: RecordView) -> str | None:
        """Remember which answer was preferred under which instruction."""
        chosen, rejected = view.both
        self._by_prompt[view.prompt_key].append(
            _Preference(view.id, view.record.instruction_group, chosen.key, rejected.key)
        )
        return None

    def conclude(self) -> None:
        """Count the prompts of each instruction that have an opposite pair."""
        prompts: dict[str, int] = defaultdict(int)
        swapped: dict[str, int] = defaultdict(int)
        opposed: dict[str, int] = defaultdict(int)
        other_answer: dict[str, int] = defaultdict(int)
        pairs: dict[str, list[_Preference]] = defaultdict(list)
        for preferences in self._by_prompt.values():
            contrast = _Contrast(preferences)
            by_instruction: dict[str, list[_Preference]] = defaultdict(list)
            for one in preferences:
                by_instruction[one.instruction].append(one)
            for instruction, own in by_instruction.items():
                prompts[instruction] += 1
                swapped[instruction] += any(contrast.has_swapped(one) for one in own)
                opposed[instruction] += any(contrast.has_opposite(one) for one in own)
                other_answer[instruction] += any(contrast.has_other_answer(one) for one in own)
                pairs[instruction] += own
        named = sorted(filter(None, prompts))
        if not named:
            self.coverage.notes.append("No pair has an instruction.")
        self.statistics["by_instruction"] = {
            name: {
                "opposite_pair": share_figures(opposed[name], prompts[name]),
                "exactly_swapped_pair": share_figures(swapped[name], prompts[name]),
                "another_answer_preferred": share_figures(other_answer[name], prompts[name]),
            }
            for name in named
        }
        for name in named:
            if opposed[name] <= self.context.options.instructions.opposed_share * prompts[name]:
                self._found(name, prompts[name], opposed[name], other_answer[name], pairs[name])

    def _found(self, name: str, prompts: int, opposed: int, other_answer: int, own: list[_Preference]) -> None:
        some = (
            f"Only {opposed:,} of the {plural(prompts, 'prompt')}"
            if opposed
            else f"None of the {plural(prompts, 'prompt')}"
        )
        also = f"; on {other_answer:,} another instruction prefers some other answer" if other_answer else ""
        self.find(
            f"{some} under {excerpt(name)!r} {'have' if opposed > 1 else 'has'} a pair with the opposite preference under "
            f"another instruction{also}.",
            [one.id for one in own],
            subject=name,
            evidence={"prompts": prompts, "opposed": opposed, "another_answer_preferred": other_answer},
        )


class _Contrast:
    """Who prefers and rejects what on one prompt."""

    def __init__(self, preferences: list[_Preference]) -> None:
        self.pairs: dict[tuple[bytes, bytes], set[str]] = defaultdict(set)
        self.preferring: dict[bytes, set[str]] = defaultdict(set)
        self.rejecting: dict[bytes, set[str]] = defaultdict(set)
        for one in preferences:
            if one.chosen != one.rejected:
                self.pairs[(one.chosen, one.rejected)].add(one.instruction)
                self.preferring[one.chosen].add(one.instruction)
                self.rejecting[one.rejected].add(one.instruction)

    def has_swapped(self, one: _Preference) -> bool:
        """Whether the same two answers stand the other way round under another instruction."""
        return bool(self.pairs.get((one.rejected, one.chosen), set()) - {one.instruction})

    def has_opposite(self, one: _Preference) -> bool:
        """Whether another instruction rejects what this one prefers, or prefers what it rejects."""
        against = self.rejecting.get(one.chosen, set()) | self.preferring.get(one.rejected, set())
        return one.chosen != one.rejected and bool(against - {one.instruction})

    def has_other_answer(self, one: _Preference) -> bool:
        """Whether another instruction prefers another answer."""
        return any(chosen != one.chosen and who - {one.instruction} for chosen, who in self.preferring.items())
