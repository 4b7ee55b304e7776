"""Hallucination per mention: a logistic model with the image as the cluster."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

from analysis.stats.estimate import estimates, row
from chair_eval.bootstrap import Array, Interval

_METHOD = "logistic GEE (independence), sandwich clustered by image, Wald, level="
# Not the caption's length: it is a consequence of what is counted.
TERMS = ("erank", "attention_mass", "complexity")


def mention_model(
    units: pd.DataFrame,
    terms: Sequence[str] = TERMS,
    fixed: str | None = "keep",
    level: float = 0.95,
) -> pd.DataFrame:
    """Model the odds that a mentioned object is hallucinated.

    Parameters
    ----------
    units
        One row per image × variant with ``image_id, n_mentions, n_hallucinated`` and the terms.
    terms
        Columns that explain. One that varies over the methods of an image is split in two terms
        (Mundlak 1978): ``NAME between``, its mean over the image's rows at the value of ``fixed``,
        and ``NAME within``, the deviation from it; one slope for both would blend them.
    fixed
        Column whose values each get their own intercept; ``None`` for one intercept.
    level
        Confidence level.

    Returns
    -------
    DataFrame
        Estimates: odds ratio per standard deviation of each term, the deviation being the one
        inside the values of ``fixed`` (column ``sd``), with a Wald interval from the sandwich
        clustered by image, and the extra column ``p``.
        Empty when no term varies, or hallucinations are absent or universal; NaN, with the reason
        as method, when the images are too few for the terms, the terms depend on one another, or
        they separate right from wrong wholly. Terms without a value are left out.

    Notes
    -----
    Every mention is a trial. Logistic regression of mentions with a sandwich clustered by image is
    the generalised estimating equation with independence as working correlation (Liang & Zeger
    1986); trials of one caption share their terms, so they enter as one binomial count.
    """
    terms = [term for term in terms if term in units and units[term].notna().any()]
    needed = ["image_id", "n_mentions", "n_hallucinated", *terms]
    data = units.dropna(subset=needed)
    data = data[data["n_mentions"] > 0]
    wrong = data["n_hallucinated"].to_numpy(dtype=float)
    total = data["n_mentions"].to_numpy(dtype=float)
    budgets = data[fixed].astype(str) if fixed else pd.Series("", index=data.index)
    values = _split(data, terms, budgets)
    if values.empty or wrong.sum() == 0 or wrong.sum() == total.sum():
        return estimates([])
    clusters = pd.factorize(data["image_id"])[0]
    spread = _spread(values, budgets)
    fit = _fit(_design(values / spread, budgets).to_numpy(), wrong, total, clusters)
    rows = []
    for place, term in enumerate(map(str, values)):
        interval = _interval(fit, place, int(clusters.max()) + 1, level)
        extra = {"p": interval.p, "sd": float(spread[term]), "mentions": int(total.sum())}
        rows.append(row("odds ratio per sd", term, interval, 0, **extra))
    return estimates(rows)


def _split(data: pd.DataFrame, terms: Sequence[str], budgets: pd.Series) -> pd.DataFrame:
    """Return the terms, those that vary inside an image as deviation and mean; constants go."""
    values = {}
    for term in terms:
        column = data[term].astype(float)
        mean = column.groupby([data["image_id"].to_numpy(), budgets.to_numpy()]).transform("mean")
        if np.allclose(column, mean):
            values[term] = column
        else:
            values |= {f"{term} within": column - mean, f"{term} between": mean}
    table = pd.DataFrame(values, index=data.index)
    return table.loc[:, _spread(table, budgets) > 0] if len(table) else table


def _spread(values: pd.DataFrame, budgets: pd.Series) -> pd.Series:
    """Return the standard deviation of each column inside the budgets; rounding counts as 0."""
    rest = values - values.groupby(budgets.to_numpy()).transform("mean")
    spread = np.sqrt((rest**2).sum() / max(len(values) - budgets.nunique(), 1))
    return spread.where(spread > 1e-9 * values.abs().max(), 0.0)


def _fit(design: Array, wrong: Array, total: Array, clusters: NDArray[np.int64]) -> Any:
    """Return the fitted model, or why there is none: one short phrase."""
    size = design.shape[1]
    if clusters.max() + 1 <= size:
        return f"{size} coefficients need more than {size} images"
    if np.linalg.matrix_rank(design) < size:
        return "the terms are linearly dependent"
    outcome = np.column_stack([wrong, total - wrong])
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return sm.GLM(outcome, design, family=sm.families.Binomial()).fit(
                cov_type="cluster", cov_kwds={"groups": clusters}
            )
        except (PerfectSeparationWarning, PerfectSeparationError):
            return "the terms tell right from wrong mentions without error"


def _interval(fit: Any, place: int, images: int, level: float) -> Interval:
    """Return the odds ratio of one term; NaN with the reason where there is no fit."""
    if isinstance(fit, str):
        return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, images, f"none: {fit}")
    limits = np.exp(np.asarray(fit.conf_int(alpha=1 - level))[place])
    ratio, p = float(np.exp(fit.params[place])), float(fit.pvalues[place])
    low, high, method = float(limits[0]), float(limits[1]), f"{_METHOD}{level:g}"
    return Interval(ratio, low, high, float(fit.bse[place]), p, images, method)


def _design(values: pd.DataFrame, budgets: pd.Series) -> pd.DataFrame:
    """Return the standardised terms, then one intercept per budget."""
    intercepts = pd.get_dummies(budgets, prefix="fixed", dtype=float)
    return (values - values.mean()).join(intercepts)
