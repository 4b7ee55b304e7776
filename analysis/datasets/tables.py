"""Rows with an image each, through `datasets`; pixels are read only on demand."""

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from analysis.datasets.images import BENCHMARK, UnreadableImageError, load_image
from analysis.digests import content_digest
from analysis.errors import UsageError
from analysis.paths import inside

log = logging.getLogger(__name__)

IMAGE = "image"
# Stands for the images of a row group that cannot be read.
_DAMAGED = b"damaged row group"
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})(/|$)")


def library() -> ModuleType:
    """Return the `datasets` package, silent where nobody watches."""
    import datasets

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


class Table:
    """A mapped `datasets.Dataset`: its rows without pixels, and its images one by one.

    Parameters
    ----------
    data
        The data set; its image column may hold the hub's ``{bytes, path}``, binary or paths.
    name
        What to call it in messages.
    image
        Name of the image column.
    folders
        Where images that are paths may lie; relative ones start at the first.
    """

    def __init__(
        self, data: Any, name: str, image: str = IMAGE, folders: Sequence[Path] = ()
    ) -> None:
        undecoded = library().Image(decode=False)
        self._images = data.select_columns(image).cast_column(image, undecoded)
        self._fields = data.remove_columns(image)
        self._image, self._name, self._folders = image, name, folders

    def __len__(self) -> int:
        return len(self._images)

    def rows(self) -> Iterator["Row"]:
        """Yield every row without its pixels."""
        for number, fields in enumerate(self._fields):
            yield Row(fields, self, number, f"{self._name} row {number}")

    def present(self) -> list[bool]:
        """Return for each row whether it has an image."""
        column = self._images.with_format("arrow")[:][self._image]
        parts = (pc.is_valid(pc.struct_field(column, name)) for name in ("bytes", "path"))
        found: list[bool] = pc.or_(*parts).to_pylist()
        return found

    def load(self, number: int, name: str) -> Image.Image:
        """Return the image of a row as RGB, as ``Image.convert("RGB")`` gives it.

        Raises
        ------
        UnreadableImageError
            If the row has no image or it cannot be decoded.
        """
        value = self._images[number][self._image]
        return decoded(value, name, self._folders, self._name)


def decoded(
    value: Mapping[str, Any] | None, name: str, folders: Sequence[Path], table: str
) -> Image.Image:
    """Return an undecoded image of `datasets` as RGB.

    Raises
    ------
    UnreadableImageError
        If there is none, it cannot be decoded, or its path leaves the folders.
    """
    data, path = (value or {}).get("bytes"), (value or {}).get("path")
    if data == _DAMAGED:
        raise UnreadableImageError(f"{name}: {table} is damaged here; download it again")
    if not data and not path:
        raise UnreadableImageError(f"{name}: {table} has no image in this row")
    if data:
        return load_image(data, name, BENCHMARK)
    places = (inside(folder, str(path)) for folder in folders)
    place = next((found for found in places if found is not None), None)
    if place is None:
        raise UnreadableImageError(f"{name}: {table} names a file outside its folder ({path!r})")
    return load_image(place, name, BENCHMARK)


@dataclass(frozen=True)
class Row:
    """One row without its pixels, and how to load its image."""

    fields: dict[str, Any]
    table: Table
    number: int
    where: str

    def load(self, name: str) -> Image.Image:
        """Return the image of this row; ``name`` is used in messages."""
        return self.table.load(self.number, name)


def read_tables(files: Iterable[Path], columns: Sequence[str]) -> Iterator[Table]:
    """Yield a table for each Parquet file with an image column.

    Parameters
    ----------
    files
        Parquet files, read in this order.
    columns
        Columns that must exist besides ``image``.

    Raises
    ------
    UsageError
        If a file is no Parquet or lacks a column; the message lists what it has.
    """
    for path in files:
        try:
            names = pq.read_schema(path).names
            missing = [name for name in (IMAGE, *columns) if name not in names]
            if missing:
                raise UsageError(
                    f"{path.name} lacks the column {', '.join(missing)} (it has "
                    f"{', '.join(names)}); give the data set in the layout its reader documents."
                )
            data = _opened(path)
        except (pa.ArrowException, OSError, library().exceptions.DatasetsError) as error:
            reason = " ".join(str(error).split())[:120]
            raise UsageError(
                f"{path.name} is not a readable Parquet file ({reason}); download it again."
            ) from error
        yield Table(data, path.name, folders=[path.parent])


def _opened(path: Path) -> Any:
    """Open a Parquet file; damage to a row group's images costs those, not the file."""
    try:
        return library().Dataset.from_parquet(str(path))
    except library().exceptions.DatasetsError:
        file = pq.ParquetFile(path)
        groups = [_readable(file, group) for group in range(file.num_row_groups)]
        lost = sum(group.num_rows for group, damaged in groups if damaged)
        if not lost:
            raise
        log.warning(
            "%s is damaged: %d images of %d are lost", path.name, lost, file.metadata.num_rows
        )
        return library().Dataset(pa.concat_tables([group for group, _ in groups]))


def _readable(file: pq.ParquetFile, group: int) -> tuple[pa.Table, bool]:
    """Return a row group, and whether its images had to be marked as damaged."""
    kind = file.schema_arrow.field(IMAGE).type
    names = [name for name in file.schema_arrow.names if name != IMAGE]
    fields = file.read_row_group(group, columns=names).replace_schema_metadata(None)
    try:
        return fields.append_column(IMAGE, file.read_row_group(group, [IMAGE]).column(0)), False
    except (pa.ArrowException, OSError):
        mark = {"bytes": _DAMAGED} if pa.types.is_struct(kind) else _DAMAGED
        return fields.append_column(IMAGE, pa.array([mark] * len(fields), kind)), True


def read_rows(files: Iterable[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of Parquet files; see `read_tables`."""
    for table in read_tables(files, columns):
        yield from table.rows()


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
    """Return the hub commit if the path lies in a hub cache, else a hash of the files' content."""
    for file in (path, *files):
        if match := _SNAPSHOT.search(file.absolute().as_posix()):
            return match[1]
    there = [file for file in files if file.is_file()]
    return f"local {content_digest(path.parent, there)}" if there else "local"
