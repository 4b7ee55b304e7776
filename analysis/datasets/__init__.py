"""Data sets by name: ``load_dataset("pope:data/raw/pope")``. No model, no torch.

A spec is ``NAME``, ``NAME:ARGUMENT`` and optionally options, ``NAME:ARGUMENT:key=value``. Nothing
is downloaded but by ``hf:``, whose data `datasets` fetches and caches.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from PIL import Image

from analysis.datasets.base import Box, Dataset, Question, Sample
from analysis.errors import UsageError
from analysis.registry import Registry

__all__ = ["DATASETS", "Box", "Dataset", "Question", "Sample", "image_for", "load_dataset"]

_OPTION = re.compile(r"^([a-z][a-z_]*)=(.*)$", re.DOTALL)
_COMMA = re.compile(r",(?=[a-z]+=)")


@dataclass(frozen=True)
class Reader:
    """What reads a data set, and where that is; imported when it is first used.

    Attributes
    ----------
    summary
        One sentence for ``agile ls datasets``.
    place
        ``module:function`` or ``module:class``; takes what follows the name in the spec, and
        keyword options.
    options
        The options there are.
    """

    summary: str
    place: str
    options: tuple[str, ...] = ()

    def __call__(self, argument: str, **options: str) -> Dataset:
        """Return the data set; ``UsageError`` when it cannot be used."""
        module, _, name = self.place.partition(":")
        dataset: Dataset = getattr(importlib.import_module(module), name)(argument, **options)
        return dataset


#: Name → what reads it; one entry a data set. One's own function may be registered too.
DATASETS: Registry[Callable[..., Dataset]] = Registry("data set")
for _name, _reader in {
    "scenes": Reader(
        "Drawn pictures of COCO categories for the embedded model; nothing to download.",
        "analysis.datasets.scenes:from_argument",
    ),
    "folder": Reader(
        "Your own pictures, with COCO annotations or JSON Lines beside them if there are any.",
        "analysis.datasets.folder:Folder",
        ("prompt",),
    ),
    "coco-chair": Reader(
        "500 COCO val2014 images for captions and CHAIR, the published list.",
        "analysis.datasets.coco_chair:CocoChair",
        ("prompt", "ids"),
    ),
    "pope": Reader(
        "POPE: is there a … in the image? 9,000 yes/no questions on 500 COCO images.",
        "analysis.datasets.pope:Pope",
        ("split", "images", "suffix"),
    ),
    "mme": Reader(
        "MME: 2,374 yes/no questions on 1,187 images in 14 subtasks.",
        "analysis.datasets.mme:Mme",
        ("subtask", "suffix"),
    ),
    "scienceqa-img": Reader(
        "ScienceQA-IMG: 2,017 multiple-choice questions with an image (test split).",
        "analysis.datasets.scienceqa:ScienceQa",
        ("split", "suffix"),
    ),
    "hf": Reader(
        "Any data set of the hub or of a folder that `datasets` opens: "
        "hf:OWNER/NAME[:CONFIG][:SPLIT]:image=COLUMN,question=COLUMN,answer=COLUMN.",
        "analysis.datasets.hf:open_hf",
        (
            *("image", "question", "answer", "choices", "id", "captions", "category"),
            *("prompt", "suffix", "task", "revision", "stream"),
        ),
    ),
}.items():
    DATASETS.register(_name)(_reader)


class HasConfig(Protocol):
    """A run, as far as finding its data goes."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Merged configuration; ``config["data"]`` is the spec of the data set."""


def load_dataset(spec: str, **options: str) -> Dataset:
    """Return the data set a spec names.

    Parameters
    ----------
    spec
        ``scenes``, ``scenes:test:500``, ``folder:PATH``, ``coco-chair:PATH``, ``pope:PATH``,
        ``mme:PATH``, ``scienceqa-img:PATH``, ``hf:OWNER/NAME``; options may follow as
        ``:key=value``, several of ``hf`` also as ``key=value,key=value``.
    options
        The same options as keywords; they win over the spec's.

    Raises
    ------
    UsageError
        If the name or an option is unknown, or the data cannot be used; with the remedy.
    """
    name, argument, written = parse_spec(spec)
    reader, given = DATASETS.get(name), {**written, **options}
    if isinstance(reader, Reader) and (unknown := [k for k in given if k not in reader.options]):
        has = f"it has: {', '.join(reader.options)}" if reader.options else "it has none"
        raise UsageError(f"option {unknown[0]!r} is unknown for the data set {name!r}; {has}.")
    return reader(argument, **given)


def parse_spec(spec: str) -> tuple[str, str, dict[str, str]]:
    """Split a spec into name, argument and options; colons inside a path stay."""
    name, _, rest = spec.strip().partition(":")
    parts = rest.split(":")
    options: dict[str, str] = {}
    while parts and _OPTION.match(parts[-1]):
        text = parts.pop()
        pairs = _COMMA.split(text) if name == "hf" else [text]
        options |= {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
    return name, ":".join(parts), options


def image_for(run: HasConfig, image_id: str) -> Image.Image:
    """Return an image of a run as RGB, from the data the run was made with.

    Raises
    ------
    UsageError
        If the run does not say which data it used, or the image is not in it.
    OSError, ValueError
        If the image cannot be read.
    """
    spec = run.config.get("data")
    if not isinstance(spec, str):
        raise UsageError("the run's config has no data set; its images cannot be found again.")
    return _cached(spec).image(image_id)


@lru_cache(maxsize=4)
def _cached(spec: str) -> Dataset:
    return load_dataset(spec)
