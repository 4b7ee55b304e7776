"""A small study with a known truth: what the claims are about, planted in a frame of units."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.claims import Study
from chair_eval.bootstrap import Bootstrap

ERANK = {
    "fastervlm": 11.5, "prumerge_plus": 10.9, "visionzip": 14.0, "vispruner": 14.4,
    "divprune": 21.8, "agilepruner": 17.0,
}  # fmt: skip
RULES = ("fixed", "adaptive", "inverse")
STEERED = ("bat", "mixture")


def make_study(seed=0, n=400, *, harm=1.0, recall=0.0, cross=1.0, steer=5.0, boot=500):
    """Return a study of n images.

    ``harm`` scales how much diversity adds to inventions, ``recall`` to right mentions, ``cross``
    how far the families swap places, ``steer`` the points that steering wins.
    """
    rng = np.random.default_rng(seed)
    scene, easy, wild = rng.normal(size=(3, n))
    ids = [f"i{place:04d}" for place in range(n)]
    images = pd.DataFrame(
        {
            "image_id": ids,
            "entropy": 4.7 + 0.1 * scene,
            "erank": 85 + 20 * scene,
            "complexity": None,
        }
    )
    points = {f"{method}_{rule}": sign * steer for method in STEERED
              for rule, sign in zip(RULES, (0, 1, -1), strict=True)}  # fmt: skip
    frames = []
    for place, name in enumerate([*ERANK, *points]):
        diverse = (ERANK.get(name, 14.0) - 11.5) / 10.3
        gain = points.get(name, 0.0) / 100
        gain += 0.09 * cross * np.sign(scene) * (name == "divprune") + 0.06 * (
            name == "agilepruner"
        )
        right = rng.poisson(np.exp(1.7 + 0.3 * easy + 0.15 * recall * diverse))
        wrong = rng.poisson(np.exp(-0.1 + 0.5 * wild + 0.5 * harm * diverse))
        frames.append(
            pd.DataFrame(
                {
                    "image_id": ids,
                    "variant": f"{name}@64",
                    "keep": 64,
                    "erank": ERANK.get(name, 14.0) * np.exp(0.08 * rng.normal(size=n)),
                    "n_correct": rng.binomial(8, np.clip(0.75 + gain, 0, 1)),
                    "n_answered": 8,
                    "n_mentions": right + wrong,
                    "n_hallucinated": wrong,
                    "n_right": right,
                    "any_hallucinated": (wrong > 0).astype(float),
                    "n_recalled": right,
                    "n_gt": right + rng.poisson(1 + (place == 0), size=n),
                    "length": 12 * (right + wrong) + 5,
                    "truncated": (right + wrong > 15).astype(float),
                }
            )
        )
    return Study(pd.concat(frames, ignore_index=True), images, make_roles(), Bootstrap(boot))


def make_roles():
    """Return the roles of the planted variants."""
    named = {
        "divprune": ["divprune"],
        "audited": ["vispruner", "visionzip", "prumerge_plus"],
        "rivals": [],
        "diversity": ["divprune"],
        "attention": ["fastervlm"],
        "own": ["agilepruner"],
        "budget": list(ERANK),
        **{rule: [f"{method}_{rule}" for method in STEERED] for rule in RULES},
    }
    return {role: [f"{name}@64" for name in names] for role, names in named.items()}


@pytest.fixture(scope="session")
def planted():
    """The function that makes a study with a known truth."""
    return make_study


@pytest.fixture
def roles():
    """Role → variants of a planted study."""
    return make_roles()
