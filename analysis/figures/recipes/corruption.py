"""how entropy and erank move under image corruptions and severities."""

import pandas as pd

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import shared_legend
from analysis.figures.wording import interval
from analysis.plots.intervals import forests
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.images import image_changes, image_means

# Light to dark, and another marker a severity.
_SEVERITY = (("#A6CEE3", "o"), ("#1F78B4", "s"), ("#0B3C5D", "^"), ("#000000", "D"))
_MEASURES = {"erank": "change of effective rank", "entropy": "change of entropy (nats)"}


@recipe("analysis:corruption", place=170)
def corruption(inputs: Inputs) -> Drawn:
    """Draw the paired change from the clean image per corruption and severity."""
    table = inputs.analysis("corruption")
    found = shifts(table, inputs)
    deviation = deviations(table, inputs)
    names = {name: name for name in found["corruption"]}
    levels = sorted(set(found["severity"]))
    looks = {f"severity {level}": look for level, look in zip(levels, _SEVERITY * 9, strict=False)}
    figure = new_figure(1.1 + (0.1 + 0.09 * len(levels)) * len(names))
    axes = figure.subplots(1, 2)
    rows = found.assign(series=[f"severity {level}" for level in found["severity"]])
    lines, series = ("corruption", names), ("series", looks)
    forests(rows, axes, _MEASURES, lines=lines, series=series, zero=0.0)
    shared_legend(figure, axes[:1], len(levels))
    return Drawn(figure, {"": found, "deviation": deviation}, caption(deviation))


def shifts(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the change from the clean image, per corruption and severity."""
    clean = table[table["corruption"] == "clean"]
    spoiled = table[table["corruption"] != "clean"]
    frames = []
    for (name, level), part in spoiled.groupby(["corruption", "severity"], sort=True):
        both = pd.concat([clean, part])
        moved = image_changes(both, "corruption", "clean", list(_MEASURES), inputs.boot)
        frames.append(moved.assign(corruption=str(name), severity=int(str(level))))
    return pd.concat(frames, ignore_index=True)


def deviations(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the mean absolute change of erank and entropy per severity."""
    clean = table[table["corruption"] == "clean"].set_index("image_id")
    spoiled = table[table["corruption"] != "clean"].copy()
    for measure in _MEASURES:
        spoiled[measure] = (spoiled[measure] - spoiled["image_id"].map(clean[measure])).abs()
    return image_means(spoiled, "severity", list(_MEASURES), inputs.boot)


def caption(deviation: pd.DataFrame) -> str:
    """Say how far the image measures move per severity."""
    rows = records(deviation[deviation["measure"] == "erank"])
    parts = [f"{interval(row, 1)} at severity {row['group']}" for row in rows]
    return (
        f"Mean absolute change of effective rank: {', '.join(parts)} "
        f"({int(deviation['n'].max()):,} images, all corruptions together)."
    )
