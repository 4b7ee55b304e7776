"""Faults of the system while an image is read: tried again, then the end, never a row."""

import errno
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from analysis.datasets import Dataset
from analysis.datasets.base import Sample
from analysis.errors import AgileError
from analysis.runs import Run

# What an error number says of the file itself; every other is about the system.
_OF_THE_FILE = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL),
)
# Seconds before the second and the third try.
_PAUSES = (0.05, 0.5)
# How reasons stored by any version speak of the system, or of a file that may come back.
_PASSING_WORDS = ("[Errno ", "permission denied", "the file is missing")


def load(sample: Sample) -> Image.Image:
    """Read an image, three times where the system is at fault.

    Raises
    ------
    AgileError
        When the system stays at fault.
    OSError, ValueError
        When the image is.
    """
    for pause in (*_PAUSES, None):
        try:
            return sample.load()
        except (OSError, ValueError) as error:
            if not is_passing(error):
                raise
            if pause is None:
                raise AgileError(
                    f"image {sample.image_id} cannot be read ({error}), which is no fault of the "
                    "image; see to the disk or its permissions and run the same command again, "
                    "finished shards are kept."
                ) from error
            time.sleep(pause)
    raise RuntimeError("the last try returns or raises")


def is_passing(error: BaseException) -> bool:
    """Tell whether the system raised this error, or one it was made from."""
    return any(
        isinstance(each, OSError)
        and each.errno is not None
        and (each.errno not in _OF_THE_FILE or _mount_is_gone(each))
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _mount_is_gone(error: OSError) -> bool:
    """Tell whether the nearest folder that is left of a missing file's path holds nothing."""
    if error.errno != errno.ENOENT or not isinstance(error.filename, str):
        return False
    left = next((p for p in Path(error.filename).parents if p.is_dir()), None)
    return left is not None and not os.listdir(left)


def recoverable(run: Run, dataset: Dataset, ids: Sequence[str], size: int) -> list[int]:
    """Shards with an image that failed for the system's reasons once and can be read now.

    Parameters
    ----------
    run
        What is there.
    dataset
        Where the images come from.
    ids
        Those of the run, in order.
    size
        Images a shard.
    """
    rows = run.table("images", ["image_id", "reason"], {"status": "error"}).to_pylist()
    lost = [
        row["image_id"]
        for row in rows
        if any(words in (row["reason"] or "") for words in _PASSING_WORDS)
    ]
    places = {image_id: place for place, image_id in enumerate(ids)} if lost else {}
    return sorted({places[i] // size for i in lost if i in places and _reads(dataset, i)})


def _reads(dataset: Dataset, image_id: str) -> bool:
    try:
        dataset.image(image_id)
    except (OSError, ValueError):
        return False
    return True
