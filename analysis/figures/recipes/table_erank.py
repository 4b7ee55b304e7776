"""table_erank: kept diversity and attention per method and budget (the paper's Table 1)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table


@recipe(
    place=200,
    shows="kept erank (centred, plain), attention and coverage per method and keep",
    needs=("images", "kept"),
    kind="table",
)
def table_erank(inputs: Inputs) -> Drawn:
    """Lay out what each method keeps, before any answer is looked at."""
    full = [name for name in inputs.variants["variant"] if name == "full"]
    variants = [*full, *inputs.pruned["variant"]]
    measures = ("erank", "erank_plain", "attention_mass", "attention_mean", "coverage")
    return methods_table(inputs, variants, measures, "Effective rank and attention of kept tokens,")
