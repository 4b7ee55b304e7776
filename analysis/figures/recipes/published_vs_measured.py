"""every published number whose model and data this run matches, beside the measured one."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.benchmarks import SUBTASKS
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cell, escape
from analysis.figures.published import published, published_folder
from analysis.figures.subtasks import subtasks
from analysis.stats.estimate import COLUMNS, records, stacked
from analysis.stats.images import image_means
from analysis.stats.ratios import present, summarise

# Which checkpoint is which of the paper's models, and which of our measures is which of its scores.
_NAMES: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
_KEPT = ("CHAIR_i", "CHAIR_s", "recall", "length", "erank", "attention_mean")


@recipe("images", "kept", place=310, kind="table")
def published_vs_measured(inputs: Inputs) -> Drawn:
    """Lay out matching rows; what does not match is left out, never filled."""
    found = matched(inputs, published(published_folder()))
    lines = []
    for row in records(found):
        told = [escape(row[name]) for name in ("table", "data", "printed_as", "keep", "metric")]
        measured = cell(row, 4 if row["metric"] == "attention_mean" else 1)
        lines.append([*told, f"{row['published']:g}", measured, escape(row["note"])])
    header = ["table", "data", "method", "kept", "metric", "published", "measured", "note"]
    return Drawn(None, {"": found}, caption(inputs, found), booktabs(header, lines))


def paper_model(name: str) -> str | None:
    """Return which of the paper's models a checkpoint is, or ``None``."""
    for paper, pattern in _NAMES["models"].items():
        if re.search(pattern, name.lower()):
            return paper
    return None


def matched(inputs: Inputs, numbers: pd.DataFrame) -> pd.DataFrame:
    """Join published numbers with this run's estimates of the same quantity."""
    names = _NAMES["data"].get(inputs.data.split(":")[0], {})
    same = (numbers["model"] == paper_model(inputs.model)) & numbers["data"].isin(list(names))
    chosen = numbers[same].rename(columns={"value": "published", "method": "printed_as"})
    table = inputs.variants[["variant", "pruner", "keep"]].astype({"keep": str})
    chosen = chosen.merge(table, on=["pruner", "keep"], how="inner")
    own = [measured(inputs, str(data), names[str(data)]) for data in chosen["data"].unique()]
    columns = ["table", "data", "printed_as", "pruner", "keep", "metric", "published", "note"]
    if not own:
        return pd.DataFrame(columns=[*columns, *COLUMNS])
    rows = chosen.merge(
        pd.concat(own, ignore_index=True), on=["data", "metric", "variant"], how="inner"
    )
    return rows[[*columns, *[name for name in COLUMNS if name in rows]]]


def measured(inputs: Inputs, data: str, score: str) -> pd.DataFrame:
    """Estimate what the paper's tables print for one of its names of this run's data.

    Parameters
    ----------
    inputs
        The run.
    data
        Name in the paper, such as ``"MME"`` or, for one subtask, ``"MME OCR"``.
    score
        Our measure of its score; empty where it has none.

    Returns
    -------
    DataFrame
        Estimates with the columns ``data, metric, variant``; what the run cannot score is absent.
    """
    units, images = inputs.units, inputs.images
    subtask = score.removeprefix("MME_")
    is_part = data.startswith("MME ") and subtask in SUBTASKS
    if is_part:
        labels, _ = subtasks(images)
        images = images[images["image_id"].map(labels) == subtask]
    scores = summarise(units, present(units, [score] if score else []), inputs.boot)
    kept = summarise(units, [] if is_part else present(units, _KEPT), inputs.boot)
    table = images[["image_id", "entropy", "erank"]].assign(all="all")
    whole = image_means(table, "all", ["entropy", "erank"], inputs.boot)
    frames = [
        scores.assign(metric="score", variant=scores["group"]),
        kept.assign(metric=kept["measure"], variant=kept["group"]),
        whole.assign(metric="image_" + whole["measure"], variant="full"),
    ]
    return stacked(frames).assign(data=data)


def caption(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say how many numbers match and how many intervals hold the published one."""
    if found.empty:
        return (
            f"No published number is for this model and data ({inputs.model} on {inputs.data}), "
            "so the table has no row."
        )
    inside = (found["low"] <= found["published"]) & (found["published"] <= found["high"])
    return (
        f"{len(found)} published numbers match this run's model, data, method and budget; "
        f"{int(inside.sum())} lie inside the measured {inputs.boot.level:.0%} interval over images."
    )
