"""One of every kind of interval this toolkit prints, over data whose true value is known.

Units are those of `World` with the paper's differences; correlations are planted in what is
correlated in a study: a log-normal erank, a geometric count and a control.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from analysis.stats.claims import Study, evidence
from analysis.stats.complexity import INTERACTION, SIMPLE, gaps_by_level, splits
from analysis.stats.components import effects
from analysis.stats.correlation import correlate, correlate_within
from analysis.stats.crossed import INNER, METHODS, WITHIN, Crossed, intervals
from analysis.stats.mentions import mention_model
from analysis.stats.ratios import RATIOS, sums
from analysis.stats.simulation.truths import PAPER
from analysis.stats.simulation.world import World
from chair_eval.bootstrap import Array, Bootstrap, Statistic, bootstrap

# Estimate and limits of every interval, by name.
Limits = dict[str, tuple[float, float, float]]
DIVERSE, ATTENTIVE, AUDITED = "divprune@64", "fastervlm@64", "vispruner@64"
# Methods that are drawn for the crossed interval, rows of an image for the within-image one.
_METHODS, _ROWS = 8, 4
# Deviation of methods' levels against that of an image's rows, and both correlations.
_LEVELS, _OF_LEVELS, _OF_ROWS = 0.7, 0.5, 0.2
# Images from which a true value is computed where no formula gives it, and the seed of them.
_MANY, _SEED = 400_000, 2026


@dataclass(frozen=True)
class Kind:
    """Some intervals that are made together.

    Parameters
    ----------
    limits
        Generator, number of images, resampling → estimate and limits of each interval, by name.
    exact
        The true values by name; ``None`` where the estimates of very many images stand for them.
    slow
        Whether fewer samples must do above 1,000 images.
    """

    limits: Callable[[np.random.Generator, int, Bootstrap], Limits]
    exact: Mapping[str, float] | None = None
    slow: bool = False

    def truth(self) -> dict[str, float]:
        """Return the true value of every interval.

        Without a formula that is the estimate from 400,000 images, whose error is a ninth of that
        of 5,000: it moves a coverage by less than 0.002.
        """
        if self.exact is not None:
            return dict(self.exact)
        found = self.limits(np.random.default_rng(_SEED), _MANY, Bootstrap(0))
        return {name: estimate for name, (estimate, _, _) in found.items()}


def _study(rng: np.random.Generator, n: int, boot: Bootstrap) -> Limits:
    """Rates, ratios, paired differences, interaction, mediation and the model of mentions."""
    methods = tuple(name.partition("@")[0] for name in (ATTENTIVE, AUDITED, DIVERSE))
    units, images = World(PAPER, n, methods=methods).draw(rng)
    audit = {"divprune": [DIVERSE], "audited": [AUDITED]}
    above = evidence("audit", Study(units, images, audit, boot))
    return {
        **_intervals(_statistics(units, images), boot),
        "paired difference in percent (erank)": _row(above),
        **_mentions(units, images, boot),
    }


def _statistics(units: pd.DataFrame, images: pd.DataFrame) -> dict[str, Statistic]:
    """Return the functions of sums over images."""
    known = {name: sums(units, RATIOS[name]) for name in ("CHAIR_s", "invented", "CHAIR_i")}
    right, levels = sums(units, RATIOS["accuracy"]), splits(images)["erank terciles"]
    gaps = gaps_by_level(right, levels, DIVERSE, ATTENTIVE)
    parts = effects(units, DIVERSE, ATTENTIVE)
    return {
        "rate (CHAIR_s)": known["CHAIR_s"].value(DIVERSE),
        "mean (invented)": known["invented"].value(DIVERSE),
        "ratio (CHAIR_i)": known["CHAIR_i"].value(DIVERSE),
        "paired difference (CHAIR_s)": known["CHAIR_s"].gap(DIVERSE, ATTENTIVE),
        "paired difference (invented)": known["invented"].gap(DIVERSE, ATTENTIVE),
        "paired difference (CHAIR_i)": known["CHAIR_i"].gap(DIVERSE, ATTENTIVE),
        "paired difference (accuracy)": right.gap(DIVERSE, ATTENTIVE),
        "gap on simple images (accuracy)": gaps[SIMPLE],
        "interaction (accuracy)": gaps[INTERACTION],
        **{f"mediation, {name}": each for name, each in parts.items()},
    }


def _intervals(statistics: Mapping[str, Statistic], boot: Bootstrap) -> Limits:
    found = bootstrap(list(statistics.values()), boot)
    return {
        name: (each.estimate, each.low, each.high)
        for name, each in zip(statistics, found, strict=True)
    }


def _mentions(units: pd.DataFrame, images: pd.DataFrame, boot: Bootstrap) -> Limits:
    """Odds ratios of the model of mentions."""
    levels = np.tile(images["erank"], len(units) // len(images))
    frame = mention_model(
        units.assign(complexity=levels), ("erank", "complexity"), level=boot.level
    )
    return {
        f"mention model, {row['group']}": (row["estimate"], row["low"], row["high"])
        for row in frame.to_dict("records")
    }


def _correlated(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return a log-normal x and a geometric y (both as in a study) that share a control c."""
    shared, c = rng.normal(size=(2, n))
    first, second = (
        0.6 * shared + 0.5 * c + np.sqrt(1 - 0.6**2 - 0.5**2) * rng.normal(size=n) for _ in range(2)
    )
    y = np.floor(np.log(1 - np.clip(ndtr(second), 0, 1 - 1e-12)) / np.log(0.5))
    return pd.DataFrame({"image_id": np.arange(n), "x": np.exp(0.3 * first), "y": y, "c": c})


