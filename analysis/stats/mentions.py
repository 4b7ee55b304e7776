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
    design = (data[terms].astype(float) - data[terms].astype(float).mean()) / spread
    if fixed and data[fixed].nunique() > 1:
        dummies = pd.get_dummies(data[fixed].astype(str), prefix=fixed, dtype=float)
        design = design.join(dummies)
    else:
        design.insert(len(terms), "intercept", 1.0)
    outcome = np.column_stack([wrong, total - wrong])
    clusters = pd.factorize(data["image_id"])[0]
    fit = sm.GLM(outcome, design.to_numpy(), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    limits = np.exp(np.asarray(fit.conf_int()))
    method = "logistic GEE (independence), sandwich clustered by image, Wald, level=0.95"
    images = int(clusters.max()) + 1
    rows = []
    for place, term in enumerate(terms):
        se = float(fit.bse[place])
        interval = Interval(
            float(np.exp(fit.params[place])),
            float(limits[place, 0]),
            float(limits[place, 1]),
            se,
            float(fit.pvalues[place]),
            images,
            method,
        )
        extra = {"p": interval.p, "sd": float(spread[term]), "mentions": int(total.sum())}
        rows.append(row("odds ratio per sd", term, interval, 0, **extra))
    return estimates(rows)
