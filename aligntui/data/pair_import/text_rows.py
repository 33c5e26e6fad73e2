"""Records of JSON lines, JSON arrays and CSV, one at a time and never more of the file in memory than one record.

A record longer than the limit is reported by its line and passed over without being held. All of this works on bytes,
so that one damaged record is told apart from its neighbours and named by the position of the damage.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from aligntui.core.errors import UserError
from aligntui.data.pair_import.records import BadRecord, Place, RawRow, Refused

BOM = b"\xef\xbb\xbf"
SKIP_BYTES = 1 << 20
"""How much of an overlong record is in memory at once while it is passed over."""

Rows = Iterator[RawRow | BadRecord]


def json_line_rows(file: str, stream: IO[bytes], limit_bytes: int) -> Rows:
    """One record for each line that is not blank.

    Args:
        file: the name under which it is reported.
        stream: the text, UTF-8 with or without a byte order mark.
        limit_bytes: longest line.
    """
    number = 0
    while line := stream.readline(limit_bytes + 1):
        number += 1
        place = Place(file, number)
        if len(line) > limit_bytes and not line.endswith(b"\n"):
            yield BadRecord(place, "size", _skip_line(stream, len(line), limit_bytes))
            continue
        line = line.removeprefix(BOM) if number == 1 else line
        if line.strip():
            yield _json_row(place, line.rstrip(b"\r\n"))


def json_array_rows(file: str, stream: IO[bytes], limit_bytes: int) -> Rows:
    """One record for each element of a JSON array.

    A damaged element is a bad record as long as its brackets and quotes match.

    Raises:
        UserError: what stands between the elements is no array, so that nothing below it can be told apart.
    """
    scanner = _ArrayScanner(file, stream, limit_bytes)
    for number, element, size_bytes in scanner.elements():
        place = Place(file, number)
        if element is None:
            yield BadRecord(place, "size", _too_long("the record", size_bytes, limit_bytes))
        else:
            yield _json_row(place, element)


def csv_rows(file: str, stream: IO[bytes], limit_bytes: int, delimiter: str | None = None) -> Rows:
    """One record for each row below the header, every value a text; empty lines are passed over.

    Args:
        file: the name under which it is reported.
        stream: the text, UTF-8 with or without a byte order mark; quotes as RFC 4180 has them.
        limit_bytes: longest row.
        delimiter: what stands between the cells; None looks at the header: a comma, else a semicolon, else a tab.

    Raises:
        UserError: there is no header, it cannot be read, or it has a name twice or none.
    """
    csv.field_size_limit(max(csv.field_size_limit(), limit_bytes))  # of the process; it is only ever raised
    head = _header_line(file, stream, limit_bytes)
    delimiter = delimiter or next((mark for mark in ",;\t" if mark.encode() in head), ",")
    framed = _csv_records(stream, head, delimiter.encode(), limit_bytes)
    columns = _csv_header(file, next(framed), delimiter)
    for number, record, size_bytes, closed in framed:
        place = Place(file, number)
        if not closed:
            yield BadRecord(
                place, "syntax", "a quoted cell of this row is never closed, so that all below belongs to it"
            )
        elif record is None:
            yield BadRecord(place, "size", _too_long("the row", size_bytes, limit_bytes))
        elif record.strip(b"\r\n"):
            yield _csv_row(place, record, columns, delimiter)


def _json_row(place: Place, text: bytes) -> RawRow | BadRecord:
    try:
        value = json.loads(_decoded(text), object_pairs_hook=_object, parse_constant=_no_constant)
        if not isinstance(value, dict):
            raise Refused("type", f"a JSON object is wanted, not {kind_of(value)}")
        return RawRow(place, value)
    except Refused as error:
        return BadRecord(place, error.kind, error.reason)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} of it, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        return BadRecord(place, "syntax", f"it is not JSON ({error.msg.lower()}, {where})")
    except RecursionError:
        return BadRecord(place, "syntax", "it is nested too deeply")
    except ValueError as error:  # a number of thousands of digits
        return BadRecord(place, "syntax", f"it is not JSON that can be read ({error})")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused("syntax", f"the key {twice[:80]!r} stands twice in one object")
    return made


def _no_constant(name: str) -> Any:
    raise Refused("syntax", f"it is not JSON ({name} is no JSON number)")


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            "encoding", f"it is not UTF-8 text (byte 0x{text[error.start]:02x} at byte {error.start + 1} of it)"
        ) from None


def kind_of(value: object) -> str:
    """What a JSON value is, for a sentence: `a list`, `null`."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names.get(type(value), f"a value of type {type(value).__name__}")


