"""entropy_vs_erank: attention entropy against effective rank, one point an image."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.subtasks import spaced, subtasks
from analysis.figures.wording import correlation_sentence, interval
from analysis.plots.intervals import forest
from analysis.plots.scatter import line_with_band, marginal, scatter
from analysis.plots.style import new_figure
from analysis.stats.correlation import correlate
from analysis.stats.estimate import records
from analysis.stats.line import regression_band

_COLUMNS = ["image_id", "dataset", "complexity", "entropy", "erank", "n_objects"]


@recipe(
    place=60,
    shows="attention entropy against effective rank, per image and by subtask, with r, interval, n",
    needs=("images",),
)
def entropy_vs_erank(inputs: Inputs) -> Drawn:
    """Scatter with marginals and regression; correlations plain, by rank, and by subtask."""
    points = inputs.images[_COLUMNS].dropna(subset=["entropy", "erank"])
    found = correlations(points, inputs)
    parts = found[~found["by"].isin(["", "dataset"])].reset_index(drop=True)
    band = regression_band(points, "entropy", "erank", inputs.boot)
    level = "complexity" if points["complexity"].notna().any() else None
    figure, axes, side = canvas(len(parts))
    ax, above, beside = axes
    scatter(points, ax, x="entropy", y="erank", level=level)
    line_with_band(band, ax)
    marginal(points, above, column="entropy", level=level)
    marginal(points, beside, column="erank", level=level, upright=True)
    ax.set(xlabel="attention entropy (nats)", ylabel="effective rank of all tokens")
    ax.set_title(_headline(found), fontsize="medium", loc="left")
    if side is not None:
        by_subtask(parts, found.iloc[0], side)
    if level:
        figure.legend(loc="outside lower center", ncols=3, markerscale=1.6)
    caption = " ".join(
        [
            correlation_sentence(found.iloc[0], "attention entropy", "effective rank"),
            f"By rank ρ = {interval(found.iloc[1])}.",
            *(_given_objects(row) for row in records(found[found["by"] == ""])[2:3]),
            *([] if parts.empty else [_parts_sentence(parts)]),
        ]
    )
    return Drawn(figure, {"": found, "points": points, "line": band}, caption)


def canvas(n_parts: int) -> tuple[Figure, tuple[Axes, Axes, Axes], Axes | None]:
    """Return a figure, the axes of scatter and marginals, and perhaps those of the subtasks."""
    if not n_parts:
        figure = new_figure(3.1, width=0.66)
        grid = figure.add_gridspec(2, 2, width_ratios=[5, 1], height_ratios=[1, 5])
        side = None
    else:
        figure = new_figure(max(3.1, 0.9 + 0.17 * n_parts))
        grid = figure.add_gridspec(2, 3, width_ratios=[5, 1, 4], height_ratios=[1, 5])
        side = figure.add_subplot(grid[:, 2])
    ax = figure.add_subplot(grid[1, 0])
    above = figure.add_subplot(grid[0, 0], sharex=ax)
    beside = figure.add_subplot(grid[1, 1], sharey=ax)
    return figure, (ax, above, beside), side


def by_subtask(parts: pd.DataFrame, whole: pd.Series, ax: Axes) -> Axes:
    """Draw r of each subtask with its interval, strongest first, and r of all images as a line."""
    ordered = parts.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    names = zip(ordered["group"], ordered["n"], strict=True)
    ordered["label"] = [f"{spaced(str(name))} ({int(n):,})" for name, n in names]
    forest(ordered, ax)
    if np.isfinite(whole["estimate"]):
        ax.axvline(whole["estimate"], color="#000000", lw=0.9, ls="--", zorder=0)
    ax.set(xlim=(-1.05, 1.05), xlabel="Pearson r (dashed: all images)")
    ax.set_title(f"{parts['by'].iloc[0]} (images)", fontsize="medium", loc="left")
    ax.grid(axis="x")
    return ax


def correlations(points: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the correlations of entropy with erank over all images and over parts of them.

    Returns
    -------
    DataFrame
        Estimates with the extra column ``by``: ``""`` for the plain, rank and (where objects
        vary) object-controlled correlation over all images; else what splits the images
        (``dataset``, ``subtask``, ``subject``), the part being ``group``.
    """
    labels, kind = subtasks(inputs.images)
    frames = [
        correlate(points, "entropy", "erank", boot=inputs.boot),
        correlate(points, "entropy", "erank", kind="spearman", boot=inputs.boot),
    ]
    if points["n_objects"].nunique() > 1:
        controls = ["n_objects"]
        frames.append(correlate(points, "entropy", "erank", controls=controls, boot=inputs.boot))
    frames = [frame.assign(by="") for frame in frames]
    if points["dataset"].nunique() > 1:
        found = correlate(points, "entropy", "erank", by="dataset", boot=inputs.boot)
        frames.append(found.assign(by="dataset"))
    if kind:
        part = points.assign(part=points["image_id"].map(labels))
        found = correlate(part, "entropy", "erank", by="part", boot=inputs.boot)
        frames.append(found.assign(by=kind))
    return pd.concat(frames, ignore_index=True)


def _headline(found: pd.DataFrame) -> str:
    first = found.iloc[0]
    return f"r = {interval(first)}, n = {int(first['n']):,}"


def _given_objects(row: dict[str, object]) -> str:
    return f"Given the number of objects r = {interval(row)}."


def _parts_sentence(parts: pd.DataFrame) -> str:
    """Say how many subtasks show a correlation, and between which r they lie."""
    kind = str(parts["by"].iloc[0])
    known = parts[np.isfinite(parts["low"]) & np.isfinite(parts["high"])]
    unknown = len(parts) - len(known)
    text = f"By {kind}: the interval lies above 0 in {int((known['low'] > 0).sum())}"
    text += f" and below 0 in {int((known['high'] < 0).sum())} of {len(parts)}"
    if unknown:
        text += f" ({unknown} with too few or unvarying images for one)"
    return text + "."
