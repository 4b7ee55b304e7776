"""Instrumental variables as functions of sums over images: the Wald estimate and its strength.

Everything is a function of products of the dose, what it treats and the outcome, with image
measures that were fixed before the draw partialled out, so the bootstrap over images is exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from chair_eval.bootstrap import Array, Statistic

#: First-stage F below which a dose hardly moves kept erank (Staiger & Stock 1997).
WEAK = 10.0
_RIDGE = 1e-12


@dataclass(frozen=True)
class Budgets:
    """Products of (controls, dose, treatment, outcome) per image, the budgets side by side.

    Parameters
    ----------
    sums
        One row an image, ascending by id; the upper triangle of the products of each budget, 0
        where the image has no value there.
    keeps
        Budgets, in the order of the columns.
    rows
        Budget → (images, n_controls + 3): the columns themselves.
    n_controls
        Controls, the constant counted.
    """

    sums: Array
    keeps: tuple[int, ...]
    rows: dict[int, Array]
    n_controls: int

    def statistic(self, of: Callable[[Array], Array], keep: int) -> Statistic:
        """Return a function of the (..., 3, 3) residual products of one budget."""
        return Statistic(
            self.sums, lambda stack: of(self.residual(stack, keep)), len(self.rows[keep])
        )

    def residual(self, stack: Array, keep: int) -> Array:
        """Return products of dose, treatment and outcome, the controls taken out; (..., 3, 3)."""
        size, place = self.n_controls + 3, self.keeps.index(keep)
        upper = np.triu_indices(size)
        own = stack[..., place * len(upper[0]) : (place + 1) * len(upper[0])]
        whole = np.empty((*own.shape[:-1], size, size))
        whole[..., upper[0], upper[1]] = whole[..., upper[1], upper[0]] = own
        c = self.n_controls
        inner = whole[..., :c, :c] + _RIDGE * np.eye(c)
        cross = whole[..., :c, c:]
        taken = np.swapaxes(cross, -1, -2) @ np.linalg.solve(inner, cross)
        return np.asarray(whole[..., c:, c:] - taken)

    def trend(self, of: Callable[[Array], Array]) -> Statistic:
        """Return the least-squares slope of a statistic over log2 of the budget."""
        x = np.log2(self.keeps) - np.mean(np.log2(self.keeps))

        def slope(stack: Array) -> Array:
            values = np.stack([of(self.residual(stack, keep)) for keep in self.keeps], axis=-1)
            return np.asarray(values @ x / (x @ x))

        return Statistic(self.sums, slope)


def first_stage(r: Array) -> Array:
    """Return the change of the treatment from dose 0 to 1; ``r`` (..., 3, 3) residual products."""
    return np.asarray(r[..., 0, 1] / r[..., 0, 0])


def reduced_form(r: Array) -> Array:
    """Return the change of the outcome from dose 0 to 1."""
    return np.asarray(r[..., 0, 2] / r[..., 0, 0])


def wald(r: Array) -> Array:
    """Return the effect of one unit of the treatment: reduced form over first stage."""
    return np.asarray(r[..., 0, 2] / r[..., 0, 1])


def least_squares(r: Array) -> Array:
    """Return the slope of the outcome on the treatment, blind to the dose."""
    return np.asarray(r[..., 1, 2] / r[..., 1, 1])


def budgets(
    frame: pd.DataFrame, treatment: str, outcome: str, controls: Sequence[str]
) -> Budgets | None:
    """Return the products of an outcome.

    Parameters
    ----------
    frame
        As `analysis.stats.doses.doses` returns.
    treatment, outcome
        Columns; rows with a missing value are dropped.
    controls
        Columns to partial out; those missing somewhere, or constant, are left out.

    Returns
    -------
    Budgets or None
        None where no budget has three images more than columns and a dose that varies.
    """
    used = [name for name in controls if name in frame and _varies(frame[name])]
    names = [*used, "instrument", treatment, outcome]
    data = frame[["image_id", "keep", *dict.fromkeys(names)]]
    data = data.astype(dict.fromkeys(names, float)).dropna()
    images = pd.Index(sorted(data["image_id"].astype(str).unique()))
    blocks, rows = [], {}
    for keep in sorted(int(each) for each in data["keep"].unique()):
        part = data[data["keep"] == keep]
        values = np.column_stack([part[name] for name in names])
        if len(part) < len(names) + 3 or np.ptp(values[:, len(used)]) == 0:
            continue
        spread = np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
        spread[len(used) :] = 1.0
        full = np.column_stack([np.ones(len(part)), (values - values.mean(axis=0)) / spread])
        first, second = np.triu_indices(full.shape[1])
        block = np.zeros((len(images), len(first)))
        block[images.get_indexer(part["image_id"].astype(str))] = full[:, first] * full[:, second]
        blocks.append(block)
        rows[keep] = full
    return Budgets(np.hstack(blocks), tuple(rows), rows, len(used) + 1) if rows else None


def _varies(column: pd.Series) -> bool:
    known = column.astype(float)
    return bool(known.notna().all() and known.nunique() > 1)


def strength(rows: Array, n_controls: int, level: float) -> dict[str, object]:
    """Return how strong the instrument is, and the interval that holds however weak it is.

    Parameters
    ----------
    rows
        (n, c + 3): constant and controls, then dose, treatment and outcome.
    n_controls
        c, the constant counted.
    level
        Confidence level.

    Returns
    -------
    dict
        ``F`` of the first stage, robust to unequal variances; ``weak``, whether it is below `WEAK`;
        ``ar_low, ar_high``: the effects b for which outcome - b * treatment goes with the dose no
        more than chance allows (Anderson & Rubin), infinite where the data exclude too little.
    """
    base, rest = rows[:, :n_controls], rows[:, n_controls:]
    z, d, y = (rest - base @ np.linalg.lstsq(base, rest, rcond=None)[0]).T
    free = len(rows) - n_controls - 1
    reach = float(student.ppf((1 + level) / 2, free)) ** 2 * len(rows) / free
    zd, zy = float(z @ d), float(z @ y)
    left_d, left_y = d - zd / (z @ z) * z, y - zy / (z @ z) * z
    dd, dy, yy = (float(z**2 @ each) for each in (left_d**2, left_d * left_y, left_y**2))
    f = zd**2 / dd * free / len(rows) if dd > 0 else np.inf
    # (zy - b zd)² <= reach * sum z² (left_y - b left_d)²: a quadratic inequality in b.
    a, half, c = zd**2 - reach * dd, zd * zy - reach * dy, zy**2 - reach * yy
    root = half**2 - a * c
    low, high = (-np.inf, np.inf)
    if a > 0 and root >= 0:
        low, high = ((half - root**0.5) / a, (half + root**0.5) / a)
    return {"F": f, "weak": f < WEAK, "ar_low": float(low), "ar_high": float(high)}
