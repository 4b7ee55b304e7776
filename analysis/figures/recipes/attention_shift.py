"""attention_shift: whether attention, and so pruning, prefers late raster positions."""

import numpy as np
import pandas as pd

from analysis.catalogue import look
from analysis.figures.attention_tables import (
    MOST_IMAGES,
    attention_rows,
    source_looks,
    text_note,
    vector_means,
)
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget
from analysis.figures.inputs import Inputs
from analysis.figures.wording import interval, seen
from analysis.plots.intervals import errors
from analysis.plots.style import new_figure
from analysis.stats.attention import PROFILE_BINS, position_profile
from analysis.stats.estimate import estimates, row
from analysis.stats.ratios import ratio
from chair_eval.bootstrap import Statistic, bootstrap


@recipe(
    place=120,
    shows="share of the most attended quarter of tokens by position, and selection by position",
    needs=("images", "kept"),
)
def attention_shift(inputs: Inputs) -> Drawn:
    """Draw attention by quarter of the image left, kept tokens by position right."""
    rows = attention_rows(inputs)
    shares = quarter_shares(rows, inputs)
    chosen = selection_profile(inputs)
    figure = new_figure(2.95)
    axes = figure.subplots(1, 2)
    for (source, layer), (colour, name) in source_looks(rows).items():
        part = shares[(shares["source"] == source) & (shares["layer"] == layer)]
        axes[0].errorbar(
            part["quarter"],
            100 * part["estimate"],
            yerr=100 * errors(part, "estimate", "low", "high"),
            color=colour,
            marker="o" if source == "cls" else "s",
            markersize=3.5,
            label=name,
        )
    axes[0].axhline(25, color="#B0B0B0", lw=0.7, ls="--", zorder=0)
    axes[0].set(xlabel="quarter of raster positions", ylabel="share of the most attended\n25% (%)")
    axes[0].set_xticks([1, 2, 3, 4], ["1st\n(top)", "2nd", "3rd", "4th\n(bottom)"])
    for variant, part in chosen.groupby("variant", sort=False):
        style = look(str(variant))
        axes[1].plot(
            part["position"],
            100 * part["share"],
            color=style.colour,
            marker=style.marker,
            markersize=3,
            lw=0.8,
            label=style.label,
        )
    axes[1].axhline(100 / PROFILE_BINS, color="#B0B0B0", lw=0.7, ls="--", zorder=0)
    axes[1].set(xlabel="raster position (0 top, 1 bottom)", ylabel="share of kept tokens (%)")
    for ax in axes:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.42), ncols=2, fontsize="small")
    return Drawn(figure, {"": shares, "selection": chosen}, caption(inputs, rows, shares))


def quarter_shares(rows: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the share of the most attended quarter per source, layer and quarter."""
    found = []
    for (source, layer), part in rows.groupby(["source", "layer"], sort=True):
        shares = vector_means(part, "top_share")
        ones = np.ones(len(shares))
        statistics = [Statistic(np.column_stack([one, ones]), ratio) for one in shares.T]
        for place, each in enumerate(bootstrap(statistics, inputs.boot)):
            extra = {"source": str(source), "layer": int(str(layer)), "quarter": place + 1}
            name = f"{source} layer {layer} quarter {place + 1}"
            found.append(row("top share", name, each, inputs.boot.seed, **extra))
    return estimates(found)


def selection_profile(inputs: Inputs) -> pd.DataFrame:
    """Return the share of kept tokens by raster position for the pruners of the main budget."""
    images = inputs.images["image_id"].head(MOST_IMAGES).tolist()
    variants = at_budget(inputs)
    kept = inputs.selections(images, variants).reset_index()
    frames = []
    for variant in variants:
        part = kept.loc[kept["variant"] == variant, "indices"]
        profile = position_profile(part.tolist(), inputs.n_tokens).mean(axis=0)
        middle = (np.arange(PROFILE_BINS) + 0.5) / PROFILE_BINS
        frames.append(pd.DataFrame({"variant": variant, "position": middle, "share": profile}))
    return pd.concat(frames, ignore_index=True)


def caption(inputs: Inputs, rows: pd.DataFrame, shares: pd.DataFrame) -> str:
    """Say whether the bottom quarter gets more than its part."""
    parts = []
    for (source, layer), (_, name) in source_looks(rows).items():
        own = shares[(shares["source"] == source) & (shares["layer"] == layer)]
        last = own[own["quarter"] == 4].iloc[0]
        verdict = (
            "no shift seen"
            if not seen(last, 0.25)
            else ("more than its part" if last["estimate"] > 0.25 else "less than its part")
        )
        parts.append(f"{name} {interval(last)} ({verdict})")
    shown = parts if len(parts) < 4 else [parts[0], parts[1], parts[-1]]
    count = int(shares["n"].max())
    return (
        "Share of the most attended quarter of tokens that lies in the bottom quarter of the "
        f"image, 0.25 without preference: {'; '.join(shown)}; n = {count:,} images."
        + text_note(inputs, rows)
    )
