"""What lint looks at: one judged pair as plain values, and the texts that rules derive from it once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Mode
from aligntui.data.lint.normal import normal, words

Messages = tuple[tuple[str, str], ...]
"""Messages in turn, each a role (`system`, `user`, `assistant`) and its text."""

DIGEST_BYTES = 16

_BETWEEN = "\x1e"
"""Stands between messages of a normalised text. It counts as white space, so normalising never leaves one behind."""


@dataclass(frozen=True, slots=True)
class LintRecord:
    """One pair, or one example without a rejected answer."""

    id: str
    """Unique among the records of one run."""
    prompt: Messages
    """What was asked: user and assistant messages in turn, the last one from the user; no instruction in it."""
    chosen: Messages
    """The preferred side, from its first answer to its last; the left side where the verdict decides nothing."""
    rejected: Messages | None = None
    """The other side; None for an example without one."""
    instruction: str = ""
    """Text of the alignment instruction; blank when none."""
    instruction_label: str = ""
    """Name in the library, such as `concise/2`; empty for a text typed by hand."""
    mode: Mode = Mode.SYSTEM
    """How the instruction reached the model."""
    verdict: Verdict = Verdict.LEFT
    """`left` and `right` both decide, and chosen and rejected are in place already; the others decide nothing."""
    annotator: str = ""
    chosen_finish: str = "imported"
    """Why the chosen side ended: a value of `core.turn.Finish`, or `imported` where nobody knows."""
    rejected_finish: str = "imported"
    prompt_tokens: int | None = None
    """Tokens of the rendered prompt with instruction and template; None where they were not counted."""
    chosen_tokens: int | None = None
    """Tokens of the chosen side alone; None where they were not counted."""
    rejected_tokens: int | None = None

    @property
    def instruction_in_force(self) -> str:
        """The instruction, or nothing where the mode is `none` or the text is blank."""
        return self.instruction if self.mode is not Mode.NONE and self.instruction.strip() else ""

    @property
    def instruction_group(self) -> str:
        """What counts as one instruction: its library type, whatever the phrasing, else its own text; empty when none."""
        text = self.instruction_in_force
        if not text:
            return ""
        kind, slash, phrasing = self.instruction_label.partition("/")
        return kind if slash and phrasing.isdigit() else " ".join(text.split())

    def swapped(self) -> LintRecord:
        """The same pair with chosen and rejected exchanged.

        Raises:
            ValueError: there is no rejected side.
        """
        if self.rejected is None:
            raise ValueError(f"{self.id} has no rejected side to exchange with.")
        return replace(
            self,
            chosen=self.rejected,
            rejected=self.chosen,
            chosen_finish=self.rejected_finish,
            rejected_finish=self.chosen_finish,
            chosen_tokens=self.rejected_tokens,
            rejected_tokens=self.chosen_tokens,
        )


class SideView:
    """One side of a pair, each derived text made when first asked for."""

    __slots__ = ("_key", "_normal", "_raw", "_words", "finish", "messages", "tokens")

    def __init__(self, messages: Messages, finish: str, tokens: int | None) -> None:
        self.messages = messages
        self.finish = finish
        self.tokens = tokens
        self._raw: str | None = None
        self._normal: str | None = None
        self._words: list[str] | None = None
        self._key: bytes | None = None

    @property
    def raw(self) -> str:
        """The answers as they are, a blank line between them; what the user said in between is left out."""
        if self._raw is None:
            self._raw = "\n\n".join(text for role, text in self.messages if role != "user")
        return self._raw

    @property
    def normal(self) -> str:
        """The whole side as it is compared."""
        if self._normal is None:
            self._normal = _normal_messages(self.messages)
        return self._normal

    @property
    def words(self) -> list[str]:
        """Words of the whole side, single characters where a script has no spaces."""
        if self._words is None:
            self._words = words(self.normal)
        return self._words

    @property
    def key(self) -> bytes:
        """Digest of `normal`."""
        if self._key is None:
            self._key = digest(self.normal)
        return self._key


class RecordView:
    """A record with the texts that several rules need, each made when first asked for."""

    __slots__ = ("_content", "_instruction_key", "_prompt_key", "_prompt_normals", "chosen", "record", "rejected")

    def __init__(self, record: LintRecord) -> None:
        self.record = record
        self.chosen = SideView(record.chosen, record.chosen_finish, record.chosen_tokens)
        self.rejected = (
            None
            if record.rejected is None
            else SideView(record.rejected, record.rejected_finish, record.rejected_tokens)
        )
        self._prompt_normals: list[str] | None = None
        self._prompt_key: bytes | None = None
        self._instruction_key: bytes | None = None
        self._content: bytes | None = None

    @property
    def id(self) -> str:
        """Of the record."""
        return self.record.id

    @property
    def both(self) -> tuple[SideView, SideView]:
        """Chosen and rejected.

        Raises:
            ValueError: there is no rejected side; rules say beforehand that they need one.
        """
        if self.rejected is None:
            raise ValueError(f"{self.id} has no rejected side.")
        return self.chosen, self.rejected

    @property
    def sides(self) -> list[tuple[str, SideView]]:
        """The sides that there are, by name."""
        sides = [("chosen", self.chosen)]
        if self.rejected is not None:
            sides.append(("rejected", self.rejected))
        return sides

    @property
    def prompt_normals(self) -> list[str]:
        """Messages of the prompt as they are compared."""
        if self._prompt_normals is None:
            self._prompt_normals = [normal(text) for _, text in self.record.prompt]
        return self._prompt_normals

    @property
    def last_asked(self) -> str:
        """The last message of the prompt as it is compared; empty when there is none."""
        return self.prompt_normals[-1] if self.prompt_normals else ""

    @property
    def history(self) -> str:
        """What came before the last message, as it is compared."""
        return _BETWEEN.join(self.prompt_normals[:-1])

    @property
    def prompt_key(self) -> bytes:
        """Digest of the prompt with its roles, as it is compared."""
        if self._prompt_key is None:
            roles = (role for role, _ in self.record.prompt)
            self._prompt_key = digest(
                _BETWEEN.join(f"{r}:{t}" for r, t in zip(roles, self.prompt_normals, strict=True))
            )
        return self._prompt_key

    @property
    def instruction_key(self) -> bytes:
        """Digest of the instruction in force, as it is compared; empty when none is."""
        if self._instruction_key is None:
            text = self.record.instruction_in_force
            self._instruction_key = digest(normal(text)) if text else b""
        return self._instruction_key

    @property
    def content(self) -> bytes:
        """Digest of everything a waiver rests on: instruction, mode, prompt and both sides to the letter."""
        if self._content is None:
            record = self.record
            parts = [record.instruction, record.mode]
            for messages in (record.prompt, record.chosen, record.rejected or ()):
                parts.append(f"{len(messages)}")
                for role, text in messages:
                    parts += (role, text)
            self._content = digest("\x1e".join(f"{len(part)}:{part}" for part in parts))
        return self._content


def digest(text: str) -> bytes:
    """16 bytes of BLAKE2b over the UTF-8 of `text`; lone surrogates are taken as they are."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _normal_messages(messages: Messages) -> str:
    if len(messages) == 1:
        return normal(messages[0][1])
    return _BETWEEN.join(f"{role}: {normal(text)}" for role, text in messages)


Tokenize = Callable[[str], list[int]]
"""Token ids of a text without special tokens."""
