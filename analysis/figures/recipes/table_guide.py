"""table_guide: AgilePruner guided by erank or by entropy (the paper's Table 11)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES


@recipe(
    place=270,
    shows="AgilePruner guided by erank against entropy",
    needs=("kept", "captions", "pruners:agilepruner:steer=entropy"),
    kind="table",
)
def table_guide(inputs: Inputs) -> Drawn:
    """Lay out both guides at the budget that has both."""
    spec = "agilepruner:steer=entropy"
    variants = [inputs.variant("agilepruner"), inputs.variant(spec)]
    measures = (*ALL_SCORES, "erank")
    return methods_table(inputs, variants, measures, "The threshold follows erank or entropy;")
