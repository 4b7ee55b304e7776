"""entropy and erank of simple and complex images, and each pruner's score on them."""

import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget
from analysis.figures.effects import crossover_tests, labelled
from analysis.figures.inputs import Inputs
from analysis.figures.panels import SCORES, in_order, lettered, shared_legend, spoken
from analysis.figures.wording import crossing_sentence, number
from analysis.plots.distribution import violins
from analysis.plots.intervals import forests
from analysis.plots.style import LEVEL_LOOK, new_figure
from analysis.stats.complexity import COMPLEX, SIMPLE, by_level
from analysis.stats.ratios import RATIOS, present

_SPREAD = {"entropy": "attention entropy (nats)", "erank": "effective rank"}


@recipe("complexity", "kept", place=40)
def complexity(inputs: Inputs) -> Drawn:
    """Distributions by the run's own split, scores per level, and the crossover test."""
    images, split = labelled(inputs)
    scores = level_scores(inputs, images.set_index("image_id")["level"])
    tests = crossover_tests(inputs)
    measures = list(dict.fromkeys(scores["measure"]))
    figure = new_figure(2.4 + 0.22 * len(inputs.pruned["pruner"].unique()))
    half = max(len(measures), 1)
    grid = figure.add_gridspec(2, 2 * half)
    for place, (column, label) in enumerate(_SPREAD.items()):
        ax = figure.add_subplot(grid[0, half * place : half * (place + 1)])
        violins(images, ax, column=column, by="level", order=list(LEVEL_LOOK))
        ax.set_ylabel(label)
    axes = [figure.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(len(measures))]
    forests(
        scores,
        axes,
        {name: RATIOS[name].label for name in measures},
        lines=("variant", {name: look(name).label for name in scores["variant"].unique()}),
        series=(
            "level",
            {n: LEVEL_LOOK[n] for n in (SIMPLE, COMPLEX) if n in set(scores["level"])},
        ),
    )
    lettered(figure.axes)
    shared_legend(figure, axes[:1], 3)
    data = {"": scores, "crossover": tests, "images": images}
    return Drawn(figure, data, caption(inputs, images, split, tests))


def level_scores(inputs: Inputs, level: pd.Series) -> pd.DataFrame:
    """Estimate the scores this run has for each plain pruner and all tokens, per level."""
    variants = [*inputs.unpruned, *at_budget(inputs)]
    measures = present(inputs.units, SCORES)
    found = by_level(inputs.units, level, measures, variants, inputs.boot)
    return in_order(found, "variant", variants)


def caption(inputs: Inputs, images: pd.DataFrame, split: str, tests: pd.DataFrame) -> str:
    """Say what the levels differ in, and whether the families cross."""
    means = images.groupby("level")[["entropy", "erank"]].mean()
    parts = [f"Levels by {split}, {len(images):,} images."]
    if {SIMPLE, COMPLEX} <= set(means.index):
        simple, dense = (means.loc[name].to_dict() for name in (SIMPLE, COMPLEX))
        parts.append(
            f"Mean entropy {number(simple['entropy'])} (simple) and {number(dense['entropy'])} "
            f"(complex) nats, mean effective rank {number(simple['erank'], 1)} and "
            f"{number(dense['erank'], 1)}."
        )
    for measure, gaps in tests[tests["split"] == split].groupby("measure", sort=False):
        better = RATIOS[str(measure)].better
        parts.append(crossing_sentence(gaps, spoken(str(measure)), better))
    parts.append(
        f"Scores at {inputs.main_keep} of {inputs.n_tokens} tokens; "
        f"{inputs.boot.level:.0%} bootstrap intervals over images."
    )
    return " ".join(parts)
