"""Attention by source and layer: the [CLS] row from the records, text layers where extracted."""

import numpy as np
import pandas as pd

from analysis.figures.inputs import Inputs, MissingInput
from analysis.plots.style import ATTENTION_COLOUR
from analysis.stats.attention import cumulative, entropy, stack, top_share

# Images a figure of per-token vectors reads at most; the number used is stated in it.
MOST_IMAGES = 2000
_TEXT_COLOURS = ("#FDD49E", "#FDBB84", "#FC8D59", "#E34A33", "#B30000", "#7F0000")


def attention_rows(inputs: Inputs) -> pd.DataFrame:
    """Return ``image_id, source, layer, entropy, top_share, cumulative``, one row a source × layer.

    The [CLS] rows come from the stored vectors of the records; where the run has the attention
    analysis, its rows of the language model's layers follow.
    """
    known = inputs.images[["image_id", "cls_attention", "n_tokens"]].head(MOST_IMAGES)
    known = known[known["cls_attention"].notna() & (known["n_tokens"] == inputs.n_tokens)]
    if known.empty:
        raise MissingInput(f"run {inputs.path.name} stored no [CLS] attention of its images.")
    attention = stack(known["cls_attention"].tolist())
    own = known[["image_id"]].assign(
        source="cls",
        layer=-1,
        entropy=entropy(attention),
        top_share=list(top_share(attention)),
        cumulative=list(cumulative(attention)),
    )
    try:
        extra = inputs.analysis("attention")
    except MissingInput:
        return own
    text = extra[extra["source"] == "text"]
    return pd.concat([own, text[own.columns]], ignore_index=True)


def source_looks(rows: pd.DataFrame) -> dict[tuple[str, int], tuple[str, str]]:
    """Return (source, layer) → (colour, printed name); text layers from light to dark."""
    found = {("cls", -1): (ATTENTION_COLOUR, "[CLS]")}
    layers = sorted(int(layer) for layer in rows.loc[rows["source"] == "text", "layer"].unique())
    for place, layer in enumerate(layers):
        shade = _TEXT_COLOURS[place * (len(_TEXT_COLOURS) - 1) // max(len(layers) - 1, 1)]
        found[("text", layer)] = (shade, f"text, layer {layer + 1}")
    return found


def vectors(column: pd.Series) -> np.ndarray:
    """Return a column of equally long vectors as (n, k)."""
    return np.asarray([np.asarray(row, dtype=np.float64) for row in column])


def text_note(inputs: Inputs, rows: pd.DataFrame) -> str:
    """Say which command adds the language model's layers, where they are absent."""
    if (rows["source"] == "text").any():
        return ""
    return (
        " The language model's own attention was not extracted; add it with: "
        f"agile analyse --run {inputs.path} --analyses attention."
    )
