"""Means of image-level numbers per group, and their paired change from a reference group."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.errors import UsageError
from analysis.stats.estimate import estimates, row
from analysis.stats.ratios import difference, ratio
from chair_eval.bootstrap import Array, Bootstrap, Statistic, bootstrap


def image_means(
    frame: pd.DataFrame, by: str, measures: Sequence[str], boot: Bootstrap | None = None
) -> pd.DataFrame:
    """Estimate the mean of measures per group.

    Parameters
    ----------
    frame
        One row per image × group, with ``image_id``.
    by
        Column of groups.
    measures
        Columns to average; missing values are left out and not counted in ``n``.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates; ``group`` is the group's value as text, in sorted order.
    """
    boot = boot or Bootstrap()
    rows = []
    for measure in measures:
        wide = _wide(frame, by, measure)
        found = [Statistic(_sums(wide[name]), ratio, int(wide[name].count())) for name in wide]
        for name, each in zip(wide.columns, bootstrap(found, boot), strict=True):
            rows.append(row(measure, str(name), each, boot.seed))
    return estimates(rows)


def image_changes(
    frame: pd.DataFrame,
    by: str,
    reference: object,
    measures: Sequence[str],
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Estimate each group's mean minus the reference group's on the same images.

    Arguments as in `image_means`; ``reference`` is the group to subtract. The extra column ``p``
    is the two-sided p-value of no change.

    Raises
    ------
    UsageError
        If the reference group has no value.
    """
    boot = boot or Bootstrap()
    rows = []
    for measure in measures:
        wide = _wide(frame, by, measure)
        if reference not in wide:
            raise UsageError(f"no {measure} of {reference!r} to subtract; groups: {list(wide)}.")
        others = [name for name in wide if name != reference]
        found = []
        for name in others:
            both = wide[[name, reference]].where(wide[[name, reference]].notna().all(axis=1))
            sums = np.hstack([_sums(both[name]), _sums(both[reference])])
            found.append(Statistic(sums, difference, int(both[name].count())))
        for name, each in zip(others, bootstrap(found, boot), strict=True):
            rows.append(row(measure, str(name), each, boot.seed, p=each.p))
    return estimates(rows)


def _wide(frame: pd.DataFrame, by: str, measure: str) -> pd.DataFrame:
    return frame.pivot_table(
        index="image_id", columns=by, values=measure, aggfunc="mean", observed=True
    )


def _sums(values: pd.Series) -> Array:
    known = values.notna().to_numpy()
    return np.column_stack([values.fillna(0.0).to_numpy(dtype=float), known.astype(float)])
