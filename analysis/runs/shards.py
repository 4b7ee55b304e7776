"""The files of a run: how one is named, written whole or not at all, and read back."""

import errno
import json
import operator
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from analysis.errors import AgileError

_NOTE = b"agile"


def shard_name(table: str, index: int) -> str:
    """File name of one shard, such as ``kept-00003.parquet``."""
    return f"{table}-{index:05d}.parquet"


def write_atomically(path: Path, write: Callable[[Path], Any], claim: bool = False) -> bool:
    """Let ``write(temporary_path)`` make a file, flush it, and give it its final name.

    Parameters
    ----------
    path
        The final name.
    write
        Makes the file under the name it is given.
    claim
        Leave a file that has the final name already as it is.

    Returns
    -------
    bool
        Whether the file is the one written now.

    Raises
    ------
    AgileError
        When the disk is full or the place refuses; the half-written file is removed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        return _publish(temporary, path, claim)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AgileError(
                f"no space left for {path}; free some and run the same command again, "
                "finished shards are kept."
            ) from error
        raise AgileError(
            f"{path} cannot be written ({error.strerror or error}); choose another --out."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path, claim: bool) -> bool:
    """Give a file its final name; tell whether it has it now."""
    if claim:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:
            # No hard links here (exFAT, some network drives): not safe against a second worker
            # that starts in the same instant, who would write the very same.
            if path.exists():
                return False
        else:
            return True
    temporary.replace(path)
    return True


def write_shard(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
    note: Mapping[str, Any] | None = None,
) -> None:
    """Write records that fit a schema, atomically; the note goes into the file's metadata.

    Raises
    ------
    AgileError
        See `write_atomically`.
    """
    if note is not None:
        schema = schema.with_metadata({_NOTE: json.dumps(note).encode()})
    data = pa.Table.from_pylist(list(rows), schema=schema)
    write_atomically(path, lambda file: pq.write_table(data, file, compression="zstd"))


def read_note(path: Path) -> dict[str, Any]:
    """Read the note of a shard; empty where there is no such file or it has none."""
    if not path.is_file():
        return {}
    metadata = pq.read_schema(path).metadata or {}
    note: dict[str, Any] = json.loads(metadata.get(_NOTE, b"{}"))
    return note


def read_shards(
    files: Sequence[Path],
    schema: pa.Schema,
    columns: Iterable[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Read shards of one table in the order given.

    Parameters
    ----------
    files
        May be none, which gives an empty table.
    schema
        Of the table; a column a file lacks is null.
    columns
        Those to read, all by default.
    where
        Column → the value a row must have, or a list of values it may have.

    Raises
    ------
    AgileError
        For a damaged file.
    """
    names = None if columns is None else list(columns)
    if not files:
        return schema.empty_table() if names is None else schema.empty_table().select(names)
    try:
        source = pads.dataset([str(file) for file in files], schema=schema, format="parquet")
        return source.to_table(columns=names, filter=_filter(where or {}))
    except (pa.ArrowException, OSError) as error:
        raise AgileError(
            f"a shard in {files[0].parent} cannot be read ({error}); remove it and run the same "
            "agile extract command again."
        ) from error


def _filter(where: Mapping[str, Any]) -> pads.Expression | None:
    """Return the expression a row must meet, None where all do."""
    parts = [
        pads.field(name).isin(value) if isinstance(value, list) else pads.field(name) == value
        for name, value in where.items()
    ]
    return reduce(operator.and_, parts) if parts else None
