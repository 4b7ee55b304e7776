"""table_adaptive_count: a token count that follows erank, against a fixed one (Table 13)."""

from analysis.catalogue import parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES
from analysis.stats.estimate import records


@recipe(
    place=290,
    shows="AgilePruner with an adaptive number of tokens against the fixed number",
    needs=("kept", "captions", "pruners:agilepruner:adaptive_count=true"),
    kind="table",
)
def table_adaptive_count(inputs: Inputs) -> Drawn:
    """Lay out both with the mean number of tokens each hands on."""
    found = [
        row["variant"]
        for row in records(inputs.sweep("agilepruner"))
        if parameters(row["pruner"]).get("adaptive_count") == "true"
    ]
    if not found:
        spec = "agilepruner:adaptive_count=true"
        raise MissingInput(inputs.remedy([spec], inputs.main_keep))
    variants = [inputs.variant("agilepruner"), found[0]]
    measures = ("n_out", *ALL_SCORES, "erank")
    return methods_table(inputs, variants, measures, "Token count per image by erank, or fixed;")
