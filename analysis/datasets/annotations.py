"""COCO-format annotations beside images: boxes, and the categories that count as present."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from analysis.datasets.base import Box, check_text
from analysis.datasets.jsonl import read_json, read_jsonl, text_of
from analysis.errors import UsageError


@dataclass
class Annotation:
    """What annotators say about one image.

    Attributes
    ----------
    coco_id
        Id of the image in the annotation file.
    boxes
        Annotated instances.
    captions
        Reference captions.
    annotated
        Whether any file speaks of the image.
    """

    coco_id: int | str | None = None
    boxes: list[Box] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    annotated: bool = False

    @cached_property
    def objects(self) -> tuple[str, ...] | None:
        """Categories present, sorted; None where nothing is annotated.

        Boxes ∪ categories mentioned in the captions, CHAIR's definition of ground truth.
        """
        if not self.annotated:
            return None
        present = {box["category"] for box in self.boxes}
        return tuple(sorted(present | objects_in_captions(self.captions)))


class PathIndex:
    """Find an image by its path inside a folder or, where unambiguous, by its bare file name."""

    def __init__(self, files: Iterable[Path], folder: Path) -> None:
        self._ids = [path.relative_to(folder).as_posix() for path in files]
        self._by_path = frozenset(self._ids)
        self._by_name: dict[str, str | None] = {}
        for image_id in self._ids:
            name = image_id.rsplit("/", 1)[-1]
            self._by_name[name] = None if name in self._by_name else image_id

    def ids(self) -> list[str]:
        """Return all paths, in the order given."""
        return list(self._ids)

    def find(self, name: str) -> str | None:
        """Return the id of ``name`` (a path or a file name), or None when absent or ambiguous."""
        plain = name.removeprefix("./")
        if plain in self._by_path:
            return plain
        return self._by_name.get(plain.rsplit("/", 1)[-1])


def read_annotations(folder: Path, index: PathIndex) -> dict[str, Annotation]:
    """Read every annotation file of a folder; the result maps image id to what is known.

    Raises
    ------
    UsageError
        If a file is not COCO-format or JSON Lines as documented in
        :mod:`analysis.datasets.folder`.
    """
    notes = read_coco_files(annotation_files(folder), index)
    lines = folder / "captions.jsonl"
    if lines.exists():
        for where, row in read_jsonl(lines):
            image_id = index.find(text_of(row, ("image", "image_id", "file_name"), where))
            if image_id is not None:
                caption = text_of(row, ("caption", "text"), where)
                check_text(f"{where}: caption", caption)
                notes.setdefault(image_id, Annotation(annotated=True)).captions.append(caption)
    return notes


def annotation_files(folder: Path) -> list[Path]:
    """Return the COCO files of a folder or of its ``annotations/``, sorted by name."""
    found: list[Path] = []
    for place in (folder, folder / "annotations"):
        for pattern in ("annotations.json", "instances*.json", "captions*.json"):
            found += sorted(path for path in place.glob(pattern) if path.is_file())
    return found


def read_coco_files(files: Iterable[Path], index: PathIndex) -> dict[str, Annotation]:
    """Read COCO instances and captions files; the result maps image id to what is known."""
    notes: dict[str, Annotation] = {}
    for path in files:
        _read_coco(path, index, notes)
    return notes


def _read_coco(path: Path, index: PathIndex, notes: dict[str, Annotation]) -> None:
    """Add one COCO instances or captions file to ``notes``.

    Relied on: ``images[].id, file_name``, ``annotations[].image_id`` with either ``category_id``
    and ``bbox`` or ``caption``, and ``categories[].id, name``.
    """
    data = read_json(path)
    try:
        images = {row["id"]: index.find(str(row["file_name"])) for row in data["images"]}
        names = {row["id"]: str(row["name"]) for row in data.get("categories", [])}
        for coco_id, image_id in images.items():
            if image_id is not None:
                notes.setdefault(image_id, Annotation(annotated=True)).coco_id = coco_id
        for row in data["annotations"]:
            image_id = images[row["image_id"]]
            if image_id is not None:
                _add(row, names, notes[image_id])
    except UsageError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"{path.name} is not in COCO format ({type(error).__name__}: {error}); it needs "
            f"images (id, file_name), annotations (image_id, category_id, bbox or caption) "
            f"and categories (id, name)."
        ) from error


def _add(row: dict[str, Any], names: dict[Any, str], note: Annotation) -> None:
    if "caption" in row:
        check_text("caption", caption := str(row["caption"]))
        note.captions.append(caption)
    if "category_id" in row:
        bbox = [float(value) for value in row["bbox"]]
        if len(bbox) != 4 or not all(map(isfinite, bbox)):
            raise ValueError(f"bbox {bbox} is not four numbers")
        note.boxes.append(Box(category=names[row["category_id"]], bbox=bbox))


def objects_in_captions(captions: Iterable[str]) -> set[str]:
    """Return the categories that any of the captions mentions.

    The ``pattern`` dialect of 2018 is used, as in :mod:`chair_eval`'s default preset.
    """
    return {name for caption in captions for name in _matcher().match(caption).categories}


@lru_cache(maxsize=1)
def _matcher() -> Any:
    # Loading the vocabulary takes time that a folder without captions need not spend.
    from chair_eval.matcher import Matcher

    return Matcher()
