"""Numbers of images per group: means, and their paired change from a reference."""

from collections.abc import Sequence

import pandas as pd

from analysis.errors import UsageError
from analysis.stats.estimate import estimated, estimates
from analysis.stats.ratios import plain, rules, summarise, sums
from chair_eval.bootstrap import Bootstrap


def image_means(
    frame: pd.DataFrame, by: str, columns: Sequence[str], boot: Bootstrap | None = None
) -> pd.DataFrame:
    """Estimate the mean of columns per group.

    Parameters
    ----------
    frame
        One row per image × group, with ``image_id``.
    by
        Column of groups.
    columns
        Columns to average; missing values are left out and not counted in ``n``.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates; ``group`` is the group's value as text, in sorted order.
    """
    return summarise(frame, plain(columns), boot, by=by)


def image_changes(
    frame: pd.DataFrame,
    by: str,
    reference: object,
    columns: Sequence[str],
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Estimate each group's mean minus the reference group's on the same images.

    Arguments as in `image_means`; ``reference`` is the group to subtract. The
    extra column ``p`` is the two-sided p-value of no change.

    Raises
    ------
    UsageError
        If the reference group has no value.
    """
    rows = []
    for measure, rule in rules(plain(columns), frame.columns).items():
        known = sums(frame, rule, by)
        if (base := str(reference)) not in known.of:
            raise UsageError(
                f"no {measure} of {reference!r} to subtract; groups: {list(known.of)}."
            )
        gaps = {name: known.gap(name, base) for name in known.of if name != base}
        rows += estimated(measure, gaps, boot, also=("p",))
    return estimates(rows)
