"""Whether kept diversity goes with hallucination, asked in every defensible way."""

import pandas as pd

from analysis.catalogue import ATTENTION, DIVERSITY, RANDOM, base_name, family
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import chair_units
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import number
from analysis.plots.specification import choice_grid, sorted_estimates
from analysis.plots.style import new_figure
from analysis.stats.specification import Curve, specification_curve
from analysis.stats.specification_plans import CHOICES

# The methods of the paper's Table 1, and the one that stands for attention.
_CORE = ("fastervlm", "prumerge_plus", "prumerge_plus_fixed", "visionzip", "vispruner", "divprune")


@recipe("captions", place=225)
def draw(inputs: Inputs) -> Drawn:
    """Sorted correlations inside images above, the choices behind each below."""
    curve = curve_of(inputs)
    choices = [(each["choice"], each["value"]) for each in _rows(curve)]
    figure = new_figure(1.9 + 0.115 * len(choices))
    heights = [1.6, 0.115 * len(choices)]
    above, below = figure.subplots(2, 1, height_ratios=heights)
    sorted_estimates(curve.frame, above, curve.median)
    above.set_ylabel("r inside images")
    choice_grid(curve.frame, below, choices, [_label(*each) for each in choices])
    below.set_xlabel(f"{len(curve.frame)} specifications, sorted")
    below.set_xticks([])
    return Drawn(figure, {"": curve.frame, "choices": curve.by_choice()}, caption(inputs, curve))


def curve_of(inputs: Inputs) -> Curve:
    """Estimate every specification of a run.

    Raises
    ------
    MissingInput
        If no budget has three methods with scored captions.
    """
    units = chair_units(inputs)
    curve = specification_curve(units, method_sets(inputs), inputs.boot)
    if curve.frame.empty:
        wanted = ["random", "fastervlm", "vispruner", "divprune"]
        raise MissingInput(inputs.remedy(wanted, inputs.main_keep))
    return curve


def method_sets(inputs: Inputs) -> dict[int, dict[str, list[str]]]:
    """Return budget → set of methods → variants; a set equal to an earlier one is left out."""
    found: dict[int, dict[str, list[str]]] = {}
    for keep in inputs.keeps:
        table = inputs.pruned[inputs.pruned["keep"] == keep]
        names = [str(name) for name in table["variant"]]
        kinds = {name: family(name) for name in names}
        sets = {
            "all methods": names,
            "without Random": [name for name in names if kinds[name] != RANDOM],
            "core methods": [name for name in names if base_name(name) in _CORE],
            "pure families": [name for name in names if kinds[name] in (ATTENTION, DIVERSITY)],
        }
        kept: dict[str, list[str]] = {}
        for label, chosen in sets.items():
            if chosen not in kept.values():
                kept[label] = chosen
        found[keep] = kept
    return found


def _rows(curve: Curve) -> list[dict[str, str]]:
    """Return choice and value from top to bottom, budgets from large to small."""
    table = curve.by_choice()
    order = {name: place for place, name in enumerate(CHOICES)}
    table = table.assign(place=table["choice"].map(order), size=_numeric(table["value"]))
    table = table.sort_values(["place", "size", "value"], kind="stable")
    return [
        {"choice": str(choice), "value": str(value)}
        for choice, value in zip(table["choice"], table["value"], strict=True)
    ]


def _label(choice: str, value: str) -> str:
    """Print a choice: budgets in tokens, controls as such."""
    return {"keep": f"{value} tokens", "control": f"given: {value}"}.get(choice, value)


def _numeric(values: pd.Series) -> pd.Series:
    return -pd.to_numeric(values, errors="coerce").fillna(0)


def caption(inputs: Inputs, curve: Curve) -> str:
    """Say what all specifications show together, and which choice moves them most."""
    frame, table = curve.frame, curve.by_choice()
    apart = int(((frame["low"] > 0) | (frame["high"] < 0)).sum())
    sets = table[table["choice"] == "methods"]
    by_set = "; ".join(
        f"{value}: {number(median)}, {share:.0%} positive"
        for value, median, share in zip(
            sets["value"], sets["median"], sets["positive"], strict=True
        )
    )
    return (
        f"{len(frame)} ways to correlate kept diversity with hallucination inside images: r from "
        f"{number(frame['estimate'].min())} to {number(frame['estimate'].max())}, median "
        f"{number(curve.median)} (p = {number(curve.p, 3)}, {curve.permutations} shufflings of the "
        f"methods inside images), {curve.positive:.0%} positive, {apart} with an interval without "
        f"0 (coloured). By methods: {by_set}. Whiskers: {inputs.boot.level:.0%}, errors clustered "
        f"over images and methods; n = {int(frame['n'].min()):,} to {int(frame['n'].max()):,} "
        f"images, {int(frame['n_methods'].min())} to {int(frame['n_methods'].max())} methods. What "
        "an image brings (objects, complexity) is held constant by looking inside images; as a "
        "control it is what it does to the slope. Caption length is no control: it is a "
        "consequence of what is counted."
    )
