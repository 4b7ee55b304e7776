"""A run folder of ours as captions and ground truth: ``answers-*`` and ``images-*`` shards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.ground_truth import GroundTruth
from chair_eval.images import image_key
from chair_eval.records import Record


def is_run(path: Path) -> bool:
    """Whether `path` is a folder with shards of answers."""
    return path.is_dir() and any(path.glob("answers-*.parquet"))


def run_variants(folder: Path) -> list[str]:
    """Variants ("full", "fastervlm@36", …) that have captions, in order of appearance."""
    names: dict[str, None] = {}
    for _, rows in _shards(folder, "answers", ["variant", "task"]):
        names.update(dict.fromkeys(row["variant"] for row in rows if row["task"] == "caption"))
    return list(names)


def read_run(folder: Path, variant: str | None = None) -> Iterator[Record]:
    """Yield the captions of one variant; `variant` may be left out if there is only one."""
    variants = run_variants(folder)
    if variant is None and len(variants) == 1:
        variant = variants[0]
    if variant not in variants:
        raise ChairError(
            f"{folder} has no captions of variant {variant!r}; choose one with --variant: "
            f"{', '.join(variants) or 'none'}"
        )
    columns = ["image_id", "variant", "task", "answer"]
    for shard, rows in _shards(folder, "answers", columns):
        for number, row in enumerate(rows, start=1):
            if row["task"] == "caption" and row["variant"] == variant:
                where = f"{shard}, row {number}"
                if not isinstance(row["answer"], str):
                    raise ChairError(f"{where}: the caption of image {row['image_id']} is missing")
                yield Record(row["image_id"], row["answer"], where)


def run_ground_truth(folder: Path) -> GroundTruth:
    """Categories of the images of a run, as its records list them."""
    sets = {}
    for _, rows in _shards(folder, "images", ["image_id", "objects"]):
        for row in rows:
            if row["objects"] is not None:
                sets[image_key(row["image_id"])] = frozenset(row["objects"])
    if not sets:
        raise ChairError(
            f"no image of {folder} is annotated; pass a ground truth with --ground-truth"
        )
    return GroundTruth(sets, "given", folder.name)


def _shards(folder: Path, kind: str, columns: list[str]) -> Iterator[tuple[Path, list[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = sorted(folder.glob(f"{kind}-*.parquet"))
    if not paths:
        raise ChairError(f"{folder} is not a run folder: it has no {kind}-*.parquet")
    for path in paths:
        try:
            yield path, pq.ParquetFile(path).read(columns=columns, use_threads=False).to_pylist()
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError, KeyError) as error:
            raise ChairError(f"{path} cannot be read: {error}") from error
