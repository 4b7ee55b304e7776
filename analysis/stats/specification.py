"""The specification curve: one question asked in every defensible way, inside images.

Does kept diversity go with hallucination? The sign can depend on how either is measured, on what
is held constant, and on which methods are compared. Here every combination is estimated, and the
median is tested against shuffled labels of methods (Simonsohn, Simmons & Nelson 2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.stats.estimate import estimates
from analysis.stats.specification_plans import CHOICES, OUTCOMES, Budget, Plan, budget_of, plans_of
from chair_eval.bootstrap import Array, Bootstrap

# Rows times permutations that are computed at most; above it fewer permutations are drawn.
_WORK, _CHUNK = 60_000_000, 4_000_000
_LEAST = 99

Sets = Mapping[int, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Curve:
    """Every specification, and what they say together.

    Parameters
    ----------
    frame
        Estimates in ascending order, r in [-1, 1] inside images, with the columns `CHOICES`, ``p``
        and ``n_methods``.
    median
        Of the estimates; NaN without any.
    positive
        Share of the estimates above 0.
    p
        Two-sided: how often labels of methods shuffled inside images give a median as far from 0.
    permutations
        How many shufflings.
    seed
        Of the shuffling.
    """

    frame: pd.DataFrame
    median: float
    positive: float
    p: float
    permutations: int
    seed: int

    def by_choice(self) -> pd.DataFrame:
        """Return the number of specifications, median and share positive of every choice."""
        rows = [
            {"choice": choice, "value": str(value), "specifications": len(part),
             "median": part["estimate"].median(), "positive": (part["estimate"] > 0).mean()}
            for choice in CHOICES
            for value, part in self.frame.groupby(choice, sort=False)
        ]  # fmt: skip
        return pd.DataFrame(rows)


def specification_curve(
    units: pd.DataFrame, sets: Sets, boot: Bootstrap | None = None, permutations: int = 999
) -> Curve:
    """Correlate kept diversity with hallucination inside images, in every way.

    Parameters
    ----------
    units
        One row per image × variant with ``image_id, variant, n_mentions, n_hallucinated,
        any_hallucinated`` and any of the columns of ``MEASURES`` and ``CONTROLS`` in
        `analysis.stats.specification_plans`.
    sets
        Budget → name of a set of methods → its variants; sets below three methods are left out.
    boot
        Level and seed.
    permutations
        Shufflings of the labels; fewer, at least 99, for very many images.

    Returns
    -------
    Curve
        Without a specification where nothing varies. Intervals are Fisher's z ± t with standard
        errors clustered over images and over methods, both added: with few methods they are wide.
        One shuffling serves every specification and budget: the labels of an image's methods are
        exchanged in all of them together. The length of the caption is no control: it is a
        consequence of what is counted.
    """
    boot = boot or Bootstrap()
    units = _with_share(units)
    budgets = {keep: budget_of(units, sets[keep]) for keep in sets}
    plans = [plan for keep, each in budgets.items() for plan in plans_of(keep, each, sets[keep])]
    found = [each for plan in plans for each in plan.estimates(boot)]
    frame = estimates(found)
    if frame.empty:
        return Curve(frame, np.nan, np.nan, np.nan, 0, boot.seed)
    shuffled = _shuffled(plans, budgets, boot.seed, permutations)
    median = float(frame["estimate"].median())
    beyond = int((np.abs(shuffled) >= abs(median) - 1e-12).sum())
    frame = frame.sort_values("estimate", kind="stable", ignore_index=True)
    positive = float((frame["estimate"] > 0).mean())
    p = (1 + beyond) / (1 + len(shuffled))
    return Curve(frame, median, positive, p, len(shuffled), boot.seed)


def _with_share(units: pd.DataFrame) -> pd.DataFrame:
    """Add the share of mentions that is invented; NaN where a caption mentions nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = units["n_hallucinated"] / units["n_mentions"].where(units["n_mentions"] > 0)
    return units.assign(hallucinated=share)


def _shuffled(
    plans: Sequence[Plan], budgets: Mapping[int, Budget], seed: int, permutations: int
) -> Array:
    """Return the median of every shuffling of methods inside images, (b,)."""
    rows = sum(plan.outcome.size for plan in plans)
    draws = min(permutations, max(_LEAST, _WORK // max(rows, 1)))
    methods = list(dict.fromkeys(_base(n) for each in budgets.values() for n in each.methods))
    n = 1 + max(int(each.images.max(initial=-1)) for each in budgets.values())
    rng, size = np.random.default_rng(seed), max(1, _CHUNK // max(n * len(methods), 1))
    medians = []
    for start in range(0, draws, size):
        keys = rng.random((n, len(methods), min(size, draws - start)), dtype=np.float32)
        drawn = []
        for keep, budget in budgets.items():
            places = [methods.index(_base(name)) for name in budget.methods]
            order = np.argsort(keys[budget.images][:, places], axis=1)
            drawn += [
                plan.correlations(_exchanged(budget, order, plan))
                for plan in plans
                if plan.labels[0]["keep"] == keep
            ]
        medians.append(np.nanmedian(np.concatenate(drawn), axis=0))
    return np.concatenate(medians)


def _base(variant: str) -> str:
    return variant.partition("@")[0]


def _exchanged(budget: Budget, order: NDArray[np.int64], plan: Plan) -> Array:
    """Return a plan's outcomes with the labels of the methods exchanged, (images, methods, b)."""
    values = budget.values[OUTCOMES[str(plan.labels[0]["outcome"])]][plan.images]
    taken = order[plan.images][:, plan.columns]
    return np.take_along_axis(values[:, :, None], taken, axis=1)
