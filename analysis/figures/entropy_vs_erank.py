"""entropy_vs_erank: attention entropy against effective rank, one point an image."""

import pandas as pd

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import correlation_sentence, interval
from analysis.plots.scatter import line_with_band, marginal, scatter
from analysis.plots.style import new_figure
from analysis.stats.correlation import correlate
from analysis.stats.line import regression_band

_COLUMNS = ["image_id", "dataset", "complexity", "entropy", "erank", "n_objects"]


@recipe(
    "entropy_vs_erank",
    shows="attention entropy against effective rank, per image, with r, interval and n",
    needs=("images",),
)
def entropy_vs_erank(inputs: Inputs) -> Drawn:
    """Scatter with marginals and regression; correlations plain, by rank, and given objects."""
    points = inputs.images[_COLUMNS].dropna(subset=["entropy", "erank"])
    found = correlations(points, inputs)
    band = regression_band(points, "entropy", "erank", inputs.boot)
    level = "complexity" if points["complexity"].notna().any() else None
    figure = new_figure(3.1, width=0.66)
    grid = figure.add_gridspec(2, 2, width_ratios=[5, 1], height_ratios=[1, 5])
    ax = figure.add_subplot(grid[1, 0])
    scatter(points, ax, x="entropy", y="erank", level=level)
    line_with_band(band, ax)
    marginal(points, figure.add_subplot(grid[0, 0], sharex=ax), column="entropy", level=level)
    side = figure.add_subplot(grid[1, 1], sharey=ax)
    marginal(points, side, column="erank", level=level, upright=True)
    ax.set(xlabel="attention entropy (nats)", ylabel="effective rank of all tokens")
    if level:
        figure.legend(loc="outside lower center", ncols=3, markerscale=1.6)
    ax.set_title(_headline(found), fontsize="medium", loc="left")
    caption = " ".join(
        [
            correlation_sentence(found.iloc[0], "attention entropy", "effective rank"),
            f"By rank ρ = {interval(found.iloc[1])}.",
            *(_given_objects(row) for _, row in found.iloc[2:3].iterrows()),
        ]
    )
    return Drawn(figure, {"": found, "points": points, "line": band}, caption)


def correlations(points: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the plain, rank and object-controlled correlations, then one per data set."""
    frames = [
        correlate(points, "entropy", "erank", boot=inputs.boot),
        correlate(points, "entropy", "erank", kind="spearman", boot=inputs.boot),
    ]
    if points["n_objects"].nunique() > 1:
        controls = ["n_objects"]
        frames.append(correlate(points, "entropy", "erank", controls=controls, boot=inputs.boot))
    if points["dataset"].nunique() > 1:
        frames.append(correlate(points, "entropy", "erank", by="dataset", boot=inputs.boot))
    return pd.concat(frames, ignore_index=True)


def _headline(found: pd.DataFrame) -> str:
    first = found.iloc[0]
    return f"r = {interval(first)}, n = {int(first['n']):,}"


def _given_objects(row: pd.Series) -> str:
    return f"Given the number of objects r = {interval(row)}."
