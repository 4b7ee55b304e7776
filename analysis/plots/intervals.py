"""Points with their intervals: forests, crosses, and curves over a budget or parameter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, look
from analysis.stats.estimate import records


def errors(frame: pd.DataFrame, estimate: str, low: str, high: str) -> np.ndarray:
    """Return distances to both limits, shape (2, n); 0 where there is no interval."""
    centre = frame[estimate].to_numpy(dtype=float)
    down = centre - frame[low].to_numpy(dtype=float)
    up = frame[high].to_numpy(dtype=float) - centre
    return np.nan_to_num(np.clip(np.vstack([down, up]), 0, None))


def forest(
    frame: pd.DataFrame,
    ax: Axes,
    *,
    labels: str = "label",
    colour: str = NEUTRAL,
    marker: str = "o",
    offset: float = 0.0,
    zero: float | None = 0.0,
    label: str | None = None,
) -> Axes:
    """Draw estimates as points with whiskers, one row a line, first on top.

    Parameters
    ----------
    frame
        Columns ``estimate, low, high`` and the line names; perhaps ``colour`` and ``marker``.
    ax
        Axes to draw on.
    labels
        Column of line names.
    colour, marker
        Used where the frame has none.
    offset
        Shift of the points inside their line, to draw several series.
    zero
        Where to draw the line of no effect; ``None`` for none.
    label
        Legend entry.
    """
    place = np.arange(len(frame)) + offset
    if zero is not None:
        ax.axvline(zero, color="#B0B0B0", lw=0.7, zorder=0)
    spread = errors(frame, "estimate", "low", "high")
    colours = frame["colour"] if "colour" in frame else pd.Series([colour] * len(frame))
    markers = frame["marker"] if "marker" in frame else pd.Series([marker] * len(frame))
    for row, (at, value) in enumerate(zip(place, frame["estimate"], strict=True)):
        ax.errorbar(
            value,
            at,
            xerr=spread[:, row : row + 1],
            fmt=markers.iloc[row],
            color=colours.iloc[row],
            capsize=0,
            elinewidth=1.0,
            label=label if row == 0 else None,
        )
    ax.set_yticks(np.arange(len(frame)), frame[labels])
    ax.set_ylim(len(frame) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    return ax


def crosses(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Draw one point a variant with intervals both ways.

    ``frame`` has the columns ``variant, x, x_low, x_high, y, y_low, y_high``.
    """
    across = errors(frame, "x", "x_low", "x_high")
    along = errors(frame, "y", "y_low", "y_high")
    for place, row in enumerate(records(frame)):
        drawn = look(row["variant"])
        ax.errorbar(
            row["x"],
            row["y"],
            xerr=across[:, place : place + 1],
            yerr=along[:, place : place + 1],
            fmt=drawn.marker,
            color=drawn.colour,
            elinewidth=0.8,
            capsize=0,
            label=drawn.label,
        )
    return ax


def curves(
    frame: pd.DataFrame, ax: Axes, *, x: str, by: str = "pruner", dodge: float = 1.0
) -> Axes:
    """Draw one line with whiskers per pruner; ``frame`` has ``x, by, estimate, low, high``.

    ``dodge`` is the factor between neighbouring lines along x, so that whiskers do not hide
    one another on a logarithmic axis; 1 draws every line at its true x.
    """
    lines = list(frame.groupby(by, sort=False, observed=True))
    for place, (spec, part) in enumerate(lines):
        part = part.sort_values(x)
        shift = dodge ** (place - (len(lines) - 1) / 2)
        drawn = look(str(spec))
        ax.errorbar(
            part[x] * shift,
            part["estimate"],
            yerr=errors(part, "estimate", "low", "high"),
            fmt=drawn.marker,
            linestyle="-",
            color=drawn.colour,
            elinewidth=0.7,
            lw=0.9,
            capsize=0,
            markersize=4,
            label=drawn.label,
        )
    return ax


def band(
    frame: pd.DataFrame,
    ax: Axes,
    *,
    x: str,
    colour: str = NEUTRAL,
    marker: str = "o",
    label: str | None = None,
) -> Axes:
    """Draw one line of estimates with a shaded interval; sorted along ``x``."""
    part = frame.sort_values(x)
    ax.fill_between(part[x], part["low"], part["high"], color=colour, alpha=0.18, lw=0)
    ax.plot(part[x], part["estimate"], color=colour, marker=marker, markersize=3.5, label=label)
    return ax
