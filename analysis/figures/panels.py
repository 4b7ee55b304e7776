"""Rows of small panels that several figures share: variants down, measures across."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.catalogue import look
from analysis.figures.inputs import Inputs, MissingInput
from analysis.plots.intervals import forest
from analysis.plots.style import new_figure
from analysis.stats.ratios import RATIOS, present, summarise

# One score a kind of answer, for figures that show how good the answers are.
SCORES = ("accuracy", "ScienceQA", "recall", "CHAIR_i")
# Every score a benchmark reports, for tables.
ALL_SCORES = (
    "accuracy",
    "F1",
    "POPE",
    "accuracy_plus",
    "MME_perception",
    "MME_cognition",
    "MME",
    "ScienceQA",
    "recall",
    "CHAIR_i",
)


def available(inputs: Inputs, measures: Sequence[str]) -> list[str]:
    """Return those measures whose columns the run's units have.

    Raises
    ------
    MissingInput
        When there is none: the data has neither annotated objects nor labelled questions.
    """
    found = present(inputs.units, measures)
    if not found:
        raise MissingInput(
            f"run {inputs.path.name} has nothing to score ({', '.join(measures)}); extract from "
            "data with annotated objects or labelled questions, such as scenes or pope:PATH."
        )
    return found


def spoken(measure: str) -> str:
    """Return what a score is called in a sentence."""
    return {"accuracy": "yes/no accuracy", "ScienceQA": "ScienceQA accuracy"}.get(measure, measure)


def variant_scores(
    inputs: Inputs, variants: Sequence[str], measures: Sequence[str]
) -> pd.DataFrame:
    """Estimate measures of chosen variants, in the order given."""
    units = inputs.units
    found = summarise(units[units["variant"].isin(list(variants))], measures, inputs.boot)
    order = {name: place for place, name in enumerate(variants)}
    by_group = found.sort_values("group", key=lambda names: names.map(order), kind="stable")
    return by_group.reset_index(drop=True)


def variant_figure(
    found: pd.DataFrame, measures: Sequence[str], names: Mapping[str, str]
) -> Figure:
    """Draw one forest a measure with the variants as lines, each in its pruner's look.

    Parameters
    ----------
    found
        Estimates whose ``group`` is the variant, in drawing order.
    measures
        Panels from left to right.
    names
        Variant → printed name.
    """
    count = found["group"].nunique()
    figure = new_figure(0.75 + 0.24 * count)
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    for place, (ax, measure) in enumerate(zip(axes, measures, strict=True)):
        variant_panel(found[found["measure"] == measure], ax, names)
        ax.set_xlabel(RATIOS[measure].label.replace("caption length (words)", "length (words)"))
        if place:
            ax.set_yticklabels([])
    return figure


def variant_panel(part: pd.DataFrame, ax: Axes, names: Mapping[str, str]) -> Axes:
    """Draw one measure as a forest of variants."""
    looks = [look(str(variant)) for variant in part["group"]]
    part = part.assign(
        label=[names[str(variant)] for variant in part["group"]],
        colour=[each.colour for each in looks],
        marker=[each.marker for each in looks],
    )
    forest(part, ax, zero=None)
    ax.grid(axis="x")
    return ax
