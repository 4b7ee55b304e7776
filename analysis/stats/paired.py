"""Two methods on the same images: paired differences, corrected over the table."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from analysis.stats.estimate import estimated, estimates
from analysis.stats.ratios import Ratio, rules, sums
from chair_eval.bootstrap import Bootstrap


def compare(
    units: pd.DataFrame,
    measures: Sequence[str] | Mapping[str, Ratio],
    pairs: Sequence[tuple[str, str]] | None = None,
    boot: Bootstrap | None = None,
    *,
    by: str = "variant",
) -> pd.DataFrame:
    """Estimate first minus second for each measure and pair of variants.

    Parameters
    ----------
    units
        One row per image × variant.
    measures
        Keys of `analysis.stats.ratios.RATIOS`, or rules of one's own under their names.
    pairs
        Pairs of variants; all pairs with the same keep when ``None``.
    boot
        Resampling; the default when ``None``.
    by
        Column that takes the place of the variant.

    Returns
    -------
    DataFrame
        Estimates with ``group`` = ``"first - second"`` and the extra columns ``first, second, p``
        and ``detectable``, the smallest true difference these images would find with power 0.8.
        What is tested together is the caller's to say: `benjamini_hochberg`.
    """
    pairs = pairs if pairs is not None else same_keep_pairs(units)
    rows: list[dict[str, object]] = []
    for measure, rule in rules(measures, units.columns).items():
        known = sums(units, rule, by)
        usable = dict.fromkeys(pair for pair in pairs if known.of.keys() >= set(pair))
        gaps = {f"{first} - {second}": known.gap(first, second) for first, second in usable}
        found = estimated(measure, gaps, boot, also=("p", "detectable"))
        for (first, second), each in zip(usable, found, strict=True):
            rows.append({"first": first, "second": second, **each})
    return estimates(rows)


def same_keep_pairs(units: pd.DataFrame) -> list[tuple[str, str]]:
    """Return all pairs of variants that keep the same number of tokens, sorted."""
    variants = units[["variant", "keep"]].drop_duplicates().sort_values("variant")
    return [
        pair
        for _, part in variants.groupby("keep", sort=True)
        for pair in combinations(part["variant"], 2)
    ]


def benjamini_hochberg(frame: pd.DataFrame, where: pd.Series | None = None) -> pd.DataFrame:
    """Add ``q``: p-values corrected for one family of tests.

    Parameters
    ----------
    frame
        Estimates with ``p``; returned as a copy, unchanged where it has none.
    where
        The rows of the family; all when ``None``. Other rows, and rows without p, get NaN.
    """
    frame = frame.copy()
    if "p" not in frame:
        return frame
    frame["q"] = np.nan
    has = frame["p"].notna() if where is None else frame["p"].notna() & where
    if has.any():
        frame.loc[has, "q"] = false_discovery_control(frame.loc[has, "p"].astype(float))
    return frame
