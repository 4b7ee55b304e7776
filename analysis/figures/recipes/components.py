"""score with random, important only, diverse only, and both kinds of tokens."""

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
from analysis.figures.sweeps import components as component_variants
from analysis.figures.wording import difference_sentence
from analysis.stats.estimate import records


@recipe("scores", "pruners:vispruner:attention_share=0", place=150)
def components(inputs: Inputs) -> Drawn:
    """VisPruner's ablation: its two halves alone and together, against chance."""
    names = component_variants(inputs)
    measures = available(inputs, SCORES)
    found = variant_scores(inputs, list(names), measures)
    *parts, both = names
    gaps = compared(inputs, measures, [(both, part) for part in parts])
    said = [
        difference_sentence(row, "Both", names[row["second"]], spoken(measures[0]))
        for row in records(gaps[gaps["measure"] == measures[0]])
    ]
    caption = (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens, same images, "
        f"{inputs.boot.level:.0%} bootstrap intervals."
    )
    figure = variant_figure(found, measures, names)
    return Drawn(figure, {"": found, "pairs": gaps}, caption)
