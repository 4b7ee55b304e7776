"""Does kept diversity, or kept attention, go with hallucination? The same question four ways."""

from collections.abc import Sequence

import pandas as pd

from analysis.stats.correlation import correlate
from analysis.stats.crossed import INNER, WITHIN, association
from analysis.stats.estimate import COLUMNS, stacked
from chair_eval.bootstrap import Bootstrap


def hallucination_rate(units: pd.DataFrame) -> pd.DataFrame:
    """Return the units whose caption mentions an object, with ``hallucinated`` = wrong share."""
    spoken = units[units["n_mentions"] > 0].copy()
    spoken["hallucinated"] = spoken["n_hallucinated"] / spoken["n_mentions"]
    return spoken


def associations(
    units: pd.DataFrame,
    signal: str,
    outcome: str = "hallucinated",
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Correlate a kept measure with hallucination between and within images.

    Parameters
    ----------
    units
        One row per image × variant, pruned variants of one budget; as `hallucination_rate` returns.
    signal
        Kept measure, such as ``"erank"`` or ``"attention_mass"``.
    outcome
        Column of hallucination.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` names the way: ``pooled`` (all image × variant rows, images
        resampled), ``between images`` (means of each image; also of ranks, and given the number of
        objects where it varies), ``within image`` (deviations from the image's mean, so the scene
        cannot explain it; interval over images and methods, see `analysis.stats.crossed`), and
        ``within image and method`` (the methods' own levels taken out too). Nothing is held
        constant that hallucination itself changes, such as the caption's length.
    """
    means = units.groupby("image_id", observed=True, as_index=False)[
        [name for name in (signal, outcome, "n_objects") if name in units]
    ].mean()
    plans: list[tuple[str, pd.DataFrame]] = [
        ("pooled", correlate(units, signal, outcome, boot=boot)),
        ("between images", correlate(means, signal, outcome, boot=boot)),
        ("between images (rank)", correlate(means, signal, outcome, kind="spearman", boot=boot)),
    ]
    if _varies(means, "n_objects"):
        found = correlate(means, signal, outcome, controls=["n_objects"], boot=boot)
        plans.append(("between images, given objects", found))
    crossed = association(units, signal, outcome, boot).assign(
        measure=plans[0][1]["measure"].iloc[0]
    )
    for name, group in (("within image", WITHIN), ("within image and method", INNER)):
        found = crossed.loc[crossed["group"] == group, list(COLUMNS)]
        plans.append((name, found.assign(measure=f"within-image pearson({signal}, {outcome})")))
    return stacked([frame.assign(group=name) for name, frame in plans])


def _varies(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and bool(frame[name].dropna().nunique() > 1)


def paired_units(
    units: pd.DataFrame, first: str, second: str, columns: Sequence[str]
) -> pd.DataFrame:
    """Return first minus second variant per image, for images that have both.

    Parameters
    ----------
    units
        One row per image × variant.
    first, second
        Variants.
    columns
        Columns to subtract.

    Returns
    -------
    DataFrame
        ``image_id`` and the differences, under the columns' names.
    """
    sides = [
        units[units["variant"] == name].set_index("image_id")[list(columns)].astype(float)
        for name in (first, second)
    ]
    return (sides[0] - sides[1]).dropna().sort_index().reset_index()
