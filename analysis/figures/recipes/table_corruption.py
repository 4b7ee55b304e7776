"""table_corruption: mean absolute change of erank and entropy per severity (Table 17)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cell
from analysis.figures.recipes.corruption import caption, deviations
from analysis.stats.estimate import records


@recipe(
    place=300,
    shows="mean absolute change of erank and entropy under corruptions, per severity",
    needs=("analysis:corruption",),
    kind="table",
)
def table_corruption(inputs: Inputs) -> Drawn:
    """Lay out one row a severity."""
    found = deviations(inputs.analysis("corruption"), inputs)
    cells = {(row["measure"], row["group"]): row for row in records(found)}
    levels = list(dict.fromkeys(found["group"]))
    lines = [
        [level, cell(cells[("erank", level)], 2), cell(cells[("entropy", level)], 3)]
        for level in levels
    ]
    header = ["severity", "change of erank", "change of entropy (nats)"]
    return Drawn(None, {"": found}, caption(found), booktabs(header, lines))
