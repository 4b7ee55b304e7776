"""kept erank against CHAIR by method, and per image: within pairs, images and methods."""

import numpy as np
import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget, chair_units
from analysis.figures.effects import by_method, pair_effects
from analysis.figures.inputs import Inputs
from analysis.figures.panels import lettered, shared_legend, ties_panel
from analysis.figures.wording import difference_sentence, images, interval, seen
from analysis.plots.intervals import crosses
from analysis.plots.scatter import pair_panel
from analysis.plots.style import new_figure
from analysis.stats.hallucination import associations, hallucination_rate, paired_units
from analysis.stats.line import regression_band
from analysis.stats.ratios import RATIOS


@recipe("captions", "families", place=70)
def diversity_vs_hallucination(inputs: Inputs) -> Drawn:
    """Methods above, images below: method means alone cannot carry the claim."""
    units = chair_units(inputs)
    units = units[units["variant"].isin(at_budget(inputs))]
    methods = by_method(units, inputs)
    said = hallucination_rate(units)
    tied = associations(said, "erank", boot=inputs.boot)
    pair, effects = pair_effects(inputs)
    changes = paired_units(said, *pair, ["erank", "hallucinated"])
    line = regression_band(changes, "erank", "hallucinated", inputs.boot)
    figure = new_figure(4.5)
    axes = figure.subplots(2, 2)
    for ax, measure in zip(axes[0], ("CHAIR_i", "CHAIR_s"), strict=True):
        crosses(methods[methods["measure"] == measure], ax)
        ax.set(xlabel=RATIOS["erank"].label, ylabel=RATIOS[measure].label)
    pair_panel(changes, line, pair, axes[1, 0])
    ties_panel(tied, axes[1, 1], "correlation of kept erank with\nshare of invented objects")
    shared_legend(figure, axes[0, :1], 4, place="upper")
    lettered(axes.flat)
    data = {"": methods, "correlations": tied, "pairs": effects, "images": changes}
    return Drawn(figure, data, caption(inputs, pair, effects, tied))


def caption(
    inputs: Inputs, pair: tuple[str, str], effects: pd.DataFrame, tied: pd.DataFrame
) -> str:
    """Say what the pair shows, and whether it survives inside images and methods."""
    first, second = (look(name).label for name in pair)
    rows = effects.set_index("measure")
    inside = tied[tied["group"].str.startswith("within image")].iloc[-1]
    link = "correlate" if seen(inside) else "do not visibly correlate"
    link = link if np.isfinite(inside["estimate"]) else "cannot be correlated"
    return " ".join(
        [
            difference_sentence(rows.loc["CHAIR_i"], first, second, "CHAIR_i"),
            difference_sentence(rows.loc["length"], first, second, "caption length in words"),
            f"Inside the same image ({inside['group']}) kept erank and the share of invented "
            f"objects {link}: r = {interval(inside)}, {images(inside)}.",
            f"Budget {inputs.main_keep} of {inputs.n_tokens} tokens; points are means over images "
            f"with {inputs.boot.level:.0%} bootstrap intervals.",
        ]
    )
