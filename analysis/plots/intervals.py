"""Points with their intervals: forests, crosses, and curves over a budget or parameter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, look
from analysis.plots.style import GUIDE
from analysis.stats.estimate import records

# Room that the series of one line of a forest share, of 1.
_LINE_ROOM = 0.3


def errors(
    frame: pd.DataFrame, estimate: str = "estimate", low: str = "low", high: str = "high"
) -> np.ndarray:
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
    if zero is not None:
        ax.axvline(zero, color=GUIDE, lw=0.7, zorder=0)
    spread = errors(frame)
    for place, row in enumerate(records(frame)):
        ax.errorbar(
            row["estimate"],
            place + offset,
            xerr=spread[:, place : place + 1],
            fmt=row.get("marker", marker),
            color=row.get("colour", colour),
            capsize=0,
            elinewidth=1.0,
            label=None if place else label,
        )
    ax.set_yticks(np.arange(len(frame)), frame[labels])
    ax.set_ylim(len(frame) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    return ax


def forests(
    found: pd.DataFrame,
    axes: Sequence[Axes],
    panels: Mapping[str, str],
    *,
    lines: tuple[str, Mapping[Any, str]],
    series: tuple[str, Mapping[Any, tuple[str, str]]] | None = None,
    zero: float | None = None,
) -> None:
    """Draw one forest a measure, side by side, with the same lines in each.

    Parameters
    ----------
    found
        Estimates with ``measure``, the columns named below, and perhaps ``colour, marker``.
    axes
        One a panel.
    panels
        Measure → label of its axis, from left to right.
    lines
        Column of the lines, and its values → printed names from top to bottom.
    series
        Column of the series, and its values → colour and marker; one neutral series when ``None``.
    zero
        Where to draw the line of no effect; ``None`` for none.
    """
    line, names = lines
    by, looks = series or ("", {"": (NEUTRAL, "o")})
    step = _LINE_ROOM if len(looks) < 3 else 2 * _LINE_ROOM / len(looks)
    for ax, (measure, label) in zip(axes, panels.items(), strict=True):
        rows = found[found["measure"] == measure]
        for place, (name, (colour, marker)) in enumerate(looks.items()):
            part = rows[rows[by] == name] if by else rows
            part = part.set_index(line).reindex(list(names)).assign(label=list(names.values()))
            part = part.fillna({"colour": colour, "marker": marker})
            offset = step * (place - (len(looks) - 1) / 2)
            style: dict[str, Any] = {"colour": colour, "marker": marker, "offset": offset}
            forest(part.reset_index(), ax, **style, zero=zero, label=str(name) or None)
        ax.set_xlabel(label)
        ax.grid(axis="x")
    for ax in axes[1:]:
        ax.set_yticklabels([])


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
    ax.grid(visible=True)
    return ax


def curve(part: pd.DataFrame, ax: Axes, *, x: str, shift: float = 1.0, **style: Any) -> Axes:
    """Draw one line with whiskers along ``x``; ``style`` goes to Matplotlib's ``errorbar``.

    ``part`` has the columns ``x, estimate, low, high``; ``shift`` is a factor on x.
    """
    part = part.sort_values(x)
    usual = {"elinewidth": 0.7, "lw": 0.9, "capsize": 0, "markersize": 4}
    ax.errorbar(part[x] * shift, part["estimate"], yerr=errors(part), **{**usual, **style})
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
        shift = dodge ** (place - (len(lines) - 1) / 2)
        drawn = look(str(spec))
        style = {"color": drawn.colour, "marker": drawn.marker, "label": drawn.label}
        curve(part, ax, x=x, shift=shift, **style)
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
    ax.grid(axis="y")
    return ax
