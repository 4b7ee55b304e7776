"""time to compute entropy, erank and the selection, per batch size."""

import pandas as pd

from analysis.figures.base import Drawn, recipe
from analysis.figures.bench import bench_table
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, escape
from analysis.stats.estimate import records


@recipe("bench:overhead", place=260, kind="table", optional=True)
def table_erank_cost(_: Inputs) -> Drawn:
    """Lay out medians with quartiles, the times of the paper's Table 10 beside those of erank."""
    found = bench_table("overhead")
    lines = []
    for row in records(found):
        told = row["part"] == "erank" and pd.notna(row["paper_ms"])
        paper = f"{row['paper_ms']:.2f}" if told else "---"
        spread = rf"{row['ms']:.2f} {{\scriptsize [{row['ms_q1']:.2f}, {row['ms_q3']:.2f}]}}"
        lines.append([escape(row["part"]), str(row["batch"]), spread, paper])
    one = found[(found["part"] == "erank") & (found["batch"] == found["batch"].min())].iloc[0]
    caption = (
        f"Erank takes {one['ms']:.2f} ms at batch {int(one['batch'])} on "
        f"{found['device'].iloc[0]}; medians with quartiles of {int(one['repeats'])} repeats. "
        "The paper's times are from an RTX 4090."
    )
    header = ["part", "batch", "ms, median [quartiles]", "paper (ms)"]
    return Drawn(None, {"": found}, caption, booktabs(header, lines), of_run=False)
