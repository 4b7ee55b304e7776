"""share of the most attended quarter of tokens by position, and selection by position."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.catalogue import look
from analysis.figures.attention_tables import (
    MOST_IMAGES,
    attention_rows,
    source_looks,
    text_note,
    vectors,
)
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget
from analysis.figures.inputs import Inputs
from analysis.figures.panels import legend_below
from analysis.figures.wording import interval, seen
from analysis.plots.intervals import curve
from analysis.plots.style import GUIDE, new_figure
from analysis.stats.attention import PROFILE_BINS, position_profile
from analysis.stats.estimate import estimated, estimates, records
from analysis.stats.objects import column_means


@recipe("images", "attention", "kept", place=120)
def attention_shift(inputs: Inputs) -> Drawn:
    """Draw attention by quarter of the image left, kept tokens by position right."""
    rows = attention_rows(inputs)
    looks = source_looks(rows)
    shares = quarter_shares(rows, inputs)
    chosen = selection_profile(inputs)
    figure = new_figure(2.95)
    left, right = figure.subplots(1, 2)
    percent = shares.assign(**100 * shares[["estimate", "low", "high"]])
    for (source, layer), part in percent.groupby(["source", "layer"], sort=True):
        colour, name = looks[(str(source), int(str(layer)))]
        marker = "o" if source == "cls" else "s"
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "markersize": 3.5,
            "label": name,
        }
        curve(part, left, x="quarter", lw=1.1, elinewidth=1.1, **style)
    left.axhline(25, color=GUIDE, lw=0.7, ls="--", zorder=0)
    left.set(xlabel="quarter of raster positions", ylabel="share of the most attended\n25% (%)")
    left.set_xticks([1, 2, 3, 4], ["1st\n(top)", "2nd", "3rd", "4th\n(bottom)"])
    for variant, part in chosen.groupby("variant", sort=False):
        drawn = look(str(variant))
        style = {"color": drawn.colour, "marker": drawn.marker, "label": drawn.label}
        right.plot(part["position"], 100 * part["share"], markersize=3, lw=0.8, **style)
    right.axhline(100 / PROFILE_BINS, color=GUIDE, lw=0.7, ls="--", zorder=0)
    right.set(xlabel="raster position (0 top, 1 bottom)", ylabel="share of kept tokens (%)")
    for ax in (left, right):
        legend_below(ax, 0.42, 2)
    said = caption(shares, [name for _, name in looks.values()]) + text_note(inputs, rows)
    return Drawn(figure, {"": shares, "selection": chosen}, said)


def quarter_shares(rows: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the share of the most attended quarter per source, layer and quarter."""
    found = []
    for (source, layer), part in rows.groupby(["source", "layer"], sort=True):
        for quarter, mean in enumerate(column_means(vectors(part["top_share"])), start=1):
            named = {f"{source} layer {layer} quarter {quarter}": mean}
            extra: dict[str, Any] = {"source": source, "layer": int(str(layer)), "quarter": quarter}
            found += estimated("top share", named, inputs.boot, **extra)
    return estimates(found)


def selection_profile(inputs: Inputs) -> pd.DataFrame:
    """Return the share of kept tokens by raster position for the pruners of the main budget."""
    images = inputs.images["image_id"].head(MOST_IMAGES).tolist()
    variants = at_budget(inputs)
    kept = inputs.selections(images, variants).reset_index()
    middle = (np.arange(PROFILE_BINS) + 0.5) / PROFILE_BINS
    frames = []
    for variant in variants:
        part = kept.loc[kept["variant"] == variant, "indices"]
        profile = position_profile(part.tolist(), inputs.n_tokens).mean(axis=0)
        frames.append(pd.DataFrame({"variant": variant, "position": middle, "share": profile}))
    return pd.concat(frames, ignore_index=True)


def caption(shares: pd.DataFrame, names: list[str]) -> str:
    """Say whether the bottom quarter gets more than its part."""
    parts = []
    for name, last in zip(names, records(shares[shares["quarter"] == 4]), strict=True):
        verdict = "no shift seen"
        if seen(last, 0.25):
            verdict = f"{'more' if last['estimate'] > 0.25 else 'less'} than its part"
        parts.append(f"{name} {interval(last)} ({verdict})")
    shown = parts if len(parts) < 4 else [parts[0], parts[1], parts[-1]]
    return (
        "Share of the most attended quarter of tokens that lies in the bottom quarter of the "
        f"image, 0.25 without preference: {'; '.join(shown)}; n = {int(shares['n'].max()):,} "
        "images."
    )
