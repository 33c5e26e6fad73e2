"""Where records come from: files here or on the hub, opened once, hashed, and watched while they are read.

A file is hashed when it is opened and again over the very bytes that are read, so what was imported is what the hash
names. Whoever writes while we read is found out at the latest when the file ends: the rows already handed out must
then be thrown away, which is why an import is one transaction around the whole iteration.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.data.pair_import import hub
from aligntui.data.pair_import.parquet_rows import parquet_rows
from aligntui.data.pair_import.records import BadRecord, RawRow
from aligntui.data.pair_import.text_rows import BOM, csv_rows, json_array_rows, json_line_rows

MAX_RECORD_BYTES = 16 << 20
"""Longest record that is read unless the caller says otherwise."""
FORMATS = ("jsonl", "json", "csv", "parquet")
"""JSON lines, a JSON array of objects, CSV with a header (any delimiter), Parquet."""
SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""Format by the end of a file's name; `.gz` may follow."""
_READ_BYTES = 1 << 20
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was when it was opened."""

    path: Path
    shown: str
    """As the user named it, or its address on the hub."""
    format: str
    """One of `FORMATS`."""
    zipped: bool
    """Whether it is compressed with gzip."""
    size_bytes: int
    sha256: str
    """Lower-case hex, of the bytes on the disk."""
    stamp: tuple[int, int, int, int]
    """Device, inode, size and time of change in ns, by which a change is noticed."""


@dataclass(frozen=True)
class Source:
    """Files whose records are read one after the other."""

    name: str
    """What the user wrote."""
    files: tuple[SourceFile, ...]
    max_record_bytes: int = MAX_RECORD_BYTES
    delimiter: str | None = None
    """Between the cells of CSV; None looks at the header of each file."""
    revision: str = ""
    """Commit on the hub; empty for files here."""
    warnings: tuple[str, ...] = ()
    """What the user should know of the choice of files, each a sentence."""

    @property
    def sha256(self) -> str:
        """Of the one file; of several, the SHA-256 over the lines "hash, two blanks, name" in their order."""
        if len(self.files) == 1:
            return self.files[0].sha256
        lines = "".join(f"{file.sha256}  {file.shown}\n" for file in self.files)
        return hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()

    def rows(self) -> Iterator[RawRow | BadRecord]:
        """Every record of every file.

        Raises:
            UserError: a file changed since it was opened, perhaps noticed only at its end; it is damaged as a whole;
                or it is no text of UTF-8.
            EnvironmentProblem: a file cannot be read any more.
        """
        for file in self.files:
            yield from _rows(file, self.max_record_bytes, self.delimiter)


def open_source(
    ref: str | Path,
    *,
    format: str | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
    delimiter: str | None = None,
    config: str | None = None,
    split: str | None = None,
) -> Source:
    """Find the files that `ref` means, fetch them where they lie on the hub, and hash them.

    Args:
        ref: a file, or a data set of the hub: `owner/name`, `owner/name@revision` or
            `hf://datasets/owner/name[@revision][/path/of/a/file]`. What exists here is always taken as a file.
        format: one of `FORMATS`; None goes by the first bytes and the end of the name.
        max_record_bytes: longest record.
        delimiter: between the cells of CSV; None looks at the header.
        config: configuration of a hub data set; None takes the only one, or `default`.
        split: split of a hub data set; None takes the only one, or `train`.

    Raises:
        UserError: there is no such file or data set, it is empty, its format is unknown or its text is not UTF-8.
        EnvironmentProblem: it cannot be read, or the hub cannot be reached.
    """
    if format is not None and format not in FORMATS:
        raise UserError(f"There is no file format {format!r}.", nearest(format, list(FORMATS)))
    if max_record_bytes < 1:
        raise UserError(f"The longest record must be at least one byte, not {max_record_bytes}.")
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        raise UserError(f"A delimiter of CSV is one ASCII character and no quote, not {delimiter!r}.")
    address = hub.address(str(ref), tuple(SUFFIXES))
    if address is None:
        if config or split:
            what = "configuration" if config else "split"
            raise UserError(
                f"A file has no {what}, and {ref} is read as a file.", "Leave it out, or name a hub data set."
            )
        file = _open(Path(ref), str(ref), format)
        delimiter = "\t" if delimiter is None and ".tsv" in file.path.suffixes[-2:] else delimiter
        return Source(str(ref), (file,), max_record_bytes, delimiter)
    fetched = hub.fetch(address, tuple(SUFFIXES), config=config, split=split)
    files = tuple(_open(path, shown, format) for path, shown in fetched.files)
    return Source(str(ref), files, max_record_bytes, delimiter, fetched.commit, fetched.warnings)


def _open(path: Path, shown: str, format: str | None) -> SourceFile:
    try:
        path = path.expanduser()
        path.exists()
    except (RuntimeError, ValueError) as error:  # ~nobody, a null character
        raise UserError(f"{shown!r} names no file: {error}.", "Give another name.") from error
    with _faults(shown):
        if path.is_dir():
            inside = sorted(one.name for one in path.iterdir() if one.suffix in SUFFIXES)
            raise UserError(
                f"{shown} is a folder.", f"Name one of its files: {', '.join(inside[:8]) or 'it has none'}."
            )
        if not path.exists():
            raise UserError(f"There is no file {shown}.", "A data set of the hub is written owner/name.")
        if not path.is_file():
            raise UserError(f"{shown} is no file that could be read twice.", "Save it as a file first.")
        with path.open("rb") as stream:
            stamp = _stamp(os.fstat(stream.fileno()))
            head, digest = stream.read(64), hashlib.sha256()
            stream.seek(0)
            while chunk := stream.read(_READ_BYTES):
                digest.update(chunk)
    if not head:
        raise UserError(f"{shown} is empty.", "A file with records is wanted.")
    zipped = head.startswith(_GZIP)
    if zipped:
        with _faults(shown), gzip.open(path) as unzipped:
            head = unzipped.read(64)
    return SourceFile(path, shown, _format(shown, path, head, format), zipped, stamp[2], digest.hexdigest(), stamp)


def _format(shown: str, path: Path, head: bytes, wanted: str | None) -> str:
    if head.startswith(_PARQUET):
        return "parquet"
    names = [suffix for suffix in path.suffixes[-2:] if suffix != ".gz"]
    found = wanted or SUFFIXES.get(names[-1].lower() if names else "", "")
    if found == "parquet":
        raise UserError(
            f"{shown} is no Parquet file: it does not begin with PAR1.", "Name its format if it is another."
        )
    if head.startswith(_UTF_16_OR_32) or b"\0" in head:
        what = "UTF-16 or UTF-32 text" if head.startswith(_UTF_16_OR_32) or head[1:2] == b"\0" else "binary data"
        raise UserError(f"{shown} is not UTF-8 text: it begins like {what}.", "Save it as UTF-8.")
    first = head.removeprefix(BOM).lstrip()[:1]
    if found == "json" and wanted is None and first == b"{":
        return "jsonl"  # many files of this name hold JSON lines
    if not found:
        found = {b"{": "jsonl", b"[": "json"}.get(first, "")
    if not found:
        raise UserError(f"The format of {shown} is not known from its name.", f"Name it: {', '.join(FORMATS)}.")
    return found


def _rows(file: SourceFile, limit_bytes: int, delimiter: str | None) -> Iterator[RawRow | BadRecord]:
    with _faults(file.shown):
        if file.format == "parquet":
            if _stamp(file.path.stat()) != file.stamp:
                raise _changed(file)
            yield from parquet_rows(file.shown, file.path, limit_bytes)
            with file.path.open("rb") as stream:
                _check_unchanged(file, stream, hashlib.file_digest(stream, "sha256").hexdigest())
            return
        with file.path.open("rb", buffering=0) as raw:
            if _stamp(os.fstat(raw.fileno())) != file.stamp:
                raise _changed(file)
            hashing = _Hashing(raw)
            stream = io.BufferedReader(hashing, _READ_BYTES)
            text: IO[bytes] = io.BufferedReader(gzip.GzipFile(fileobj=stream), _READ_BYTES) if file.zipped else stream  # type: ignore[arg-type]
            if file.format == "jsonl":
                yield from json_line_rows(file.shown, text, limit_bytes)
            elif file.format == "json":
                yield from json_array_rows(file.shown, text, limit_bytes)
            else:
                yield from csv_rows(file.shown, text, limit_bytes, delimiter)
            while stream.read(_READ_BYTES):
                pass
            _check_unchanged(file, raw, hashing.digest.hexdigest())


class _Hashing(io.RawIOBase):
    """Passes the bytes of a file on and hashes them."""

    def __init__(self, raw: io.FileIO) -> None:
        self.raw, self.digest = raw, hashlib.sha256()

    def readable(self) -> bool:
        """As any file that is read."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Read what fits."""
        count = self.raw.readinto(buffer)
        if count:
            self.digest.update(buffer[:count])
        return count


def _check_unchanged(file: SourceFile, stream: BinaryIO | io.FileIO, sha256: str) -> None:
    # the descriptor shows writing, the name shows that another file was put in its place
    stamps = {_stamp(os.fstat(stream.fileno())), _stamp(file.path.stat())}
    if stamps != {file.stamp} or sha256 != file.sha256:
        raise _changed(file)


def _changed(file: SourceFile) -> UserError:
    return UserError(
        f"{file.shown} changed while it was read.",
        "Nothing was imported; wait until it is complete and import it again.",
    )


def _stamp(stat: os.stat_result) -> tuple[int, int, int, int]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


@contextmanager
def _faults(shown: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{shown} is damaged or cut off: it cannot be unpacked ({error}).", "Copy or write it again."
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"{shown} went away while it was read.", "Nothing was imported; import it again.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(f"{shown} cannot be read: {reason}.", "Check its name and its permissions.") from error
