"""Yes/no questions as POPE asks them: random, popular and adversarial absent objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.scenes.scene import Scene
from analysis.scenes.world import CATEGORIES, CATEGORY_INDEX, themes, with_article

SPLITS: tuple[str, ...] = ("random", "popular", "adversarial")
"""The three ways of choosing an absent object."""

QUESTION = "is there {} in the image?"
"""POPE's question, lower-cased."""

_CHOICES = 3
_STREAM = 7_919


@dataclass(frozen=True)
class Question:
    """One yes/no question.

    Attributes
    ----------
    split
        One of `SPLITS`.
    text
        The question as it is asked.
    label
        "yes" if the category is in the scene, else "no".
    category
        The category asked for.
    """

    split: str
    text: str
    label: str
    category: str


@cache
def _theme_shares() -> np.ndarray:
    """Return (6, 26): share of each category in each theme."""
    weights = [theme.categories for theme in themes().values()]
    table = np.array([[row.get(name, 0.0) for name in CATEGORIES] for row in weights])
    return table / np.array([[sum(row.values())] for row in weights])


def _candidates(split: str, present: list[str], absent: list[str]) -> list[str]:
    if split == "random":
        return absent
    shares = _theme_shares()
    score = shares.sum(0)
    if split == "adversarial":
        score = (shares.T @ shares)[[CATEGORY_INDEX[name] for name in present]].sum(0)
    ranked = sorted(absent, key=lambda name: -score[CATEGORY_INDEX[name]])
    return ranked[:_CHOICES]


def questions_for(scene: Scene) -> list[Question]:
    """Return six questions: per split one present and one absent category.

    Absent categories are drawn from all (random), from the three most frequent absent ones in
    this world (popular), or from the three absent ones that its themes pair most often with what
    the scene shows (adversarial). The choice depends on the scene's seed alone.
    """
    rng = np.random.default_rng([_STREAM, scene.seed])
    present = list(scene.counts)
    absent = [name for name in CATEGORIES if name not in scene.counts]
    asked: list[Question] = []
    for split in SPLITS:
        pool = _candidates(split, present, absent)
        for names, label in ((present, "yes"), (pool, "no")):
            name = names[int(rng.integers(len(names)))]
            text = QUESTION.format(with_article(name))
            asked.append(Question(split, text, label, name))
    return asked
