"""`coco-chair:PATH`: the 500 COCO val2014 images that published CHAIR numbers describe.

The ids (``data/coco_chair_ids.json``) are those of OPERA's published LLaVA-1.5 captions, in their
order. PATH holds the official files::

    PATH/[val2014/]COCO_val2014_000000000042.jpg
    PATH/[annotations/]instances_val2014.json    and    captions_val2014.json

``image_id`` is the COCO id. Without the annotation files captions can be made, not scored.
"""

import json
from functools import cached_property, partial
from pathlib import Path

import analysis
from analysis.datasets.annotations import Annotation, PathIndex, read_coco_files
from analysis.datasets.base import DETAIL_PROMPT, Dataset, Question, Sample
from analysis.datasets.images import BENCHMARK, load_image
from analysis.datasets.listed import existing_path
from analysis.datasets.tables import revision_of
from analysis.errors import UsageError

IDS_FILE = Path(analysis.__file__).resolve().parents[1] / "data" / "coco_chair_ids.json"
ANNOTATIONS = ("instances_val2014.json", "captions_val2014.json")


class CocoChair(Dataset):
    """COCO val2014 images asked for a detailed caption.

    Annotation files are read when first needed (hundreds of megabytes of JSON); the ground truth
    is boxes ∪ objects of the five human captions, CHAIR's definition.

    Parameters
    ----------
    path
        Folder of the official files.
    prompt
        The caption question; the papers' by default.
    ids
        A JSON file ``{"ids": [...]}`` of other val2014 images; the published list by default.

    Raises
    ------
    UsageError
        If the folder, its images or the id list are missing.
    """

    name = "coco-chair"
    source = "COCO val2014, images.cocodataset.org"
    license = "annotations CC BY 4.0; images under Flickr's terms"

    def __init__(self, path: str | Path, prompt: str = DETAIL_PROMPT, ids: str = "") -> None:
        root = existing_path(self.name, path)
        self._images = root / "val2014" if (root / "val2014").is_dir() else root
        self._prompt = prompt
        self._coco_ids = {str(number): number for number in read_ids(Path(ids or IDS_FILE))}
        if not any((self._images / coco_file_name(n)).exists() for n in self._coco_ids.values()):
            raise UsageError(
                f"{str(path)!r} has none of the {len(self)} images (COCO_val2014_….jpg); "
                f"get them with: agile data get coco-chair."
            )
        self._files = annotation_files(root)
        self.has_captions_annotation = bool(self._files)
        self.revision = f"val2014; annotations: {revision_of(root, self._files)}"

    def ids(self) -> list[str]:
        """Return COCO ids as text, in the published order."""
        return list(self._coco_ids)

    def sample(self, image_id: str) -> Sample:
        """Return one image; ``KeyError`` when it is not in the list."""
        coco_id = self._coco_ids[image_id]
        name = coco_file_name(coco_id)
        known = self._annotations.get(name, Annotation())
        return Sample(
            image_id=image_id,
            file_name=name,
            load=partial(load_image, self._images / name, name, BENCHMARK),
            questions=(Question("caption", "caption", self._prompt),),
            objects=known.objects,
            boxes=tuple(known.boxes),
            n_objects=len(known.boxes) if known.objects is not None else None,
            meta={"coco_id": coco_id},
        )

    @cached_property
    def _annotations(self) -> dict[str, Annotation]:
        names = [self._images / coco_file_name(number) for number in self._coco_ids.values()]
        return read_coco_files(self._files, PathIndex(names, self._images))


def coco_file_name(coco_id: int) -> str:
    """Return the file name of a val2014 image."""
    return f"COCO_val2014_{coco_id:012d}.jpg"


def read_ids(path: Path) -> list[int]:
    """Return the image ids of a JSON file ``{"ids": [...]}``.

    Raises
    ------
    UsageError
        If it is missing or holds anything but unique positive whole numbers.
    """
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))["ids"]
        if not ids or len(set(ids)) != len(ids) or any(type(i) is not int or i < 1 for i in ids):
            raise ValueError("the ids are not unique positive whole numbers")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"the id list {path.name} cannot be used ({error}); run from a checkout or give "
            f'ids=FILE with {{"ids": [1, 2, …]}}.'
        ) from error
    return list(ids)


def annotation_files(root: Path) -> list[Path]:
    """Return the val2014 annotation files below a folder that exist, instances first."""
    places = (root / "annotations", root)
    return [
        found[0]
        for name in ANNOTATIONS
        if (found := [folder / name for folder in places if (folder / name).is_file()])
    ]
