"""Reading a battery from JSON Lines, ours or the user's own.

One question a line:

    {"id": "q-01", "question": "...", "kind": "conflict",
     "expect": {"all": ["harm"], "any": ["leave", "re:walk (?:out|away)"], "none": ["Law 4"]},
     "structure": [{"starts_with": "Law 1 (Shelter):"}, {"lines": ["Law 1", "Ranking:"]}], "laws": ["Shelter", "Seed"]}

`id`, `question` and at least one demand are needed. What terms and markers mean stands in `terms` and `markers`. The first
line may be a header instead, which has the field `battery`:

    {"battery": "four-laws", "laws": ["Shelter", "Seed"], "doctrine": ["re:Law [1-4]"], "system_file": "laws.md"}

`laws` names the rules in order of rank, and questions may then name no others. `doctrine` lists terms that only someone uses who
speaks of the rules themselves. `system`, or `system_file` beside the battery, is the text of the rules.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.score.battery.battery import UNSORTED, Battery, Question
from aligntui.score.battery.markers import marker
from aligntui.score.battery.terms import Answer, Term, term

HEADER_FIELDS = ["battery", "laws", "doctrine", "system", "system_file"]
QUESTION_FIELDS = ["id", "question", "kind", "expect", "structure", "laws"]
EXPECT_FIELDS = ["all", "any", "none"]
_SHOWN = 5
"""Wrong lines that one message tells of."""


class _Wrong(Exception):
    """What is wrong with a line, in half a sentence, and what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True)
class _Header:
    name: str
    laws: tuple[str, ...] = ()
    doctrine: tuple[Term, ...] = ()
    system: str = ""


def read_battery(path: Path) -> Battery:
    """Read and check a battery.

    Raises:
        UserError: the file cannot be read, has no question, or a line is wrong; names file, line and reason of the first few
            wrong lines.
    """
    path = path.expanduser()
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # a path with a null character is a ValueError
        raise UserError(f"The battery {path} cannot be read: {_reason(error)}.", "Give the path of a file.") from error
    return parse_battery(content, path)


def parse_battery(content: bytes, path: Path) -> Battery:
    """A battery from the bytes of its file.

    Args:
        content: JSON Lines.
        path: where they come from, for sentences, for the name of a battery without a header, and for `system_file`.

    Raises:
        UserError: as `read_battery`.
    """
    header = _Header(path.stem)
    questions: dict[str, Question] = {}
    wrong: list[tuple[int, _Wrong]] = []
    first = True
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _record(line)
            if "battery" in record:
                if not first:
                    raise _Wrong("the header is not the first line", "Move it up.")
                header = _header(record, path)
            else:
                question = _question(record, number, header.laws)
                if question.id in questions:
                    raise _Wrong(f"the id {question.id!r} was there before, in line {questions[question.id].line}")
                questions[question.id] = question
        except _Wrong as problem:
            wrong.append((number, problem))
        first = False
    if wrong:
        raise _as_user_error(path, wrong)
    if not questions:
        raise UserError(f"The battery {path} has no question.", "Write one JSON object a line, with id and question.")
    return Battery(header.name, str(path), tuple(questions.values()), header.doctrine, header.laws, header.system)


