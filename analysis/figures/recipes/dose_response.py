"""what kept erank causes: outcomes by drawn dose, and its effect per budget, two instruments."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.design import designed
from analysis.figures.inputs import Inputs
from analysis.figures.panels import lettered, shared_legend
from analysis.figures.wording import capital, images, interval, number, seen
from analysis.plots.intervals import curve
from analysis.plots.style import GUIDE, new_figure
from analysis.stats.doses import dose_levels
from analysis.stats.instrument import EFFECT, FIRST, OBSERVED, TREND, dose_response

_MOST = 4
_UNITS = {"invented": "invented objects a caption"}


@recipe("kept", "design", place=105, optional=True)
def draw(inputs: Inputs) -> Drawn:
    """Draw outcomes over kept erank by quarter of the dose, and effects over the budget."""
    frame = designed(inputs)
    found = dose_response(frame, inputs.boot)
    levels = dose_levels(frame, inputs.boot)
    measures = list(dict.fromkeys(found.loc[found["group"] == EFFECT, "measure"]))[:_MOST]
    keep = inputs.main_keep if inputs.main_keep in set(frame["keep"]) else int(frame["keep"].max())
    columns = max(len(measures), 1)
    figure = new_figure(3.6)
    axes = figure.subplots(2, columns, squeeze=False)
    for place, measure in enumerate(measures):
        response(levels[levels["keep"] == keep], measure, axes[0, place])
        effects(found[found["measure"] == measure], measure, axes[1, place])
    lettered(axes.ravel())
    shared_legend(figure, axes[0, :1], 2)
    data = {"": found, "levels": levels}
    return Drawn(figure, data, caption(inputs, found, keep))


def response(levels: pd.DataFrame, measure: str, ax: Axes) -> None:
    """Draw the mean outcome against mean kept erank, one point a quarter of the dose."""
    for name, part in levels.groupby("design", sort=True):
        across = part[part["measure"] == "erank"].set_index("group")["estimate"]
        own = part[part["measure"] == measure]
        curve(own.assign(x=own["group"].map(across)), ax, x="x", **_style(str(name)))
    ax.set_xlabel("kept erank")
    ax.set_ylabel(_UNITS.get(measure, f"{measure} (%)"))
    ax.grid(axis="y")


def effects(found: pd.DataFrame, measure: str, ax: Axes) -> None:
    """Draw the effect of one unit of kept erank against the budget."""
    rows = found[found["group"] == EFFECT]
    ax.axhline(0, color=GUIDE, lw=0.7, zorder=0)
    for place, (name, part) in enumerate(rows.groupby("design", sort=True)):
        curve(part, ax, x="keep", shift=1.04 ** (2 * place - 1), **_style(str(name)))
    keeps = sorted({int(keep) for keep in rows["keep"]})
    ax.set_xscale("log", base=2)
    ax.set_xticks(keeps, [str(keep) for keep in keeps])
    ax.minorticks_off()
    ax.set_xlabel("tokens kept")
    ax.set_ylabel("effect per unit of erank" if measure == "invented" else "points per erank")


def _style(design: str) -> dict[str, Any]:
    drawn = look(design)
    return {"color": drawn.colour, "marker": drawn.marker, "label": drawn.label}


def caption(inputs: Inputs, found: pd.DataFrame, keep: int) -> str:
    """Say what one unit of kept erank causes, how strong the dose is, and what that assumes."""
    said = [
        design_sentence(part, look(str(name)).label, keep)
        for name, part in found.groupby("design", sort=True)
    ]
    return (
        f"{' '.join(said)} Assumes that the dose reaches captions through kept erank alone; a "
        "drawn attention share moves kept attention too. Observational: least squares without "
        f"the draw. {inputs.boot.level:.0%} bootstrap intervals over images; AR: Anderson–Rubin, "
        "which holds for weak doses too."
    )


def design_sentence(found: pd.DataFrame, name: str, keep: int) -> str:
    """Say first stage, effect on the first outcome, its trend, and what least squares would say."""
    own = found[found["keep"].isin([keep, 0])].set_index(["measure", "group"])
    outcomes = [measure for measure, group in own.index if group == EFFECT]
    if not outcomes or ("erank", FIRST) not in own.index:
        return f"{capital(name)}: too few images for an estimate."
    first, effect = own.loc[("erank", FIRST)], own.loc[(outcomes[0], EFFECT)]
    what = _UNITS.get(outcomes[0], outcomes[0])
    parts = [
        f"{capital(name)}, {keep} tokens: the full dose changes kept erank by "
        f"{interval(first, signed=True)} (F = {number(effect['F'], 0)}"
        f"{', weak: only the AR interval holds' if effect['weak'] else ''})",
        f"one unit of it changes {what} by {interval(effect, 3, signed=True)}, AR "
        f"[{number(effect['ar_low'], 3)}, {number(effect['ar_high'], 3)}] ({images(effect)}), "
        f"observational {interval(own.loc[(outcomes[0], OBSERVED)], 3, signed=True)}",
    ]
    if ("attention_mass", FIRST) in own.index:
        moved = own.loc[("attention_mass", FIRST)]
        parts.insert(1, f"and the kept share of attention by {interval(moved, signed=True)}")
    if (outcomes[0], TREND) in own.index:
        trend = own.loc[(outcomes[0], TREND)]
        verb = "changes" if seen(trend) else "is not seen to change"
        parts.append(f"which {verb} per doubling of tokens ({interval(trend, 3, signed=True)})")
    return "; ".join(parts) + "."
