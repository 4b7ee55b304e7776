"""mean absolute change of erank and entropy under corruptions, per severity."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells
from analysis.figures.recipes.corruption import caption, deviations


@recipe("analysis:corruption", place=300, kind="table")
def table_corruption(inputs: Inputs) -> Drawn:
    """Lay out one row a severity (the paper's Table 17)."""
    found = deviations(inputs.analysis("corruption"), inputs)
    text = cells(found, ["group", "measure"], {"erank": 2, "entropy": 3})
    lines = [
        [level, text[level, "erank"], text[level, "entropy"]] for level in found["group"].unique()
    ]
    header = ["severity", "change of erank", "change of entropy (nats)"]
    return Drawn(None, {"": found}, caption(found), booktabs(header, lines))
