"""Estimates of a run that several figures, the findings and the notebooks share."""

import pandas as pd

from analysis.figures.choices import family_pair
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import SCORES
from analysis.stats.complexity import crossover, splits
from analysis.stats.estimate import estimates
from analysis.stats.paired import compare
from analysis.stats.ratios import present, summarise


def by_method(units: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate kept erank (x) and CHAIR (y) of every variant, both with intervals."""
    found = summarise(units, ["erank", "CHAIR_i", "CHAIR_s"], inputs.boot)
    across = found[found["measure"] == "erank"].set_index("group")
    rows = found[found["measure"] != "erank"].rename(
        columns={"group": "variant", "estimate": "y", "low": "y_low", "high": "y_high"}
    )
    for name, column in (("x", "estimate"), ("x_low", "low"), ("x_high", "high")):
        rows[name] = rows["variant"].map(across[column])
    return rows


def pair_effects(inputs: Inputs) -> tuple[tuple[str, str], pd.DataFrame]:
    """Compare the run's diversity method with its attention method on the same images."""
    pair = family_pair(inputs)
    measures = present(inputs.units, ["erank", "CHAIR_i", "CHAIR_s", "recall", "length"])
    return pair, compare(inputs.units, measures, [pair], inputs.boot)


def labelled(inputs: Inputs) -> tuple[pd.DataFrame, str]:
    """Return the images with their level, and which split gave it (the data set's own first)."""
    found = splits(inputs.images)
    if found.empty or not len(found.columns):
        raise MissingInput(f"run {inputs.path.name} has no image with an erank or entropy.")
    name = str(found.columns[0])
    images = inputs.images[["image_id", "entropy", "erank", "n_objects"]].copy()
    images["level"] = images["image_id"].map(found[name])
    return images, name


def crossover_tests(inputs: Inputs) -> pd.DataFrame:
    """Test the interaction of family and complexity under every split of the run."""
    units = inputs.units
    try:
        diversity, attention = family_pair(inputs)
    except MissingInput:  # one family is enough for everything else that asks here
        return estimates([]).assign(split=[])
    measures = present(units, SCORES)
    frames = []
    for name, labels in splits(inputs.images).items():
        found = crossover(units, labels, measures, attention, diversity, inputs.boot)
        frames.append(found.assign(split=str(name)))
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else estimates([]).assign(split=[])
