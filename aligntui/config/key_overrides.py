"""The `[keys]` of a configuration file: which keys a user gave to which actions."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping, Sequence

from aligntui.config.toml_file import ConfigFile
from aligntui.core.errors import UserError, nearest

_MODIFIERS = frozenset(("ctrl", "alt", "shift", "super", "hyper", "meta"))
_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Where Textual's name of a character is not its Unicode name (textual.keys.KEY_NAME_REPLACEMENTS, 8.2)."""
_FORM_HINT = 'Keys look like "x", "?", "f5", "ctrl+s", "comma" or "escape"; several are separated by commas.'


def override_keys(
    files: Sequence[ConfigFile],
    known_ids: Sequence[str],
    *,
    defaults: Mapping[str, str] | None = None,
    clashes: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """Check and join the `[keys]` of the files.

    Args:
        files: strongest first; the first file that names an action wins.
        known_ids: ids of all actions, `context.verb`.
        defaults: keys of each action when nobody changes them, so that a changed key is also held against
            those that stayed; None holds changed keys against each other only.
        clashes: pairs of contexts that are live at the same time; each context clashes with itself.

    Returns:
        Action id to comma-separated keys, in Textual's names, for the changed actions only.

    Raises:
        UserError: an unknown action, no key, a key that there is not, or one key for two actions.
    """
    overrides: dict[str, str] = {}
    origins: dict[str, ConfigFile] = {}
    for file in files:
        for action, value in file.keys.items():
            if action not in known_ids:
                message = f"{file.path}, line {file.line('keys', action)}: there is no action {action!r}."
                raise UserError(message, nearest(action, list(known_ids)))
            keys = ",".join(_keys_of(value, file, action))
            if action not in overrides:
                overrides[action], origins[action] = keys, file
    _refuse_doubles({**(defaults or {}), **overrides}, origins, clashes)
    return overrides


def key_name(key: str) -> str:
    """A key under the name that Textual gives it: `?` is `question_mark`, `Ctrl+S` is `ctrl+s`."""
    modifiers, plus, last = key.rpartition("+") if len(key) > 1 else ("", "", key)
    if len(last) == 1 and not last.isalnum():
        name = unicodedata.name(last, last).lower().replace("-", "_").replace(" ", "_")
        last = _RENAMED.get(name, name)
    elif len(last) > 1 or "ctrl" in modifiers.lower():
        last = last.lower()
    return modifiers.lower() + plus + last


def _keys_of(value: object, file: ConfigFile, action: str) -> list[str]:
    if not isinstance(value, str):
        place = file.where("keys", action)
        raise UserError(f"{place} must be a text with one or more keys, not {value!r}.", _FORM_HINT)
    keys: list[str] = []
    for piece in value.split(","):
        key = key_name(piece.strip())
        if not key:
            place = file.where("keys", action)
            raise UserError(f"{place} must name a key at each comma, and {value!r} does not.", _FORM_HINT)
        if not _is_key(key):
            place, last = file.where("keys", action), key.rpartition("+")[2]
            near = nearest(last, [*_NAMED])
            hint = near if near.startswith("Did") and last not in _NAMED else _FORM_HINT
            raise UserError(f"{place} names the key {piece.strip()!r}, which is no key.", hint)
        keys.append(key)
    return keys


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return False
    if len(last) == 1 or last in _NAMED:
        return last.isprintable()
    try:
        return bool(unicodedata.lookup(last.replace("_", " ")))
    except KeyError:
        return False


def _refuse_doubles(
    keys: Mapping[str, str], origins: Mapping[str, ConfigFile], clashes: Sequence[tuple[str, str]]
) -> None:
    together = {frozenset(pair) for pair in clashes}
    users: dict[str, list[str]] = {}
    for action, names in keys.items():
        for key in dict.fromkeys(key_name(name.strip()) for name in names.split(",")):
            users.setdefault(key, []).append(action)
    for key, actions in users.items():
        # two actions that share a key by default are the table's affair, not the user's
        for action in filter(origins.__contains__, actions):
            for other in actions:
                contexts = frozenset((_context(action), _context(other)))
                if other != action and (len(contexts) == 1 or contexts in together):
                    raise UserError(
                        f"{origins[action].where('keys', action)} takes the key {key!r}, which {other} has as well.",
                        f"Give one of the two another key under [keys], for example `{other} = ...`.",
                    )


def _context(action: str) -> str:
    return action.partition(".")[0]


_NAMED = frozenset(
    (
        *("escape", "enter", "tab", "backspace", "delete", "insert", "space"),
        *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
        *(f"f{number}" for number in range(1, 25)),
        *(key_name(character) for character in string.punctuation),
    )
)
"""Keys with a name of their own (textual.keys.Keys, 8.2) and the punctuation marks of ASCII."""
