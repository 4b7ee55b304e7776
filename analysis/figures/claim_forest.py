"""One figure a claim: its tests in units of the smallest effect of interest."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.claims import UNITS, comparison
from analysis.figures.findings import Finding
from analysis.figures.wording import interval
from analysis.plots.claims import claim_forest, claim_legend
from analysis.plots.style import new_figure
from analysis.stats.estimate import decimals, records
from analysis.stats.margins import Margins
from analysis.stats.verdicts import point

# Narrow enough for a telephone, where it fills the screen.
_WIDTH, _ROW, _ROOM = 0.68, 0.42, 0.95


def claim_figure(finding: Finding, margins: Margins) -> Figure | None:
    """Draw the tests of a claim, decisive ones first; ``None`` where none has an interval.

    Effects of measures with a margin share an axis in margins; correlations have their own.
    """
    rows = [
        _row(each, margins)
        for each in records(finding.judgement.frame)
        if np.isfinite([each["estimate"], each["low"], each["high"]]).all()
    ]
    if not rows:
        return None
    table = pd.DataFrame(rows)
    parts = [part for _, part in table.groupby("plain", sort=True)]
    height = _ROOM + _ROW * len(table) + 0.45 * (len(parts) - 1)
    figure = new_figure(height, width=_WIDTH)
    sizes = [len(part) + 0.3 for part in parts]
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=sizes)[:, 0]
    for ax, part in zip(axes, parts, strict=True):
        plain = bool(part["plain"].iloc[0])
        claim_forest(part, ax, margin=None if plain else 1.0)
        ax.set_xlabel("own unit" if plain else "effect, in margins", fontsize="small")
        if plain and part["measure"].str.contains("rho|^r\\(").all():
            ax.set_xlabel("correlation", fontsize="small")
    handles = claim_legend(margin=not table["plain"].all())
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="x-small")
    return figure


def _row(row: dict[str, Any], margins: Margins) -> dict[str, Any]:
    """Return a test as it is drawn: scaled by its measure's margin, with its words."""
    measure = str(row["measure"])
    size = 0.0 if "rho" in measure else margins.of(measure.partition(",")[0])
    scale = size or 1.0
    resamples = int(row["method"].partition("B=")[2].partition(",")[0] or 0)
    digits = decimals(row["se"], resamples, 2)
    unit = UNITS.get(margins.units.get(measure.partition(",")[0], ""), "") if size else ""
    label = comparison(row).replace(" minus ", " − ").removesuffix(", r")
    return {
        "label": _short(label),
        "value": f"{interval(row, digits, signed=True)}{unit}, {row['outcome']}",
        **{name: row[name] / scale for name in ("estimate", "low", "high")},
        "start": point(row) / scale,
        "expected": row["expected"],
        "decisive": row["decisive"],
        "outcome": row["outcome"],
        "measure": measure,
        "plain": not size,
    }


def _short(label: str) -> str:
    """Return a label that fits a narrow figure."""
    for long, short in (
        ("Kept erank with invented objects inside images, images and methods as units",
         "Kept erank with invented objects inside images"),
        (", captions that ended by themselves", " (uncut captions)"),
        (" images (", " ("),
    ):  # fmt: skip
        label = label.replace(long, short)
    return label
