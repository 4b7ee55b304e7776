"""Bootstrap over images: BCa intervals whose jackknife costs one vectorised pass.

Nearly every number of this study (a rate, a ratio of sums, a partial correlation, an interaction)
is a smooth function of sums over images. For such a number both the resamples (``counts @ sums``)
and all leave-one-out values (``total - sums``) are matrix expressions, so 40,000 images cost
seconds, and one set of resampled images serves every number of a table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.errors import UsageError

Array = NDArray[np.float64]
# Resampled counts held at once; 4 million of them are 32 MB.
_CHUNK = 4_000_000
# Power at which the smallest detectable effect is stated.
_POWER = 0.8


@dataclass(frozen=True)
class Bootstrap:
    """How to resample.

    Parameters
    ----------
    n_resamples
        Bootstrap samples, at least 100.
    level
        Confidence level, between 0.5 and 1.
    seed
        Seed; equal seeds give equal intervals.
    """

    n_resamples: int = 2000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_resamples < 100:
            raise UsageError(f"n_resamples is {self.n_resamples}; at least 100 are needed.")
        if not 0.5 <= self.level < 1:
            raise UsageError(f"level is {self.level}; it must lie in [0.5, 1).")

    def counts(self, n: int) -> Iterator[Array]:
        """Yield how often each of ``n`` images is drawn, as chunks (b, n) of the resamples."""
        rng = np.random.default_rng(self.seed)
        done = 0
        while done < self.n_resamples:
            size = min(self.n_resamples - done, max(1, _CHUNK // max(n, 1)))
            drawn = rng.integers(0, n, size=(size, n), dtype=np.int64)
            drawn += np.arange(size, dtype=np.int64)[:, None] * n
            counted = np.bincount(drawn.ravel(), minlength=size * n)
            yield counted.reshape(size, n).astype(np.float64)
            done += size


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
        Two-sided p-value of "the true value is 0", from the estimate and ``se`` (normal).
    n
        Images behind it.
    method
        How the interval was made.
    """

    estimate: float
    low: float
    high: float
    se: float
    p: float
    n: int
    method: str

    @property
    def detectable(self) -> float:
        """Smallest true effect this many images would find with power 0.8 at level 0.05."""
        return float((norm.ppf(0.975) + norm.ppf(_POWER)) * self.se)


@dataclass(frozen=True)
class Statistic:
    """A number that is a function of sums over images.

    Parameters
    ----------
    sums
        One row per image, shape (n, p): what the image adds to each of the p sums.
    function
        Maps sums of shape (..., p) to values of shape (...); must not depend on the scale of all
        sums together (a ratio, a correlation), NaN where undefined.
    n
        Images that carry information, when fewer than the rows; ``None`` counts all rows.
    """

    sums: Array
    function: Callable[[Array], Array]
    n: int | None = None


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
    if n < 2:
        return [_too_few(statistic) for statistic in statistics]
    edges = np.cumsum([0] + [statistic.sums.shape[1] for statistic in statistics])
    stacked = np.concatenate([statistic.sums for statistic in statistics], axis=1)
    resampled = np.concatenate([counts @ stacked for counts in boot.counts(n)])
    total = stacked.sum(axis=0)
    found = []
    for statistic, start, stop in zip(statistics, edges[:-1], edges[1:], strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            estimate = float(statistic.function(total[None, start:stop])[0])
            draws = statistic.function(resampled[:, start:stop])
            left_out = statistic.function(total[start:stop] - stacked[:, start:stop])
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
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or n < 2 or len(draws) < 100:
        return Interval(float(estimate), np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    se = float(draws.std(ddof=1))
    if se <= 1e-12 * max(1.0, abs(estimate)):
        method = "none: every resample gives the same value"
        return Interval(float(estimate), np.nan, np.nan, np.nan, np.nan, n, method)
    below = (draws < estimate).mean() + 0.5 * (draws == estimate).mean()
    floor = 0.5 / len(draws)
    bias = norm.ppf(np.clip(below, floor, 1 - floor))
    skew = _acceleration(left_out)
    tails = norm.ppf([(1 - level) / 2, (1 + level) / 2])
    levels = norm.cdf(bias + (bias + tails) / (1 - skew * (bias + tails)))
    low, high = np.quantile(draws, levels)
    p = float(2 * norm.sf(abs(estimate) / se))
    method = f"BCa bootstrap over images, B={len(draws)}, level={level:g}"
    return Interval(float(estimate), float(low), float(high), se, p, n, method)


def _acceleration(left_out: Array) -> float:
    """Skewness of the jackknife values over 6; 0 where they do not vary."""
    values = left_out[np.isfinite(left_out)]
    if not len(values):
        return 0.0
    deviation = values.mean() - values
    spread = float((deviation**2).sum())
    return float((deviation**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0


def _too_few(statistic: Statistic) -> Interval:
    n = len(statistic.sums)
    estimate = np.nan
    if n:
        with np.errstate(divide="ignore", invalid="ignore"):
            estimate = float(statistic.function(statistic.sums.sum(axis=0)[None])[0])
    return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, "none: fewer than two images")
