"""table_erank_cost: what computing erank costs per batch (the paper's Table 10)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.bench import bench_table
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, escape
from analysis.stats.estimate import records


@recipe(
    place=260,
    shows="time to compute entropy, erank and the selection, per batch size",
    needs=("bench:overhead",),
    kind="table",
    optional=True,
)
def table_erank_cost(_: Inputs) -> Drawn:
    """Lay out medians with quartiles, the paper's times beside those of erank."""
    found = bench_table("overhead", "agile bench overhead")
    lines = []
    for row in records(found):
        paper = f"{row['paper_ms']:.2f}" if row["part"] == "erank" else "---"
        spread = rf"{row['ms']:.2f} {{\scriptsize [{row['ms_q1']:.2f}, {row['ms_q3']:.2f}]}}"
        lines.append([escape(row["part"]), str(row["batch"]), spread, paper.replace("nan", "---")])
    device = str(found["device"].iloc[0])
    one = found[(found["part"] == "erank") & (found["batch"] == found["batch"].min())].iloc[0]
    caption = (
        f"Erank takes {one['ms']:.2f} ms at batch {int(one['batch'])} on {device}; medians with "
        f"quartiles of {int(one['repeats'])} repeats. The paper's times are from an RTX 4090."
    )
    header = ["part", "batch", "ms, median [quartiles]", "paper (ms)"]
    return Drawn(None, {"": found}, caption, booktabs(header, lines))
