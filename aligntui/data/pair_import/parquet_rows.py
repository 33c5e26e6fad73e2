"""Rows of a Parquet file, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.data.pair_import.records import BadRecord, Place, RawRow

BATCH_ROWS = 256
"""Rows that are in memory at once."""


def parquet_rows(file: str, path: Path, limit_bytes: int) -> Iterator[RawRow | BadRecord]:
    """One record for each row; rows are counted from 1.

    Args:
        file: the name under which it is reported.
        path: the file; Parquet is read from its end, so no stream will do.
        limit_bytes: longest row, counted over its texts.

    Raises:
        UserError: it is no Parquet file, it is damaged, or two columns have one name.
        EnvironmentProblem: pyarrow is missing.
    """
    try:  # imported here: pyarrow costs a quarter of a second and numpy, and text needs neither
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise EnvironmentProblem(f"{file} cannot be read: Parquet needs pyarrow.", "Install pyarrow.") from error
    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as parquet:
            _check_names(file, parquet.schema_arrow.names)
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                for values in _rows(batch):
                    number += 1
                    yield _row(Place(file, number, "row"), values, limit_bytes)
    except (pa.ArrowException, OSError) as error:
        where = f" below row {number}" if number else ""
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "unknown damage"
        raise UserError(
            f"{file} cannot be read as Parquet{where}: {reason}.", "Download or write it again; nothing was imported."
        ) from error


def _check_names(file: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{file} has two columns named {twice[0]!r}.", "Give each column a name of its own.")


def _rows(batch: Any) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:  # Parquet calls any bytes a text: find the rows that are none
        for index in range(batch.num_rows):
            try:
                yield batch.slice(index, 1).to_pylist()[0]
            except UnicodeDecodeError as error:
                yield error


def _row(place: Place, values: dict[str, Any] | UnicodeDecodeError, limit_bytes: int) -> RawRow | BadRecord:
    if isinstance(values, UnicodeDecodeError):
        at = f"byte 0x{values.object[values.start]:02x} at byte {values.start + 1} of a text"
        return BadRecord(place, "encoding", f"it is not UTF-8 text ({at})")
    size_bytes = _text_bytes(values)
    if size_bytes > limit_bytes:
        return BadRecord(place, "size", f"the row has {size_bytes:,} bytes, and at most {limit_bytes:,} are read")
    return RawRow(place, values)


def _text_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_text_bytes, value.values()))
    return sum(map(_text_bytes, value)) if isinstance(value, list) else 0
