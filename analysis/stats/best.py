"""Which method is best beyond doubt: better than every rival on the same images."""

import pandas as pd

from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS
from chair_eval.bootstrap import Bootstrap


def clear_best(units: pd.DataFrame, found: pd.DataFrame, boot: Bootstrap) -> set[tuple[str, str]]:
    """Return (measure, variant) that beat every other variant of their budget.

    Beating means: the paired difference on the same images has an interval without 0. A best
    value that fails this against any rival is not marked.

    Parameters
    ----------
    units
        One row per image × variant.
    found
        Their estimates, ``group`` being the variant; all tokens (``full``) are no rival.
    boot
        Resampling.
    """
    keeps = units[["variant", "keep"]].drop_duplicates().set_index("variant")["keep"]
    best = set()
    for measure, part in found[found["group"] != "full"].groupby("measure", sort=False):
        better = RATIOS[str(measure)].better
        own = part.set_index("group")["estimate"].dropna() * better
        for _, group in own.groupby(keeps.reindex(own.index)):
            winner = str(group.idxmax())
            rivals = [(winner, str(name)) for name in group.index if name != winner]
            if better and rivals:
                gaps = compare(units, [str(measure)], rivals, boot)
                if (gaps[["low", "high"]] * better > 0).all(axis=None):
                    best.add((str(measure), winner))
    return best
