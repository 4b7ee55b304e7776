"""Which categories are in each image: the sets that captions are held against."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chair_eval.coco import build_sets, parts_of
from chair_eval.errors import ChairError, UsageError
from chair_eval.ground_truth_files import FLAVOURS, made_from, read_sets, write_ground_truth
from chair_eval.images import ImageKey, image_key
from chair_eval.matcher import Matcher
from chair_eval.vocabulary import Vocabulary

VERSION = 1


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
        path = Path(path)
        if flavour is not None and flavour not in FLAVOURS:
            raise UsageError(f"flavour is {flavour!r}; allowed: {', '.join(FLAVOURS)}")
        if path.name.lower().endswith(".json") and path.is_file():
            if flavour in ("pattern", "wordnet"):
                raise ChairError(
                    f"{path} has instances only, not the {flavour} flavour; add the human captions "
                    "(--human-captions FILE) or choose instances (--ground-truth-flavour instances)"
                )
            return cls.from_coco(path)
        sets, flavour, vocabulary = read_sets(path, flavour)
        return cls(sets, flavour, path.name, vocabulary)

    @classmethod
    def from_coco(
        cls, instances: Any, captions: Any = None, *, matcher: Matcher | None = None
    ) -> "GroundTruth":
        """Build from COCO annotations: instances, and objects of the human captions if given.

        Crowd regions count, areas and supercategories do not matter (as in the metric).

        Parameters
        ----------
        instances, captions : path, dict or pycocotools ``COCO``, or a list of those
            COCO-format annotations (``images``, ``annotations``, ``categories``; for captions the
            annotations have ``caption``). Train and validation files may be given together.
        matcher : Matcher, optional
            Finds the objects in the captions; default: the pattern dialect.

        Returns
        -------
        GroundTruth
            Flavour: the matcher's dialect, or ``instances`` without captions.
        """
        finder = None if captions is None else matcher or Matcher()
        flavour = finder.dialect if finder else "instances"
        sets = build_sets(instances, captions, {flavour: finder})[flavour]
        source = ", ".join(
            Path(part).name if isinstance(part, (str, Path)) else "annotations"
            for part in parts_of(instances)
        )
        return cls(sets, flavour, source, matcher.vocabulary.digest if matcher else None)

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


def cache_folder() -> Path:
    """Where built ground truths are kept: ``CHAIR_EVAL_CACHE``, or the user's cache folder."""
    own = os.environ.get("CHAIR_EVAL_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(own) if own else Path(base).expanduser() / "chair_eval"


def cached_ground_truth(
    instances: Sequence[Path],
    captions: Sequence[Path],
    flavours: Iterable[str],
    *,
    vocabulary: Vocabulary | None = None,
    nltk_data: str | Path | None = None,
    folder: Path | None = None,
) -> Path:
    """Build once; afterwards return the Parquet file made from the same inputs.

    The file's name is a hash of the contents of the inputs, the vocabulary and the flavours, so a
    changed annotation file or vocabulary is built anew.

    Returns
    -------
    Path
        Parquet file with a column ``objects_<flavour>`` per flavour.
    """
    flavours = sorted(set(flavours))
    vocabulary = vocabulary or Vocabulary.coco()
    about = {
        "version": VERSION,
        "instances": [_digest(path) for path in instances],
        "captions": [_digest(path) for path in captions],
        "vocabulary": vocabulary.name,
        "vocabulary_hash": vocabulary.digest,
        "flavours": flavours,
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]
    path = (folder or cache_folder()) / f"ground-truth-{key}.parquet"
    with contextlib.suppress(ChairError):  # a damaged or another file is built again
        if path.is_file() and made_from(path) == about:
            GroundTruth.read(path, flavours[0])
            return path
    matchers = {
        flavour: None if flavour == "instances" else Matcher(vocabulary, flavour, nltk_data)
        for flavour in flavours
    }
    sets = build_sets(list(instances), list(captions), matchers)
    try:
        write_ground_truth(path, sets, about)
    except OSError as error:
        raise ChairError(
            f"the cache {path.parent} cannot be written ({error.strerror or error}); "
            "let CHAIR_EVAL_CACHE name a folder that can."
        ) from error
    return path


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ChairError(f"cannot read {path}: {error}") from error
