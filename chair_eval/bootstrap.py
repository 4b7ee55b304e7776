"""Bootstrap over images: BCa intervals whose jackknife costs one vectorised pass.

Nearly every number of this study (a rate, a ratio of sums, a partial correlation, an interaction)
is a smooth function of sums over images. For such a number both the resamples (``counts @ sums``)
and all leave-one-out values (``total - sums``) are matrix expressions: 40,000 images cost seconds.

Images are resampled by their place, so equal limits need an equal order of the images: everywhere
in this project that is ascending ``str(image id)``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from chair_eval.errors import UsageError
from chair_eval.products import PRODUCTS

Array = NDArray[np.float64]
# Resampled counts held at once; 4 million of them are 32 MB.
_CHUNK = 4_000_000
# Resamples times images that are drawn at most; above it fewer resamples are taken.
_DRAW_LIMIT = 100_000_000
_MOST_RESAMPLES = 1_000_000
# Values an interval is made of at least, unless fewer resamples were asked for.
_FEWEST_VALUES = 100
# Power at which the smallest detectable effect is stated.
_POWER = 0.8


@dataclass(frozen=True)
class Bootstrap:
    """How to resample.

    Parameters
    ----------
    n_resamples
        Bootstrap samples, 0 (no intervals) to 1,000,000.
    level
        Confidence level, between 0 and 1.
    seed
        Seed; equal seeds give equal intervals.
    """

    n_resamples: int = 10_000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        whole = hasattr(self.n_resamples, "__index__")
        if not (whole and 0 <= self.n_resamples <= _MOST_RESAMPLES):
            raise UsageError(
                f"draws (n_resamples) is {self.n_resamples}; allowed: 0 to {_MOST_RESAMPLES:,}"
            )
        if not 0 < self.level < 1:
            raise UsageError(f"level is {self.level}; allowed: between 0 and 1")
        if not (hasattr(self.seed, "__index__") and self.seed >= 0):
            raise UsageError(f"seed is {self.seed}; allowed: whole numbers from 0")

    def drawn(self, n: int) -> int:
        """Return how many resamples of ``n`` images are taken; 10,000 up to 10,000 images."""
        return min(self.n_resamples, max(_FEWEST_VALUES, _DRAW_LIMIT // n)) if n else 0

    def counts(self, n: int) -> Iterator[Array]:
        """Yield how often each of ``n`` images is drawn, as chunks (b, n) of the resamples."""
        drawn, size = _drawn(n, self.drawn(n), self.seed), max(1, _CHUNK // max(n, 1))
        for start in range(0, len(drawn), size):
            yield drawn[start : start + size].astype(np.float64)


@lru_cache(maxsize=3)
def _drawn(n: int, n_resamples: int, seed: int) -> NDArray[np.uint8]:
    """Return how often each image is drawn, (B, n); no image is drawn 256 times in practice.

    Tables of a study ask for the same resamples thousands of times; one byte a count keeps them.
    """
    rng = np.random.default_rng(seed)
    counted = np.empty((n_resamples, n), dtype=np.uint8)
    size = max(1, _CHUNK // max(n, 1))
    for start in range(0, n_resamples, size):
        part = counted[start : start + size]
        drawn = rng.integers(0, n, size=part.shape, dtype=np.int64)
        drawn += np.arange(len(part), dtype=np.int64)[:, None] * n
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return counted


@dataclass(frozen=True)
class Interval:
    """An estimate with its limits.

    Parameters
    ----------
    estimate, low, high
        The number and its confidence limits, NaN where they do not exist.
    se
        Bootstrap standard error.
    p
        Two-sided p-value of "the true value is 0", of the same construction as the limits: below
        1 - level exactly where they exclude 0.
    n
        Images behind it.
    method
        How the interval was made.
    confidence
        The confidence distribution the limits and every p-value are read from: a value → the
        confidence, 0 to 1, that the true value lies below it. ``None`` without an interval.
    """

    estimate: float
    low: float
    high: float
    se: float
    p: float
    n: int
    method: str
    confidence: Callable[[float], float] | None = field(default=None, repr=False, compare=False)

    def test(self, null: float = 0.0) -> float:
        """Return the two-sided p-value of "the true value is ``null``"; NaN without interval."""
        if self.confidence is None:
            return np.nan
        below = self.confidence(null)
        return 2 * min(below, 1 - below)

    def within(self, margin: float) -> float:
        """Return the p-value of "the true value is ``margin`` or more away from 0".

        Two one-sided tests (Schuirmann 1987): the larger of both; NaN without interval, 1 for a
        margin of 0.
        """
        if self.confidence is None:
            return np.nan
        if margin <= 0:
            return 1.0
        return max(self.confidence(-margin), 1 - self.confidence(margin))

    @property
    def detectable(self) -> float:
        """Smallest true effect this many images would find with power 0.8 at level 0.05."""
        return float((ndtri(0.975) + ndtri(_POWER)) * self.se)


@dataclass(frozen=True)
class Statistic:
    """A number that is a function of sums over images.

    Parameters
    ----------
    sums
        One row per image, shape (n, p): what the image adds to each of the p sums. Statistics
        that share one array are resampled once.
    function
        Maps sums of shape (..., p) to values of shape (...); must not depend on the scale of all
        sums together (a ratio, a correlation), NaN where undefined.
    n
        Images that carry information, when fewer than the rows; ``None`` counts all rows.
    """

    sums: Array
    function: Callable[[Array], Array]
    n: int | None = None

    @property
    def estimate(self) -> float:
        """The value on all images; NaN without any."""
        return float(self.of(self.sums.sum(axis=0)[None])[0]) if len(self.sums) else np.nan

    def of(self, sums: Array) -> Array:
        """Return the values of sums (..., p), undefined ones without a warning."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.function(sums)


