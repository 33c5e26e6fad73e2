"""What is left of a pair at the training length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.intervals import share_figures
from aligntui.data.lint.record import RecordView, SideView
from aligntui.data.lint.rule import Context, Rule

TEMPLATE_ROOM = 128
"""Tokens that a chat template is taken to add to a prompt at most, where the rendered prompt was not counted."""

NO_LENGTH = "no training length was given"
NO_PROMPT_COUNT = "the tokens of the prompt were not counted"
NO_TEMPLATE_COUNT = "the tokens of the template were not counted"
NO_COUNT = "the tokens were not counted and no tokenizer was given"
PROMPT_FILLS = "prompt-fills-length"
SAME_AFTER = "same-after-cut"


class IdenticalAfterTruncation(Rule):
    """Pairs of which training sees no difference.

    With the count of the rendered prompt and a tokenizer this is exact for the token ids of the answers. With the counts
    alone most pairs are settled for certain: nothing differs where the prompt alone fills the length; something differs
    where nothing is cut, or where the answers part so early that even one token a byte would not reach the cut. With a
    tokenizer alone the prompt is counted without its template, and settled where the template makes no difference. The
    rest is counted as not checked.

    Source: TRL 1.16, `DPOTrainer` and its collator: prompt and answer are joined, the first `max_length` tokens are kept
        (`keep_start`), and a pair whose prompt alone has `max_length` tokens is left out before training.
        Pinned against that collator in tests/data/test_lint_truncation.py.
    """

    name = "identical-after-truncation"
    summary = "Chosen and rejected are the same once cut at the training length, or the prompt alone fills it."
    severity = Severity.ERROR

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._cut: Counter[bool] = Counter()

    def add(self, view: RecordView) -> str | None:
        """Judge one pair from counts, and by tokenizing where counts do not settle it."""
        length = self.context.options.truncation.training_length
        if length is None:
            return NO_LENGTH
        chosen, rejected = view.both
        preferred, other = whole_text(chosen), whole_text(rejected)
        prompt, room = view.record.prompt_tokens, 0
        if prompt is None:
            if self.context.tokenize is None:
                return NO_PROMPT_COUNT
            asked = [view.record.instruction_in_force, *(text for _, text in view.record.prompt)]
            room = TEMPLATE_ROOM
            if sum(map(byte_count, asked)) + room + shared_bytes(preferred, other) < length:
                return None
            prompt = sum(len(self.context.tokenize(text)) for text in asked if text)
        if prompt >= length:
            self._found(
                view, PROMPT_FILLS, f"The prompt alone has {prompt:,} tokens of the {length:,} that are trained on."
            )
            return None
        if chosen.tokens is not None and rejected.tokens is not None and not room:
            cut = prompt + max(chosen.tokens, rejected.tokens) > length
            self._cut[cut] += 1
            if not cut:
                return None
        if preferred == other or prompt + room + shared_bytes(preferred, other) < length:
            return None
        if self.context.tokenize is None:
            return NO_COUNT
        part = prompt + shared_length(self.context.tokenize(preferred), self.context.tokenize(other))
        if part >= length:
            self._found(view, SAME_AFTER, f"The answers part at token {part + 1:,}, after the cut at {length:,}.")
            return None
        return NO_TEMPLATE_COUNT if part + room >= length else None

    def conclude(self) -> None:
        """Count the pairs of which an answer is cut."""
        if self._cut:
            self.statistics["an_answer_is_cut"] = share_figures(self._cut[True], self._cut.total())

    def _found(self, view: RecordView, subject: str, message: str) -> None:
        self.find(message, [view.id], fix=Fix.DROP, subject=subject)


def whole_text(side: SideView) -> str:
    """Every message of a side, a blank line between them. What a template puts between turns is not counted."""
    return "\n\n".join(text for _, text in side.messages)


def shared_bytes(one: str, other: str) -> int:
    """UTF-8 bytes that both texts begin with; token ids differ at this place at the latest, as no token is empty."""
    return byte_count(one[: shared_length(one, other)])


def byte_count(text: str) -> int:
    """Bytes in UTF-8, and so tokens at most."""
    return len(text.encode("utf-8", "surrogatepass"))


def shared_length(one: Sequence[object], other: Sequence[object]) -> int:
    """How many members two sequences begin with in common."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)
