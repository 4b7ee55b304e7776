"""Data sets by name: ``load_dataset("pope:data/raw/pope")``. No model, no torch, no download.

A spec is ``NAME``, ``NAME:ARGUMENT`` and optionally options, ``NAME:ARGUMENT:key=value``.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from PIL import Image

from analysis.datasets.base import Box, Dataset, Question, Sample
from analysis.errors import UsageError
from analysis.registry import Registry

__all__ = ["DATASETS", "Box", "Dataset", "Question", "Sample", "image_for", "load_dataset"]

#: Name → factory; a factory takes what follows the name in the spec, and keyword options.
DATASETS: Registry[Callable[..., Dataset]] = Registry("data set")

_OPTION = re.compile(r"^([a-z][a-z_]*)=(.*)$", re.DOTALL)


class HasConfig(Protocol):
    """A run, as far as finding its data goes."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Merged configuration; ``config["data"]`` is the spec of the data set."""


@DATASETS.register("scenes")
def _scenes(argument: str, **options: str) -> Dataset:
    """Drawn pictures of COCO categories for the embedded model; nothing to download."""
    from analysis.datasets.scenes import from_argument

    _refuse(options, "scenes", ())
    return from_argument(argument)


@DATASETS.register("folder")
def _folder(argument: str, **options: str) -> Dataset:
    """Your own pictures, with COCO annotations or JSON Lines beside them if there are any."""
    from analysis.datasets.folder import Folder

    _refuse(options, "folder", ("prompt",))
    return Folder(argument, **options)


@DATASETS.register("coco-chair")
def _coco_chair(argument: str, **options: str) -> Dataset:
    """500 COCO val2014 images for captions and CHAIR, the published list."""
    from analysis.datasets.coco_chair import CocoChair

    _refuse(options, "coco-chair", ("prompt", "ids"))
    return CocoChair(argument, **options)


@DATASETS.register("pope")
def _pope(argument: str, **options: str) -> Dataset:
    """POPE: is there a … in the image? 9,000 yes/no questions on 500 COCO images."""
    from analysis.datasets.pope import Pope

    _refuse(options, "pope", ("split", "images", "suffix"))
    return Pope(argument, **options)


@DATASETS.register("mme")
def _mme(argument: str, **options: str) -> Dataset:
    """MME: 2,374 yes/no questions on 1,187 images in 14 subtasks."""
    from analysis.datasets.mme import Mme

    _refuse(options, "mme", ("subtask", "suffix"))
    return Mme(argument, **options)


@DATASETS.register("scienceqa-img")
def _scienceqa(argument: str, **options: str) -> Dataset:
    """ScienceQA-IMG: 2,017 multiple-choice questions with an image (test split)."""
    from analysis.datasets.scienceqa import ScienceQa

    _refuse(options, "scienceqa-img", ("split", "suffix"))
    return ScienceQa(argument, **options)


def load_dataset(spec: str, **options: str) -> Dataset:
    """Return the data set a spec names.

    Parameters
    ----------
    spec
        ``scenes``, ``scenes:test:500``, ``folder:PATH``, ``coco-chair:PATH``, ``pope:PATH``,
        ``mme:PATH``, ``scienceqa-img:PATH``; options may follow as ``:key=value``.
    options
        The same options as keywords; they win over the spec's.

    Raises
    ------
    UsageError
        If the name or an option is unknown, or the data cannot be used; with the remedy.
    """
    name, argument, written = parse_spec(spec)
    return DATASETS.get(name)(argument, **{**written, **options})


def parse_spec(spec: str) -> tuple[str, str, dict[str, str]]:
    """Split a spec into name, argument and options; colons inside a path stay."""
    name, _, rest = spec.strip().partition(":")
    parts = rest.split(":")
    options: dict[str, str] = {}
    while parts and (match := _OPTION.match(parts[-1])):
        options[match[1]] = match[2]
        parts.pop()
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


def _refuse(options: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> None:
    """Raise ``UsageError`` for options a data set does not have."""
    for key in options:
        if key not in allowed:
            has = f"it has: {', '.join(allowed)}" if allowed else "it has none"
            raise UsageError(f"option {key!r} is unknown for the data set {name!r}; {has}.")
