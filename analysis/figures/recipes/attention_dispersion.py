"""attention_dispersion: whether few tokens hold most attention, by source and layer."""

import numpy as np
import pandas as pd

from analysis.figures.attention_tables import (
    attention_rows,
    source_looks,
    text_note,
    vector_means,
)
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import interval
from analysis.plots.intervals import forest
from analysis.plots.style import new_figure
from analysis.stats.attention import CURVE_POINTS
from analysis.stats.images import image_means


@recipe(
    place=130,
    shows="cumulative curve and density of [CLS] and text attention, and their entropies",
    needs=("images",),
)
def attention_dispersion(inputs: Inputs) -> Drawn:
    """Draw cumulative attention, its density, and entropy with intervals."""
    rows = attention_rows(inputs)
    looks = source_looks(rows)
    named = {key: name for key, (_, name) in looks.items()}
    rows["line"] = [
        named.get((source, int(layer)), "")
        for source, layer in zip(rows["source"], rows["layer"], strict=True)
    ]
    entropies = image_means(rows, "line", ["entropy"], inputs.boot)
    entropies = entropies.set_index("group").reindex(list(named.values())).reset_index()
    curves = mean_curves(rows, looks)
    figure = new_figure(2.45)
    axes = figure.subplots(1, 3)
    for name, part in curves.groupby("line", sort=False):
        colour = next(colour for colour, line in looks.values() if line == name)
        axes[0].plot(part["tokens"], part["held"], color=colour)
        axes[1].plot(part["tokens"], part["density"], color=colour)
    axes[0].plot([0, 100], [0, 100], color="#B0B0B0", lw=0.7, ls="--", zorder=0)
    axes[0].set(xlabel="most attended tokens (%)", ylabel="attention held (%)")
    axes[1].axhline(1, color="#B0B0B0", lw=0.7, ls="--", zorder=0)
    axes[1].set(xlabel="rank of token (%)", ylabel="density (1 = uniform)", yscale="log")
    entropies["label"] = entropies["group"]
    entropies["colour"] = [colour for colour, _ in looks.values()]
    forest(entropies, axes[2], zero=float(np.log(inputs.n_tokens)))
    axes[2].set_xlabel("entropy (nats);\nline: uniform")
    data = {"": entropies.drop(columns=["label", "colour"]), "curves": curves}
    return Drawn(figure, data, caption(inputs, rows, entropies, curves))


def mean_curves(rows: pd.DataFrame, looks: dict[tuple[str, int], tuple[str, str]]) -> pd.DataFrame:
    """Return the mean cumulative curve and its slope per source and layer, in per cent."""
    frames = []
    at = np.linspace(0, 100, CURVE_POINTS)
    for _, name in looks.values():
        held = 100 * vector_means(rows[rows["line"] == name], "cumulative").mean(axis=0)
        density = np.gradient(held, at)
        frames.append(pd.DataFrame({"line": name, "tokens": at, "held": held, "density": density}))
    return pd.concat(frames, ignore_index=True)


def caption(
    inputs: Inputs, rows: pd.DataFrame, entropies: pd.DataFrame, curves: pd.DataFrame
) -> str:
    """Say how much the top tenth holds, and the entropies."""
    tenth = curves[np.isclose(curves["tokens"], 10)]
    held = {str(row["line"]): float(row["held"]) for row in tenth.to_dict("records")}
    lines = list(held) if len(held) < 4 else [*list(held)[:2], *list(held)[-1:]]
    found = {str(row["group"]): row for row in entropies.to_dict("records")}
    parts = [
        f"{line}: the most attended 10% of tokens hold {held[line]:.0f}%, entropy "
        f"{interval(found[line])} of at most {np.log(inputs.n_tokens):.2f} nats"
        for line in lines
    ]
    return f"{'; '.join(parts)}; n = {int(entropies['n'].max()):,} images." + text_note(
        inputs, rows
    )
