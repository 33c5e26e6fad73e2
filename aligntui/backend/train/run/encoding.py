"""From records to token ids: the prompt format, the end of the turn, and what does not fit.

Prompts are rendered by `aligntui.backend.template`, as chat and scoring render them. Trained are the answer and the token
that ends the assistant's turn. Pinned in tests/backend/test_run_encoding.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.backend.template import (
    ALPACA,
    ALPACA_STOPS,
    Template,
    encode_rendered,
    find_template,
    render,
    render_prompt,
)
from aligntui.backend.train.losses.pairs import Pair
from aligntui.backend.train.run.records import Record
from aligntui.config.training import PromptFormat
from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.prompt_format import (
    ITA_EXPECTED,
    ITA_PROMPT,
    ITA_REJECTED,
    Message,
    Mode,
    contrastive_ita_block,
)

_PROBE = "zq-answer-probe-5813"
_MODES = {
    PromptFormat.CHAT: Mode.SYSTEM,
    PromptFormat.ITA: Mode.ITA,
    PromptFormat.CONTRASTIVE_ITA: Mode.ITA,
    PromptFormat.ALPACA: Mode.SYSTEM,
    PromptFormat.INJECTION: Mode.INJECTION,
}


@dataclass(frozen=True)
class Encoded:
    """One record as it is fed."""

    record: Record
    rendered: str
    """The prompt's text."""
    pair: Pair
    truncated: bool
    """Whether an answer lost its end."""


@dataclass(frozen=True)
class EncodedData:
    """All records of a file that can be trained on."""

    items: list[Encoded]
    dropped: list[str]
    """Ids of records whose prompt leaves no room for an answer."""

    @property
    def truncated(self) -> int:
        """Records that lost the end of an answer."""
        return sum(item.truncated for item in self.items)

    @property
    def tokens(self) -> int:
        """Tokens of all prompts and answers, a prompt once."""
        return sum(len(i.pair.prompt) + self._answers(i) for i in self.items)

    @property
    def trained_tokens(self) -> int:
        """Tokens of all answers that the loss reads."""
        return sum(self._answers(i) for i in self.items)

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with its longer answer."""
        return max((len(i.pair.prompt) + max(map(len, _answers(i.pair))) for i in self.items), default=0)

    @staticmethod
    def _answers(item: Encoded) -> int:
        return sum(map(len, _answers(item.pair)))


class Encoder:
    """One tokenizer and one prompt format."""

    def __init__(self, tokenizer: Any, format_: PromptFormat, *, injection_every: int = 1, length: int = 1024) -> None:
        self.tokenizer = tokenizer
        self.format = format_
        self.every = injection_every
        self.length = length
        self.template = _alpaca(tokenizer) if format_ is PromptFormat.ALPACA else find_template(tokenizer)
        self.end = end_of_turn(tokenizer, self.template)

    @property
    def mode(self) -> Mode:
        """Where the instruction goes: what chat must use with the adapter."""
        return _MODES[self.format]

    def render(self, record: Record) -> str:
        """The text of a record's prompt.

        Raises:
            UserError: the template refuses it.
        """
        if self.format is PromptFormat.CONTRASTIVE_ITA:
            return render(self.tokenizer, self.template, _contrastive(record))
        return render_prompt(
            self.tokenizer, self.template, list(record.history), record.instruction, self.mode, self.every
        )

    def encode(self, record: Record, *, rejected: bool) -> Encoded | None:
        """Token ids of a record; None where its prompt leaves no room for an answer.

        Args:
            record: the record.
            rejected: whether the rejected answer is trained on.
        """
        rendered = self.render(record)
        prompt = encode_rendered(self.tokenizer, rendered)
        room = self.length - len(prompt)
        if room < 1 or not prompt:
            return None
        chosen = self._answer(rendered, prompt, record.chosen)
        refused = self._answer(rendered, prompt, record.rejected or "") if rejected else None
        truncated = len(chosen) > room or len(refused or ()) > room
        pair = Pair(prompt, chosen[:room], None if refused is None else refused[:room])
        return Encoded(record, rendered, pair, truncated)

    def encode_all(self, records: Sequence[Record], *, rejected: bool, context: int) -> EncodedData:
        """Encode records.

        Args:
            records: at least one.
            rejected: whether rejected answers are trained on.
            context: positions of the model.

        Raises:
            UserError: no record is left, or one is longer than the context.
        """
        found = [(record, self.encode(record, rejected=rejected)) for record in records]
        data = EncodedData([e for _, e in found if e is not None], [r.id for r, e in found if e is None])
        if not data.items:
            raise UserError(
                f"No record is left: every prompt fills the {self.length:,} tokens of steps.length.",
                "Raise steps.length, or shorten prompts and instructions.",
            )
        if data.longest > context:
            raise UserError(
                f"A sequence of {data.longest:,} tokens was asked for; the context of this model holds {context:,}.",
                f"Set steps.length to {context} or less: longer answers are then cut at their end.",
            )
        return data

    def _answer(self, rendered: str, prompt: list[int], answer: str) -> list[int]:
        whole = encode_rendered(self.tokenizer, rendered + answer)
        # tokenised together where the seam allows it: some tokenizers put a space before a text of its own
        fits = whole[: len(prompt)] == prompt
        ids = whole[len(prompt) :] if fits else encode_rendered(self.tokenizer, answer)
        return ids + self.end


def end_of_turn(tokenizer: Any, template: Template) -> list[int]:
    """The token that ends the assistant's turn; empty where the tokenizer has none.

    A chat template says it itself (Gemma's turns end with `<end_of_turn>`, not with the end of the sequence): it is the
    first token after an answer, where that is a special one. Otherwise it is the end of the sequence.
    """
    if template.kind != ALPACA:
        messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": _PROBE}]
        try:
            tail = tokenizer.apply_chat_template(messages, tokenize=False).partition(_PROBE)[2]
        except Exception:  # noqa: BLE001 - a template that takes no assistant message says so by raising
            tail = ""
        ids = encode_rendered(tokenizer, tail.lstrip())
        special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
        if ids and ids[0] in special:
            return [ids[0]]
    end = tokenizer.eos_token_id
    return [] if end is None else [int(end)]


def _answers(pair: Pair) -> list[Sequence[int]]:
    return [pair.chosen] if pair.rejected is None else [pair.chosen, pair.rejected]


def _contrastive(record: Record) -> list[Message]:
    rejected = record.rejected or ""
    if record.instruction.strip():
        text = contrastive_ita_block(record.instruction, record.prompt, rejected)
    else:
        text = f"{ITA_PROMPT}\n{record.prompt}\n\n{ITA_REJECTED}\n{rejected}\n\n{ITA_EXPECTED}"
    return [*record.history[:-1], Message("user", text)]


def _alpaca(tokenizer: Any) -> Template:
    first = tokenizer("a")["input_ids"][:1]
    begin = tokenizer.bos_token_id
    has_begin = begin is not None and first == [begin]
    return Template(ALPACA, sha256_text(ALPACA), True, ALPACA_STOPS, tokenizer.bos_token if has_begin else "")
