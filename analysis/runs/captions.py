"""A run as captions and ground truth: the reader ``chair-eval`` finds under the name ``run``."""

from collections.abc import Iterator
from pathlib import Path

from analysis.runs.run import Run
from chair_eval import GroundTruth
from chair_eval.errors import ChairError
from chair_eval.images import image_key
from chair_eval.records import Record

_CAPTIONS = {"task": "caption"}


def is_run(path: Path) -> bool:
    """Whether a path is a run folder."""
    return Run.is_at(path)


def variants(path: Path) -> list[str]:
    """Variants ("full", "fastervlm@36", …) that have captions, in order of appearance."""
    names: dict[str, None] = {}
    for piece in Run.open(path).pieces():
        said = piece.table("answers", ["variant"], _CAPTIONS)
        names.update(dict.fromkeys(said["variant"].to_pylist()))
    return list(names)


def records(path: Path, variant: str | None = None) -> Iterator[Record]:
    """Yield the captions of one variant; it may be left out where there is only one.

    Raises
    ------
    ChairError
        When the run has no such captions, or one of them is missing.
    """
    there = variants(path)
    if variant is None and len(there) == 1:
        variant = there[0]
    if variant in Run.open(path).silent:
        raise ChairError(
            f"{path}: every answer of variant {variant!r} is empty, so there is nothing to score; "
            "look at the model and its dtype, and extract again into a new folder."
        )
    if variant not in there:
        raise ChairError(
            f"{path} has no captions of variant {variant!r}; choose one with --variant: "
            f"{', '.join(there) or 'none'}"
        )
    wanted = {**_CAPTIONS, "variant": variant}
    for piece in Run.open(path).pieces():
        for row in piece.table("answers", ["image_id", "answer"], wanted).to_pylist():
            if row["answer"] is None:
                raise ChairError(f"{path}: the caption of image {row['image_id']} is missing")
            yield Record(row["image_id"], row["answer"], f"{path}, image {row['image_id']}")


def ground_truth(path: Path) -> GroundTruth:
    """Return the categories of a run's images, as its records list them.

    Raises
    ------
    ChairError
        When no image is annotated.
    """
    images = Run.open(path).table("images", ["image_id", "objects"]).to_pylist()
    sets = {
        image_key(row["image_id"]): frozenset(row["objects"])
        for row in images
        if row["objects"] is not None
    }
    if not sets:
        raise ChairError(
            f"no image of {path} is annotated; pass a ground truth with --ground-truth"
        )
    return GroundTruth(sets, "given", path.name)
