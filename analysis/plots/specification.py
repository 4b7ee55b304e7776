"""A specification curve: sorted estimates above, the grid of choices that made them below."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL
from analysis.plots.intervals import errors
from analysis.plots.style import DIVERSITY_COLOUR, GUIDE


def sorted_estimates(frame: pd.DataFrame, ax: Axes, median: float) -> Axes:
    """Draw estimates with whiskers in the order given, the median as a line.

    Parameters
    ----------
    frame
        Columns ``estimate, low, high``; those whose interval excludes 0 are coloured.
    ax
        Axes to draw on.
    median
        Where the dashed line stands.
    """
    places = np.arange(len(frame))
    apart = ((frame["low"] > 0) | (frame["high"] < 0)).to_numpy()
    spread = errors(frame)
    for chosen, colour, line in ((~apart, NEUTRAL, GUIDE), (apart, DIVERSITY_COLOUR, None)):
        ax.errorbar(
            places[chosen], frame["estimate"][chosen], yerr=spread[:, chosen], fmt=".",
            color=colour, ecolor=line or colour, elinewidth=0.3, markersize=2,
        )  # fmt: skip
    ax.axhline(0, color=GUIDE, lw=0.7, zorder=0)
    ax.axhline(median, color=NEUTRAL, lw=0.8, ls="--", zorder=1)
    ax.set_xlim(-1, len(frame))
    ax.set_xticks([])
    return ax


def choice_grid(
    frame: pd.DataFrame, ax: Axes, choices: Sequence[tuple[str, str]], labels: Sequence[str]
) -> Axes:
    """Mark for every specification, in the order given, which values it took.

    Parameters
    ----------
    frame
        One column a choice.
    ax
        Axes to draw on.
    choices
        Pairs of column and value, from top to bottom.
    labels
        What is printed beside each.
    """
    for place, (column, value) in enumerate(choices):
        at = np.flatnonzero(frame[column].astype(str) == value)
        ax.plot(at, np.full(len(at), place), "|", color=NEUTRAL, markersize=3, markeredgewidth=0.4)
    edges = [i for i in range(1, len(choices)) if choices[i][0] != choices[i - 1][0]]
    for edge in edges:
        ax.axhline(edge - 0.5, color=GUIDE, lw=0.4)
    ax.set_yticks(range(len(choices)), labels, fontsize="x-small")
    ax.set_ylim(len(choices) - 0.5, -0.5)
    ax.set_xlim(-1, len(frame))
    ax.tick_params(axis="y", length=0)
    return ax
