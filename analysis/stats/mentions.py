"""Hallucination per mention: a logistic model with the image as the cluster."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm

from analysis.stats.bootstrap import Interval
from analysis.stats.estimate import estimates, row

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
        Empty when no term varies, or hallucinations are absent or universal.

    Notes
    -----
    Every mention is a trial. Logistic regression of mentions with a sandwich clustered by image is
    the generalised estimating equation with independence as working correlation (Liang & Zeger
    1986); trials of one caption share their terms, so they enter as one binomial count.
    """
    needed = ["image_id", "n_mentions", "n_hallucinated", *terms]
    data = units.dropna(subset=needed)
    data = data[data["n_mentions"] > 0]
    terms = [term for term in terms if len(data) and data[term].std() > 0]
    wrong = data["n_hallucinated"].to_numpy(dtype=float)
    total = data["n_mentions"].to_numpy(dtype=float)
    if not terms or wrong.sum() == 0 or wrong.sum() == total.sum():
        return estimates([])
    spread = data[terms].astype(float).std()
    outcome = np.column_stack([wrong, total - wrong])
    clusters = pd.factorize(data["image_id"])[0]
    design = _design(data, terms, fixed).to_numpy()
    fit = sm.GLM(outcome, design, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    limits = np.exp(np.asarray(fit.conf_int()))
    method = "logistic GEE (independence), sandwich clustered by image, Wald, level=0.95"
    images = int(clusters.max()) + 1
    rows = []
    for place, term in enumerate(terms):
        ratio, p = float(np.exp(fit.params[place])), float(fit.pvalues[place])
        low, high = (float(limit) for limit in limits[place])
        interval = Interval(ratio, low, high, float(fit.bse[place]), p, images, method)
        extra = {"p": p, "sd": float(spread[term]), "mentions": int(total.sum())}
        rows.append(row("odds ratio per sd", term, interval, 0, **extra))
    return estimates(rows)


def _design(data: pd.DataFrame, terms: Sequence[str], fixed: str | None) -> pd.DataFrame:
    """Return the standardised terms, then one intercept per value of ``fixed`` (or one)."""
    values = data[list(terms)].astype(float)
    design = (values - values.mean()) / values.std()
    if fixed and data[fixed].nunique() > 1:
        return design.join(pd.get_dummies(data[fixed].astype(str), prefix=fixed, dtype=float))
    return design.assign(intercept=1.0)
