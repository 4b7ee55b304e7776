"""Words and sizes of the drawn world: categories, COCO ids, themes, canvas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

SIZE = 144
"""Side of a scene in pixels."""
PATCH = 12
"""Side of one vision-tower patch in pixels."""
GRID = SIZE // PATCH
"""Patches along one side, 12, hence 144 visual tokens."""

CATEGORY_IDS: dict[str, int] = {
    "person": 1,
    "bicycle": 2,
    "car": 3,
    "airplane": 5,
    "truck": 8,
    "boat": 9,
    "traffic light": 10,
    "stop sign": 13,
    "bench": 15,
    "bird": 16,
    "cat": 17,
    "dog": 18,
    "horse": 19,
    "sheep": 20,
    "umbrella": 28,
    "kite": 38,
    "bottle": 44,
    "cup": 47,
    "bowl": 51,
    "pizza": 59,
    "chair": 62,
    "couch": 63,
    "dining table": 67,
    "tv": 72,
    "laptop": 73,
    "clock": 85,
}
"""Category name to its id in COCO; words that both CHAIR dialects can see, so no "bus"."""

CATEGORIES: tuple[str, ...] = tuple(CATEGORY_IDS)
"""The 26 category names, in COCO order."""

CATEGORY_INDEX: dict[str, int] = {name: i for i, name in enumerate(CATEGORIES)}
"""Category name to its position in `CATEGORIES`."""

_PLURALS = {"person": "people", "bench": "benches", "couch": "couches", "sheep": "sheep"}

OFF_THEME = 0.06
"""Chance that an object is drawn from all categories and not from its scene's theme."""


@dataclass(frozen=True)
class Theme:
    """Colours of the two bands behind a scene (hue, saturation, value; 0..1) and category weights.

    The co-occurrence of categories in a theme is the model's language prior.
    """

    upper: tuple[float, float, float]
    lower: tuple[float, float, float]
    categories: dict[str, float]


@cache
def themes() -> dict[str, Theme]:
    """Return the six themes by name, as `themes.yaml` says them."""
    return {name: Theme(**row) for name, row in read_table("themes.yaml").items()}


def read_table(name: str) -> dict[str, Any]:
    """Return the content of one of this package's YAML files."""
    text = files("analysis.scenes").joinpath(name).read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table


def plural(category: str) -> str:
    """Return the plural of a category name, one that both CHAIR dialects map back."""
    return _PLURALS.get(category, category + "s")


def with_article(category: str) -> str:
    """Return the name with its indefinite article: "a dog", "an umbrella"."""
    return ("an " if category[0] in "aeiou" else "a ") + category
