"""pruners ordered by kept erank against score, on simple and on complex images."""

import numpy as np
import pandas as pd

from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget
from analysis.figures.effects import labelled
from analysis.figures.inputs import Inputs
from analysis.figures.panels import SCORES, shared_legend
from analysis.figures.wording import number
from analysis.plots.intervals import crosses
from analysis.plots.style import new_figure
from analysis.stats.complexity import COMPLEX, SIMPLE, by_level
from analysis.stats.ratios import RATIOS, present


@recipe("complexity", "scores", "kept", place=30)
def erank_vs_score(inputs: Inputs) -> Drawn:
    """Columns: simple and complex images; rows: the scores this run has."""
    images, split = labelled(inputs)
    scores = present(inputs.units, SCORES)
    level = images.set_index("image_id")["level"]
    found = by_level(inputs.units, level, ["erank", *scores], at_budget(inputs), inputs.boot)
    points = crossed(found, scores)
    figure = new_figure(0.6 + 1.45 * len(scores))
    axes = figure.subplots(len(scores), 2, sharey="row", sharex="col", squeeze=False)
    for column, name in enumerate((SIMPLE, COMPLEX)):
        for ax, score in zip(axes[:, column], scores, strict=True):
            crosses(points[(points["measure"] == score) & (points["level"] == name)], ax)
        count = int((images["level"] == name).sum())
        axes[0, column].set_title(f"{name} images (n = {count})", fontsize="medium")
        axes[-1, column].set_xlabel(RATIOS["erank"].label)
    for ax, score in zip(axes[:, 0], scores, strict=True):
        ax.set_ylabel(RATIOS[score].label)
    shared_legend(figure, axes[0, :1], 4)
    return Drawn(figure, {"": points}, caption(inputs, points, split))


def crossed(found: pd.DataFrame, scores: list[str]) -> pd.DataFrame:
    """Put the erank of each variant and level beside each of its scores."""
    renamed = {"estimate": "x", "low": "x_low", "high": "x_high"}
    keys = ["variant", "level"]
    across = found[found["measure"] == "erank"].rename(columns=renamed)
    rows = found[found["measure"].isin(scores)].rename(
        columns={"estimate": "y", "low": "y_low", "high": "y_high"}
    )
    return rows.merge(across[[*keys, "x", "x_low", "x_high"]], on=keys, how="left")


def caption(inputs: Inputs, points: pd.DataFrame, split: str) -> str:
    """Say how the order by erank and the order by score agree, without an interval to lean on."""
    parts = []
    for (score, level), part in points.groupby(["measure", "level"], sort=False):
        if level in (SIMPLE, COMPLEX) and len(part) > 2:
            varies = part["x"].nunique() > 1 and part["y"].nunique() > 1
            rho = part["x"].corr(part["y"], method="spearman") if varies else np.nan
            parts.append(f"{score} on {level} images ρ = {number(rho)}")
    count = points["variant"].nunique()
    return (
        f"Rank correlation of kept erank and score over {count} pruners (too few for an interval): "
        f"{'; '.join(parts)}. Levels by {split}; {inputs.main_keep} of {inputs.n_tokens} tokens; "
        f"{inputs.boot.level:.0%} bootstrap intervals over images."
    )