def _correlations(kind: str) -> Callable[[np.random.Generator, int, Bootstrap], Limits]:
    """Return the correlation of one kind, plain and given a control."""

    def limits(rng: np.random.Generator, n: int, boot: Bootstrap) -> Limits:
        frame = _correlated(rng, n)
        return {
            name: _row(correlate(frame, "x", "y", controls=controls, kind=kind, boot=boot))
            for name, controls in ((kind, ()), (f"{kind} partial", ("c",)))
        }

    return limits


def _within(rng: np.random.Generator, n: int, boot: Bootstrap) -> Limits:
    """Correlation within images: rows of an image share a level that says nothing."""
    frame = pd.concat([_correlated(rng, n) for _ in range(_ROWS)], ignore_index=True)
    level = rng.normal(size=n)[frame["image_id"]]
    frame = frame.assign(x=frame["x"] + level, y=frame["y"] + level)
    return {"within-image pearson": _row(correlate_within(frame, "x", "y", boot=boot))}


def _crossed(rng: np.random.Generator, n: int, boot: Bootstrap) -> Limits:
    """Correlations over images and methods, both of which are drawn."""
    levels = _LEVELS * _pair(rng, _OF_LEVELS, (1, _METHODS))
    image = rng.normal(size=(2, n, 1))
    x, y = levels + image + _pair(rng, _OF_ROWS, (n, _METHODS))
    found = intervals(Crossed(x, y, tuple(map(str, range(_METHODS)))), boot)
    return {
        f"crossed, {name}": (each.estimate, each.low, each.high) for name, each in found.items()
    }


def _pair(rng: np.random.Generator, r: float, shape: tuple[int, int]) -> Array:
    """Return two normal arrays that correlate by r, (2, *shape)."""
    first, other = rng.normal(size=(2, *shape))
    return np.stack([first, r * first + np.sqrt(1 - r**2) * other])


def _row(frame: pd.DataFrame) -> tuple[float, float, float]:
    """Return estimate and limits of the first row."""
    first = frame.iloc[0]
    return float(first["estimate"]), float(first["low"]), float(first["high"])


_CROSSED = {
    f"crossed, {WITHIN}": (_LEVELS**2 * _OF_LEVELS + _OF_ROWS) / (_LEVELS**2 + 1),
    f"crossed, {INNER}": _OF_ROWS,
    f"crossed, {METHODS}": _OF_LEVELS,
}
KINDS = {
    "study": Kind(_study),
    "pearson": Kind(_correlations("pearson")),
    "spearman": Kind(_correlations("spearman"), slow=True),
    "within": Kind(_within),
    "crossed": Kind(_crossed, _CROSSED),
}
