"""Draws a study with a known truth: images, and what every method keeps, says and answers.

Outcomes of one image go together: counts and answers are quantiles of normal variables that share
a part over the methods. Spreads and correlations are those of the released LLaVA-1.5 captions of
500 COCO images (greedy against beam search): invented mentions are geometric (mean 0.96, variance
2.04, 45 % of captions with one) and correlate 0.58 to 0.66 between decodings, right mentions 0.72,
recalled objects 0.93; length is 65 + 4.2 words a mention, deviation 17.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import binom, poisson

from analysis.stats.simulation.truths import (
    ACCURACY,
    CAPTIONS,
    ERANK,
    IMAGE_CORRELATION,
    IMAGE_ENTROPY,
    IMAGE_ERANK,
    MEAN_GAP,
    OWN,
    SLOPE,
    STEERING,
    Truth,
)
from chair_eval.bootstrap import Array

RULES = ("fixed", "adaptive", "inverse")
# Annotated objects an image: 3.1 in the released captions' ground truth, one at least.
_OBJECTS = 2.1
# Correlation of the normal variables behind two methods' outcomes of one image.
_INVENTED, _RIGHT, _RECALLED = 0.7, 0.75, 0.95
# The same for a question: what the image shares, and what the question shares beside it.
_IMAGE_PART, _QUESTION_PART = 0.1, 0.65
# Deviation of log kept erank: over images for all methods, and of its own.
_ERANK_SHARED, _ERANK_OWN = 0.10, 0.06


@dataclass(frozen=True)
class World:
    """What a study holds.

    Parameters
    ----------
    truth
        What is planted.
    n_images
        Images.
    questions
        Yes/no questions an image: 6 in this toolkit's study and in one split of POPE.
    methods
        Methods to draw, keys of `ERANK` or steered ones; all when ``None``.
    """

    truth: Truth
    n_images: int = 500
    questions: int = 6
    methods: Sequence[str] | None = None

    def draw(self, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return units and images as `analysis.stats.claims.Study` takes them."""
        images = draw_images(rng, self.n_images)
        spread = rng.normal(size=self.n_images)
        objects = np.asarray(1 + rng.poisson(_OBJECTS, size=self.n_images), dtype=np.float64)
        parts = (_INVENTED, _RIGHT, _RECALLED)
        shared = [(part, rng.normal(size=self.n_images)) for part in parts]
        answers = self._answers(rng, images["erank"].to_numpy())
        frames = []
        for place, name in enumerate(self.accuracies(images["erank"].to_numpy())):
            unit = {"image_id": images["image_id"], "variant": f"{name}@64", "keep": 64}
            unit |= {"n_correct": answers[:, place], "n_answered": self.questions}
            if name in ERANK:
                own = _ERANK_SHARED * spread + _ERANK_OWN * rng.normal(size=self.n_images)
                unit["erank"] = erank(self.truth, name) * np.exp(own)
                drawn = [uniform(rng, *each) for each in shared]
                unit |= caption(rng, drawn, objects, *captions(self.truth, name))
            frames.append(pd.DataFrame(unit))
        return pd.concat(frames, ignore_index=True), images

    def accuracies(self, image_erank: Array) -> dict[str, Array]:
        """Return the chance of a right answer per method and image, (n,) each."""
        truth, flat = self.truth, np.zeros_like(image_erank)
        lift = MEAN_GAP * truth.crossing + truth.ahead
        gap = SLOPE * truth.crossing * (image_erank - IMAGE_ERANK[0]) + lift
        own = abs(lift) / 2 + truth.own * OWN * ACCURACY / 100
        points = dict.fromkeys(ERANK, flat)
        points |= {"divprune": gap / 2, "fastervlm": -gap / 2, "agilepruner": flat + own}
        for method, (gain, loss) in STEERING.items():
            for rule, won in zip(RULES, (0.0, gain, loss), strict=True):
                points[f"{method}_{rule}"] = flat + truth.steering * won
        chosen = self.methods or list(points)
        return {name: np.clip((ACCURACY + points[name]) / 100, 0.01, 0.99) for name in chosen}

    def _answers(self, rng: np.random.Generator, image_erank: Array) -> Array:
        """Return right answers per image and method, (n, methods)."""
        chance = np.stack(list(self.accuracies(image_erank).values()), axis=-1)
        n, methods = chance.shape
        rest = 1 - _IMAGE_PART - _QUESTION_PART
        hard = np.sqrt(_IMAGE_PART) * rng.normal(size=(n, 1, 1))
        hard = hard + np.sqrt(_QUESTION_PART) * rng.normal(size=(n, self.questions, 1))
        hard = hard + np.sqrt(rest) * rng.normal(size=(n, self.questions, methods))
        return (hard < ndtri(chance)[:, None, :]).sum(axis=1)


