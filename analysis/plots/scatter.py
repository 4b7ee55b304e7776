"""Scatters with a regression line, its band, and marginal distributions."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, look
from analysis.plots.style import GUIDE, LEVEL_LOOK, RASTER_FROM


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
    style: dict[str, Any] = {
        "s": 4 if many else 9,
        "alpha": 0.25 if many else 0.55,
        "linewidths": 0,
        "rasterized": many,
    }
    if level is None:
        ax.scatter(frame[x], frame[y], color=NEUTRAL, **style)
        return ax
    for name, (colour, marker) in LEVEL_LOOK.items():
        part = frame[frame[level] == name]
        if len(part):
            named = f"{name} ({len(part)})"
            ax.scatter(part[x], part[y], color=colour, marker=marker, label=named, **style)
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
    """Draw the distribution of a column as outlines along an axis of a scatter.

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
    sns.histplot(
        values,
        **{"y" if upright else "x": column},
        hue=level,
        palette=None if level is None else {name: look[0] for name, look in LEVEL_LOOK.items()},
        color=NEUTRAL,
        bins=25,
        element="step",
        alpha=0.35,
        linewidth=0.8,
        legend=False,
        ax=ax,
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
    scatter(changes, ax, x="erank", y="hallucinated")
    line_with_band(line, ax)
    ax.axhline(0, color=GUIDE, lw=0.7, zorder=0)
    ax.set(
        xlabel=f"change of kept erank,\n{first} − {second}",
        ylabel="change of share of\ninvented objects",
    )
    return ax
