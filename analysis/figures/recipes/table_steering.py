"""table_steering: fixed, adaptive and inverse shares per method (the paper's Tables 5 and 6)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES
from analysis.figures.recipes.steering import rule_variants


@recipe(
    place=240,
    shows="scores of fixed, adaptive and inverse attention shares per base method",
    needs=("kept", "captions", "pruners:steered"),
    kind="table",
)
def table_steering(inputs: Inputs) -> Drawn:
    """Lay out one row a method and rule, the plain methods beside them."""
    rules = rule_variants(inputs)
    if not rules:
        raise MissingInput(inputs.remedy(["steered", "steered:rule=inverse"], inputs.main_keep))
    plain = [spec for spec in ("fastervlm", "divprune") if len(inputs.sweep(spec))]
    variants = [*(inputs.variant(spec) for spec in plain), *rules.values()]
    measures = (*ALL_SCORES, "CHAIR_s")
    lead = "Attention shares set by erank (adaptive), its inverse, or fixed;"
    return methods_table(inputs, list(dict.fromkeys(variants)), measures, lead)
