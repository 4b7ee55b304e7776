"""tokens a low and a high tau keep, and kept erank and attention mass as tau sweeps."""

from typing import Any

import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import capital, interval
from analysis.plots.intervals import band
from analysis.plots.overlay import token_overlay
from analysis.plots.style import ATTENTION_COLOUR, DIVERSITY_COLOUR, new_figure
from analysis.stats.estimate import records
from analysis.stats.images import image_means

_ENDS = {"low": ATTENTION_COLOUR, "high": DIVERSITY_COLOUR}
_PANELS = {"erank": "kept erank", "attention_mass": "attention kept\n(share)"}


@recipe("analysis:threshold", "pixels", place=50)
def threshold(inputs: Inputs) -> Drawn:
    """Draw one image under both thresholds, and the sweep with intervals beside it."""
    sweep = inputs.analysis("threshold")
    found = image_means(sweep, "tau", list(_PANELS), inputs.boot)
    found["tau"] = found["group"].astype(float)
    shown = example(sweep)
    figure = new_figure(3.3)
    grid = figure.add_gridspec(2, 3, width_ratios=[1, 1, 1.35])
    known = inputs.images.set_index("image_id").loc[shown["image_id"]]
    image = inputs.pixels(shown["image_id"])
    shape = (int(known["grid_h"]), int(known["grid_w"]))
    plain = figure.add_subplot(grid[0, :2])
    token_overlay(image, None, shape, plain)
    plain.set_title(f"erank {known['erank']:.0f}, entropy {known['entropy']:.2f}", size="medium")
    for place, (end, colour) in enumerate(_ENDS.items()):
        ax = figure.add_subplot(grid[1, place])
        token_overlay(image, shown[end]["indices"], shape, ax, edge=colour)
        ax.set_title(f"τ = {shown[end]['tau']:g}", size="medium")
    style = look("agilepruner")
    for place, (measure, label) in enumerate(_PANELS.items()):
        ax = figure.add_subplot(grid[place, 2])
        part = found[found["measure"] == measure]
        band(part, ax, x="tau", colour=style.colour, marker=style.marker)
        ax.set(ylabel=label, xlabel="constant threshold τ" if place else "")
    return Drawn(figure, {"": found}, caption(found, sweep))


def example(sweep: pd.DataFrame) -> dict[str, Any]:
    """Return the first image with stored tokens under a low and a high tau.

    High is the tau that departs furthest from attention order (least attention kept):
    beyond it too few tokens survive and the top-up by attention brings them back.

    Raises
    ------
    MissingInput
        If no image has both.
    """
    stored = sweep[sweep["indices"].notna()]
    low, furthest = stored["tau"].min(), stored.groupby("tau")["attention_mass"].mean().idxmin()
    ends = {"low": low, "high": stored["tau"].max() if furthest == low else furthest}
    rows = {name: stored[stored["tau"] == tau].set_index("image_id") for name, tau in ends.items()}
    both = sorted(set(rows["low"].index) & set(rows["high"].index))
    if not both:
        raise MissingInput(
            "the threshold analysis stored no tokens; make it again with: "
            "agile analyse --analyses threshold."
        )
    return {"image_id": both[0], **{name: rows[name].loc[both[0]].to_dict() for name in ends}}


def caption(found: pd.DataFrame, sweep: pd.DataFrame) -> str:
    """Say what the whole sweep changes."""
    named = {"erank": ("kept erank", 1), "attention_mass": ("the share of attention kept", 2)}
    parts = []
    for measure, (name, digits) in named.items():
        part = records(found[found["measure"] == measure].sort_values("tau"))
        first, last = part[0], part[-1]
        parts.append(
            f"from τ = {first['tau']:g} to {last['tau']:g} {name} goes from "
            f"{interval(first, digits)} to {interval(last, digits)}"
        )
    peak = records(found[found["measure"] == "erank"].sort_values("estimate"))[-1]
    parts.append(f"kept erank is highest at τ = {peak['tau']:g} ({interval(peak, 1)})")
    return (
        f"{capital('; '.join(parts))} ({int(found['n'].max()):,} images, "
        f"{int(sweep['keep'].iloc[0])} tokens kept)."
    )
