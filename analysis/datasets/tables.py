"""Rows with an image each, from Parquet as the hub stores it; pixels are read only on demand."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from analysis.datasets.images import BENCHMARK, UnreadableImageError, load_image
from analysis.errors import UsageError

IMAGE = "image"
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})(/|$)")


class ParquetImages:
    """The image column of one Parquet file; the row group read last is kept.

    The hub stores images as ``struct<bytes: binary, path: string>``; plain binary and paths
    (relative to the file) are read too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)
        sizes = [self._file.metadata.row_group(g).num_rows for g in range(self.n_groups)]
        self._starts = [sum(sizes[:g]) for g in range(len(sizes))]
        self._group: tuple[int, pa.ChunkedArray] | None = None
        self._lock = Lock()

    @property
    def n_groups(self) -> int:
        """Number of row groups."""
        return int(self._file.metadata.num_row_groups)

    def present(self) -> list[bool]:
        """Return for each row whether it has an image, holding one row group at a time."""
        found: list[bool] = []
        for group in range(self.n_groups):
            column = self._file.read_row_group(group, columns=[IMAGE]).column(0)
            if pa.types.is_struct(column.type):
                names = [field.name for field in column.type]
                parts = [column.combine_chunks().field(name) for name in names]
                found += [any(part[i].is_valid for part in parts) for i in range(len(column))]
            else:
                found += column.is_valid().to_pylist()
        return found

    def load(self, row: int, name: str) -> Image.Image:
        """Return the image of a row as RGB, as ``Image.convert("RGB")`` gives it.

        Raises
        ------
        UnreadableImageError
            If the row has no image or it cannot be decoded.
        """
        group = max(g for g, start in enumerate(self._starts) if start <= row)
        with self._lock:
            if self._group is None or self._group[0] != group:
                try:
                    table = self._file.read_row_group(group, columns=[IMAGE])
                except (pa.ArrowException, OSError) as error:
                    reason = f"{name}: {self._path.name} is damaged ({error})"
                    raise UnreadableImageError(reason) from error
                self._group = (group, table.column(0))
            value = self._group[1][row - self._starts[group]].as_py()
        return self._decode(value, name)

    def _decode(self, value: Any, name: str) -> Image.Image:
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str) and value:
            return load_image(self._path.parent / value, name, BENCHMARK)
        if not isinstance(value, bytes) or not value:
            raise UnreadableImageError(f"{name}: {self._path.name} has no image in this row")
        return load_image(value, name, BENCHMARK)


@dataclass(frozen=True)
class Row:
    """One row without its pixels: the columns asked for, and how to load its image."""

    fields: dict[str, Any]
    images: ParquetImages
    number: int
    where: str

    def load(self, name: str) -> Image.Image:
        """Return the image of this row; ``name`` is used in messages."""
        return self.images.load(self.number, name)


def read_rows(
    files: Iterable[Path], columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Row]:
    """Yield the rows of Parquet files that have an image column.

    Parameters
    ----------
    files
        Parquet files, read in this order.
    columns
        Columns that must exist besides ``image``.
    optional
        Columns that are read where they exist.

    Raises
    ------
    UsageError
        If a file is no Parquet or lacks a column; the message lists what it has.
    """
    for path in files:
        file = _open(path)
        names = file.schema_arrow.names
        missing = [name for name in (IMAGE, *columns) if name not in names]
        if missing:
            raise UsageError(
                f"{path.name} lacks the column {', '.join(missing)} (it has {', '.join(names)}); "
                f"give the data set in the layout its reader documents."
            )
        wanted = [*columns, *(name for name in optional if name in names)]
        images = ParquetImages(path)
        for number, fields in enumerate(file.read(columns=wanted).to_pylist()):
            yield Row(fields, images, number, f"{path.name} row {number}")


def parquet_files(path: Path, split: str, prefer: str | None = None) -> list[Path]:
    """Return the Parquet files of one split below a path, sorted.

    A file given by name is taken as it is. In a folder, files named ``SPLIT-…`` or
    ``SPLIT.parquet`` are taken, from sub-folders called ``prefer`` if there are any.
    """
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    found = sorted(path.rglob("*.parquet"))
    of_split = [file for file in found if re.match(rf"{re.escape(split)}[-.]", file.name)]
    preferred = [file for file in of_split if prefer in file.parts]
    return preferred or of_split


def revision_of(path: Path, files: Iterable[Path]) -> str:
    """Return the hub commit if the path lies in a hub cache, else names and sizes of the files."""
    for file in (path, *files):
        if match := _SNAPSHOT.search(file.absolute().as_posix()):
            return match[1]
    sizes = ", ".join(f"{file.name}:{file.stat().st_size}" for file in files if file.is_file())
    return f"local files {sizes}" if sizes else "local"


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UsageError(
            f"{path.name} is not a readable Parquet file ({reason}); download it again."
        ) from error
