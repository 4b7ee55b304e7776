"""diversity_vs_hallucination: whether more diverse kept tokens go with more invented objects."""

import numpy as np
import pandas as pd

from analysis.catalogue import NEUTRAL, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget, chair_units
from analysis.figures.effects import by_method, pair_effects
from analysis.figures.inputs import Inputs
from analysis.figures.wording import difference_sentence, images, interval, seen
from analysis.plots.intervals import crosses, forest
from analysis.plots.scatter import pair_panel
from analysis.plots.style import new_figure
from analysis.stats.hallucination import associations, hallucination_rate, paired_units
from analysis.stats.line import regression_band
from analysis.stats.ratios import RATIOS


@recipe(
    place=70,
    shows="kept erank against CHAIR by method, and per image: within pairs and length-controlled",
    needs=("kept", "captions"),
)
def diversity_vs_hallucination(inputs: Inputs) -> Drawn:
    """Methods above, images below: method means alone cannot carry the claim."""
    units = chair_units(inputs)
    units = units[units["variant"].isin(at_budget(inputs))]
    methods = by_method(units, inputs)
    spoken = hallucination_rate(units)
    tied = associations(spoken, "erank", boot=inputs.boot)
    pair, effects = pair_effects(inputs)
    changes = paired_units(spoken, *pair, ["erank", "hallucinated"])
    line = regression_band(changes, "erank", "hallucinated", inputs.boot)

    figure = new_figure(4.5)
    axes = figure.subplots(2, 2)
    for ax, measure in zip(axes[0], ("CHAIR_i", "CHAIR_s"), strict=True):
        crosses(methods[methods["measure"] == measure], ax)
        ax.set(xlabel=RATIOS["erank"].label, ylabel=RATIOS[measure].label)
        ax.grid(visible=True)
    pair_panel(changes, line, pair, axes[1, 0])
    tied["label"] = tied["group"].str.replace(", given", ",\ngiven", regex=False)
    forest(tied, axes[1, 1], colour=NEUTRAL)
    axes[1, 1].set(xlabel="correlation of kept erank with\nshare of invented objects")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4)
    for ax, letter in zip(axes.flat, "abcd", strict=True):
        ax.set_title(f"({letter})", loc="left", fontsize="medium")
    data = {"": methods, "correlations": tied.drop(columns="label"), "pairs": effects}
    data |= {"images": changes}
    return Drawn(figure, data, caption(inputs, pair, effects, tied))


def caption(
    inputs: Inputs, pair: tuple[str, str], effects: pd.DataFrame, tied: pd.DataFrame
) -> str:
    """Say what the pair shows, and whether it survives inside images and given length."""
    first, second = (look(name).label for name in pair)
    row = effects.set_index("measure").loc["CHAIR_i"]
    inside = tied[tied["group"].str.startswith("within image")].iloc[-1]
    link = "correlate" if seen(inside) else "do not visibly correlate"
    link = link if np.isfinite(inside["estimate"]) else "cannot be correlated"
    longer = effects.set_index("measure").loc["length"]
    return " ".join(
        [
            difference_sentence(row, first, second, "CHAIR_i"),
            difference_sentence(longer, first, second, "caption length in words"),
            f"Inside the same image ({inside['group']}) kept erank and the share of invented "
            f"objects {link}: r = {interval(inside)}, {images(inside)}.",
            f"Budget {inputs.main_keep} of {inputs.n_tokens} tokens; points are means over images "
            f"with {inputs.boot.level:.0%} bootstrap intervals.",
        ]
    )
