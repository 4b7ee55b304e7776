"""How a measure is spread over groups of images."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL
from analysis.plots.style import LEVEL_LOOK

# Fewer values than this have no distribution to draw.
_LEAST = 3


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
    known = frame[[by, column]].dropna().astype({column: float})
    counts = known[by].value_counts()
    shown = [name for name in order if counts.get(name, 0) >= _LEAST]
    if shown:
        sns.violinplot(
            known,
            x=by,
            y=column,
            order=shown,
            hue=by,
            palette={name: LEVEL_LOOK.get(name, (NEUTRAL, "o"))[0] for name in counts.index},
            inner="box",
            inner_kws={"box_width": 3, "whis_width": 0.8, "markersize": 4},
            cut=0,
            linewidth=0.8,
            alpha=0.45,
            saturation=1,
            legend=False,
            ax=ax,
        )
    ax.set_xticks(range(len(shown)), [f"{name}\n(n = {counts[name]})" for name in shown])
    ax.set(xlim=(-0.6, max(len(shown), 1) - 0.4), xlabel="")
    return ax
