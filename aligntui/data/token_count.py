"""Token counts without a model: the tokenizer of a model folder, and its chat template, read from files.

Only `tokenizers` and `jinja2` are needed, neither of which loads torch. Rendering follows what transformers does with a
chat template (a sandbox, trimmed blocks); equality with the engine's own rendering is pinned in
tests/backend/test_token_count.py, for the embedded model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.prompt_format import Message, Mode, place_instruction

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens as a model of this folder would see them."""

    name: str
    """Folder or model, for reports."""
    tokenizer: Tokenizer
    template: Template | None
    """None where the folder has no chat template; messages are then counted as bare texts."""
    template_sha256: str
    names: dict[str, str]
    """Special tokens that a template may name: `bos_token`, `eos_token`, ..."""

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens; many at once are counted on all cores."""
        return [
            len(encoding.ids) for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def rendered(self, history: Sequence[Message], instruction: str, mode: Mode, every: int = 1) -> str:
        """A prompt as the chat template shows it to the model, up to the head of the answer.

        Raises:
            UserError: the template refuses the messages.
        """
        messages = place_instruction(list(history), instruction, mode, every=every, system_slot=self.system_slot)
        return self._render(messages)

    @property
    def system_slot(self) -> bool:
        """Whether a system message reaches the text."""
        mark = "system-slot-probe"
        try:
            return mark in self._render([Message("system", mark), Message("user", "x")])
        except UserError:
            return False

    def _render(self, messages: Sequence[Message]) -> str:
        if self.template is None:
            return "\n\n".join(message.content for message in messages)
        try:
            shown = [message.as_dict() for message in messages]
            return self.template.render(messages=shown, add_generation_prompt=True, **self.names)
        except Exception as error:
            raise UserError(f"The chat template of {self.name} refuses the conversation: {error}.") from error


def read_token_counter(folder: Path, name: str = "") -> TokenCounter | None:
    """The counter of a model folder; None where it has no `tokenizer.json`.

    Raises:
        UserError: tokenizer or template cannot be read.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return None
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        settings = _json(folder / "tokenizer_config.json")
        source = _template_of(folder, settings)
        template = _compiled(source) if source else None
    except Exception as error:
        raise UserError(f"The tokenizer in {folder} cannot be read: {error}.", "Fetch the model again.") from error
    names = {key: text for key, value in settings.items() if key.endswith("_token") and (text := _text(value))}
    return TokenCounter(name or folder.name, tokenizer, template, sha256_text(source or ""), names)


def _template_of(folder: Path, settings: dict[str, Any]) -> str:
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text("utf-8")
    found = settings.get("chat_template") or ""
    if isinstance(found, list):  # several named templates: the one that plain chat uses
        found = next((entry.get("template", "") for entry in found if entry.get("name") == "default"), "")
    return found


def _compiled(source: str) -> Template:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, **kw: json.dumps(value, ensure_ascii=False, **kw)
    environment.globals["raise_exception"] = refuse
    return environment.from_string(source)


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _text(value: Any) -> str:
    return value.get("content", "") if isinstance(value, dict) else value if isinstance(value, str) else ""
