"""Correlation over methods: a handful of points, so an exact permutation test and leave-one-out.

Means of methods are not images: no resampling of images says how another set of methods would
come out. What can be said is how often a relabelling of these very methods correlates as
strongly, and how far one method alone moves the number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import pearsonr, permutation_test

from chair_eval.bootstrap import Array

# Below three points every correlation is -1 or 1.
_LEAST = 3
# 8! permutations are enumerated; above that as many are drawn.
_RESAMPLES = 40_320


@dataclass(frozen=True)
class MethodLevel:
    """A correlation over methods.

    Attributes
    ----------
    r
        Pearson's r, NaN below three methods or where a column is constant.
    p
        Two-sided permutation p: the share of all pairings of the two columns whose |r| is at
        least as large. Exact up to eight methods, where ``1/n!`` is the smallest possible value.
    low, high
        Smallest and largest r with one method left out, NaN below four.
    low_without, high_without
        Which method that is.
    n
        Methods.
    """

    r: float
    p: float
    low: float
    high: float
    low_without: str
    high_without: str
    n: int


def method_level(names: Sequence[str], x: Array, y: Array, seed: int = 0) -> MethodLevel:
    """Correlate the means of methods.

    Parameters
    ----------
    names
        The n methods.
    x, y
        Shape (n,), a mean per method each; methods without both are dropped.
    seed
        Of the drawn permutations above eight methods.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = np.asarray(x)[known], np.asarray(y)[known]
    kept = [name for name, there in zip(names, known, strict=True) if there]
    r = _r(x, y)
    if not np.isfinite(r):
        return MethodLevel(r, np.nan, np.nan, np.nan, "", "", len(kept))
    p = _permutation_p(x, y, seed)
    left = [_r(np.delete(x, i), np.delete(y, i)) for i in range(len(kept))]
    if not np.isfinite(left).all():
        return MethodLevel(r, p, np.nan, np.nan, "", "", len(kept))
    low, high = int(np.argmin(left)), int(np.argmax(left))
    return MethodLevel(r, p, left[low], left[high], kept[low], kept[high], len(kept))


def _permutation_p(x: Array, y: Array, seed: int) -> float:
    """Share of pairings that correlate as strongly; |x · y| of centred columns orders as |r|."""
    centred = y - y.mean()

    def strength(order: Array, axis: int = -1) -> Array:
        return np.abs(np.moveaxis(order, axis, -1) @ centred)

    test = permutation_test(
        (x - x.mean(),),
        strength,
        permutation_type="pairings",
        vectorized=True,
        alternative="greater",
        n_resamples=_RESAMPLES,
        batch=10_000,
        rng=np.random.default_rng(seed),
    )
    return float(test.pvalue)


def _r(x: Array, y: Array) -> float:
    """Pearson's r; NaN where it is undefined."""
    if len(x) < _LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(pearsonr(x, y).statistic)
