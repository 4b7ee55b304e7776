"""Drawn doses read from a run's records, beside the outcomes of the same images."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.catalogue import base_name
from analysis.stats.estimate import records, stacked
from analysis.stats.images import image_means
from chair_eval.bootstrap import Bootstrap

#: Outcome → numerator and denominator (empty: none) of an image's value, and its scale.
OUTCOMES: dict[str, tuple[str, str, float]] = {
    "invented": ("n_hallucinated", "", 1),
    "any invented": ("any_hallucinated", "", 100),
    "share invented": ("n_hallucinated", "n_mentions", 100),
    "recall": ("n_recalled", "n_gt", 100),
    "accuracy": ("n_correct", "n_answered", 100),
}
BINS = 4


def doses(units: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """Return units of the design with their dose and outcomes.

    Parameters
    ----------
    units
        One row per image × variant of the design.
    drawn
        ``image_id, variant, info``: what the pruner recorded, as JSON.

    Returns
    -------
    DataFrame
        The units with ``instrument`` (0 to 1; the mean over crops of an image in crops), ``design``
        (the pruner's name), ``level`` (quarter of the instrument, from 0) and a column for each of
        `OUTCOMES` they allow. Rows without a dose (nothing was pruned) are left out.
    """
    dose = drawn["info"].map(lambda text: _dose(json.loads(text)))
    table = drawn[["image_id", "variant"]].assign(instrument=dose.astype(float))
    found = units.merge(table.dropna(), on=["image_id", "variant"])
    found["design"] = found["pruner"].astype(str).map(base_name)
    found["level"] = np.minimum((found["instrument"] * BINS + 1e-9).astype(int), BINS - 1)
    for name, (top, bottom, scale) in OUTCOMES.items():
        if {top, bottom} - {""} <= set(found.columns):
            below = found[bottom].astype(float).replace(0, np.nan) if bottom else 1.0
            found[name] = scale * found[top].astype(float) / below
    return found


def _dose(info: Mapping[str, Any]) -> float:
    """Return the drawn dose of a selection; NaN where nothing was drawn."""
    parts = [_dose(part) for part in info.get("parts", ())]
    return float(info.get("instrument", np.mean(parts) if parts else np.nan))


def dose_levels(frame: pd.DataFrame, boot: Bootstrap | None = None) -> pd.DataFrame:
    """Estimate mean kept erank and outcomes at each quarter of the dose.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` is the quarter, with ``design`` and ``keep``.
    """
    columns = ["erank", *(name for name in OUTCOMES if name in frame)]
    kinds = records(frame[["design", "keep"]].drop_duplicates().sort_values(["design", "keep"]))
    return stacked(
        image_means(
            frame[(frame["design"] == kind["design"]) & (frame["keep"] == kind["keep"])],
            "level",
            columns,
            boot,
        ).assign(**kind)
        for kind in kinds
    )
