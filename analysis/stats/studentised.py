"""Intervals of correlations: the studentised bootstrap of Fisher's z, and t for many images.

A bootstrap of r alone is too narrow below some hundred images (measured: 0.85 to 0.93 of 0.95 at
30 and 100 images). z = artanh r, studentised in every resample, with the jackknife's standard
error, holds 0.94 to 0.98 there. Source: Efron & Tibshirani (1993), chapter 12; Hall (1992) for the
symmetric form.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from chair_eval.bootstrap import Array, Bootstrap, Interval, Statistic, interval

# Above this many images t holds as well, and costs no resample.
MOST_RESAMPLED = 1000
# Resamples of which only the spread, or a quantile of |t| near 2, is used: good to 2 %.
MOST_DRAWS = 2000
_STEP = 1e-5
_EDGE = 1 - 1e-12


def to_z(r: Array) -> Array:
    """Return Fisher's z; r of 1 or -1 gives a large finite number."""
    return np.arctanh(np.clip(r, -_EDGE, _EDGE))


def fisher(statistic: Statistic, boot: Bootstrap, spare: int) -> Interval:
    """Return the interval of a correlation that is a function of sums over images.

    Parameters
    ----------
    statistic
        The correlation, in [-1, 1].
    boot
        Number of resamples, level and seed; without resamples t is used.
    spare
        Coefficients fitted, taken from the degrees of freedom of t.
    """
    n, total = len(statistic.sums), statistic.sums.sum(axis=0)
    estimate = float(statistic.of(total[None])[0])
    left_out = to_z(statistic.of(total - statistic.sums))
    left_out = left_out[np.isfinite(left_out)]
    if not np.isfinite(estimate) or len(left_out) < 3:
        return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    error = float(np.sqrt((n - 1) * left_out.var()))
    if error <= 1e-12:
        why = "none: leaving out an image changes nothing"
        return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, why)
    if n > MOST_RESAMPLED or not boot.n_resamples:
        return around(estimate, error, n, boot.level, n - spare, "jackknife over images, t")
    boot = replace(boot, n_resamples=min(boot.n_resamples, MOST_DRAWS))
    draws = np.sort(np.abs(_studentised(statistic, boot, float(to_z(np.array(estimate))))))
    if not len(draws):
        return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    what = f"symmetric bootstrap t over images, B={len(draws)}"
    reach = float(np.quantile(draws, boot.level))
    return _limits(estimate, error, n, boot.level, what, _tail(draws), reach)


def around(
    estimate: float, error: float, n: int, level: float, freedom: float, what: str
) -> Interval:
    """Return the interval of a correlation whose z has a standard error and t's distribution."""
    reach = float(student.ppf((1 + level) / 2, freedom))
    return _limits(
        estimate, error, n, level, what, lambda far: float(student.sf(far, freedom)), reach
    )


def _limits(
    estimate: float,
    error: float,
    n: int,
    level: float,
    what: str,
    tail: Callable[[float], float],
    reach: float,
) -> Interval:
    """Return z ± reach standard errors as correlations; ``tail`` is one side's probability."""
    z = float(to_z(np.array(estimate)))

    def confidence(value: float) -> float:
        if abs(value) >= 1:
            return float(value > 0)
        far = (np.arctanh(value) - z) / error
        return 1 - tail(far) if far > 0 else tail(-far)

    limits = tuple(float(np.tanh(z + sign * reach * error)) for sign in (-1, 1))
    method = f"Fisher z, {what}, level={level:g}"
    return interval(
        estimate, (limits[0], limits[1]), error * (1 - estimate**2), n, method, confidence
    )


def _tail(draws: Array) -> Callable[[float], float]:
    """Return half the share of sorted absolute draws beyond a value, never quite 0."""
    least = 0.5 / len(draws)
    return lambda far: max(float((draws >= far).mean()), least) / 2


def _studentised(statistic: Statistic, boot: Bootstrap, z: float) -> Array:
    """Return (z* - z) / se* of every resample, undefined ones left out."""
    sums = statistic.sums
    first, second = np.triu_indices(sums.shape[1])
    products = sums[:, first] * sums[:, second]
    found = []
    for counts in boot.counts(len(sums)):
        total = counts @ sums
        spread = np.empty((len(total), sums.shape[1], sums.shape[1]))
        spread[:, first, second] = spread[:, second, first] = counts @ products
        spread -= total[:, :, None] * total[:, None, :] / len(sums)
        slope = _slopes(statistic, total)
        variance = np.einsum("bi,bij,bj->b", slope, spread, slope)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append((to_z(statistic.of(total)) - z) / np.sqrt(variance))
    drawn = np.concatenate(found)
    return np.asarray(drawn[np.isfinite(drawn)])


def _slopes(statistic: Statistic, total: Array) -> Array:
    """Return the derivatives of z by each sum, (b, p), by central differences."""
    slopes = np.empty_like(total)
    steps = _STEP * (np.abs(total) + 1e-3 * len(statistic.sums))
    for place in range(total.shape[1]):
        step = np.zeros_like(total)
        step[:, place] = steps[:, place]
        ahead, behind = (to_z(statistic.of(total + sign * step)) for sign in (1, -1))
        slopes[:, place] = (ahead - behind) / (2 * steps[:, place])
    return slopes
