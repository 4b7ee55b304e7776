"""The files of a run: how one is named, written whole or not at all, and read back."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from analysis.errors import AgileError
from analysis.files import write_atomically
from analysis.runs import seal

# Pages are checked against their checksums whenever they are read.
_FORMAT = pads.ParquetFileFormat(
    default_fragment_scan_options=pads.ParquetFragmentScanOptions(page_checksum_verification=True)
)


def shard_name(table: str, index: int) -> str:
    """File name of one shard, such as ``kept-00003.parquet``."""
    return f"{table}-{index:05d}.parquet"


def write_shard(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
    note: Mapping[str, Any] | None = None,
) -> None:
    """Write records that fit a schema, atomically; the note is sealed into the file's metadata.

    Raises
    ------
    AgileError
        See `write_atomically`.
    """
    sealed = {**(note or {}), "rows": len(rows)}
    schema = schema.with_metadata({seal.KEY: seal.blank(sealed)})
    data = pa.Table.from_pylist(list(rows), schema=schema)

    def write(file: Path) -> None:
        pq.write_table(data, file, compression="zstd", write_page_checksum=True)
        seal.press(file)

    write_atomically(path, write)


def read_shards(
    files: Sequence[Path],
    schema: pa.Schema,
    columns: Iterable[str] | None = None,
    where: Mapping[str, Any] | None = None,
    without: Mapping[str, list[str]] | None = None,
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
    without
        Column → values a row must not have.

    Raises
    ------
    AgileError
        For a damaged file.
    """
    names = None if columns is None else list(columns)
    if not files:
        return schema.empty_table() if names is None else schema.empty_table().select(names)
    try:
        source = pads.dataset([str(file) for file in files], schema=schema, format=_FORMAT)
        return source.to_table(columns=names, filter=_filter(where or {}, without or {}))
    except (pa.ArrowException, OSError) as error:
        raise AgileError(
            f"a shard in {files[0].parent} cannot be read ({error}); remove it and run the same "
            "agile extract command again."
        ) from error


def _filter(where: Mapping[str, Any], without: Mapping[str, list[str]]) -> pads.Expression | None:
    """Return the expression a row must meet, None where all do."""
    parts = [
        pads.field(name).isin(value) if isinstance(value, list) else pads.field(name) == value
        for name, value in where.items()
    ]
    parts += [~pads.field(name).isin(values) for name, values in without.items() if values]
    return reduce(operator.and_, parts) if parts else None