def _too_long(what: str, size_bytes: int, limit_bytes: int) -> str:
    return f"{what} has {size_bytes:,} bytes, and at most {limit_bytes:,} are read"


def _skip_line(stream: IO[bytes], size_bytes: int, limit_bytes: int) -> str:
    while rest := stream.readline(SKIP_BYTES):
        size_bytes += len(rest)
        if rest.endswith(b"\n"):
            break
    return _too_long("the line", size_bytes, limit_bytes)


_STRUCTURE = re.compile(rb'["\[\]{},\n]')
_STRING_MARK = re.compile(rb'["\\\n]')


class _ArrayScanner:
    """Cuts a JSON array into the bytes of its elements by brackets and quotes alone, without reading values."""

    def __init__(self, file: str, stream: IO[bytes], limit_bytes: int) -> None:
        self.file, self.stream, self.limit_bytes = file, stream, limit_bytes
        self.chunk, self.at, self.line = b"", 0, 1

    def elements(self) -> Iterator[tuple[int, bytes | None, int]]:
        """Line, bytes (None when there are too many) and size of each element."""
        first = self._next_mark()
        if first == BOM[:1]:
            self.at += len(BOM) - 1
            first = self._next_mark()
        if first != b"[":
            raise self._broken("a JSON array begins with [")
        mark = self._next_mark()
        while mark != b"]":
            if not mark:
                raise self._broken("the array is not closed")
            self.at -= 1
            yield self._element()
            mark = self._next_mark()
            if mark == b",":
                mark = self._next_mark()
                if mark == b"]":
                    raise self._broken("a record is wanted after the comma")
            elif mark != b"]":
                raise self._broken("a comma or the end of the array is wanted" if mark else "the array is not closed")
        if self._next_mark():
            raise self._broken("something stands behind the array")

    def _fill(self) -> bool:
        if self.at >= len(self.chunk):
            self.chunk, self.at = self.stream.read(SKIP_BYTES), 0
        return bool(self.chunk)

    def _next_mark(self) -> bytes:
        """The next byte that is no blank; empty at the end of the file."""
        while self._fill():
            byte = self.chunk[self.at : self.at + 1]
            self.at += 1
            if byte == b"\n":
                self.line += 1
            elif byte not in b" \t\r":
                return byte
        return b""

    def _element(self) -> tuple[int, bytes | None, int]:
        begun, depth, size_bytes, in_string = self.line, 0, 0, False
        pieces: list[bytes] = []

        def keep(end: int) -> None:
            nonlocal size_bytes
            piece = self.chunk[self.at : end]
            self.at = end
            size_bytes += len(piece)
            if size_bytes <= self.limit_bytes:
                pieces.append(piece)
            else:
                pieces.clear()

        while self._fill():
            found = (_STRING_MARK if in_string else _STRUCTURE).search(self.chunk, self.at)
            if found is None:
                keep(len(self.chunk))
                continue
            mark = found.group()
            if mark in (b",", b"]", b"}") and depth == 0:
                keep(found.start())
                return begun, b"".join(pieces) if size_bytes <= self.limit_bytes else None, size_bytes
            keep(found.end())
            self.line += mark == b"\n"
            if mark == b"\\":
                if self._fill():  # what is escaped is no mark; a line end there is a fault, but still a line end
                    self.line += self.chunk[self.at : self.at + 1] == b"\n"
                    keep(self.at + 1)
            elif mark == b'"':
                in_string = not in_string
            elif not in_string:
                depth += (mark in b"[{") - (mark in b"]}")
        raise self._broken(f"the record that begins on line {begun} is not closed")

    def _broken(self, reason: str) -> UserError:
        return UserError(
            f"{self.file}, line {self.line}: {reason}.",
            "Nothing below it can be read; correct the file, or use JSON lines.",
        )


