"""kept erank, attention and overlap when one setting of AgilePruner is changed."""

import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import interval, number
from analysis.plots.intervals import forests
from analysis.plots.style import GUIDE, new_figure
from analysis.stats.estimate import records
from analysis.stats.images import image_changes, image_means

_LABELS = {"tau_max": "τ max", "erank_avg": "mean erank", "signal": "guide"}
_PANELS = {
    "erank": "change of\nkept erank",
    "attention_mass": "change of share of\nattention kept",
    "jaccard": "overlap with the\ndefault choice (0 to 1)",
}


@recipe("analysis:sensitivity", place=160)
def sensitivity(inputs: Inputs) -> Drawn:
    """Draw the paired change from the default per setting, and the overlap with its choice."""
    table = inputs.analysis("sensitivity")
    found = changes(table, inputs)
    lines = {label: label for label in found["label"]}
    figure = new_figure(1.0 + 0.2 * len(lines))
    axes = figure.subplots(1, 3)
    style = look("agilepruner")
    rows = found.assign(line=found["label"], colour=style.colour, marker=style.marker)
    forests(rows, axes, _PANELS, lines=("line", lines))
    for ax in axes[:2]:
        ax.axvline(0, color=GUIDE, lw=0.7, zorder=0)
    return Drawn(figure, {"": found}, caption(found, table))


def changes(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate, per knob and value, the change from the default on the same images."""
    frames = []
    for knob, part in table.groupby("knob", sort=False):
        default = part.loc[part["is_default"], "value"]
        if default.empty or part["value"].nunique() < 2:
            continue
        usual = str(default.iloc[0])
        moved = image_changes(part, "value", usual, ["erank", "attention_mass"], inputs.boot)
        overlap = image_means(part[~part["is_default"]], "value", ["jaccard"], inputs.boot)
        both = pd.concat([moved, overlap], ignore_index=True)
        name = _LABELS.get(str(knob), str(knob))
        both["knob"], both["default"] = str(knob), usual
        both["label"] = [
            f"{name}: {value} (not {usual})".replace(": -", ": −").replace("not -", "not −")
            for value in both["group"]
        ]
        frames.append(both)
    return pd.concat(frames, ignore_index=True)


def caption(found: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say which single change moves the kept set most."""
    overlap = records(found[found["measure"] == "jaccard"])
    least = min(overlap, key=lambda row: float(row["estimate"]))
    most = max(overlap, key=lambda row: float(row["estimate"]))
    return (
        f"Of {len(overlap)} single changes, {least['label']} moves the choice most (overlap "
        f"{interval(least)}) and {most['label']} least ({interval(most)}); differences are paired "
        f"on {int(found['n'].max()):,} images at {number(table['keep'].iloc[0], 0)} tokens."
    )
