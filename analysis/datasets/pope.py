"""`pope:PATH`: is there a … in the image? (Li et al. 2023), random, popular and adversarial.

Two layouts are read:

* Parquet as in the hub's ``lmms-lab/POPE`` (config Full, or the one file of all splits); columns
  ``question_id, question, answer, image_source, image, category``.
* The official JSON Lines ``coco_pope_{random,popular,adversarial}.json[l]`` with ``question_id,
  image, text, label``, and COCO val2014 images below PATH or in the folder of option ``images``.

Every image is one sample that is asked the questions of all splits; ``image_id`` is COCO's file
name without suffix.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from analysis.benchmarks import SPLITS
from analysis.datasets.base import Question, Sample
from analysis.datasets.images import BENCHMARK, load_image
from analysis.datasets.jsonl import read_jsonl, text_of
from analysis.datasets.listed import SHORT_ANSWER, Listed, add_question, existing_path, yes_or_no
from analysis.datasets.tables import Row, parquet_files, read_rows, revision_of
from analysis.errors import UsageError

COLUMNS = ("question_id", "question", "answer", "image_source", "category")
_COCO_NAME = re.compile(r"COCO_[a-z]+20\d\d_0*(\d+)$")

Loader = Callable[[], Image.Image]


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
        wanted = SPLITS if split == "all" else (split,)
        if not set(wanted) <= set(SPLITS):
            known = ", ".join((*SPLITS, "all"))
            raise UsageError(f"split={split!r} is not a split of pope; choose one of: {known}.")
        root = existing_path(self.name, path)
        files = pope_parquet(root, wanted)
        self._suffix = suffix
        self._asked: dict[str, list[Question]] = {}
        self._loaders: dict[str, Loader] = {}
        if files:
            for row in read_rows(files, COLUMNS):
                self._add_row(row, wanted)
        else:
            files = self._add_lines(root, Path(images) if images else root, wanted)
        if not self._asked:
            raise UsageError(f"{str(path)!r} has no question of split {split!r}; check the path.")
        super().__init__(
            [self._sample(image_id) for image_id in self._asked], revision_of(root, files)
        )

    def _add_row(self, row: Row, wanted: tuple[str, ...]) -> None:
        split = str(row.fields["category"])
        if split not in wanted:
            return
        image_id = str(row.fields["image_source"]).removesuffix(".jpg")
        self._loaders.setdefault(image_id, partial(row.load, image_id))
        self._add(image_id, split, row.fields["question_id"], row.fields["question"],
                  yes_or_no(row.fields["answer"], row.where))  # fmt: skip

    def _add_lines(self, root: Path, images: Path, wanted: tuple[str, ...]) -> list[Path]:
        files = [pope_lines(root, split) for split in wanted]
        folder = image_folder(images)
        for split, file in zip(wanted, files, strict=True):
            for where, row in read_jsonl(file):
                name = text_of(row, ("image",), where)
                image_id = name.rsplit(".", 1)[0]
                self._loaders.setdefault(
                    image_id, partial(load_image, folder / name, name, BENCHMARK)
                )
                self._add(image_id, split, text_of(row, ("question_id",), where),
                          text_of(row, ("text", "question"), where),
                          yes_or_no(row.get("label"), where))  # fmt: skip
        if not any((folder / f"{image_id}.jpg").exists() for image_id in self._asked):
            raise UsageError(
                f"{str(folder)!r} has none of the COCO images the questions are about; name "
                f"their folder: pope:PATH:images=FOLDER."
            )
        return files

    def _add(self, image_id: str, split: str, number: object, text: str, label: str) -> None:
        question = Question(
            f"{split}-{number}", "yesno", f"{text.strip()}{self._suffix}", split, label
        )
        add_question(self._asked, image_id, question)

    def _sample(self, image_id: str) -> Sample:
        match = _COCO_NAME.match(image_id)
        return Sample(
            image_id=image_id,
            file_name=f"{image_id}.jpg",
            load=self._loaders[image_id],
            questions=tuple(self._asked[image_id]),
            meta={"coco_id": int(match[1])} if match else {},
        )


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
