"""score with only one quartile of positions kept."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import (
    SCORES,
    available,
    compared,
    spoken,
    variant_figure,
    variant_scores,
)
from analysis.figures.sweeps import quarters
from analysis.figures.wording import capital, interval, seen
from analysis.stats.estimate import records


@recipe("scores", "pruners:quartile", place=140)
def quartile_ablation(inputs: Inputs) -> Drawn:
    """Draw the four quarters of the image, top to bottom, each alone (VisPruner's ablation)."""
    names = quarters(inputs)
    measures = available(inputs, SCORES)
    found = variant_scores(inputs, list(names), measures)
    *others, bottom = names
    gaps = compared(inputs, measures, [(bottom, other) for other in others])
    said = [
        f"{names[row['second']]} {interval(row, 1, signed=True)}"
        + ("" if seen(row) else " (no difference seen)")
        for row in records(gaps[gaps["measure"] == measures[0]])
    ]
    caption = (
        f"{capital(spoken(measures[0]))} of the bottom quarter minus that of each other quarter: "
        f"{'; '.join(said)}. "
        f"{inputs.main_keep} of {inputs.n_tokens} tokens, best attention first inside the quarter, "
        f"n = {int(found['n'].max()):,} images, {inputs.boot.level:.0%} bootstrap intervals."
    )
    figure = variant_figure(found, measures, names)
    return Drawn(figure, {"": found, "pairs": gaps}, caption)
