"""budget: every score and kept erank as fewer tokens are kept."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.wording import difference_sentence, interval
from analysis.plots.intervals import curves
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS, present, summarise

MEASURES = ("CHAIR_i", "CHAIR_s", "recall", "length", "accuracy", "ScienceQA", "erank")
_COLUMNS = 3


@recipe(
    place=110,
    shows="CHAIR, recall, length, yes/no accuracy and kept erank against keep, all pruners",
    needs=("kept", "captions"),
)
def budget(inputs: Inputs) -> Drawn:
    """One panel a measure, one line a pruner, the unpruned model dashed."""
    units = inputs.units
    measures = present(units, MEASURES)
    chosen = [*swept(inputs), *_full(inputs)]
    found = summarise(units[units["variant"].isin(chosen)], measures, inputs.boot)
    table = inputs.variants.set_index("variant")
    found["pruner"] = found["group"].map(table["pruner"])
    found["keep"] = found["group"].map(table["keep"])
    order = {name: place for place, name in enumerate(dict.fromkeys(inputs.variants["pruner"]))}
    found = found.sort_values("pruner", key=lambda names: names.map(order), kind="stable")
    lines = -(-len(measures) // _COLUMNS)
    figure = new_figure(0.7 + 1.6 * lines)
    axes = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for ax, measure in zip(axes, measures, strict=False):
        panel(found[found["measure"] == measure], ax, inputs.keeps)
        ax.set_ylabel(RATIOS[measure].label.replace("effective rank of kept tokens", "kept erank"))
        ax.set_xlabel(f"tokens kept (of {inputs.n_tokens})")
    for ax in axes[len(measures) :]:
        ax.set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Drawn(figure, {"": found.reset_index(drop=True)}, caption(inputs, found))


def swept(inputs: Inputs) -> list[str]:
    """Return the variants of pruners run at two budgets or more; of all where none was."""
    table = inputs.pruned
    often = table[table.groupby("pruner")["keep"].transform("nunique") > 1]
    return [str(name) for name in (table if often.empty else often)["variant"]]


def panel(found: pd.DataFrame, ax: Axes, keeps: list[int]) -> Axes:
    """Draw one measure against keep."""
    pruned = found[found["pruner"] != "full"]
    curves(pruned, ax, x="keep", dodge=1.03)
    whole = found[found["pruner"] == "full"]
    for row in whole.to_dict("records"):
        style = look("full")
        ax.axhline(row["estimate"], color=style.colour, lw=0.9, ls="--", label=style.label)
        ax.axhspan(row["low"], row["high"], color=style.colour, alpha=0.07, lw=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(keeps, [str(keep) for keep in keeps])
    ax.minorticks_off()
    ax.grid(axis="y")
    return ax


def _full(inputs: Inputs) -> list[str]:
    return [name for name in inputs.variants["variant"] if name == "full"]


def caption(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say what the smallest budget costs, and who stands best there."""
    least = min(inputs.keeps)
    parts = []
    rates = found[(found["measure"] == "CHAIR_i") & (found["keep"] == least)]
    if len(rates) > 1:
        ordered = sorted(records(rates), key=lambda row: float(row["estimate"]))
        best, worst = ordered[0], ordered[-1]
        gap = compare(inputs.units, ["CHAIR_i"], [(worst["group"], best["group"])], inputs.boot)
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
