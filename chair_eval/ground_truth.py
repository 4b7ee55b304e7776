"""Which categories are in each image: the sets that captions are held against."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chair_eval.errors import ChairError, UsageError
from chair_eval.images import ImageKey, image_key

FLAVOURS = ("pattern", "wordnet", "instances")


@dataclass(frozen=True)
class GroundTruth:
    """The categories present in each image.

    Attributes
    ----------
    objects : mapping of int or str to frozenset of str
        Image key (see `chair_eval.images.image_key`) to its categories; may be empty.
    flavour : str
        How the sets came about: ``"pattern"`` or ``"wordnet"`` (instances and the objects that
        human captions name, found in that dialect), ``"instances"`` (annotations alone) or
        ``"given"`` (passed in as a mapping).
    source : str
        File or description, printed in results.
    vocabulary : str or None
        Digest of the vocabulary the sets were made with, where known.
    """

    objects: Mapping[ImageKey, frozenset[str]]
    flavour: str = "given"
    source: str = "mapping"
    vocabulary: str | None = None

    @classmethod
    def from_mapping(
        cls, objects: Mapping[Any, Iterable[str]], flavour: str = "given", source: str = "mapping"
    ) -> "GroundTruth":
        """Build from image id → category names.

        Raises
        ------
        ChairError
            A bad id, two ids that mean the same image, or a bare string instead of names.
        """
        sets: dict[ImageKey, frozenset[str]] = {}
        for value, names in objects.items():
            key = image_key(value)
            if isinstance(names, str):
                raise ChairError(f"image {value!r}: expected a set of category names, got a string")
            if key in sets:
                raise ChairError(f"two ids mean the image {key!r}; one of them is {value!r}")
            sets[key] = frozenset(map(str, names))
        return cls(sets, flavour, source)

    @classmethod
    def read(cls, path: str | Path, flavour: str | None = None) -> "GroundTruth":
        """Read a ground truth file: Parquet, JSON Lines (also ``.gz``) or COCO annotations.

        Parquet and JSON Lines hold ``image_id`` and ``objects_pattern``, ``objects_wordnet``,
        ``objects_instances`` or ``objects``. A COCO annotation file (``annotations`` and
        ``categories``) gives instances alone; to add the human captions, build the ground truth
        first (``chair-eval ground-truth build``).

        Parameters
        ----------
        path : path
        flavour : {"pattern", "wordnet", "instances"}, optional
            Which column; default: the only one there is, or ``pattern`` if there are several.
        """
        from chair_eval.ground_truth_files import read_ground_truth

        if flavour is not None and flavour not in FLAVOURS:
            raise UsageError(f"flavour is {flavour!r}; allowed: {', '.join(FLAVOURS)}")
        return read_ground_truth(Path(path), flavour)

    @classmethod
    def from_coco(
        cls,
        instances: Any,
        captions: Any = None,
        *,
        matcher: Any = None,
    ) -> "GroundTruth":
        """Build from COCO-format annotations; see `chair_eval.coco.build_ground_truth`."""
        from chair_eval.coco import build_ground_truth

        return build_ground_truth(instances, captions, matcher=matcher)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.objects)

    def __contains__(self, value: object) -> bool:
        """Whether the image is known; takes an id in any form."""
        return image_key(value) in self.objects

    def __getitem__(self, value: object) -> frozenset[str]:
        """Categories of an image; takes an id in any form, KeyError if unknown."""
        return self.objects[image_key(value)]

    def __iter__(self) -> Iterator[ImageKey]:
        """Iterate over the image keys."""
        return iter(self.objects)

    def categories(self) -> frozenset[str]:
        """Every category that occurs."""
        known = getattr(self.objects, "names", None)
        if known is not None:
            return frozenset(known)
        return frozenset().union(*self.objects.values())
