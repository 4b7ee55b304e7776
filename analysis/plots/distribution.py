"""How a measure is spread over groups of images."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL
from analysis.plots.style import LEVEL_LOOK


def violins(frame: pd.DataFrame, ax: Axes, *, column: str, by: str, order: list[str]) -> Axes:
    """Draw a violin with median and quartiles per group, in the given order.

    Parameters
    ----------
    frame
        One row per image.
    ax
        Axes to draw on.
    column, by
        What is spread, over which groups.
    order
        Groups from left to right; groups without three values are left out.
    """
    found = {name: frame.loc[frame[by] == name, column].dropna().to_numpy(float) for name in order}
    parts = [(name, values) for name, values in found.items() if len(values) > 2]
    for place, (name, values) in enumerate(parts):
        colour = LEVEL_LOOK.get(name, (NEUTRAL, "o"))[0]
        if np.ptp(values) > 0:
            drawn: Any = ax.violinplot([values], [place], widths=0.85, showextrema=False)
            drawn["bodies"][0].set(facecolor=colour, alpha=0.35, edgecolor=colour)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        ax.plot([place, place], [low, high], color=colour, lw=2.5, solid_capstyle="butt")
        ax.plot(place, middle, "o", color="white", markeredgecolor=colour, markersize=4)
    names = [f"{name}\n(n = {len(values)})" for name, values in parts]
    ax.set_xticks(range(len(parts)), names)
    ax.set_xlim(-0.6, max(len(parts), 1) - 0.4)
    return ax