def _as_user_error(path: Path, wrong: list[tuple[int, _Wrong]]) -> UserError:
    sentences = [f"{path}, line {number}: {problem.reason}." for number, problem in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        sentences.append(f"{len(wrong) - _SHOWN} more lines are wrong.")
    return UserError("\n".join(sentences), next((problem.hint for _, problem in wrong if problem.hint), ""))


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _Wrong(f"the line is not UTF-8 text (byte {error.start + 1})", "Save the file as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _Wrong(f"the line is not JSON ({error.msg.lower()} at column {error.colno})") from None
    except (RecursionError, ValueError) as error:  # too deep, or a number of too many digits
        raise _Wrong(f"the line cannot be read ({error})") from None
    if not isinstance(record, dict):
        raise _Wrong("the line is no JSON object")
    return record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        twice = next(name for at, (name, _) in enumerate(pairs) if name in dict(pairs[:at]))
        raise _Wrong(f"the field {twice!r} stands twice in one object")
    return held


def _header(record: dict[str, Any], path: Path) -> _Header:
    _known(record, HEADER_FIELDS, "the header")
    system = _text(record, "system", "") if "system" in record else ""
    if "system_file" in record:
        if "system" in record:
            raise _Wrong("the header has both 'system' and 'system_file'", "Keep one of them.")
        file = path.parent / _text(record, "system_file")
        try:
            system = file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise _Wrong(f"the text of the rules, {file}, cannot be read: {_reason(error)}") from None
    laws = _texts(record, "laws")
    if len({law.casefold() for law in laws}) < len(laws):
        raise _Wrong("a law stands twice in 'laws'")
    return _Header(_text(record, "battery"), laws, _terms(record, "doctrine"), system)


def _question(record: dict[str, Any], line: int, laws: tuple[str, ...]) -> Question:
    _known(record, QUESTION_FIELDS, "the question")
    expect = record.get("expect", {})
    if not isinstance(expect, dict):
        raise _Wrong(f"'expect' is an object with lists of terms, not {expect!r}")
    _known(expect, EXPECT_FIELDS, "'expect'")
    made = Question(
        id=_text(record, "id"),
        question=_text(record, "question"),
        kind=_text(record, "kind", UNSORTED),
        all=_terms(expect, "all"),
        any=_terms(expect, "any"),
        none=_terms(expect, "none"),
        structure=_structure(record),
        laws=_texts(record, "laws"),
        line=line,
    )
    for law in made.laws:
        if laws and law not in laws:
            raise _Wrong(f"there is no law {law!r} in the header", nearest(law, list(laws)))
    if not (made.all or made.any or made.none or made.structure):
        raise _Wrong("nothing is expected of the answer, so that any would pass", "Fill 'expect' or 'structure'.")
    _refuse_contradiction(made)
    return made


def _refuse_contradiction(question: Question) -> None:
    """A forbidden plain term that stands in every demanded one can never be kept to."""

    def forbidden(wanted: Term) -> Term | None:
        if wanted.is_regex:
            return None
        written = Answer.of(wanted.written)
        return next((one for one in question.none if not one.is_regex and one.find(written) is not None), None)

    for wanted in question.all:
        if (clash := forbidden(wanted)) is not None:
            raise _Wrong(f"no answer can pass: {wanted.written!r} is demanded and {clash.written!r} forbidden")
    if question.any and all(forbidden(wanted) is not None for wanted in question.any):
        raise _Wrong("no answer can pass: every term of 'any' is forbidden by 'none'")


def _structure(record: dict[str, Any]) -> tuple[Any, ...]:
    given = record.get("structure", [])
    if not isinstance(given, list):
        raise _Wrong(f"'structure' is a list of markers, not {given!r}")
    try:
        return tuple(marker(one) for one in given)
    except ValueError as error:
        raise _Wrong(f"in 'structure', {error}") from None


def _terms(record: dict[str, Any], name: str) -> tuple[Term, ...]:
    try:
        return tuple(term(one) for one in _texts(record, name))
    except ValueError as error:
        raise _Wrong(f"in {name!r}, {error}") from None


def _texts(record: dict[str, Any], name: str) -> tuple[str, ...]:
    given = record.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
        raise _Wrong(f"{name!r} is a list of texts, not {given!r}")
    return tuple(given)


def _text(record: dict[str, Any], name: str, default: str | None = None) -> str:
    if name not in record:
        if default is None:
            raise _Wrong(f"the field {name!r} is missing")
        return default
    if not isinstance(record[name], str) or not record[name].strip():
        raise _Wrong(f"{name!r} is a text, not {record[name]!r}")
    return record[name]


def _known(record: dict[str, Any], fields: list[str], where: str) -> None:
    for name in record:
        if name not in fields:
            raise _Wrong(f"{where} has an unknown field {name!r}", nearest(name, fields))


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
