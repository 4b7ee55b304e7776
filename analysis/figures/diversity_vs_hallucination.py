"""diversity_vs_hallucination: whether more diverse kept tokens go with more invented objects."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import difference_sentence, images, interval, seen
from analysis.plots.intervals import crosses, forest
from analysis.plots.scatter import line_with_band
from analysis.plots.style import NEUTRAL, RASTER_FROM, look, new_figure
from analysis.stats.families import ATTENTION, DIVERSITY, representative
from analysis.stats.hallucination import hallucination_rate, paired_units, ties
from analysis.stats.line import regression_band
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS, summarise

_CAPTIONS = "agile extract --tasks caption"


@recipe(
    "diversity_vs_hallucination",
    shows="kept erank against CHAIR by method, and per image: within pairs and length-controlled",
    needs=("kept", "captions"),
)
def diversity_vs_hallucination(inputs: Inputs) -> Drawn:
    """Methods above, images below: method means alone cannot carry the claim."""
    units = inputs.need("n_mentions", _CAPTIONS)
    units = units[units["variant"].isin(at_budget(inputs))]
    methods = by_method(units, inputs)
    spoken = hallucination_rate(units)
    tied = ties(spoken, "erank", boot=inputs.boot)
    pair, effects = pair_effects(inputs)
    changes = paired_units(spoken, *pair, ["erank", "hallucinated"])
    line = regression_band(changes, "erank", "hallucinated", inputs.boot)

    figure = new_figure(4.5)
    axes = figure.subplots(2, 2)
    for ax, measure in zip(axes[0], ("CHAIR_i", "CHAIR_s"), strict=True):
        crosses(methods[methods["measure"] == measure], ax)
        ax.set(xlabel=RATIOS["erank"].label, ylabel=RATIOS[measure].label)
        ax.grid(visible=True)
    pair_panel(changes, line, pair, axes[1, 0])
    tied["label"] = tied["group"].str.replace(", given", ",\ngiven", regex=False)
    forest(tied, axes[1, 1], colour=NEUTRAL)
    axes[1, 1].set(xlabel="correlation of kept erank with\nshare of invented objects")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4)
    for ax, letter in zip(axes.flat, "abcd", strict=True):
        ax.set_title(f"({letter})", loc="left", fontsize="medium")
    data = {"": methods, "correlations": tied.drop(columns="label"), "pairs": effects}
    data |= {"images": changes}
    return Drawn(figure, data, caption(inputs, pair, effects, tied))


def at_budget(inputs: Inputs) -> list[str]:
    """Return the plain pruners' variants at the main budget."""
    chosen = inputs.pruned[inputs.pruned["keep"] == inputs.main_keep]
    return [str(name) for name in chosen["variant"]]


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
    specs = inputs.pruned["pruner"].unique().tolist()
    first, second = (representative(specs, kind) for kind in (DIVERSITY, ATTENTION))
    if first is None or second is None:
        wanted = [name for name, has in (("divprune", first), ("fastervlm", second)) if not has]
        raise MissingInput(inputs.remedy(wanted, inputs.main_keep))
    pair = (inputs.variant(first), inputs.variant(second))
    measures = ["erank", "CHAIR_i", "CHAIR_s", "recall", "length"]
    return pair, compare(inputs.units, measures, [pair], inputs.boot)


def pair_panel(changes: pd.DataFrame, line: pd.DataFrame, pair: tuple[str, str], ax: Axes) -> Axes:
    """Draw one point an image: what changing the method changed."""
    first, second = (look(name).label for name in pair)
    many = len(changes) > RASTER_FROM
    # Shares of few mentions coincide; a fixed jitter shows how many images lie on one spot.
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, size=len(changes))
    ax.scatter(
        changes["erank"],
        changes["hallucinated"] + jitter,
        s=5,
        alpha=0.15 if many else 0.35,
        linewidths=0,
        color=NEUTRAL,
        rasterized=many,
    )
    line_with_band(line, ax)
    ax.axhline(0, color="#B0B0B0", lw=0.7, zorder=0)
    ax.set(
        xlabel=f"change of kept erank,\n{first} − {second}",
        ylabel="change of share of\ninvented objects",
    )
    return ax


def caption(
    inputs: Inputs, pair: tuple[str, str], effects: pd.DataFrame, tied: pd.DataFrame
) -> str:
    """Say what the pair shows, and whether it survives inside images and given length."""
    first, second = (look(name).label for name in pair)
    row = effects.set_index("measure").loc["CHAIR_i"]
    inside = tied[tied["group"].str.startswith("within image")].iloc[-1]
    link = "correlate" if seen(inside) else "do not visibly correlate"
    longer = effects.set_index("measure").loc["length"]
    return " ".join(
        [
            difference_sentence(row, first, second, "CHAIR_i"),
            f"Its captions differ by {interval(longer, 1, signed=True)} words.",
            f"Inside the same image ({inside['group']}) kept erank and the share of invented "
            f"objects {link}: r = {interval(inside)}, {images(inside)}.",
            f"Budget {inputs.main_keep} of {inputs.n_tokens} tokens; points are means over images "
            f"with {inputs.boot.level:.0%} bootstrap intervals.",
        ]
    )
