"""cumulative curve and density of [CLS] and text attention, and their entropies."""

import numpy as np
import pandas as pd

from analysis.figures.attention_tables import attention_rows, source_looks, text_note, vectors
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import interval
from analysis.plots.intervals import forest
from analysis.plots.style import GUIDE, new_figure
from analysis.stats.attention import CURVE_POINTS
from analysis.stats.estimate import records
from analysis.stats.images import image_means


@recipe("images", "attention", place=130)
def attention_dispersion(inputs: Inputs) -> Drawn:
    """Draw cumulative attention, its density, and entropy with intervals."""
    rows = attention_rows(inputs)
    looks = source_looks(rows)
    colours = {name: colour for colour, name in looks.values()}
    keys = zip(rows["source"], rows["layer"].astype(int), strict=True)
    rows["line"] = [looks[key][1] if key in looks else "" for key in keys]
    entropies = image_means(rows, "line", ["entropy"], inputs.boot)
    entropies = entropies.set_index("group").reindex(list(colours)).reset_index()
    curves = mean_curves(rows, list(colours))
    figure = new_figure(2.45)
    axes = figure.subplots(1, 3)
    for name, part in curves.groupby("line", sort=False):
        axes[0].plot(part["tokens"], part["held"], color=colours[str(name)])
        axes[1].plot(part["tokens"], part["density"], color=colours[str(name)])
    axes[0].plot([0, 100], [0, 100], color=GUIDE, lw=0.7, ls="--", zorder=0)
    axes[0].set(xlabel="most attended tokens (%)", ylabel="attention held (%)")
    axes[1].axhline(1, color=GUIDE, lw=0.7, ls="--", zorder=0)
    axes[1].set(xlabel="rank of token (%)", ylabel="density (1 = uniform)", yscale="log")
    lines = entropies.assign(colour=list(colours.values()))
    forest(lines, axes[2], labels="group", zero=float(np.log(inputs.n_tokens)))
    axes[2].set_xlabel("entropy (nats);\nline: uniform")
    said = caption(inputs, entropies, curves) + text_note(inputs, rows)
    return Drawn(figure, {"": entropies, "curves": curves}, said)


def mean_curves(rows: pd.DataFrame, lines: list[str]) -> pd.DataFrame:
    """Return the mean cumulative curve and its slope per source and layer, in per cent."""
    frames = []
    at = np.linspace(0, 100, CURVE_POINTS)
    for name in lines:
        held = 100 * vectors(rows.loc[rows["line"] == name, "cumulative"]).mean(axis=0)
        density = np.gradient(held, at)
        frames.append(pd.DataFrame({"line": name, "tokens": at, "held": held, "density": density}))
    return pd.concat(frames, ignore_index=True)


def caption(inputs: Inputs, entropies: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Say how much the top tenth holds, and the entropies."""
    tenth = curves[np.isclose(curves["tokens"], 10)].set_index("line")["held"]
    found = records(entropies)
    shown = found if len(found) < 4 else [*found[:2], found[-1]]
    parts = [
        f"{row['group']}: the most attended 10% of tokens hold {tenth[row['group']]:.0f}%, entropy "
        f"{interval(row)} of at most {np.log(inputs.n_tokens):.2f} nats"
        for row in shown
    ]
    return f"{'; '.join(parts)}; n = {int(entropies['n'].max()):,} images."
