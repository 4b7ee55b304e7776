"""Scatters with a regression line, its band, and marginal distributions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, look
from analysis.plots.style import LEVEL_LOOK, RASTER_FROM


def scatter(frame: pd.DataFrame, ax: Axes, *, x: str, y: str, level: str | None = None) -> Axes:
    """Draw one point a row, coloured and shaped by level where there is one.

    Parameters
    ----------
    frame
        Rows with the columns ``x``, ``y`` and perhaps ``level``.
    ax
        Axes to draw on.
    x, y
        Columns.
    level
        Column of simple/medium/complex; ``None`` draws all points alike.
    """
    many = len(frame) > RASTER_FROM
    size = 4 if many else 9
    groups = [("", frame)] if level is None else [(n, frame[frame[level] == n]) for n in LEVEL_LOOK]
    for name, part in groups:
        if part.empty:
            continue
        colour, marker = LEVEL_LOOK.get(name, (NEUTRAL, "o"))
        ax.scatter(
            part[x],
            part[y],
            s=size,
            marker=marker,
            color=colour,
            alpha=0.25 if many else 0.55,
            linewidths=0,
            rasterized=many,
            label=f"{name} ({len(part)})" if name else None,
        )
    return ax


def line_with_band(band: pd.DataFrame, ax: Axes, *, colour: str = "#000000") -> Axes:
    """Draw a fitted line and its interval; ``band`` has the columns x, y, low, high."""
    if not band.empty:
        ax.fill_between(band["x"], band["low"], band["high"], color=colour, alpha=0.18, lw=0)
        ax.plot(band["x"], band["y"], color=colour, lw=1.2)
    return ax


def marginal(
    values: pd.DataFrame, ax: Axes, *, column: str, level: str | None = None, upright: bool = False
) -> Axes:
    """Draw the distribution of a column as stacked-free outlines along an axis of a scatter.

    Parameters
    ----------
    values
        Rows to count.
    ax
        Axes that share the scatter's x (or, ``upright``, its y).
    column, level
        What is counted, split by what.
    upright
        Draw for the right-hand margin.
    """
    edges = np.histogram_bin_edges(values[column].dropna(), bins=25).tolist()
    if level is None:
        groups = [("", values)]
    else:
        groups = [(name, values[values[level] == name]) for name in LEVEL_LOOK]
    for name, part in groups:
        if part.empty:
            continue
        colour = LEVEL_LOOK.get(name, (NEUTRAL, "o"))[0]
        ax.hist(
            part[column].dropna(),
            bins=edges,
            orientation="horizontal" if upright else "vertical",
            histtype="stepfilled",
            color=colour,
            alpha=0.35,
            edgecolor=colour,
            linewidth=0.8,
        )
    ax.axis("off")
    return ax


def pair_panel(changes: pd.DataFrame, line: pd.DataFrame, pair: tuple[str, str], ax: Axes) -> Axes:
    """Draw one point an image: what changing the method changed.

    Parameters
    ----------
    changes
        One row an image: change of ``erank`` and of ``hallucinated``, first minus second variant.
    line
        Fitted line and band of the two, columns x, y, low, high; perhaps empty.
    pair
        The two variants.
    ax
        Axes to draw on.
    """
    first, second = (look(name).label for name in pair)
    many = len(changes) > RASTER_FROM
    # Shares of few mentions coincide; a fixed jitter shows how many images lie on one spot.
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, size=len(changes))
    ax.scatter(
        changes["erank"],
        changes["hallucinated"] + jitter,
        s=5,
        alpha=0.15 if many else 0.35,
        linewidths=0,
        color=NEUTRAL,
        rasterized=many,
    )
    line_with_band(line, ax)
    ax.axhline(0, color="#B0B0B0", lw=0.7, zorder=0)
    ax.set(
        xlabel=f"change of kept erank,\n{first} − {second}",
        ylabel="change of share of\ninvented objects",
    )
    return ax
