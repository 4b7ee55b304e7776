"""Ground truth on disk: Parquet (read lazily) and JSON Lines; never a pickle."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.images import ImageKey, image_key
from chair_eval.json_lines import BOM, opened, parsed

METADATA = b"chair_eval"
FLAVOURS = ("pattern", "wordnet", "instances")
# The sets of the images, their flavour, and the digest of their vocabulary where known.
Stored = tuple[Mapping[ImageKey, frozenset[str]], str, str | None]


class StoredSets(Mapping[ImageKey, frozenset[str]]):
    """Sets of a list column, made when asked for; keeps the column as two integer arrays.

    Parameters
    ----------
    keys : list of int or str
        The image of each row.
    chunks : list of pyarrow.ListArray
        The column, its names dictionary-encoded.
    """

    def __init__(self, keys: list[ImageKey], chunks: list[Any]) -> None:
        import numpy as np

        numbers: dict[str, int] = {}
        codes, starts, total = [], [np.zeros(1, np.int64)], 0
        for chunk in chunks:
            # The buffers themselves: to_numpy would import pandas, a quarter of a second.
            offsets = _buffer(chunk.offsets).astype(np.int64)
            own = [numbers.setdefault(name, len(numbers)) for name in _names(chunk)]
            found = _buffer(chunk.values.indices)[offsets[0] : offsets[-1]]
            codes.append(np.array(own, np.int32)[found] if own else found)
            starts.append(offsets[1:] - offsets[0] + total)
            total += len(found)
        self.names = list(numbers)
        self._codes = np.concatenate(codes) if codes else np.zeros(0, np.int32)
        self._starts = np.concatenate(starts)
        self._keys = keys

    @cached_property
    def _rows(self) -> dict[ImageKey, int]:
        return {key: row for row, key in enumerate(self._keys)}

    def __getitem__(self, key: ImageKey) -> frozenset[str]:
        row = self._rows[key]
        codes = self._codes[self._starts[row] : self._starts[row + 1]]
        return frozenset(self.names[code] for code in codes.tolist())

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[ImageKey]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _buffer(array: Any) -> Any:
    """View a pyarrow array of integers as NumPy's, without a copy."""
    import numpy as np

    kind = np.dtype(str(array.type))
    held = array.buffers()[1]
    if held is None:
        return np.zeros(0, kind)
    return np.frombuffer(held, kind)[array.offset : array.offset + len(array)]


def _names(chunk: Any) -> list[str]:
    names = chunk.values.dictionary.to_pylist()
    if chunk.values.null_count or not all(isinstance(name, str) for name in names):
        raise ChairError("a category is not a name")
    return list(names)


def read_sets(path: Path, flavour: str | None) -> Stored:
    """Return the sets of a file; arguments as for `GroundTruth.read`."""
    if not path.is_file():
        raise ChairError(
            f"no ground truth at {path}; make one with 'chair-eval ground-truth build'"
        )
    names = path.name.lower()
    if names.endswith(".parquet"):
        return _from_parquet(path, flavour)
    if names.endswith((".jsonl", ".jsonl.gz")):
        return _from_lines(path, flavour)
    raise ChairError(
        f"{path}: unknown kind of ground truth; accepted: .parquet, .jsonl, .jsonl.gz, "
        ".json (COCO annotations)"
    )


def _choose(path: Path, columns: list[str], flavour: str | None) -> tuple[str, str]:
    """Column to read and the flavour it holds."""
    found = [name for name in FLAVOURS if f"objects_{name}" in columns]
    if "image_id" not in columns or not (found or "objects" in columns):
        raise ChairError(
            f"{path}: expected columns image_id and objects_pattern, objects_wordnet, "
            f"objects_instances or objects; found {', '.join(columns) or 'none'}"
        )
    if flavour is None:
        flavour = found[0] if found else "given"
    if flavour in found:
        return f"objects_{flavour}", flavour
    if "objects" in columns:
        return "objects", flavour
    raise ChairError(f"{path} has no {flavour} ground truth; it has: {', '.join(found)}")


