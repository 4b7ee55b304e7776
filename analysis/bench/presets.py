"""The models of ``models.yaml``: sizes of the published architectures, and two tiny ones."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from analysis.bench.shapes import ModelShape
from analysis.errors import UsageError

_PINPOINTS = ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))  # in tiles, height first


@dataclass(frozen=True)
class Preset:
    """One architecture and the budgets it is timed with.

    Attributes
    ----------
    name
        As on the command line.
    vision, text
        Sizes of the tower and the language model, named as in transformers.
    keeps
        Budgets; the first is the unpruned number of patches.
    tiles
        Whether the image is seen as a whole and in four tiles.
    added_rows
        Rows of the vocabulary that transformers' conversion adds to the published ones.
    """

    name: str
    vision: dict[str, Any]
    text: dict[str, Any]
    keeps: list[int]
    tiles: bool = False
    added_rows: int = 0

    @property
    def side(self) -> int:
        """Patches along one edge of a crop."""
        return int(self.vision["image_size"] // self.vision["patch_size"])

    @property
    def patches(self) -> int:
        """Patches of one crop."""
        return self.side**2

    @property
    def pinpoints(self) -> list[list[int]]:
        """Sizes in pixels that an image in tiles may take."""
        return [[side * self.vision["image_size"] for side in pair] for pair in _PINPOINTS]

    @property
    def shape(self) -> ModelShape:
        """Sizes that decide what a forward pass costs, as published."""
        parts = {
            "text_config": SimpleNamespace(**self.text),
            "vision_config": SimpleNamespace(**self.vision),
        }
        if self.tiles:
            parts["image_grid_pinpoints"] = SimpleNamespace()
        return ModelShape.from_config(SimpleNamespace(**parts), self.name)


@cache
def presets() -> dict[str, Preset]:
    """Return every model of ``models.yaml`` by name."""
    text = Path(__file__).with_name("models.yaml").read_text(encoding="utf-8")
    return {name: Preset(name, **facts) for name, facts in yaml.safe_load(text).items()}


def preset(name: str) -> Preset:
    """Return a preset by name.

    Raises
    ------
    UsageError
        When there is none of that name.
    """
    if name not in presets():
        raise UsageError(f"unknown preset {name!r}; choose one of: {', '.join(presets())}.")
    return presets()[name]
