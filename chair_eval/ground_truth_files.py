"""Ground truth on disk: Parquet (read lazily), JSON Lines, COCO annotations; never a pickle."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.ground_truth import FLAVOURS, GroundTruth
from chair_eval.images import ImageKey, image_key

METADATA = b"chair_eval"


class StoredSets(Mapping[ImageKey, frozenset[str]]):
    """Sets of a list column, made when asked for; keeps the column as two integer arrays."""

    def __init__(self, keys: list[ImageKey], column: Any) -> None:
        import numpy as np
        import pyarrow as pa

        lists = column.cast(pa.list_(pa.string())).combine_chunks()
        packed = lists.values.dictionary_encode()
        self.names: list[str] = packed.dictionary.to_pylist()
        # The buffers themselves: to_numpy would import pandas, a quarter of a second.
        self._codes = np.frombuffer(packed.indices.buffers()[1], np.int32)[packed.offset :]
        self._starts = np.frombuffer(lists.offsets.buffers()[1], np.int32)[lists.offsets.offset :]
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


def read_ground_truth(path: Path, flavour: str | None) -> GroundTruth:
    """Read any accepted file; see `GroundTruth.read`."""
    if not path.is_file():
        raise ChairError(
            f"no ground truth at {path}; make one with 'chair-eval ground-truth build'"
        )
    names = path.name.lower()
    if names.endswith(".parquet"):
        return _from_parquet(path, flavour)
    if names.endswith((".jsonl", ".jsonl.gz")):
        return _from_lines(path, flavour)
    if names.endswith(".json"):
        if flavour in ("pattern", "wordnet"):
            raise ChairError(
                f"{path} has instances only, not the {flavour} flavour; add the human captions "
                "(--human-captions FILE) or choose instances (--ground-truth-flavour instances)"
            )
        from chair_eval.coco import build_ground_truth

        return build_ground_truth(path)
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


def _from_parquet(path: Path, flavour: str | None) -> GroundTruth:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)  # read_table would import pandas
        schema = file.schema_arrow
        column, flavour = _choose(path, schema.names, flavour)
        if not pa.types.is_list(schema.field(column).type) and not pa.types.is_large_list(
            schema.field(column).type
        ):
            raise ChairError(f"{path}: column {column} must hold lists of category names")
        table = file.read(columns=["image_id", column], use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise ChairError(f"{path} is not a complete Parquet file: {error}") from error
    ids = table.column("image_id").to_pylist()
    keys = ids if pa.types.is_integer(schema.field("image_id").type) else _keys(ids, path)
    if table.column(column).null_count or table.column("image_id").null_count:
        raise ChairError(f"{path}: image_id or {column} is empty in some row")
    sets = StoredSets(keys, table.column(column))
    if len(sets) != len(keys):
        raise ChairError(f"{path}: an image id occurs twice")
    about = json.loads((schema.metadata or {}).get(METADATA, b"{}"))
    return GroundTruth(sets, flavour, path.name, about.get("vocabulary_hash"))


def _keys(ids: list[Any], path: Path) -> list[ImageKey]:
    try:
        return [image_key(value) for value in ids]
    except ChairError as error:
        raise ChairError(f"{path}: {error}") from error


def _from_lines(path: Path, flavour: str | None) -> GroundTruth:
    column: str | None = None
    sets: dict[ImageKey, frozenset[str]] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.strip():
                continue
            try:
                row = json.loads(raw)
                if column is None:
                    column, flavour = _choose(path, list(row), flavour)
                key = image_key(row["image_id"])
                names = row[column]
                if not isinstance(names, list):
                    raise ChairError(f"{column} is not a list")
            except (ValueError, KeyError, TypeError, ChairError) as error:
                raise ChairError(f"{path}, line {number}: {error}") from error
            if key in sets:
                raise ChairError(f"{path}, line {number}: image {key!r} occurs twice")
            sets[key] = frozenset(names)
    if not sets:
        raise ChairError(f"{path} is empty: no image in it")
    return GroundTruth(sets, flavour or "given", path.name)


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
