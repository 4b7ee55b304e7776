"""published_vs_measured: the paper's numbers beside this run's, where model and data match."""

import re
from pathlib import Path

import pandas as pd

import analysis
from analysis.errors import AgileError
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cell, escape
from analysis.figures.panels import available
from analysis.stats.estimate import COLUMNS, records
from analysis.stats.images import image_means
from analysis.stats.ratios import summarise

# How a checkpoint's name says which of the paper's models it is.
_MODELS = {
    "LLaVA-1.5-7B": r"llava-(v)?1\.5-7b",
    "LLaVA-1.5-13B": r"llava-(v)?1\.5-13b",
    "LLaVA-NeXT-7B": r"llava-(v1\.6|next).*7b",
    "Qwen2.5-VL-7B": r"qwen2\.5-vl-7b",
}
# Data set of a spec → (name in the paper, what its "score" is among our measures).
_DATA = {
    "coco-chair": ("COCO val2014 (500 images)", None),
    "pope": ("POPE", "F1"),
}
_KEPT = ("CHAIR_i", "CHAIR_s", "recall", "length", "erank", "attention_mean", "F1")
_IMAGE = {"image_entropy": "entropy", "image_erank": "erank"}


@recipe(
    "published_vs_measured",
    shows="every published number whose model and data this run matches, beside the measured one",
    needs=("images", "kept"),
    kind="table",
)
def published_vs_measured(inputs: Inputs) -> Drawn:
    """Lay out matching rows; what does not match is left out, never filled."""
    found = matched(inputs, published(published_folder()))
    lines = [
        [
            escape(row["table"]),
            escape(row["printed_as"]),
            str(row["keep"]),
            escape(row["metric"]),
            f"{row['published']:g}",
            cell(row, 4 if row["metric"] == "attention_mean" else 1),
            escape(row["note"]),
        ]
        for row in records(found)
    ]
    header = ["table", "method", "kept", "metric", "published", "measured", "note"]
    return Drawn(None, {"": found}, caption(inputs, found), booktabs(header, lines))


def published_folder() -> Path:
    """Return the folder of the published numbers.

    Raises
    ------
    AgileError
        If the package is used outside its repository.
    """
    folder = Path(analysis.__file__).parents[1] / "data" / "published"
    if not folder.is_dir():
        raise AgileError(f"{folder} is not there; run inside a clone of the repository.")
    return folder


def published(folder: Path) -> pd.DataFrame:
    """Read all published numbers; columns as in ``data/published/README.md``."""
    text = {"table": str, "keep": str, "note": str}
    frames = [pd.read_csv(path, dtype=text) for path in sorted(folder.glob("*.csv"))]
    found = pd.concat(frames, ignore_index=True)
    return found.fillna({"keep": "", "note": ""})


def paper_model(name: str) -> str | None:
    """Return which of the paper's models a checkpoint is, or ``None``."""
    for paper, pattern in _MODELS.items():
        if re.search(pattern, name.lower()):
            return paper
    return None


def matched(inputs: Inputs, numbers: pd.DataFrame) -> pd.DataFrame:
    """Join published numbers with this run's estimates of the same quantity."""
    data, score = _DATA.get(inputs.data.split(":")[0], (None, None))
    chosen = numbers[(numbers["model"] == paper_model(inputs.model)) & (numbers["data"] == data)]
    chosen = chosen.rename(columns={"value": "published", "method": "printed_as"})
    chosen["metric"] = chosen["metric"].replace({"score": score or "score"})
    table = inputs.variants[["variant", "pruner", "keep"]].astype({"keep": str})
    chosen = chosen.merge(table, on=["pruner", "keep"], how="inner")
    rows = chosen.merge(measured(inputs), on=["metric", "variant"], how="inner")
    columns = ["table", "data", "printed_as", "pruner", "keep", "metric", "published", "note"]
    return rows[[*columns, *[name for name in COLUMNS if name in rows]]]


def measured(inputs: Inputs) -> pd.DataFrame:
    """Estimate everything the paper's tables could be compared with."""
    own = summarise(inputs.units, available(inputs, _KEPT), inputs.boot)
    own = own.assign(metric=own["measure"], variant=own["group"])
    table = inputs.images[["image_id", "entropy", "erank"]].assign(all="all")
    whole = image_means(table, "all", ["entropy", "erank"], inputs.boot)
    names = {ours: paper for paper, ours in _IMAGE.items()}
    whole = whole.assign(metric=whole["measure"].map(names), variant="full")
    return pd.concat([own, whole], ignore_index=True)


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
