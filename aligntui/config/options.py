"""Every option once: the fields of `Settings` feed command-line flags, TOML files, the settings screen and the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import MAX_SEED, Sampling

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
_MODES = tuple(mode.value for mode in Mode)


@dataclass(frozen=True)
class Option:
    """The declaration of one option."""

    name: str
    """Python and TOML name; flag and environment variable follow from it."""
    default: Any
    """Also tells the type: str, int, float, bool, a choice (`Mode`) or a tuple of str."""
    help: str
    """One sentence for `--help`, the settings screen and the docs."""
    group: str
    """Heading under which it stands: model, memory, answer, instruction, judging or screen."""
    metavar: str = ""
    """Placeholder of the value in `--help`; empty for switches."""
    choices: tuple[str, ...] = ()
    """All values there are; empty when any will do."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of choices."""
    low: float | None = None
    high: float | None = None
    above: bool = False
    """Whether `low` itself is outside the range."""
    personal: bool = False
    """Whether it can make a program run, so that it counts from a flag, the environment and the user's own file only:
    the file of a workspace may have come from somebody else."""

    @property
    def type(self) -> type:
        """Python type of the value."""
        return type(self.default)

    @property
    def flag(self) -> str:
        """Flag on the command line; a switch also has a `--no-` form."""
        return "--" + self.name.replace("_", "-")

    @property
    def env(self) -> str:
        """Environment variable."""
        return "ALIGNTUI_" + self.name.upper()

    @property
    def several(self) -> bool:
        """Whether it takes several values: a repeated flag, a TOML list, a comma-separated variable."""
        return self.type is tuple

    @property
    def wanted(self) -> str:
        """What a value must be, as the end of a sentence."""
        if self.choices:
            return "one of " + ", ".join(choice or "'' (none)" for choice in self.choices)
        if self.type in (int, float):
            kind = "a whole number" if self.type is int else "a number"
            if self.low is not None and self.high is not None:
                bounds = f"above {_number(self.low)} and at most" if self.above else f"from {_number(self.low)} to"
                return f"{kind} {bounds} {_number(self.high)}"
            return kind if self.low is None else f"{kind} of at least {_number(self.low)}"
        return {bool: "true or false", tuple: "a list of texts"}.get(self.type, "a text")

    def parse(self, text: str, where: str = "") -> Any:
        """Read a value that was typed: a flag's or an environment variable's.

        Args:
            text: what was typed.
            where: what to call the option in an error; its flag when empty.

        Raises:
            UserError: `text` is no value of this option.
        """
        where = where or self.flag
        stripped = text.strip()
        value: Any = text
        if self.type is bool:
            if stripped.lower() not in (*_TRUE, *_FALSE):
                raise self._refusal(where, text)
            value = stripped.lower() in _TRUE
        elif self.type in (int, float):
            try:
                return self._check_number(self.type(stripped), where, stripped)
            except ValueError:
                raise self._refusal(where, text) from None
        elif self.several:
            value = tuple(piece.strip() for piece in text.split(","))
        return self.check(value, where)

    def check(self, value: Any, where: str = "") -> Any:
        """Check a value that has a type already: one from TOML, from a widget or from a parsed flag.

        Args:
            value: the value; whole numbers are taken for numbers, one text for a list of one.
            where: what to call the option in an error; its flag when empty.

        Returns:
            The value in the option's own type.

        Raises:
            UserError: the type is wrong, or the value is out of range or none of the choices.
        """
        where = where or self.flag
        if self.several:
            values = (value,) if isinstance(value, str) else value
            if not isinstance(values, list | tuple) or not all(isinstance(item, str) for item in values):
                raise self._refusal(where, value)
            return tuple(item for item in values if item)
        if self.type is bool:
            if not isinstance(value, bool):
                raise self._refusal(where, value)
            return value
        if self.type in (int, float):
            return self._check_number(value, where)
        if not isinstance(value, str):
            raise self._refusal(where, value)
        if self.choices:
            value = self.aliases.get(value, value)
            if value not in self.choices:
                raise self._refusal(where, value)
        return self.type(value)

    def _check_number(self, value: Any, where: str, typed: str = "") -> int | float:
        # bool is an int to Python, but `seed = true` is a slip
        allowed = int if self.type is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed):
            raise self._refusal(where, value)
        too_low = self.low is not None and (value <= self.low if self.above else value < self.low)
        if too_low or (self.high is not None and value > self.high) or not isfinite(value):
            raise self._refusal(where, value, typed)
        return self.type(value)

    def _refusal(self, where: str, found: Any, typed: str = "") -> UserError:
        shown = typed or (str(found).lower() if isinstance(found, bool) else repr(found))
        hint = nearest(found, list(self.choices)) if self.choices and isinstance(found, str) else ""
        return UserError(f"{where} must be {self.wanted}, not {shown}.", hint if hint.startswith("Did") else self.help)


def _number(value: float) -> str:
    return "2^63 - 1" if value == MAX_SEED else f"{value:g}" if isinstance(value, float) else str(value)


