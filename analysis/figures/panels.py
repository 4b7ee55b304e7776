"""What several figures share: which scores a run has, rows of forests, legends and letters."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.catalogue import NEUTRAL, look
from analysis.figures.inputs import Inputs, MissingInput
from analysis.plots.intervals import forest, forests
from analysis.plots.style import new_figure
from analysis.stats.paired import compare
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
    return in_order(found, "group", variants)


def compared(
    inputs: Inputs, measures: Sequence[str], pairs: Iterable[tuple[str, str]]
) -> pd.DataFrame:
    """Estimate first minus second variant of each pair, on the same images."""
    return compare(inputs.units, measures, list(pairs), inputs.boot)


def in_order(frame: pd.DataFrame, column: str, names: Iterable[object]) -> pd.DataFrame:
    """Return the rows sorted as the names of a column are given."""
    order = {name: place for place, name in enumerate(names)}
    ordered = frame.sort_values(column, key=lambda names: names.map(order), kind="stable")
    return ordered.reset_index(drop=True)


def variant_figure(
    found: pd.DataFrame, measures: Sequence[str], names: Mapping[str, str]
) -> Figure:
    """Draw one forest a measure with the variants as lines, each in its pruner's look.

    Parameters
    ----------
    found
        Estimates whose ``group`` is the variant.
    measures
        Panels from left to right.
    names
        Variant → printed name, from top to bottom.
    """
    figure = new_figure(0.75 + 0.24 * len(names))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    looks = {name: look(name) for name in names}
    found = found.assign(
        colour=[looks[str(name)].colour for name in found["group"]],
        marker=[looks[str(name)].marker for name in found["group"]],
    )
    panels = {name: RATIOS[name].label.replace("caption length", "length") for name in measures}
    forests(found, axes, panels, lines=("group", names))
    return figure


def ties_panel(tied: pd.DataFrame, ax: Axes, label: str) -> None:
    """Draw the correlations of `analysis.stats.hallucination.associations`, one way a line."""
    named = tied.assign(label=tied["group"].str.replace(", given", ",\ngiven", regex=False))
    forest(named, ax, colour=NEUTRAL)
    ax.set_xlabel(label)


def lettered(axes: Iterable[Axes]) -> None:
    """Write (a), (b), … above panels."""
    for ax, letter in zip(axes, "abcdefgh", strict=False):
        ax.set_title(f"({letter})", loc="left", fontsize="medium")


def shared_legend(
    figure: Figure, axes: Iterable[Axes], columns: int, *, place: str = "lower"
) -> None:
    """Put one legend for all panels under (or, ``place="upper"``, above) them."""
    drawn = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(drawn.values(), drawn.keys(), loc=f"outside {place} center", ncols=columns)


def legend_below(ax: Axes, gap: float, columns: int) -> None:
    """Put a panel's own legend under its axis label, ``gap`` heights of the panel below it."""
    place = (0.5, -gap)
    ax.legend(loc="upper center", bbox_to_anchor=place, ncols=columns, fontsize="small")
