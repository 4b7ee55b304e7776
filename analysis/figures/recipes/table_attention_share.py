"""table_attention_share: the attention share R in numbers (the paper's Table 3)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table
from analysis.figures.recipes.attention_share import share_variants


@recipe(
    place=210,
    shows="CHAIR, recall, length, kept erank and attention per attention share R",
    needs=("kept", "captions", "pruners:mixture"),
    kind="table",
)
def table_attention_share(inputs: Inputs) -> Drawn:
    """Lay out one row a share, DivPrune being R = 0 and FasterVLM R = 1."""
    shares = share_variants(inputs)
    measures = ("CHAIR_s", "CHAIR_i", "recall", "length", "erank", "attention_mean")
    lead = f"Rows in order of R = {', '.join(f'{share:g}' for share in shares.values())};"
    return methods_table(inputs, list(shares), measures, lead)
