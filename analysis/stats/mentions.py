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

_METHOD = "logistic GEE (independence), sandwich clustered by image, Wald, level=0.95"
TERMS = ("erank", "attention_mass", "log_length", "complexity")


def mention_model(
    units: pd.DataFrame, terms: Sequence[str] = TERMS, fixed: str | None = "keep"
) -> pd.DataFrame:
    """Model the odds that a mentioned object is hallucinated.

    Parameters
    ----------
    units
        One row per image × variant with ``image_id, n_mentions, n_hallucinated`` and the terms.
    terms
        Columns that explain; each is standardised, so an odds ratio is per standard deviation.
    fixed
        Column whose values each get their own intercept; ``None`` for one intercept.

    Returns
    -------
    DataFrame
        Estimates: odds ratio per term with a 95 % Wald interval from the sandwich clustered by
        image, the extra columns ``p`` and ``sd`` (the standard deviation one step stands for).
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
    terms = [term for term in terms if data[term].nunique() > 1]
    wrong = data["n_hallucinated"].to_numpy(dtype=float)
    total = data["n_mentions"].to_numpy(dtype=float)
    if not terms or wrong.sum() == 0 or wrong.sum() == total.sum():
        return estimates([])
    spread = data[terms].astype(float).std()
    clusters = pd.factorize(data["image_id"])[0]
    images = int(clusters.max()) + 1
    fit = _fit(_design(data, terms, fixed).to_numpy(), wrong, total, clusters)
    rows = []
    for place, term in enumerate(terms):
        interval = _interval(fit, place, images)
        extra = {"p": interval.p, "sd": float(spread[term]), "mentions": int(total.sum())}
        rows.append(row("odds ratio per sd", term, interval, 0, **extra))
    return estimates(rows)


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


def _interval(fit: Any, place: int, images: int) -> Interval:
    """Return the odds ratio of one term; NaN with the reason where there is no fit."""
    if isinstance(fit, str):
        return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, images, f"none: {fit}")
    low, high = (float(limit) for limit in np.exp(np.asarray(fit.conf_int())[place]))
    ratio, p = float(np.exp(fit.params[place])), float(fit.pvalues[place])
    return Interval(ratio, low, high, float(fit.bse[place]), p, images, _METHOD)


def _design(data: pd.DataFrame, terms: Sequence[str], fixed: str | None) -> pd.DataFrame:
    """Return the standardised terms, then one intercept per value of ``fixed`` (or one)."""
    values = data[list(terms)].astype(float)
    design = (values - values.mean()) / values.std()
    if fixed and data[fixed].nunique() > 1:
        return design.join(pd.get_dummies(data[fixed].astype(str), prefix=fixed, dtype=float))
    return design.assign(intercept=1.0)
