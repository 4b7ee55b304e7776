"""The tests of one claim as a forest: expected side shaded, decisive points filled, margins."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.catalogue import NEUTRAL
from analysis.plots.style import GUIDE
from analysis.stats.estimate import records
from analysis.stats.verdicts import AGAINST, EQUIVALENT, FOR

# The outcome is also printed beside each row: colour is never the only channel.
OUTCOME_COLOUR = {FOR: "#009E73", AGAINST: "#D55E00", EQUIVALENT: "#0072B2"}
SHADE = "#EAF3EC"


def claim_forest(frame: pd.DataFrame, ax: Axes, *, margin: float | None) -> Axes:
    """Draw one line a test: what it compares and shows above, point and whiskers below.

    Parameters
    ----------
    frame
        Columns ``label, value, estimate, low, high, start, expected, decisive, outcome``: the
        expected side lies from ``start`` on in the direction of ``expected``.
    ax
        Axes to draw on.
    margin
        Where the dashed lines of the smallest effect of interest stand; ``None`` for none.
    """
    reach = _reach(frame, margin)
    for place, row in enumerate(records(frame)):
        colour = OUTCOME_COLOUR.get(row["outcome"], NEUTRAL)
        width = (reach if row["expected"] > 0 else -reach) - row["start"]
        ax.barh(place + 0.18, width, left=row["start"], height=0.56, color=SHADE, zorder=0)
        low, high = (np.clip(row[name], -reach, reach) for name in ("low", "high"))
        ax.plot([low, high], [place + 0.18] * 2, color=colour, lw=1.2)
        face = colour if row["decisive"] else "white"
        ax.plot(row["estimate"], place + 0.18, "o", color=colour, markerfacecolor=face)
        kwargs: dict[str, Any] = {
            "transform": ax.get_yaxis_transform(),
            "fontsize": "x-small",
            "va": "center",
        }
        ax.text(0, place - 0.26, row["label"], **kwargs)
        ax.text(1, place + 0.58, row["value"], ha="right", color=colour, **kwargs)
    ax.axvline(0, color=GUIDE, lw=0.8, zorder=1)
    for edge in (-margin, margin) if margin else ():
        ax.axvline(edge, color=GUIDE, lw=0.7, ls="--", zorder=1)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(len(frame) - 0.2, -0.5)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    return ax


def _reach(frame: pd.DataFrame, margin: float | None) -> float:
    """Return how far the axis goes either way: the widest limit, and somewhat beyond margins."""
    limits = frame[["estimate", "low", "high"]].abs().to_numpy(dtype=float)
    return float(1.08 * max(np.nanmax(limits), 1.5 * (margin or 0), 1e-6))


def claim_legend(*, margin: bool) -> list[Line2D | Patch]:
    """Return the entries of a legend for `claim_forest`."""
    point: dict[str, Any] = {"color": NEUTRAL, "marker": "o", "ls": ""}
    found: list[Line2D | Patch] = [
        Line2D([], [], **point, label="decisive"),
        Line2D([], [], **point, markerfacecolor="white", label="context"),
        Patch(color=SHADE, label="expected side"),
    ]
    if margin:
        found.append(Line2D([], [], color=GUIDE, ls="--", lw=0.8, label="margin"))
    return found
