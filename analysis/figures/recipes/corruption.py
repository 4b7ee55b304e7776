"""corruption: how entropy and erank move when the image is spoiled (the paper's Table 17)."""

import pandas as pd

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import interval
from analysis.plots.intervals import forest
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.images import image_changes, image_means

# Light to dark, and another marker a severity.
_SEVERITY = (("#A6CEE3", "o"), ("#1F78B4", "s"), ("#0B3C5D", "^"), ("#000000", "D"))
_MEASURES = (("erank", "change of effective rank"), ("entropy", "change of entropy (nats)"))


@recipe(
    place=170,
    shows="how entropy and erank move under image corruptions and severities",
    needs=("analysis:corruption",),
)
def corruption(inputs: Inputs) -> Drawn:
    """Draw the paired change from the clean image per corruption and severity."""
    table = inputs.analysis("corruption")
    found = shifts(table, inputs)
    deviation = deviations(table, inputs)
    names = list(dict.fromkeys(found["corruption"]))
    levels = sorted(set(found["severity"]))
    figure = new_figure(1.1 + (0.1 + 0.09 * len(levels)) * len(names))
    axes = figure.subplots(1, 2)
    for place, (ax, (measure, label)) in enumerate(zip(axes, _MEASURES, strict=True)):
        for line, level in enumerate(levels):
            rows = found[(found["measure"] == measure) & (found["severity"] == level)]
            part = rows.set_index("corruption").reindex(names).reset_index()
            part["label"] = part["corruption"]
            colour, marker = _SEVERITY[line % len(_SEVERITY)]
            shift = 0.2 * (line - (len(levels) - 1) / 2)
            name = f"severity {level}"
            forest(part, ax, colour=colour, marker=marker, offset=shift, label=name)
        ax.set_xlabel(label)
        ax.grid(axis="x")
        if place:
            ax.set_yticklabels([])
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(levels))
    return Drawn(figure, {"": found, "deviation": deviation}, caption(deviation))


def shifts(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the change from the clean image, per corruption and severity."""
    clean = table[table["corruption"] == "clean"]
    frames = []
    for (name, level), part in table[table["corruption"] != "clean"].groupby(
        ["corruption", "severity"], sort=True
    ):
        both = pd.concat([clean, part])
        measures = [measure for measure, _ in _MEASURES]
        moved = image_changes(both, "corruption", "clean", measures, inputs.boot)
        frames.append(moved.assign(corruption=str(name), severity=int(str(level))))
    return pd.concat(frames, ignore_index=True)


def deviations(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the mean absolute change of erank and entropy per severity."""
    clean = table[table["corruption"] == "clean"].set_index("image_id")
    spoiled = table[table["corruption"] != "clean"].copy()
    for measure, _ in _MEASURES:
        spoiled[measure] = (spoiled[measure] - spoiled["image_id"].map(clean[measure])).abs()
    return image_means(spoiled, "severity", [measure for measure, _ in _MEASURES], inputs.boot)


def caption(deviation: pd.DataFrame) -> str:
    """Say how far the image measures move per severity."""
    rows = records(deviation[deviation["measure"] == "erank"])
    parts = [f"{interval(row, 1)} at severity {row['group']}" for row in rows]
    return (
        f"Mean absolute change of effective rank: {', '.join(parts)} "
        f"({int(deviation['n'].max()):,} images, all corruptions together)."
    )
