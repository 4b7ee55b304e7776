"""complexity: entropy and erank of simple and complex images, and each pruner's score there."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.effects import crossover_tests, labelled
from analysis.figures.inputs import Inputs
from analysis.figures.panels import SCORES, spoken
from analysis.figures.wording import interaction_sentence, number
from analysis.plots.distribution import violins
from analysis.plots.intervals import forest
from analysis.plots.style import LEVEL_LOOK, new_figure
from analysis.stats.complexity import by_level
from analysis.stats.ratios import RATIOS, present

_ORDER = ["simple", "medium", "complex"]


@recipe(
    place=40,
    shows="entropy and erank of simple and complex images, and each pruner's score on them",
    needs=("images", "kept", "captions"),
)
def complexity(inputs: Inputs) -> Drawn:
    """Distributions by the run's own split, scores per level, and the crossover test."""
    images, split = labelled(inputs)
    scores = level_scores(inputs, images.set_index("image_id")["level"])
    tests = crossover_tests(inputs)
    measures = list(dict.fromkeys(scores["measure"]))
    figure = new_figure(2.4 + 0.22 * len(inputs.pruned["pruner"].unique()))
    half = max(len(measures), 1)
    grid = figure.add_gridspec(2, 2 * half)
    for place, (column, label) in enumerate(
        (("entropy", "attention entropy (nats)"), ("erank", "effective rank"))
    ):
        ax = figure.add_subplot(grid[0, half * place : half * (place + 1)])
        violins(images, ax, column=column, by="level", order=_ORDER)
        ax.set_ylabel(label)
    for place, measure in enumerate(measures):
        ax = figure.add_subplot(grid[1, 2 * place : 2 * place + 2])
        score_panel(scores[scores["measure"] == measure], ax, named=place == 0)
        ax.set_xlabel(RATIOS[measure].label)
    for ax, letter in zip(figure.axes, "abcdef", strict=False):
        ax.set_title(f"({letter})", loc="left", fontsize="medium")
    handles = figure.axes[2].get_legend_handles_labels() if measures else ([], [])
    figure.legend(*handles, loc="outside lower center", ncols=3)
    data = {"": scores, "crossover": tests, "images": images}
    return Drawn(figure, data, caption(inputs, images, split, tests))


def level_scores(inputs: Inputs, level: pd.Series) -> pd.DataFrame:
    """Estimate the scores this run has for each plain pruner and all tokens, per level."""
    units = inputs.units
    variants = [name for name in ("full",) if name in set(inputs.variants["variant"])]
    chosen = inputs.pruned[inputs.pruned["keep"] == inputs.main_keep]
    variants += chosen["variant"].tolist()
    measures = present(units, SCORES)
    found = by_level(units, level, measures, variants, inputs.boot)
    order = {name: place for place, name in enumerate(variants)}
    return found.sort_values("variant", key=lambda names: names.map(order), kind="stable")


def score_panel(scores: pd.DataFrame, ax: Axes, *, named: bool) -> Axes:
    """Draw one measure: a line a pruner, a point a level."""
    variants = list(dict.fromkeys(scores["variant"]))
    levels = [name for name in ("simple", "complex") if name in set(scores["level"])]
    for place, name in enumerate(levels):
        part = scores[scores["level"] == name].set_index("variant").reindex(variants).reset_index()
        part["label"] = [look(variant).label for variant in part["variant"]]
        colour, marker = LEVEL_LOOK[name]
        shift = 0.16 * (2 * place - len(levels) + 1)
        forest(part, ax, colour=colour, marker=marker, offset=shift, zero=None, label=name)
    if not named:
        ax.set_yticklabels([])
    ax.grid(axis="x")
    return ax


def caption(inputs: Inputs, images: pd.DataFrame, split: str, tests: pd.DataFrame) -> str:
    """Say what the levels differ in, and whether the families cross."""
    means = images.groupby("level")[["entropy", "erank"]].mean()
    parts = [f"Levels by {split}, {len(images):,} images."]
    if {"simple", "complex"} <= set(means.index):
        simple, dense = (means.loc[name].to_dict() for name in ("simple", "complex"))
        parts.append(
            f"Mean entropy {number(simple['entropy'])} (simple) and {number(dense['entropy'])} "
            f"(complex) nats, mean effective rank {number(simple['erank'], 1)} and "
            f"{number(dense['erank'], 1)}."
        )
    own = tests[(tests["split"] == split) & (tests["group"] == "interaction")]
    parts += [interaction_sentence(row, spoken(row["measure"])) for _, row in own.iterrows()]
    parts.append(
        f"Scores at {inputs.main_keep} of {inputs.n_tokens} tokens; "
        f"{inputs.boot.level:.0%} bootstrap intervals over images."
    )
    return " ".join(parts)
