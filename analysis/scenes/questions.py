"""Yes/no questions as POPE asks them: random, popular and adversarial absent objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scenes.scene import Scene
from analysis.scenes.world import CATEGORIES, CATEGORY_INDEX, THEMES, with_article

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


def _theme_shares() -> np.ndarray:
    shares = np.zeros((len(THEMES), len(CATEGORIES)))
    for row, table in enumerate(THEMES.values()):
        total = sum(table.values())
        for name, weight in table.items():
            shares[row, CATEGORY_INDEX[name]] = weight / total
    return shares


_SHARES = _theme_shares()
_POPULARITY = _SHARES.sum(0)
_COOCCURRENCE = _SHARES.T @ _SHARES


def _candidates(split: str, present: list[str], absent: list[str]) -> list[str]:
    if split == "random":
        return absent
    score = _POPULARITY
    if split == "adversarial":
        score = _COOCCURRENCE[[CATEGORY_INDEX[name] for name in present]].sum(0)
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
        picks = ((present, "yes"), (pool, "no"))
        for names, label in picks:
            name = names[int(rng.integers(len(names)))]
            text = QUESTION.format(with_article(name))
            asked.append(Question(split, text, label, name))
    return asked
