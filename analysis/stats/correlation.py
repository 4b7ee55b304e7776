"""Correlations, plain and partial, with images as the resampling unit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import UsageError
from analysis.stats.estimate import estimates, row
from analysis.stats.studentised import MOST_DRAWS, MOST_RESAMPLED, around, fisher, to_z
from chair_eval.bootstrap import Array, Bootstrap, Interval, Statistic

KINDS = ("pearson", "spearman")
Owners = NDArray[np.int64]
# Variance of a standardised column below which it is constant but for rounding.
_NO_VARIANCE = 1e-10


def correlate(
    frame: pd.DataFrame,
    x: str,
    y: str,
    *,
    controls: Sequence[str] = (),
    by: str | None = None,
    kind: str = "pearson",
    unit: str = "image_id",
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Correlate two columns, optionally holding others constant.

    Parameters
    ----------
    frame
        Rows of observations; several rows may belong to one image.
    x, y
        Columns to correlate.
    controls
        Columns whose linear influence is removed from both (partial correlation; of ranks when
        ``kind`` is ``"spearman"``).
    by
        Column that splits the frame; one estimate a value, in sorted order.
    kind
        ``"pearson"`` or ``"spearman"``. Spearman ranks are taken anew in every resample, of
        values rounded to 12 digits, so that equal fractions tie.
    unit
        Column that names what is resampled.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates in [-1, 1]; rows with a missing or infinite value are dropped, ``n`` counts
        images. A constant column gives NaN, and so do fewer than four images (one more for each
        control).

    Raises
    ------
    UsageError
        If a column is missing or ``kind`` is unknown.
    """
    boot = boot or Bootstrap()
    if kind not in KINDS:
        raise UsageError(f"kind is {kind!r}; choose one of: {', '.join(KINDS)}.")
    names = [x, y, *controls]
    frame = _finite(frame, names, unit)
    measure = f"{kind}({x}, {y}" + (f" | {', '.join(controls)})" if controls else ")")
    groups = [("all", frame)] if by is None else list(frame.groupby(by, observed=True))
    rows = []
    for group, part in groups:
        owner = pd.factorize(part[unit])[0]
        values = part[names].to_numpy(dtype=float)
        interval = (_pearson if kind == "pearson" else _spearman)(values, owner, boot)
        rows.append(row(measure, str(group), interval, boot.seed))
    return estimates(rows)