def _from_parquet(path: Path, flavour: str | None) -> Stored:
    import pyarrow as pa

    try:
        table, column, flavour = _read_columns(path, flavour)
    except (pa.ArrowException, OSError) as error:
        raise ChairError(f"{path} is not a complete Parquet file: {error}") from error
    ids, lists = table.column("image_id"), table.column(column)
    if lists.null_count or ids.null_count:
        raise ChairError(f"{path}: image_id or {column} is empty in some row")
    if not len(table):
        raise ChairError(f"{path} is empty: no image in it")
    if not pa.types.is_dictionary(lists.type.value_type):
        raise ChairError(f"{path}: column {column} must hold lists of category names")
    keys = ids.to_pylist() if pa.types.is_integer(ids.type) else _keys(ids.to_pylist(), path)
    try:
        sets = StoredSets(keys, lists.chunks)
    except ChairError as error:
        raise ChairError(f"{path}, column {column}: {error}") from error
    if len(sets) != len(keys):
        raise ChairError(f"{path}: an image id occurs twice")
    return sets, flavour, _vocabulary_hash(table.schema.metadata or {})


def _read_columns(path: Path, flavour: str | None) -> tuple[Any, str, str]:
    """Table of image ids and the column of `flavour`, that column's name, and the flavour."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:  # read_table would import pandas
        schema = file.schema_arrow
        column, flavour = _choose(path, schema.names, flavour)
        leaves = [file.schema.column(i).path for i in range(len(file.schema))]
    kind = schema.field(column).type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise ChairError(f"{path}: column {column} must hold lists of category names")
    inside = [leaf for leaf in leaves if leaf.startswith(f"{column}.")]
    with pq.ParquetFile(path, read_dictionary=inside) as file:
        groups = range(file.num_row_groups)  # each has a dictionary of its own
        read = partial(file.read_row_group, columns=["image_id", column], use_threads=False)
        table = pa.concat_tables(map(read, groups)) if groups else file.schema_arrow.empty_table()
    return table.replace_schema_metadata(schema.metadata), column, flavour


def _vocabulary_hash(metadata: Mapping[bytes, bytes]) -> str | None:
    try:
        about = json.loads(metadata.get(METADATA, b"{}"))
    except ValueError:
        return None
    found = about.get("vocabulary_hash") if isinstance(about, dict) else None
    return found if isinstance(found, str) else None


def _keys(ids: list[Any], path: Path) -> list[ImageKey]:
    try:
        return [image_key(value) for value in ids]
    except ChairError as error:
        raise ChairError(f"{path}: {error}") from error


def _from_lines(path: Path, flavour: str | None) -> Stored:
    column: str | None = None
    sets: dict[ImageKey, frozenset[str]] = {}
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            raw = line.removeprefix(BOM) if number == 1 else line
            if not raw.strip():
                continue
            row, where = parsed(raw, str(path), number), f"{path}, line {number}"
            if not isinstance(row, dict):
                raise ChairError(f"{where}: expected an object, found {type(row).__name__}")
            if column is None:
                column, flavour = _choose(path, list(row), flavour)
            key, names = _entry(row, column, where)
            if key in sets:
                raise ChairError(f"{where}: image {key!r} occurs twice")
            sets[key] = names
    if not sets:
        raise ChairError(f"{path} is empty: no image in it")
    return sets, flavour or "given", None


def _entry(row: dict[str, Any], column: str, where: str) -> tuple[ImageKey, frozenset[str]]:
    """Image and categories of one line."""
    for name in ("image_id", column):
        if name not in row:
            raise ChairError(f"{where}: no key {name!r}")
    names = row[column]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ChairError(f"{where}: {column} is not a list of category names")
    try:
        return image_key(row["image_id"]), frozenset(names)
    except ChairError as error:
        raise ChairError(f"{where}: {error}") from error


def write_ground_truth(
    path: Path, flavours: Mapping[str, Mapping[ImageKey, frozenset[str]]], about: Mapping[str, Any]
) -> None:
    """Write sets as Parquet, one column per flavour, under a temporary name first.

    Parameters
    ----------
    path : Path
    flavours : mapping of str to mapping
        Flavour to the sets of the same images.
    about : mapping
        Provenance, stored as JSON in the file's metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys = sorted(next(iter(flavours.values())), key=lambda key: (isinstance(key, str), key))
    whole = all(isinstance(key, int) for key in keys)
    columns: dict[str, Any] = {
        "image_id": pa.array(keys if whole else list(map(str, keys)), pa.int64() if whole else None)
    }
    for flavour, sets in flavours.items():
        rows = [sorted(sets[key]) for key in keys]
        columns[f"objects_{flavour}"] = pa.array(rows, pa.list_(pa.string()))
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(about).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def made_from(path: Path) -> Any:
    """Return what a file of `write_ground_truth` was made from; None if it does not say.

    Raises
    ------
    ChairError
        If it is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path).metadata or {}
        return json.loads(metadata.get(METADATA, b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ChairError(f"{path} is not a complete Parquet file: {error}") from error
