"""Contamination patterns: the built-in table, and patterns of the user's own.

Built-in patterns are run by `re`. Every repetition in them is bounded and no two neighbouring ones match the same
characters, so their time grows with the length of the text alone (tests/data/test_lint_patterns.py runs each over long
hostile texts). Nobody can promise that of a pattern of the user's, so those are run by `regex`, which can be stopped.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from aligntui.core.errors import UserError, nearest
from aligntui.data.lint.finding import Severity

SIDES = ("prompt", "chosen", "rejected")
ANSWERS = ("chosen", "rejected")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression for text that does not belong into an answer."""

    name: str
    """Kebab-case, unique."""
    expression: str
    """Of `re`, matched anywhere; `^` and `$` match at line ends."""
    summary: str = ""
    """What it finds, for a finding's sentence: "a web address"."""
    severity: Severity = Severity.WARNING
    ignore_case: bool = False
    where: tuple[str, ...] = ANSWERS
    """Parts of a pair it is looked for in."""
    literals: tuple[str, ...] = ()
    """Lower-case strings of which one stands in every text that matches; a quick look beforehand, quickest for single
    characters. Empty: none is known."""
    hide: bool = False
    """Whether reports show the first characters of a match only."""
    own: bool = False
    """Whether it is the user's."""

    @property
    def flags(self) -> int:
        """For `re.compile`."""
        return re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0)


BUILT_IN: tuple[Pattern, ...] = (
    Pattern(
        "chat-template-tokens",
        r"<\|[a-zA-Z_]{2,30}(?:\|[a-zA-Z_]{2,30})?\|>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn)>"
        r"|\[/?INST\]|<</?SYS>>|<｜[^｜\n]{2,40}｜>",
        "tokens of a chat template",
        Severity.ERROR,
        literals=("<", "["),
    ),
    Pattern(
        "format-headings",
        r"^[ \t]{0,8}#{2,4} {0,2}(?:Instruction|Response|Input|Alignment Instruction|User Prompt"
        r"|Rejected Response \(Bad\)|What's expected instead)[?:]",
        "headings of a training format",
        Severity.ERROR,
        literals=("#",),
    ),
    Pattern(
        "role-labels",
        r"^[ \t]{0,8}\*{0,2}(?:User|Human|Assistant|AI|System|Bot)\*{0,2}:\*{0,2}[ \t\n]",
        "a label that names who speaks",
        literals=(":",),
    ),
    Pattern(
        "reasoning-tags",
        r"</?(?:think|thinking|reasoning|scratchpad)>",
        "tags of a reasoning model",
        Severity.NOTICE,
        ignore_case=True,
        literals=("</", "<think", "<reasoning", "<scratchpad"),
    ),
    Pattern(
        "assistant-self-reference",
        r"\bas an? (?:AI|artificial intelligence|large language model|language model)\b"
        r"|\bI(?: am|['’]m)(?: just| only)? an? (?:AI|artificial intelligence|large language model|language model)\b"
        r"|\b(?:developed|trained|created|made) by (?:OpenAI|Anthropic|Google|DeepMind|Meta|Mistral|Alibaba)\b"
        r"|\bmy (?:knowledge|training) (?:cut-?off|data)\b",
        "phrases by which an assistant speaks of itself",
        ignore_case=True,
        literals=("as a", "i am ", "i'm ", "i’m ", "ed by ", "made by ", "my knowledge", "my training"),
    ),
    Pattern(
        "refusal-boilerplate",
        r"\bI(?:['’]m| am) (?:very |really )?sorry,? but I (?:can(?:no|['’])t|am (?:unable|not able))\b"
        r"|\bI (?:can(?:no|['’])t|am (?:unable|not able) to|won['’]t) (?:assist|help|comply|fulfil+|provide|engage)\b",
        "a refusal in the usual words",
        Severity.NOTICE,
        ignore_case=True,
        literals=("i can", "i am ", "i won"),
    ),
    Pattern(
        "web-address",
        r"\b(?:https?://|www\.)[^\s<>\"')\]]{4,200}",
        "a web address",
        Severity.NOTICE,
        ignore_case=True,
        literals=(":", "www."),
    ),
    Pattern(
        "e-mail-address",
        r"(?<![\w.+-])[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}\b",
        "an e-mail address",
        where=SIDES,
        literals=("@",),
    ),
    Pattern(
        "phone-number",
        r"(?<![\w+.-])(?:\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)|[0-9]{1,4})(?:[ .-]?[0-9]{2,4}){2,4}|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}"
        r"|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})(?![\w-])",
        "a telephone number",
        where=SIDES,
        literals=tuple("0123456789"),
    ),
    Pattern(
        "secret",
        r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,200}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,255}"
        r"|\bgithub_pat_[A-Za-z0-9_]{22,255}|\bhf_[A-Za-z0-9]{30,100}|\bAIza[0-9A-Za-z_-]{35}|\bxox[abprs]-[0-9A-Za-z-]{10,200}"
        r"|-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----",
        "something shaped like a key or a password of a service",
        Severity.ERROR,
        where=SIDES,
        literals=("_", "sk-", "akia", "aiza", "xox", "private key"),
        hide=True,
    ),
    Pattern(
        "malformed-text",
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff\ud800-\udfff]"
        "|\u00e2\u20ac[\u0153\u009d\u2122\u02dc\u201c\u201d\u00a6]|\u00c3[\u00a0-\u00bf]",
        "characters that a broken decoding leaves",
    ),
    Pattern(
        "runtime-error",
        r"^Traceback \(most recent call last\):|\bCUDA (?:error|out of memory)\b|\[object Object\]"
        r"|\b(?:Error code|HTTP(?: error)?):? [45][0-9][0-9]\b|\brate limit (?:exceeded|reached)\b"
        r"|\bupstream (?:connect error|request timeout)\b|\b(?:Connection|Request) timed out\b",
        "the words of a failing program",
        ignore_case=True,
        literals=(
            "traceback (",
            "cuda ",
            "[object object]",
            "error code",
            "http",
            "rate limit",
            "upstream ",
            "timed out",
        ),
    ),
    Pattern(
        "placeholder",
        r"\{\{ {0,2}[\w.]{1,40} {0,2}\}\}|\[(?:your|insert|enter|the) [^\]\n]{2,40}\]|\blorem ipsum\b|<insert [^>\n]{2,40}>",
        "a placeholder that nobody filled in",
        Severity.NOTICE,
        ignore_case=True,
        literals=("{{", "[", "<insert ", "lorem ipsum"),
    ),
)
"""What aligntui looks for unasked.

Source: AISF removed runtime-corruption blocks, format directives, quotation echoes and a malformed token, and reported
each count (methods.md, section 2); the template tokens are those of ChatML, Llama 2 and 3, Gemma and DeepSeek."""

