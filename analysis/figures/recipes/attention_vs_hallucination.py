"""[CLS] attention in boxes of mentioned and missed objects, and of kept tokens."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import ATTENTION, DIVERSITY, look
from analysis.figures.attention_tables import MOST_IMAGES
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget, chair_units, kept_by
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import legend_below, lettered, ties_panel
from analysis.figures.wording import images, interval, seen
from analysis.plots.intervals import curve, forests
from analysis.plots.style import new_figure
from analysis.stats.attention import object_attention
from analysis.stats.hallucination import associations, hallucination_rate
from analysis.stats.objects import PARTS, kept_profile, object_states

_STATES = {"mentioned": ("#4D4D4D", "o"), "missed": ("#B3589A", "s")}


@recipe("images", "families", "attention", "captions", place=90)
def attention_vs_hallucination(inputs: Inputs) -> Drawn:
    """Draw attention density per object state, kept tokens' profile, and its correlations."""
    pair = [kept_by(inputs, kind) for kind in (ATTENTION, DIVERSITY)]
    variants = [*inputs.unpruned, *pair]
    density, profile = attention_estimates(inputs, variants, pair)
    units = chair_units(inputs)
    said = hallucination_rate(units[units["variant"].isin(at_budget(inputs))])
    tied = associations(said, "attention_mass", boot=inputs.boot)
    figure = new_figure(3.1)
    axes = figure.subplots(1, 3)
    label = "[CLS] attention in an\nobject's boxes (1 = uniform)"
    lines = ("variant", {name: look(name).label for name in variants})
    panels = {density["measure"].iloc[0]: label}
    forests(density, axes[:1], panels, lines=lines, series=("group", _STATES), zero=1.0)
    legend_below(axes[0], 0.52, 1)
    profile_panel(profile, axes[1])
    ties_panel(tied, axes[2], "correlation of kept\nattention with share of\ninvented objects")
    lettered(axes)
    data = {"": density, "profile": profile, "correlations": tied}
    return Drawn(figure, data, caption(density, tied))


def attention_estimates(
    inputs: Inputs, variants: list[str], pair: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the attention on mentioned and missed objects, and the profile of kept tokens."""
    known = inputs.images.head(MOST_IMAGES)
    known = known[known["cls_attention"].notna()]
    objects = object_attention(known, padded=inputs.config.get("image_aspect") != "crop")
    if objects.empty:
        raise MissingInput(
            f"run {inputs.path.name} has no annotated boxes; extract from data that has some, such "
            "as scenes or coco-chair:PATH."
        )
    scored = inputs.captions(variants)
    scored = scored[scored["image_id"].isin(known["image_id"])]
    vectors = known.set_index("image_id")["cls_attention"].to_dict()
    kept = inputs.selections(scored["image_id"].unique().tolist(), pair)["indices"].to_dict()
    density = object_states(objects, scored, variants, inputs.boot)
    return density, kept_profile(vectors, kept, scored, pair, inputs.boot)


def profile_panel(profile: pd.DataFrame, ax: Axes) -> None:
    """Draw the kept tokens' attention, strongest first; dashed without inventions."""
    ax.set_xticks([1, PARTS // 2, PARTS])
    ax.set(xlabel="kept tokens, strongest\nto weakest (eighths)", ylabel="attention (1 = uniform)")
    if profile.empty:  # no caption mentions an object
        return
    for (variant, name), part in profile.groupby(["variant", "group"], sort=False):
        drawn = look(str(variant))
        style: dict[str, Any] = {"color": drawn.colour, "marker": drawn.marker, "markersize": 2.5}
        dash = "-" if name == "invented" else "--"
        curve(part, ax, x="part", ls=dash, label=f"{drawn.label}, {name}", elinewidth=0.6, **style)
    legend_below(ax, 0.52, 1)


def caption(density: pd.DataFrame, tied: pd.DataFrame) -> str:
    """Say whether missed objects got less attention, and whether kept attention matters."""
    gap = density[density["group"] == "mentioned - missed"].iloc[0]
    way = "get more attention than" if gap["estimate"] > 0 else "get less attention than"
    way = way if seen(gap) else "get no visibly different attention from"
    inside = tied[tied["group"].str.startswith("within image")].iloc[-1]
    still = "correlates" if seen(inside) else "does not visibly correlate"
    still = still if np.isfinite(inside["estimate"]) else "cannot be correlated"
    return (
        f"Objects the model mentions {way} those it misses ({look(str(gap['variant'])).label}: "
        f"difference of density {interval(gap, 2, signed=True)}, {images(gap)}). The attention a "
        f"method keeps {still} with the share of invented objects inside the same image "
        f"({inside['group']}): r = {interval(inside)}, {images(inside)}."
    )
