"""What a method adds to a caption: invented and right objects, and how much is talking more.

The share of invented objects divides by all mentions, which hold the right ones: a method that only
finds more objects lowers it. So the parts are compared one by one, and mediation says which part of
the inventions would come with the additional right mentions alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.stats.estimate import estimated, estimates
from analysis.stats.hallucination import paired_units
from chair_eval.bootstrap import Array, Bootstrap, Statistic

# Correlations of the two models' errors for which the split is printed.
RHOS = (-0.4, -0.2, 0.0, 0.2, 0.4)
EFFECTS = ("total", "direct", "indirect")


def effects(
    units: pd.DataFrame,
    first: str,
    second: str,
    *,
    mediator: str = "n_right",
    outcome: str = "n_hallucinated",
    rho: float = 0.0,
) -> dict[str, Statistic]:
    """Return total, natural direct and natural indirect effect as functions of sums over images.

    Parameters
    ----------
    units
        One row per image × variant.
    first, second
        The effect is that of the first variant instead of the second.
    mediator, outcome
        Columns. The default mediator, right mentions, is verbosity without the outcome in it; the
        length of the caption holds the invented objects themselves.
    rho
        Sensitivity: correlation of the errors of the models of mediator and outcome, in (-1, 1); 0
        assumes that nothing unmeasured moves both (sequential ignorability).

    Notes
    -----
    Linear models of the paired differences, so an image's own level cannot confound. Imai, Keele &
    Yamamoto (2010): with s = corr(dM, dY), the slope of the outcome on the mediator is
    sd(dY) / sd(dM) * (s - rho * sqrt((1 - s²) / (1 - rho²))); it vanishes at rho = s.
    """
    pairs = paired_units(units, first, second, [mediator, outcome])
    m, y = (pairs[name].to_numpy(dtype=float) for name in (mediator, outcome))
    sums = np.column_stack([np.ones_like(m), m, y, m * m, m * y, y * y])

    def total(stack: Array) -> Array:
        return np.asarray(stack[..., 2] / stack[..., 0])

    def indirect(stack: Array) -> Array:
        s = _shared(stack)
        spread_m, spread_y = (_variance(stack, place) for place in (0, 1))
        slope = np.sqrt(spread_y / spread_m) * (s - rho * np.sqrt((1 - s**2) / (1 - rho**2)))
        return np.asarray(slope * stack[..., 1] / stack[..., 0])

    functions = (total, lambda stack: total(stack) - indirect(stack), indirect)
    return {
        name: Statistic(sums, function) for name, function in zip(EFFECTS, functions, strict=True)
    } | {"rho of no indirect effect": Statistic(sums, _shared)}


def _variance(stack: Array, place: int) -> Array:
    """Return the variance of the mediator (0) or outcome (1) from sums."""
    mean = stack[..., 1 + place] / stack[..., 0]
    return np.maximum(stack[..., 3 + 2 * place] / stack[..., 0] - mean**2, 0)


def _shared(stack: Array) -> Array:
    """Return the correlation of both differences from sums."""
    size = stack[..., 0]
    cov = stack[..., 4] / size - stack[..., 1] * stack[..., 2] / size**2
    return np.asarray(cov / np.sqrt(_variance(stack, 0) * _variance(stack, 1)))


def mediation(
    units: pd.DataFrame,
    first: str,
    second: str,
    boot: Bootstrap | None = None,
    *,
    mediator: str = "n_right",
    outcome: str = "n_hallucinated",
    rhos: Sequence[float] = RHOS,
) -> pd.DataFrame:
    """Estimate the effects for every rho; arguments as in `effects`.

    Returns
    -------
    DataFrame
        Estimates in the outcome's unit, ``group`` total, direct or indirect, with the columns
        ``rho`` and ``p``; and one row ``rho of no indirect effect``, which says how strong an
        unmeasured cause of both would have to be to explain the indirect effect away.
    """
    rows = []
    for rho in rhos:
        found = effects(units, first, second, mediator=mediator, outcome=outcome, rho=rho)
        last = found.pop("rho of no indirect effect")
        rows += estimated(f"{outcome} by {mediator}", found, boot, also=("p",), rho=rho)
    rows += estimated(
        f"{outcome} by {mediator}", {"rho of no indirect effect": last}, boot, also=("p",), rho=0.0
    )
    return estimates(rows)
