"""components: random, important only, diverse only, and both kinds of tokens (VisPruner's)."""

from analysis.catalogue import parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import SCORES, available, spoken, variant_figure, variant_scores
from analysis.figures.wording import difference_sentence
from analysis.stats.paired import compare

_DIVERSE = "vispruner:attention_share=0.0"


@recipe(
    place=150,
    shows="score with random, important only, diverse only, and both kinds of tokens",
    needs=("kept", "captions", "pruners:vispruner:attention_share=0"),
)
def components(inputs: Inputs) -> Drawn:
    """VisPruner's ablation: its two halves alone and together, against chance."""
    names = component_variants(inputs)
    measures = available(inputs, SCORES)
    found = variant_scores(inputs, list(names), measures)
    both = next(variant for variant, name in names.items() if name == "both")
    pairs = [(both, variant) for variant in names if variant != both]
    gaps = compare(inputs.units, measures, pairs, inputs.boot)
    figure = variant_figure(found, measures, names)
    said = [
        difference_sentence(row, "Both", names[str(row["second"])], spoken(measures[0]))
        for row in gaps[gaps["measure"] == measures[0]].to_dict("records")
    ]
    caption = (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens, same images, "
        f"{inputs.boot.level:.0%} bootstrap intervals."
    )
    return Drawn(figure, {"": found, "pairs": gaps}, caption)


def component_variants(inputs: Inputs) -> dict[str, str]:
    """Return variant → what it keeps.

    Raises
    ------
    MissingInput
        If one of the four is not in the run; names the command.
    """
    found = {}
    for spec, name in (("random", "random"), ("fastervlm", "important only")):
        found[inputs.variant(spec)] = name
    diverse = [
        str(row["variant"])
        for row in inputs.sweep("vispruner").to_dict("records")
        if float(parameters(str(row["pruner"])).get("attention_share", "0.5")) == 0
    ]
    if not diverse:
        raise MissingInput(inputs.remedy([_DIVERSE], inputs.main_keep))
    return {**found, diverse[0]: "diverse only", inputs.variant("vispruner"): "both"}