def roles() -> Mapping[str, list[str | None]]:
    """Return the variants of `World` that play each role of the claims."""
    named = {
        "divprune": ["divprune"],
        "audited": ["vispruner", "visionzip", "prumerge_plus"],
        "rivals": ["fps"],
        "hybrids": [],
        "diversity": ["divprune"],
        "attention": ["fastervlm"],
        "own": ["agilepruner"],
        "budget": list(ERANK),
        **{rule: [f"{method}_{rule}" for method in STEERING] for rule in RULES},
    }
    return {role: [f"{name}@64" for name in names] for role, names in named.items()}


def draw_images(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return images with entropy and erank, in ascending order of their ids."""
    scene, other = rng.normal(size=(2, n))
    mixed = IMAGE_CORRELATION * scene + np.sqrt(1 - IMAGE_CORRELATION**2) * other
    return pd.DataFrame(
        {
            "image_id": [f"{place:07d}" for place in range(n)],
            "entropy": IMAGE_ENTROPY[0] + IMAGE_ENTROPY[1] * mixed,
            "erank": np.maximum(IMAGE_ERANK[0] + IMAGE_ERANK[1] * scene, 2.0),
            "complexity": None,
        }
    )


def erank(truth: Truth, name: str) -> float:
    """Return the mean kept erank of a method."""
    audited = [ERANK[each] for each in ("prumerge_plus", "visionzip", "vispruner")]
    base = sum(audited) / len(audited)
    published = ERANK[name]
    if name == "fps":
        published += truth.rival * (ERANK["divprune"] - published)
    return base + truth.audit * (published - base)


def captions(truth: Truth, name: str) -> tuple[float, float, float]:
    """Return a method's invented and right mentions a caption, and its recall as a share.

    The attention method stays as published; a geometric number of inventions has the mean
    C / (1 - C) where the share C of captions has one, and CHAIR_i then gives the right mentions.
    """

    def means(chair_s: float, chair_i: float, recall: float) -> Array:
        invented = chair_s / (100 - chair_s)
        return np.array([invented, invented * (100 / chair_i - 1), recall / 100])

    base, published = (means(*CAPTIONS[each]) for each in ("fastervlm", name))
    share = np.array([truth.harm, truth.recall, truth.recall])
    invented, right, recall = base + share * (published - base)
    return float(max(invented, 0.05)), float(right), float(recall)


def caption(
    rng: np.random.Generator,
    drawn: list[Array],
    objects: Array,
    invented: float,
    right: float,
    recall: float,
) -> dict[str, Array]:
    """Return the counts of one method's captions, from three uniform variables per image."""
    chance, more, found = (np.clip(each, 1e-12, 1 - 1e-12) for each in drawn)
    wrong = np.floor(np.log1p(-chance) / np.log(invented / (1 + invented)))
    recalled = binom.ppf(found, objects, recall)
    again = poisson.ppf(more, max(right - recall * (1 + _OBJECTS), 0.1))
    length = 65 + 4.2 * (wrong + recalled + again) + 17 * rng.normal(size=len(objects))
    return {
        "n_hallucinated": wrong,
        "n_right": recalled + again,
        "n_mentions": wrong + recalled + again,
        "any_hallucinated": (wrong > 0) * 1.0,
        "n_recalled": recalled,
        "n_gt": objects,
        "length": length.round(),
    }


def uniform(rng: np.random.Generator, part: float, common: Array) -> Array:
    """Return uniform variables, (n,), whose normal quantiles share a part with ``common``."""
    own = rng.normal(size=len(common))
    return np.asarray(ndtr(np.sqrt(part) * common + np.sqrt(1 - part) * own))
