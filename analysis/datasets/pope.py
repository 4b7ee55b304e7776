"""`pope:PATH`: is there a … in the image? (Li et al. 2023), random, popular and adversarial.

Two layouts are read:

* Parquet as in the hub's ``lmms-lab/POPE`` (config Full, or the one file of all splits); columns
  ``question_id, question, answer, image_source, image, category``.
* The official JSON Lines ``coco_pope_{random,popular,adversarial}.json[l]`` with ``question_id,
  image, text, label``, and COCO val2014 images below PATH or in the folder of option ``images``.

Every image is one sample that is asked the questions of all splits; ``image_id`` is COCO's file
name without suffix.
"""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from analysis.benchmarks import SPLITS
from analysis.datasets.base import Question
from analysis.datasets.images import BENCHMARK, load_image
from analysis.datasets.jsonl import read_jsonl, text_of
from analysis.datasets.listed import SHORT_ANSWER, Asked, Listed, existing_path, yes_or_no
from analysis.datasets.tables import parquet_files, read_rows, revision_of
from analysis.errors import UsageError
from analysis.paths import require_inside

COLUMNS = ("question_id", "question", "answer", "image_source", "category")
_COCO_NAME = re.compile(r"COCO_[a-z]+20\d\d_0*(\d+)$")


class Pope(Listed):
    """POPE's questions, grouped by image.

    Parameters
    ----------
    path
        Folder or Parquet file of a local copy.
    split
        One of the three splits, or ``"all"``.
    images
        Folder of the COCO images for the JSON Lines layout; PATH itself by default.
    suffix
        Appended to each question; LLaVA-1.5's short-answer instruction by default.

    Raises
    ------
    UsageError
        If the path or the split does not exist, or a file is not in a known layout.
    """

    name = "pope"
    source = "lmms-lab/POPE or github.com/RUCAIBox/POPE"
    license = "MIT (questions); COCO images under Flickr's terms"

    def __init__(
        self, path: str | Path, split: str = "all", images: str = "", suffix: str = SHORT_ANSWER
    ) -> None:
        wanted = self.parts("split", split, SPLITS)
        root = existing_path(self.name, path)
        if files := pope_parquet(root, wanted):
            asked = _from_parquet(files, wanted, suffix)
        else:
            files = [pope_lines(root, one) for one in wanted]
            asked = _from_lines(
                files, wanted, image_folder(Path(images) if images else root), suffix
            )
        super().__init__(asked, revision_of(root, files))
        if not len(self):
            raise UsageError(f"{str(path)!r} has no question of split {split!r}; check the path.")


def _from_parquet(files: list[Path], wanted: tuple[str, ...], suffix: str) -> Iterator[Asked]:
    for row in read_rows(files, COLUMNS):
        fields, split = row.fields, str(row.fields["category"])
        if split in wanted:
            label = yes_or_no(fields["answer"], row.where)
            question = _question(split, fields["question_id"], fields["question"], suffix, label)
            name = str(fields["image_source"]).removesuffix(".jpg")
            yield Asked(name, row.load, question, f"{name}.jpg", _meta(name))


def _from_lines(
    files: list[Path], wanted: tuple[str, ...], folder: Path, suffix: str
) -> Iterator[Asked]:
    found = False
    for split, file in zip(wanted, files, strict=True):
        for where, row in read_jsonl(file):
            picture = require_inside(folder, text_of(row, ("image",), where), where)
            found = found or os.path.exists(picture)
            label = yes_or_no(row.get("label"), where)
            text = text_of(row, ("text", "question"), where)
            number = text_of(row, ("question_id",), where)
            load = partial(_load, picture)
            yield Asked(
                picture.stem,
                load,
                _question(split, number, text, suffix, label),
                picture.name,
                _meta(picture.stem),
            )
    if not found:
        raise UsageError(
            f"{str(folder)!r} has none of the COCO images the questions are about; name "
            f"their folder: pope:PATH:images=FOLDER."
        )


def _load(picture: Path, _name: str) -> Image.Image:
    return load_image(picture, picture.name, BENCHMARK)


def _question(split: str, number: object, text: str, suffix: str, label: str) -> Question:
    return Question(f"{split}-{number}", "yesno", f"{text.strip()}{suffix}", split, label)


def _meta(image_id: str) -> dict[str, int]:
    match = _COCO_NAME.match(image_id)
    return {"coco_id": int(match[1])} if match else {}


def pope_parquet(root: Path, wanted: tuple[str, ...]) -> list[Path]:
    """Return the Parquet files of the splits; one file of all splits where that is all there is."""
    by_split = [file for split in wanted for file in parquet_files(root, split, prefer="Full")]
    return list(dict.fromkeys(by_split)) or parquet_files(root, "test")


def pope_lines(root: Path, split: str) -> Path:
    """Return the official question file of a split; ``UsageError`` when there is none."""
    if root.is_dir():
        for pattern in (f"coco_pope_{split}.json", f"coco_pope_{split}.jsonl"):
            found = sorted(root.rglob(pattern))
            if found:
                return found[0]
    raise UsageError(
        f"{str(root)!r} has neither Parquet files of POPE nor coco_pope_{split}.json; "
        f"get them with: agile data get pope."
    )


def image_folder(folder: Path) -> Path:
    """Return ``folder/val2014`` or ``folder/images`` where one exists, else the folder itself."""
    for name in ("val2014", "images"):
        if (folder / name).is_dir():
            return folder / name
    return folder
