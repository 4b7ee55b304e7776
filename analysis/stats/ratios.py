"""Every score and measure of a group of images as one ratio of sums over images.

CHAIR_i, CHAIR_s, recall, F1, a mean: each is "sum of a over images / sum of b over images", so one
piece of code estimates, compares and splits them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import UsageError
from analysis.stats.bootstrap import Array, Bootstrap, Statistic, bootstrap
from analysis.stats.estimate import estimates, row


@dataclass(frozen=True)
class Ratio:
    """A measure of a group of images.

    Parameters
    ----------
    numerator, denominator
        Columns of the frame of units (one row per image × variant); an empty denominator
        means the plain mean over the units that have a value.
    scale
        Factor of the printed number: 100 for percentages.
    label
        Axis label with unit.
    better
        1 when more is better, -1 when less is better, 0 when neither.
    """

    numerator: str
    denominator: str = ""
    scale: float = 1.0
    label: str = ""
    better: int = 0


RATIOS: dict[str, Ratio] = {
    "CHAIR_i": Ratio("n_hallucinated", "n_mentions", 100, "CHAIR$_i$ (%)", -1),
    "CHAIR_s": Ratio("any_hallucinated", "", 100, "CHAIR$_s$ (%)", -1),
    "recall": Ratio("n_recalled", "n_gt", 100, "object recall (%)", 1),
    "length": Ratio("length", "", 1, "caption length (words)"),
    "accuracy": Ratio("n_correct", "n_answered", 100, "yes/no accuracy (%)", 1),
    "F1": Ratio("f1_numerator", "f1_denominator", 100, "yes/no F$_1$ (%)", 1),
    "erank": Ratio("erank", "", 1, "effective rank of kept tokens"),
    "erank_plain": Ratio("erank_plain", "", 1, "effective rank of kept tokens (not centred)"),
    "attention_mass": Ratio("attention_mass", "", 100, "[CLS] attention kept (%)"),
    "attention_mean": Ratio("attention_mean", "", 1, "mean [CLS] attention of a kept token"),
    "pairwise_distance": Ratio("pairwise_distance", "", 1, "mean cosine distance of kept tokens"),
    "coverage": Ratio("coverage", "", 1, "spatial coverage (0 to 1)"),
    "n_out": Ratio("n_out", "", 1, "tokens given to the language model"),
}


def ratio(sums: Array) -> Array:
    """Return first over second sum, NaN where the second is 0; (..., 2) → (...)."""
    return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)


def difference(sums: Array) -> Array:
    """Return first ratio minus second; (..., 4) → (...)."""
    return ratio(sums[..., :2]) - ratio(sums[..., 2:])


def parts(units: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return numerator and denominator of a measure per unit, times its scale.

    Parameters
    ----------
    units
        One row per image × variant, with the columns `RATIOS` names.
    measure
        Key of `RATIOS`.

    Returns
    -------
    DataFrame
        Columns ``image_id, variant, a, b``; rows without a value are left out.

    Raises
    ------
    UsageError
        If the measure is unknown or its columns are not in the frame.
    """
    if measure not in RATIOS:
        raise UsageError(f"unknown measure {measure!r}; choose one of: {', '.join(RATIOS)}.")
    rule = RATIOS[measure]
    needed = [name for name in (rule.numerator, rule.denominator) if name]
    if lacking := [name for name in needed if name not in units.columns]:
        raise UsageError(f"measure {measure!r} needs the columns {', '.join(lacking)}.")
    top = units[rule.numerator].astype(float)
    bottom = units[rule.denominator].astype(float) if rule.denominator else top.notna() * 1.0
    found = pd.DataFrame(
        {
            "image_id": units["image_id"],
            "variant": units["variant"],
            "a": top * rule.scale,
            "b": bottom,
        }
    )
    return found[found["a"].notna() & found["b"].notna()]


def matrices(units: pd.DataFrame, measure: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return numerators and denominators as image × variant matrices; absent units add 0."""
    found = parts(units, measure)
    cells = found.groupby(["image_id", "variant"], sort=True, observed=True)[["a", "b"]].sum()
    return cells["a"].unstack(fill_value=0), cells["b"].unstack(fill_value=0)


def summarise(
    units: pd.DataFrame, measures: Sequence[str], boot: Bootstrap | None = None
) -> pd.DataFrame:
    """Estimate each measure for each variant.

    Parameters
    ----------
    units
        One row per image × variant.
    measures
        Keys of `RATIOS`.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates; ``group`` is the variant. Variants without a value have no row.
    """
    boot = boot or Bootstrap()
    rows = []
    for measure in measures:
        top, bottom = matrices(units, measure)
        found = [
            Statistic(_pair(top, bottom, name), ratio, int((bottom[name] > 0).sum()))
            for name in top.columns
        ]
        intervals = bootstrap(found, boot)
        rows += [
            row(measure, name, each, boot.seed)
            for name, each in zip(top.columns, intervals, strict=True)
        ]
    return estimates(rows)


def _pair(top: pd.DataFrame, bottom: pd.DataFrame, name: str) -> Array:
    return np.column_stack([top[name].to_numpy(), bottom[name].to_numpy()])
