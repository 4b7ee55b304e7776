"""simple and complex images with entropy and erank, attention- and diversity-kept tokens."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.catalogue import ATTENTION, DIVERSITY, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import kept_by
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import number
from analysis.plots.overlay import token_overlay
from analysis.plots.style import ATTENTION_COLOUR, DIVERSITY_COLOUR, new_figure
from analysis.stats.estimate import records

# Two images a side, taken at fixed places of the order by complexity: chosen by rule, not by eye.
PLACES = {"simple": (0.05, 0.10), "complex": (0.90, 0.95)}
_EDGES = {ATTENTION: ATTENTION_COLOUR, DIVERSITY: DIVERSITY_COLOUR}


@recipe("images", "families", "pixels", place=10)
def overview(inputs: Inputs) -> Drawn:
    """Rows: image, attention-kept, diversity-kept; columns: two simple, two complex images."""
    if inputs.images[["entropy", "erank"]].dropna().empty:
        raise MissingInput(f"run {inputs.path.name} has no image with both entropy and erank.")
    chosen = chosen_images(inputs.images)
    pair = {kind: kept_by(inputs, kind) for kind in _EDGES}
    kept = inputs.selections(chosen["image_id"].tolist(), list(pair.values()))
    figure = new_figure(4.55)
    draw(figure, inputs, chosen, kept["indices"].to_dict(), pair)
    rows = chosen.merge(
        kept.reset_index()[["image_id", "variant", "erank", "attention_mass"]],
        on="image_id",
        suffixes=("", "_kept"),
    )
    return Drawn(figure, {"": rows}, caption(inputs, kept, pair, len(chosen)))


def chosen_images(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images at `PLACES` of the order by mean rank of entropy and erank."""
    known = images.dropna(subset=["entropy", "erank"])
    order = (known["entropy"].rank() + known["erank"].rank()).sort_values(kind="stable").index
    picks = []
    for side, places in PLACES.items():
        for place in places:
            index = order[min(int(place * len(order)), len(order) - 1)]
            picks.append(known.loc[[index]].assign(side=side))
    columns = ["side", "image_id", "entropy", "erank", "grid_h", "grid_w", "n_objects"]
    return pd.concat(picks)[columns].drop_duplicates("image_id")


def draw(
    figure: Figure, inputs: Inputs, chosen: pd.DataFrame, tokens: Any, pair: dict[str, str]
) -> None:
    """Fill the grid of overlays."""
    axes = figure.subplots(1 + len(pair), len(chosen), squeeze=False)
    axes[0, 0].set_ylabel("image")
    for ax, (kind, variant) in zip(axes[1:, 0], pair.items(), strict=True):
        ax.set_ylabel(f"{look(variant).label}\n({kind})")
    for column, row in zip(axes.T, records(chosen), strict=True):
        image = inputs.pixels(row["image_id"])
        grid = (int(row["grid_h"]), int(row["grid_w"]))
        token_overlay(image, None, grid, column[0])
        for ax, (kind, variant) in zip(column[1:], pair.items(), strict=True):
            token_overlay(image, tokens[row["image_id"], variant], grid, ax, edge=_EDGES[kind])
        measured = f"entropy {row['entropy']:.2f}, erank {row['erank']:.0f}"
        column[0].set_title(f"{row['side']}\n{measured}", fontsize="medium")


def caption(inputs: Inputs, kept: pd.DataFrame, pair: dict[str, str], count: int) -> str:
    """Say what is shown and what the two selections keep on these images."""
    parts = []
    for kind, variant in pair.items():
        rows = kept.xs(variant, level="variant")
        parts.append(
            f"{look(variant).label} ({kind}) keeps erank {number(rows['erank'].mean(), 1)} and "
            f"{number(100 * rows['attention_mass'].mean(), 0)}% of the [CLS] attention"
        )
    places = ", ".join(f"{place:.0%}" for side in PLACES.values() for place in side)
    return (
        f"{'; '.join(parts)} (means of the {count} images shown). "
        f"{inputs.main_keep} of {inputs.n_tokens} tokens kept, pruned ones faded. Images are those "
        f"at {places} of the order by entropy and erank."
    )