def bootstrap(statistics: Sequence[Statistic], boot: Bootstrap) -> list[Interval]:
    """Return BCa intervals of several statistics over the same images.

    Parameters
    ----------
    statistics
        All with the same number of images, in the same order.
    boot
        Number of resamples, level and seed.

    Returns
    -------
    list of Interval
        In the order given. Fewer than two images give NaN limits; no image gives NaN and n = 0.

    Raises
    ------
    UsageError
        If the statistics are not over equally many images.

    Notes
    -----
    Efron & Tibshirani (1993), chapter 14; acceleration from the exact jackknife over images.
    """
    if not statistics:
        return []
    sizes = {len(statistic.sums) for statistic in statistics}
    if len(sizes) > 1:
        raise UsageError(f"statistics over {sorted(sizes)} images cannot share resamples.")
    n = sizes.pop()
    if n < 2 or not boot.n_resamples:
        why = "fewer than two images" if n < 2 else "no resamples"
        return [_none(statistic.estimate, n, why) for statistic in statistics]
    tables = {id(statistic.sums): statistic.sums for statistic in statistics}
    edges = np.cumsum([table.shape[1] for table in tables.values()])
    columns = dict(zip(tables, np.split(np.arange(edges[-1]), edges[:-1]), strict=True))
    stacked = np.concatenate(list(tables.values()), axis=1)
    resampled = PRODUCTS.of(stacked, (n, boot.drawn(n), boot.seed), lambda: boot.counts(n))
    total = stacked.sum(axis=0)
    found = []
    for statistic in statistics:
        own = columns[id(statistic.sums)]
        estimate = float(statistic.of(total[None, own])[0])
        draws = statistic.of(resampled[:, own])
        left_out = statistic.of(total[own] - statistic.sums)
        size = n if statistic.n is None else statistic.n
        found.append(bca(estimate, draws, left_out, size, boot.level))
    return found


def bca(estimate: float, draws: Array, left_out: Array, n: int, level: float) -> Interval:
    """Return the bias-corrected and accelerated interval.

    Parameters
    ----------
    estimate
        The value on all images.
    draws
        Values on the resamples, shape (B,); NaN where a resample leaves it undefined.
    left_out
        Values without each image (or influence values with the sign turned), shape (n,).
    n
        Images behind the estimate.
    level
        Confidence level.
    """
    fewest = min(_FEWEST_VALUES, len(draws))
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or n < 2 or len(draws) < max(fewest, 2):
        return _none(estimate, n, "undefined")
    se = float(draws.std(ddof=1))
    if se <= 1e-12 * max(1.0, abs(estimate)):
        return _none(estimate, n, "every resample gives the same value")
    draws = np.sort(draws)
    bias = _normal_place(draws, estimate)
    skew = _acceleration(left_out)
    tails = ndtri([(1 - level) / 2, (1 + level) / 2])
    levels = ndtr(bias + (bias + tails) / (1 - skew * (bias + tails)))
    low, high = np.quantile(draws, levels)

    def confidence(value: float) -> float:
        # The level of which `value` is the limit: the formula of the limits solved for the tail.
        shift = _normal_place(draws, value) - bias
        return float(ndtr(shift / max(1 + skew * shift, 1e-6) - bias))

    method = f"BCa bootstrap over images, B={len(draws)}, level={level:g}"
    return interval(estimate, (low, high), se, n, method, confidence)


def interval(
    estimate: float,
    limits: tuple[float, float],
    se: float,
    n: int,
    method: str,
    confidence: Callable[[float], float],
) -> Interval:
    """Return an interval whose p-value is read from its confidence distribution."""
    low, high = (float(limit) for limit in limits)
    found = Interval(float(estimate), low, high, float(se), np.nan, n, method, confidence)
    return replace(found, p=found.test())


def _normal_place(draws: Array, value: float) -> float:
    """Return the normal quantile of the share of sorted draws below a value, ties counted half."""
    low, high = (np.searchsorted(draws, value, side=side) for side in ("left", "right"))
    floor = 0.5 / len(draws)
    return float(ndtri(np.clip((low + high) / 2 / len(draws), floor, 1 - floor)))


def _acceleration(left_out: Array) -> float:
    """Skewness of the jackknife values over 6; 0 where they do not vary."""
    values = left_out[np.isfinite(left_out)]
    if not len(values):
        return 0.0
    deviation = values.mean() - values
    spread = float((deviation**2).sum())
    return float((deviation**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0


def _none(estimate: float, n: int, why: str) -> Interval:
    """Return an estimate without an interval, and why."""
    return Interval(float(estimate), np.nan, np.nan, np.nan, np.nan, n, f"none: {why}")