PROMPT_ECHO = "prompt-echo"
"""Name of the one check beside the patterns: an answer that begins with the prompt."""


def patterns_from(mapping: Any) -> tuple[Pattern, ...]:
    """The user's patterns from a table: `name = "expression"`, or a table with `expression` and more.

    A table may also have `summary`, `severity` (`error`, `warning`, `notice`), `ignore_case` (true or false) and `where`
    (a list of `prompt`, `chosen`, `rejected`).

    Raises:
        UserError: a name is taken, an expression is no regular expression or matches the empty text, or a key is
            unknown; the sentence names the pattern.
    """
    if not isinstance(mapping, Mapping):
        raise UserError(f"Patterns are a table of names and expressions, not {mapping!r}.")
    return tuple(_pattern(str(name), value) for name, value in mapping.items())


def read_patterns(path: Path) -> tuple[Pattern, ...]:
    """The user's patterns from a `.toml` or `.json` file; a table `patterns` inside, or the whole file.

    Raises:
        UserError: the file cannot be read, is neither, or holds a wrong pattern.
    """
    try:
        text = path.read_text("utf-8")
        held: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The patterns in {path} cannot be read: {error}.") from error
    except ValueError as error:
        raise UserError(f"{path} is no {path.suffix.lstrip('.') or 'toml'}: {error}.") from error
    inner = held.get("patterns") if isinstance(held, dict) else None
    return patterns_from(inner if isinstance(inner, dict) else held)


_KEYS = ["expression", "summary", "severity", "ignore_case", "where"]


def _pattern(name: str, value: Any) -> Pattern:
    taken = {one.name for one in BUILT_IN} | {PROMPT_ECHO}
    if name in taken:
        raise UserError(f"The pattern {name!r} is built in.", "Give yours another name.")
    table = {"expression": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise UserError(f"The pattern {name!r} is a regular expression or a table with one, not {value!r}.")
    for key in table:
        if key not in _KEYS:
            raise UserError(f"The pattern {name!r} has an unknown key {key!r}.", nearest(str(key), _KEYS))
    expression = table.get("expression")
    if not isinstance(expression, str):
        raise UserError(f"The pattern {name!r} has no expression.", 'Write expression = "...".')
    severity, where = table.get("severity", Severity.WARNING), table.get("where", ANSWERS)
    if severity not in list(Severity):
        raise UserError(f"The pattern {name!r} has no severity {severity!r}.", "Known: " + ", ".join(Severity) + ".")
    if not isinstance(where, list | tuple) or not where or any(side not in SIDES for side in where):
        raise UserError(f"The pattern {name!r} is looked for in some of {', '.join(SIDES)}, not in {where!r}.")
    ignore_case = table.get("ignore_case", False)
    if not isinstance(ignore_case, bool):
        raise UserError(f"ignore_case of the pattern {name!r} is true or false, not {ignore_case!r}.")
    summary = str(table.get("summary") or f"the pattern {name}")
    made = Pattern(name, expression, summary, Severity(severity), ignore_case, tuple(where), own=True)
    compile_own(made)
    return made


def compile_own(pattern: Pattern) -> regex.Pattern[str]:
    """Compile a pattern of the user's with `regex`, whose searches can be given a time limit.

    Raises:
        UserError: it is no regular expression, or it matches the empty text and so everything.
    """
    try:
        compiled = regex.compile(pattern.expression, pattern_flags(pattern))
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise UserError(
            f"The pattern {pattern.name!r} is no regular expression: {error}.", f"It reads {pattern.expression!r}."
        ) from error
    if compiled.search("", timeout=1):
        raise UserError(f"The pattern {pattern.name!r} matches the empty text, and so every answer.")
    return compiled


def pattern_flags(pattern: Pattern) -> int:
    """The flags of a pattern in the numbers that `regex` uses."""
    return int(regex.MULTILINE | (regex.IGNORECASE if pattern.ignore_case else 0))
