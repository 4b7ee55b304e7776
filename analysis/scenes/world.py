"""Words and sizes of the drawn world: categories, COCO ids, themes, canvas."""

from __future__ import annotations

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

THEMES: dict[str, dict[str, float]] = {
    "street": {
        "person": 3.0,
        "car": 3.0,
        "truck": 1.5,
        "bicycle": 1.5,
        "traffic light": 2.0,
        "stop sign": 1.3,
        "umbrella": 0.5,
        "dog": 0.5,
        "bench": 0.5,
    },
    "park": {
        "person": 2.5,
        "dog": 1.8,
        "bench": 1.8,
        "bicycle": 1.3,
        "kite": 1.2,
        "bird": 1.3,
        "umbrella": 0.5,
    },
    "kitchen": {
        "cup": 2.2,
        "bowl": 2.0,
        "bottle": 1.8,
        "pizza": 1.4,
        "chair": 1.5,
        "dining table": 2.0,
        "person": 0.7,
        "clock": 0.6,
    },
    "living": {
        "tv": 2.0,
        "couch": 2.0,
        "laptop": 1.4,
        "chair": 1.5,
        "cat": 1.7,
        "clock": 1.1,
        "person": 1.0,
        "dog": 0.5,
        "cup": 0.6,
        "bottle": 0.5,
    },
    "farm": {
        "sheep": 3.0,
        "horse": 2.3,
        "dog": 1.0,
        "bird": 1.2,
        "truck": 1.0,
        "person": 0.9,
    },
    "beach": {
        "person": 2.3,
        "umbrella": 2.0,
        "boat": 2.0,
        "kite": 1.3,
        "bird": 1.2,
        "airplane": 1.0,
        "dog": 0.6,
        "chair": 0.9,
    },
}
"""Weight of each category in each theme; this co-occurrence is the model's language prior."""

THEME_NAMES: tuple[str, ...] = tuple(THEMES)
"""The six theme names."""

OFF_THEME = 0.06
"""Chance that an object is drawn from all categories and not from its scene's theme."""


def plural(category: str) -> str:
    """Return the plural of a category name, one that both CHAIR dialects map back."""
    return _PLURALS.get(category, category + "s")


def with_article(category: str) -> str:
    """Return the name with its indefinite article: "a dog", "an umbrella"."""
    return ("an " if category[0] in "aeiou" else "a ") + category