def correlate_within(
    frame: pd.DataFrame,
    x: str,
    y: str,
    *,
    controls: Sequence[str] = (),
    unit: str = "image_id",
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Correlate within images: both columns as deviations from their mean over the image's rows.

    What stays constant for an image (its scene, its difficulty) cannot produce this correlation.
    Images with fewer than two rows drop out. Arguments and result as in `correlate`.
    """
    boot = boot or Bootstrap()
    names = [x, y, *controls]
    part = _finite(frame, names, unit)
    size = part.groupby(unit)[x].transform("size")
    part = part[size > 1]
    centred = part[names].astype(float) - part.groupby(unit)[names].transform("mean")
    owner = pd.factorize(part[unit])[0]
    interval = _pearson(centred.to_numpy(), owner, boot)
    measure = f"within-image pearson({x}, {y}" + (f" | {', '.join(controls)})" if controls else ")")
    return estimates([row(measure, "all", interval, boot.seed)])


def _finite(frame: pd.DataFrame, names: Sequence[str], unit: str) -> pd.DataFrame:
    """Return the rows whose named columns are all finite, or say which column is missing."""
    if lacking := [name for name in [*names, unit] if name not in frame.columns]:
        raise UsageError(f"the frame has no column {', '.join(lacking)}.")
    known = np.isfinite(frame[list(names)].astype(float).to_numpy()).all(axis=1)
    return frame[known]


def _pearson(values: Array, owner: Owners, boot: Bootstrap) -> Interval:
    """Partial correlation of the first two columns given the rest."""
    if lacking := _too_few(values, owner):
        return lacking
    spread = values.std(axis=0)
    constant = spread <= 1e-12 * np.abs(values).max(axis=0)
    # Raw second moments lose digits unless the columns are standardised first.
    scaled = np.where(constant, 0.0, (values - values.mean(axis=0)) / np.where(constant, 1, spread))
    sums = _sum_by(moments(scaled), owner)
    count = values.shape[1]

    def function(stack: Array) -> Array:
        return partial_from_moments(stack, count)

    return fisher(Statistic(sums, function), boot, count)


def _too_few(values: Array, owner: Owners) -> Interval | None:
    """Return an empty interval when a correlation would have fewer than two images to spare.

    Three images and k controls always fit nearly exactly: r is close to 1 or -1 whatever the data.
    """
    n = int(owner.max()) + 1 if len(owner) else 0
    least = values.shape[1] + 2
    if n >= least:
        return None
    why = f"none: fewer than {least} images" if n else "none: no data"
    return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, n, why)


def moments(values: Array) -> Array:
    """Return per row 1, the k values and their k(k+1)/2 products; (m, k) → (m, 1+k+k(k+1)/2)."""
    count = values.shape[1]
    first, second = np.triu_indices(count)
    return np.column_stack([np.ones(len(values)), values, values[:, first] * values[:, second]])


def partial_from_moments(sums: Array, count: int) -> Array:
    """Return the correlation of columns 0 and 1 given the rest, from summed `moments`.

    Parameters
    ----------
    sums
        Shape (..., 1 + k + k(k+1)/2).
    count
        k, the number of columns.

    Returns
    -------
    Array
        Shape (...); NaN where a column is constant or the controls explain it wholly.
    """
    size = sums[..., :1]
    mean = sums[..., 1 : count + 1] / size
    first, second = np.triu_indices(count)
    product = sums[..., count + 1 :] / size - mean[..., first] * mean[..., second]
    cov = np.empty((*sums.shape[:-1], count, count))
    cov[..., first, second] = product
    cov[..., second, first] = product
    return partial_from_covariance(cov)


def partial_from_covariance(cov: Array) -> Array:
    """Return the partial correlation of variables 0 and 1; (..., k, k) → (...).

    NaN where a variable has no variance left; variables are expected at a scale of about 1.
    """
    pair = cov[..., :2, :2]
    if cov.shape[-1] > 2:
        rest = cov[..., 2:, 2:]
        cross = cov[..., 2:, :2]
        pair = pair - np.swapaxes(cross, -1, -2) @ (np.linalg.pinv(rest, hermitian=True) @ cross)
    left = np.minimum(pair[..., 0, 0], pair[..., 1, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = pair[..., 0, 1] / np.sqrt(pair[..., 0, 0] * pair[..., 1, 1])
    return np.where(left > _NO_VARIANCE, np.clip(found, -1, 1), np.nan)


def _sum_by(values: Array, owner: Owners) -> Array:
    """Sum rows that belong to one image; (m, p), (m,) → (n, p)."""
    if len(owner) and owner.max() + 1 == len(owner):
        return values
    return np.column_stack([np.bincount(owner, weights=column) for column in values.T])


def _spearman(values: Array, owner: Owners, boot: Bootstrap) -> Interval:
    """Partial rank correlation; ranks are those of the resample, so its interval is honest."""
    if lacking := _too_few(values, owner):
        return lacking
    n = int(owner.max()) + 1
    boot = replace(boot, n_resamples=min(boot.n_resamples, MOST_DRAWS))
    ranker = _Ranker(values)
    estimate = float(ranker.correlation(np.ones((1, len(values))))[0])
    spare = values.shape[1]
    if n > MOST_RESAMPLED and (error := _rank_error(ranker, owner)) > 1e-12:
        return around(estimate, error, n, boot.level, n - spare, "jackknife over images, t")
    draws = [ranker.correlation(counts[:, owner]) for counts in boot.counts(n)]
    drawn = to_z(np.concatenate([*draws, np.empty(0)]))
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(estimate) or len(drawn) < 2 or (error := float(drawn.std(ddof=1))) < 1e-12:
        return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    what = f"bootstrap over images, t, B={len(drawn)}"
    return around(estimate, error, n, boot.level, n - values.shape[1], what)


def _rank_error(ranker: "_Ranker", owner: Owners) -> float:
    """Return the standard error of z of a (partial) rank correlation from its derivatives.

    The infinitesimal jackknife: a row's weight changes its own product of ranks, and the ranks of
    all rows above it. NaN where the correlation is undefined.
    """
    ranks = [each[0] for each in ranker.ranks(np.ones((1, len(owner))))]
    above = [[ranker.above(j, r) / len(owner) for r in ranks] for j in range(len(ranks))]
    cov = np.array([[a @ b for b in ranks] for a in ranks])
    scale = float(np.abs(cov).max())
    slope = np.zeros(len(owner))
    for j, k in zip(*np.triu_indices(len(ranks)), strict=True):
        step = np.zeros_like(cov)
        step[j, k] = step[k, j] = 1e-5 * scale
        ahead, behind = (to_z(partial_from_covariance(cov + sign * step)) for sign in (1, -1))
        moved = ranks[j] * ranks[k] + above[j][k] + above[k][j]
        slope += (ahead - behind) / (2e-5 * scale) * (moved - moved.mean())
    return float(np.sqrt((_sum_by(slope[:, None], owner) ** 2).sum()))


def _rounded(values: Array) -> Array:
    """Return values to 12 digits of each column's largest: equal fractions must tie.

    0.1 + 0.2 and 0.3, or one third reached by two ways, differ in their last bit only.
    """
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(values).max(axis=0)))
    scale = 10.0 ** np.where(np.isfinite(power), power, 0)
    return np.round(values / scale, 11)


class _Ranker:
    """Mid-ranks of every column under integer weights of the rows."""

    def __init__(self, values: Array) -> None:
        self.columns = []
        for column in _rounded(values).T:
            order = np.argsort(column, kind="stable")
            starts = np.flatnonzero(np.r_[True, np.diff(column[order]) > 0])
            place = np.empty(len(column), dtype=np.int64)
            place[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(column)]))
            self.columns.append((order, starts, place))

    def ranks(self, weights: Array) -> list[Array]:
        """Return centred mid-ranks per column, each of the shape of ``weights`` (b, m)."""
        total = weights.sum(axis=1, keepdims=True)
        found = []
        for order, starts, place in self.columns:
            tied = np.add.reduceat(weights[:, order], starts, axis=1)
            middle = np.cumsum(tied, axis=1) - tied / 2 - total / 2
            found.append((middle / total)[:, place])
        return found

    def above(self, column: int, values: Array) -> Array:
        """Return per row the sum of ``values`` of the rows that rank above it, ties half; (m,)."""
        order, starts, place = self.columns[column]
        tied = np.add.reduceat(values[order], starts)
        return np.asarray((tied.sum() - np.cumsum(tied) + tied / 2)[place])

    def correlation(self, weights: Array) -> Array:
        """Return the (partial) rank correlation under each row of weights; (b, m) → (b,)."""
        ranks = self.ranks(weights)
        count = len(ranks)
        cov = np.empty((len(weights), count, count))
        for i in range(count):
            weighted = weights * ranks[i]
            for j in range(i, count):
                cov[:, i, j] = cov[:, j, i] = np.einsum("bm,bm->b", weighted, ranks[j])
        return partial_from_covariance(cov)