class Layer(StrEnum):
    """Where a value can come from, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    WORKSPACE = "workspace file"
    USER = "user file"
    DEFAULT = "default"


@dataclass(frozen=True)
class Source:
    """Where a resolved value came from."""

    layer: Layer
    place: str = ""
    """The flag, the variable or the file; empty for a default."""


def _option(default: Any, group: str, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"group": group, "help": help, **more})


@dataclass(frozen=True)
class Settings:
    """The resolved options, and where each came from.

    `Settings()` is all defaults. A field with a group is an option; adding one here adds its flag, its
    environment variable, its TOML key, its place on the settings screen and its line in the docs.
    """

    model: str = _option("embedded", "model", "Base weights: `embedded`, a local folder or a hub id.", metavar="NAME")
    adapter: tuple[str, ...] = _option(
        ("demo",),
        "model",
        "Adapter of a column, as NAME, NAME@STEP or a path; give it again for further columns, empty for the base alone.",
        metavar="NAME",
    )
    strength: float = _option(
        1.0, "model", "Factor on the adapter's weight change; 0 is the base, 1 as trained.", metavar="X", low=0, high=2
    )
    dtype: str = _option(
        "auto",
        "model",
        "Number format of the arithmetic; auto takes bfloat16 where the processor has it.",
        metavar="TYPE",
        choices=("auto", "float32", "bfloat16", "float16"),
        aliases={"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"},
    )
    quantisation: str = _option(
        "",
        "model",
        "Store the base weights in 4 bits (nf4), or leave them as they are (empty).",
        metavar="TYPE",
        choices=("", "nf4"),
        aliases={"none": ""},
    )
    device: str = _option("auto", "model", "Where the weights live: auto, cpu, cuda, cuda:1, mps.", metavar="DEVICE")
    threads: int = _option(
        0, "model", "CPU threads for the arithmetic; 0 leaves the choice to torch.", metavar="N", low=0, high=1024
    )
    trust_remote_code: bool = _option(
        False, "model", "Let a model from the hub run its own Python code.", personal=True
    )

    memory_budget: int = _option(
        0,
        "memory",
        "Most memory, in MiB, that engine and trainings may hold together: of the GPU, or of RAM without one; 0 is what is free.",
        metavar="MIB",
        low=0,
        high=1 << 30,
    )

    temperature: float = _option(0.3, "answer", "Randomness of the answers; 0 is greedy.", metavar="T", low=0, high=5)
    top_p: float = _option(
        0.95,
        "answer",
        "Draw from the smallest set of tokens with this probability.",
        metavar="P",
        low=0,
        high=1,
        above=True,
    )
    max_new_tokens: int = _option(
        256, "answer", "Length limit of one answer, in tokens.", metavar="N", low=1, high=1_000_000
    )
    seed: int = _option(0, "answer", "Seed of the random draws.", metavar="N", low=0, high=MAX_SEED)

    mode: Mode = _option(  # noqa: RUF009  `_option` returns a dataclass field
        Mode.SYSTEM,
        "instruction",
        "How the instruction reaches the model: system slot, ITA block, injection every few turns, or none.",
        metavar="MODE",
        choices=_MODES,
    )
    injection_every: int = _option(
        3, "instruction", "Turns from one injection to the next (injection mode).", metavar="K", low=1, high=1000
    )
    instruction: str = _option(
        "concise/1", "instruction", "Instruction from the library, as TYPE/PHRASING; empty for none.", metavar="NAME"
    )

    history: str = _option(
        "own",
        "judging",
        "Whether each column continues its own answers (own) or all continue the chosen one (shared).",
        metavar="WHOSE",
        choices=("own", "shared"),
    )
    blind: bool = _option(False, "judging", "Shuffle the sides and hide their names until judged.")
    annotator: str = _option(
        "", "judging", "Name that is stored with each verdict; your login name when empty.", metavar="NAME"
    )

    theme: str = _option(
        "", "screen", "Colour theme; empty for the one chosen last in the console, at first its own.", metavar="NAME"
    )
    editor: str = _option(
        "", "screen", "Editor for long prompts; $VISUAL or $EDITOR when empty.", metavar="COMMAND", personal=True
    )
    clipboard: str = _option(
        "auto",
        "screen",
        "Copy through the terminal (osc52), never (off: save a file), or where the terminal can (auto).",
        metavar="HOW",
        choices=("auto", "osc52", "off"),
    )
    copy_limit_bytes: int = _option(
        74_994, "screen", "Longest text that is copied through the terminal; longer ones go to a file.",
        metavar="BYTES", low=0, high=100_000_000,
    )  # fmt: skip
    reduced_motion: bool = _option(False, "screen", "Switch animations and blinking off.")

    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that the user changed: action id to comma-separated keys."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Option name to where its value came from."""

    @property
    def sampling(self) -> Sampling:
        """The sampling settings of an answer."""
        return Sampling(self.temperature, self.top_p, self.max_new_tokens, self.seed)

    def as_dict(self) -> dict[str, Any]:
        """The options and their values, JSON-ready."""
        values = {option.name: getattr(self, option.name) for option in OPTIONS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


OPTIONS: tuple[Option, ...] = tuple(
    Option(name=f.name, default=f.default, **f.metadata) for f in fields(Settings) if "group" in f.metadata
)
BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}


def options_table() -> str:
    """The options as a Markdown table for the docs."""
    rows = ["| option | flag | default | values | what it does |", "|---|---|---|---|---|"]
    for option in OPTIONS:
        flag = f"`{option.flag}`" if option.type is not bool else f"`{option.flag}` / `--no-{option.flag[2:]}`"
        default = ", ".join(option.default) if option.several else str(option.default)
        default = default.lower() if option.type is bool else default
        rows.append(
            f"| `{option.name}` | {flag} | {f'`{default}`' if default else 'empty'} | {option.wanted} | {option.help} |"
        )
    return "\n".join(rows)
