"""table_scores: every score of every method and budget (the paper's Table 7 for this run)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES


@recipe(
    place=250,
    shows="every score the run's answers allow (POPE, MME, ScienceQA, CHAIR) per method and keep",
    needs=("kept", "answers"),
    kind="table",
)
def table_scores(inputs: Inputs) -> Drawn:
    """Lay out all tokens first, then the plain pruners by budget."""
    full = [name for name in inputs.variants["variant"] if name == "full"]
    variants = [*full, *inputs.pruned["variant"]]
    return methods_table(inputs, variants, ALL_SCORES, f"Scores on {inputs.data},")
