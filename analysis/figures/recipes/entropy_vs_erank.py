"""attention entropy against effective rank, per image and by subtask, with r, interval, n."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.statistics import image_correlations
from analysis.figures.subtasks import spaced
from analysis.figures.wording import correlation_sentence, interval
from analysis.plots.intervals import forest
from analysis.plots.scatter import line_with_band, marginal, scatter
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.line import regression_band

_COLUMNS = ["image_id", "dataset", "complexity", "entropy", "erank", "n_objects"]


@recipe("images", place=60)
def entropy_vs_erank(inputs: Inputs) -> Drawn:
    """Scatter with marginals and regression; correlations plain, by rank, and by subtask."""
    points = inputs.images[_COLUMNS].dropna(subset=["entropy", "erank"])
    found = image_correlations(points, inputs)
    parts = found[~found["by"].isin(["", "dataset"])].reset_index(drop=True)
    line = regression_band(points, "entropy", "erank", inputs.boot)
    level = "complexity" if points["complexity"].notna().any() else None
    figure, (ax, above, beside), side = canvas(len(parts))
    scatter(points, ax, x="entropy", y="erank", level=level)
    line_with_band(line, ax)
    marginal(points, above, column="entropy", level=level)
    marginal(points, beside, column="erank", level=level, upright=True)
    ax.set(xlabel="attention entropy (nats)", ylabel="effective rank of all tokens")
    whole = found.iloc[0]
    headline = f"r = {interval(whole)}, n = {int(whole['n']):,}"
    ax.set_title(headline, fontsize="medium", loc="left")
    if side is not None:
        by_subtask(parts, whole, side)
    if level:
        figure.legend(loc="outside lower center", ncols=3, markerscale=1.6)
    return Drawn(figure, {"": found, "points": points, "line": line}, caption(found, parts))


def canvas(n_parts: int) -> tuple[Figure, tuple[Axes, Axes, Axes], Axes | None]:
    """Return a figure, the axes of scatter and marginals, and perhaps those of the subtasks."""
    widths = [5, 1, 4] if n_parts else [5, 1]
    figure = new_figure(max(3.1, 0.9 + 0.17 * n_parts), width=1.0 if n_parts else 0.66)
    grid = figure.add_gridspec(2, len(widths), width_ratios=widths, height_ratios=[1, 5])
    side = figure.add_subplot(grid[:, 2]) if n_parts else None
    ax = figure.add_subplot(grid[1, 0])
    above = figure.add_subplot(grid[0, 0], sharex=ax)
    beside = figure.add_subplot(grid[1, 1], sharey=ax)
    return figure, (ax, above, beside), side


def by_subtask(parts: pd.DataFrame, whole: pd.Series, ax: Axes) -> None:
    """Draw r of each subtask with its interval, strongest first, and r of all images as a line."""
    ordered = parts.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    ordered["label"] = [f"{spaced(row['group'])} ({row['n']:,})" for row in records(ordered)]
    forest(ordered, ax)
    if np.isfinite(whole["estimate"]):
        ax.axvline(whole["estimate"], color="#000000", lw=0.9, ls="--", zorder=0)
    ax.set(xlim=(-1.05, 1.05), xlabel="Pearson r (dashed: all images)")
    ax.set_title(f"{parts['by'].iloc[0]} (images)", fontsize="medium", loc="left")
    ax.grid(axis="x")


def caption(found: pd.DataFrame, parts: pd.DataFrame) -> str:
    """Say how strong the correlation is, over all images and in how many parts of them."""
    plain = records(found[found["by"] == ""])
    said = [
        correlation_sentence(plain[0], "attention entropy", "effective rank"),
        f"By rank ρ = {interval(plain[1])}.",
    ]
    said += [f"Given the number of objects r = {interval(row)}." for row in plain[2:3]]
    if len(parts):
        known = parts[np.isfinite(parts["low"]) & np.isfinite(parts["high"])]
        text = (
            f"By {parts['by'].iloc[0]}: the interval lies above 0 in "
            f"{int((known['low'] > 0).sum())} and below 0 in {int((known['high'] < 0).sum())} "
            f"of {len(parts)}"
        )
        if unknown := len(parts) - len(known):
            text += f" ({unknown} with too few or unvarying images for one)"
        said.append(f"{text}.")
    return " ".join(said)
