"""Two methods on the same images: paired differences, corrected over the table."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from analysis.stats.estimate import estimates, row
from analysis.stats.ratios import difference, sums
from chair_eval.bootstrap import Bootstrap, Statistic, bootstrap


def compare(
    units: pd.DataFrame,
    measures: Sequence[str],
    pairs: Sequence[tuple[str, str]] | None = None,
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Estimate first minus second for each measure and pair of variants.

    Parameters
    ----------
    units
        One row per image × variant.
    measures
        Keys of `analysis.stats.ratios.RATIOS`.
    pairs
        Pairs of variants; all pairs with the same keep when ``None``.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates with ``group`` = ``"first - second"`` and the extra columns ``first, second, p``,
        ``q`` (Benjamini–Hochberg over all rows returned) and ``detectable``, the smallest true
        difference these images would find with power 0.8.
    """
    boot = boot or Bootstrap()
    pairs = pairs if pairs is not None else same_keep_pairs(units)
    rows = []
    for measure in measures:
        known = sums(units, measure)
        usable = [pair for pair in pairs if pair[0] in known.of and pair[1] in known.of]
        found = []
        for pair in usable:
            same = known.paired(*pair)
            both = np.hstack([same.of[name] for name in pair])
            found.append(Statistic(both, difference, same.counted(*pair)))
        for (first, second), each in zip(usable, bootstrap(found, boot), strict=True):
            extra = {"first": first, "second": second, "p": each.p, "detectable": each.detectable}
            rows.append(row(measure, f"{first} - {second}", each, boot.seed, **extra))
    return benjamini_hochberg(estimates(rows))


def same_keep_pairs(units: pd.DataFrame) -> list[tuple[str, str]]:
    """Return all pairs of variants that keep the same number of tokens, sorted."""
    variants = units[["variant", "keep"]].drop_duplicates().sort_values("variant")
    return [
        pair
        for _, part in variants.groupby("keep", sort=True)
        for pair in combinations(part["variant"], 2)
    ]


def benjamini_hochberg(frame: pd.DataFrame) -> pd.DataFrame:
    """Add ``q``: p-values corrected for all rows of the frame that have one."""
    frame = frame.copy()
    if "p" not in frame:
        return frame
    frame["q"] = np.nan
    has = frame["p"].notna()
    if has.any():
        frame.loc[has, "q"] = false_discovery_control(frame.loc[has, "p"].astype(float))
    return frame