_START, _PLAIN, _QUOTED, _QUOTE_SEEN = range(4)


def _csv_records(
    stream: IO[bytes], head: bytes, delimiter: bytes, limit_bytes: int
) -> Iterator[tuple[int, bytes | None, int, bool]]:
    """Line, bytes (None when there are too many), size, and whether its quotes are closed, of each row.

    Rows end where `csv.reader` ends them: at a line end outside quotes, quotes counting only at the head of a cell.
    """
    number, chunk = 1, head
    while chunk:
        begun, size_bytes, state = number, 0, _START
        pieces: list[bytes] = []
        while chunk:
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                pieces.append(chunk)
            else:
                pieces.clear()
            state = _quote_state(chunk, state, delimiter)
            number += chunk.endswith(b"\n")
            if chunk.endswith(b"\n") and state != _QUOTED:
                break
            room = limit_bytes - size_bytes + 1
            chunk = stream.readline(room if room > 0 else SKIP_BYTES)
        whole = b"".join(pieces) if size_bytes <= limit_bytes else None
        yield begun, whole, size_bytes, state != _QUOTED
        chunk = stream.readline(limit_bytes + 1)


def _quote_state(chunk: bytes, state: int, delimiter: bytes) -> int:
    at, end = 0, len(chunk)
    while at < end:
        if state == _QUOTED:
            found = chunk.find(b'"', at)
            if found < 0:
                return _QUOTED
            at, state = found + 1, _QUOTE_SEEN
        elif state == _PLAIN:
            found = chunk.find(delimiter, at)
            if found < 0:
                return _PLAIN
            at, state = found + 1, _START
        elif chunk[at : at + 1] == b'"':
            at, state = at + 1, _QUOTED
        else:
            state = _PLAIN
    return state


def _header_line(file: str, stream: IO[bytes], limit_bytes: int) -> bytes:
    head = stream.readline(limit_bytes + 1).removeprefix(BOM)
    if not head.strip():
        raise UserError(f"{file}, line 1: a CSV file begins with the names of its columns, and this line is empty.")
    return head


def _csv_header(file: str, framed: tuple[int, bytes | None, int, bool], delimiter: str) -> list[str]:
    _, record, size_bytes, closed = framed
    try:
        if record is None or not closed:
            raise Refused("syntax", f"the header does not end within {size_bytes:,} bytes")
        columns = _cells(record, delimiter)
    except Refused as error:
        raise UserError(f"{file}, line 1: {error.reason}.", "Correct the header.") from None
    for index, name in enumerate(columns, 1):
        if not name.strip() or columns.count(name) > 1:
            fault = "has no name" if not name.strip() else f"is named {name!r}, as another one is"
            raise UserError(f"{file}, line 1: column {index} {fault}.", "Give each column a name of its own.")
    return columns


def _csv_row(place: Place, record: bytes, columns: list[str], delimiter: str) -> RawRow | BadRecord:
    try:
        cells = _cells(record, delimiter)
    except Refused as error:
        return BadRecord(place, error.kind, error.reason)
    if len(cells) != len(columns):
        reason = f"the row has {len(cells)} cells where the header has {len(columns)}"
        return BadRecord(place, "syntax", reason)
    return RawRow(place, dict(zip(columns, cells, strict=True)))


def _cells(record: bytes, delimiter: str) -> list[str]:
    if b"\0" in record:
        raise Refused("encoding", f"it holds a NUL byte (byte {record.index(0) + 1} of it)")
    text = _decoded(record)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Refused("syntax", f"it is not CSV ({error})") from None
    except StopIteration:
        raise Refused("syntax", "the row is empty") from None
