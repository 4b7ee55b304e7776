"""Does kept diversity, or kept attention, go with hallucination? The same question four ways."""

from collections.abc import Sequence

import pandas as pd

from analysis.stats.correlation import correlate, correlate_within
from analysis.stats.estimate import estimates
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
        resampled), ``between images`` (means of each image), ``within image`` (deviations from the
        image's mean, so the scene cannot explain it), each also holding caption length (and,
        between images, the number of objects) constant. Spearman where ``(rank)`` is said.
    """
    means = units.groupby("image_id", observed=True, as_index=False)[
        [name for name in (signal, outcome, "log_length", "n_objects") if name in units]
    ].mean()
    objects = ["n_objects"] if _varies(means, "n_objects") else []
    length = ["log_length"] if _varies(units, "log_length") else []
    plans: list[tuple[str, pd.DataFrame]] = [
        ("pooled", correlate(units, signal, outcome, boot=boot)),
        ("between images", correlate(means, signal, outcome, boot=boot)),
        ("between images (rank)", correlate(means, signal, outcome, kind="spearman", boot=boot)),
    ]
    if controls := [*length, *objects]:
        found = correlate(means, signal, outcome, controls=controls, boot=boot)
        plans.append((f"between images, given {_words(controls)}", found))
    plans.append(("within image", correlate_within(units, signal, outcome, boot=boot)))
    if length:
        found = correlate_within(units, signal, outcome, controls=length, boot=boot)
        plans.append((f"within image, given {_words(length)}", found))
    frames = [frame.assign(group=name) for name, frame in plans]
    return pd.concat(frames, ignore_index=True) if frames else estimates([])


def _varies(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and bool(frame[name].dropna().nunique() > 1)


def _words(controls: Sequence[str]) -> str:
    names = {"log_length": "length", "n_objects": "objects"}
    return " and ".join(names.get(name, name) for name in controls)


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
    return (sides[0] - sides[1]).dropna().reset_index()
