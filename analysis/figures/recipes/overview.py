"""overview: which tokens attention and diversity keep, on simple and on complex images."""

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


@recipe(
    place=10,
    shows="simple and complex images with entropy and erank, attention- and diversity-kept tokens",
    needs=("images", "kept", "pixels"),
)
def overview(inputs: Inputs) -> Drawn:
    """Rows: image, attention-kept, diversity-kept; columns: two simple, two complex images."""
    if inputs.images[["entropy", "erank"]].dropna().empty:
        raise MissingInput(f"run {inputs.path.name} has no image with both entropy and erank.")
    chosen = chosen_images(inputs.images)
    pair = [kept_by(inputs, kind) for kind in (ATTENTION, DIVERSITY)]
    kept = inputs.selections(chosen["image_id"].tolist(), pair)
    figure = new_figure(4.55)
    draw(figure, inputs, chosen, kept, pair)
    rows = chosen.merge(
        kept.reset_index()[["image_id", "variant", "erank", "attention_mass"]],
        on="image_id",
        suffixes=("", "_kept"),
    )
    return Drawn(figure, {"": rows}, caption(inputs, chosen, kept, pair))


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
    figure: Figure, inputs: Inputs, chosen: pd.DataFrame, kept: pd.DataFrame, pair: list[str]
) -> None:
    """Fill the grid of overlays."""
    axes = figure.subplots(3, len(chosen), squeeze=False)
    edges = ("#000000", ATTENTION_COLOUR, DIVERSITY_COLOUR)
    tokens: dict[Any, Any] = kept["indices"].to_dict()
    names = [
        "image",
        *(
            f"{look(name).label}\n({kind})"
            for name, kind in zip(pair, (ATTENTION, DIVERSITY), strict=True)
        ),
    ]
    for column, row in enumerate(records(chosen)):
        image = inputs.pixels(row["image_id"])
        grid = (int(row["grid_h"]), int(row["grid_w"]))
        for line, (variant, edge) in enumerate(zip((None, *pair), edges, strict=True)):
            indices = None if variant is None else tokens[(row["image_id"], variant)]
            token_overlay(image, indices, grid, axes[line, column], edge=edge)
        axes[0, column].set_title(
            f"{row['side']}\nentropy {row['entropy']:.2f}, erank {row['erank']:.0f}",
            fontsize="medium",
        )
    for line, name in enumerate(names):
        axes[line, 0].set_ylabel(name)


def caption(inputs: Inputs, chosen: pd.DataFrame, kept: pd.DataFrame, pair: list[str]) -> str:
    """Say what is shown and what the two selections keep on these images."""
    parts = []
    for variant, kind in zip(pair, ("attention", "diversity"), strict=True):
        rows = kept.xs(variant, level="variant")
        parts.append(
            f"{look(variant).label} ({kind}) keeps erank {number(rows['erank'].mean(), 1)} and "
            f"{number(100 * rows['attention_mass'].mean(), 0)}% of the [CLS] attention"
        )
    places = ", ".join(f"{place:.0%}" for side in PLACES.values() for place in side)
    return (
        f"{'; '.join(parts)} (means of the {len(chosen)} images shown). "
        f"{inputs.main_keep} of {inputs.n_tokens} tokens kept, pruned ones faded. Images are those "
        f"at {places} of the order by entropy and erank."
    )
