"""CHAIR, recall, length, yes/no accuracy and kept erank against keep, all pruners."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import compared, in_order, shared_legend
from analysis.figures.wording import difference_sentence, interval
from analysis.plots.intervals import curves
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.ratios import RATIOS, present, summarise

MEASURES = ("CHAIR_i", "CHAIR_s", "recall", "length", "accuracy", "ScienceQA", "erank")
_COLUMNS = 3


@recipe("kept", place=110)
def budget(inputs: Inputs) -> Drawn:
    """One panel a measure, one line a pruner, the unpruned model dashed."""
    measures = present(inputs.units, MEASURES)
    table = inputs.variants.set_index("variant")
    shown = inputs.units["variant"].isin([*swept(inputs), *inputs.unpruned])
    found = summarise(inputs.units[shown], measures, inputs.boot)
    found["pruner"] = found["group"].map(table["pruner"])
    found["keep"] = found["group"].map(table["keep"])
    found = in_order(found, "pruner", dict.fromkeys(inputs.variants["pruner"]))
    lines = -(-len(measures) // _COLUMNS)
    figure = new_figure(0.7 + 1.6 * lines)
    axes = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for ax, measure in zip(axes, measures, strict=False):
        panel(found[found["measure"] == measure], ax, inputs.keeps)
        ax.set_ylabel(RATIOS[measure].label.replace("effective rank of kept tokens", "kept erank"))
        ax.set_xlabel(f"tokens kept (of {inputs.n_tokens})")
    for ax in axes[len(measures) :]:
        ax.set_visible(False)
    shared_legend(figure, axes[:1], 4)
    return Drawn(figure, {"": found}, caption(inputs, found))


def swept(inputs: Inputs) -> list[str]:
    """Return the variants of pruners run at two budgets or more; of all where none was."""
    table = inputs.pruned
    often = table[table.groupby("pruner")["keep"].transform("nunique") > 1]
    return [str(name) for name in (table if often.empty else often)["variant"]]


def panel(found: pd.DataFrame, ax: Axes, keeps: list[int]) -> None:
    """Draw one measure against keep."""
    whole = found["pruner"] == "full"
    curves(found[~whole], ax, x="keep", dodge=1.03)
    style = look("full")
    for row in records(found[whole]):
        ax.axhline(row["estimate"], color=style.colour, lw=0.9, ls="--", label=style.label)
        ax.axhspan(row["low"], row["high"], color=style.colour, alpha=0.07, lw=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(keeps, [str(keep) for keep in keeps])
    ax.minorticks_off()
    ax.grid(axis="y")


def caption(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say what the smallest budget costs, and who stands best there."""
    least = min(inputs.keeps)
    parts = []
    rates = found[(found["measure"] == "CHAIR_i") & (found["keep"] == least)]
    if len(rates) > 1:
        ordered = records(rates.sort_values("estimate", kind="stable"))
        best, worst = ordered[0], ordered[-1]
        gap = compared(inputs, ["CHAIR_i"], [(worst["group"], best["group"])])
        names = [look(row["pruner"]).label for row in (worst, best)]
        parts.append(
            f"At {least} of {inputs.n_tokens} tokens CHAIR_i runs from {interval(best, 1)} "
            f"({names[1]}) to {interval(worst, 1)} ({names[0]}), the extremes picked after "
            f"looking; on the same images: "
            + difference_sentence(gap.iloc[0], names[0], names[1], "CHAIR_i")
        )
    parts.append(
        f"Whiskers and band: {inputs.boot.level:.0%} bootstrap intervals over "
        f"{int(found['n'].max()):,} images; dashed: all tokens."
    )
    return " ".join(parts)
