"""Where the attention of an image lies: by raster position, in few tokens or many, in boxes."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chair_eval.bootstrap import Array

# Points of a cumulative curve, 0 % to 100 % of the tokens.
CURVE_POINTS = 51
PROFILE_BINS = 8
_QUARTERS = 4


def stack(attention: Sequence[ArrayLike]) -> Array:
    """Return equally long attention vectors as (n, N), each renormalised to sum 1."""
    found = np.asarray([np.asarray(row, dtype=np.float64) for row in attention])
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def binned(places: ArrayLike, n_tokens: int, bins: int) -> NDArray[np.int64]:
    """Return the bin of raster positions; bin b holds tokens b N // bins … (b + 1) N // bins − 1.

    The quarters of the ``quartile`` pruner are these with four bins.
    """
    edges = np.arange(1, bins) * n_tokens // bins
    return np.asarray(np.searchsorted(edges, places, side="right"))


def top_share(attention: Array) -> Array:
    """Return where the most attended quarter of the tokens lies; (n, N) → (n, 4).

    Entry q is the share of the ``max(1, round(N / 4))`` most attended tokens that lie in quarter q
    of raster positions (`binned`: top to bottom for a square grid); rows sum to 1, and 0.25 each
    means no preference. Ties go to the lower index.
    """
    total = attention.shape[1]
    count = max(1, round(total / _QUARTERS))
    top = np.argsort(-attention, axis=1, kind="stable")[:, :count]
    quarter = binned(top, total, _QUARTERS)
    return np.stack([(quarter == place).mean(axis=1) for place in range(_QUARTERS)], axis=1)


def cumulative(attention: Array) -> Array:
    """Return the attention held by the most attended 0 %, 2 %, … 100 %; (n, N) → (n, 51)."""
    total = attention.shape[1]
    ordered = np.sort(attention, axis=1)[:, ::-1]
    held = np.concatenate([np.zeros((len(attention), 1)), np.cumsum(ordered, axis=1)], axis=1)
    at = np.linspace(0, total, CURVE_POINTS)
    low = np.minimum(at.astype(int), total - 1)
    part = at - low
    return np.asarray(held[:, low] * (1 - part) + held[:, low + 1] * part)


def entropy(attention: Array) -> Array:
    """Return the entropy of each row in nats; (n, N) → (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(attention > 0, attention * np.log(attention), 0.0)
    return np.asarray(-terms.sum(axis=1))


def position_profile(indices: Sequence[Sequence[int]], n_tokens: int) -> Array:
    """Return the share of kept tokens in 8 bins of raster position; (n, 8), rows sum to 1."""
    rows = []
    for kept in indices:
        chosen = np.asarray(kept, dtype=np.int64)
        chosen = chosen[chosen >= 0]
        places = binned(chosen, n_tokens, PROFILE_BINS)
        counts = np.bincount(places, minlength=PROFILE_BINS)
        rows.append(counts / max(len(chosen), 1))
    return np.asarray(rows, dtype=np.float64)


def box_mask(
    boxes: Sequence[Sequence[float]],
    size: tuple[int, int],
    grid: tuple[int, int],
    *,
    padded: bool,
) -> Array:
    """Return the share of each patch that lies in any of the boxes, (N,) in 0…1.

    Parameters
    ----------
    boxes
        Boxes [x, y, w, h] in pixels of the original image.
    size
        Width and height of the original image.
    grid
        Rows and columns of patches.
    padded
        True when the model sees the image centred on a square (LLaVA's own preprocessing), False
        when it sees the central square crop.
    """
    width, height = size
    side = max(width, height) if padded else min(width, height)
    left, top = (side - width) / 2, (side - height) / 2
    fine = 4  # sub-cells a side, so that thin boxes count for what they cover
    rows = (np.arange(grid[0] * fine) + 0.5) * side / (grid[0] * fine)
    columns = (np.arange(grid[1] * fine) + 0.5) * side / (grid[1] * fine)
    inside = np.zeros((len(rows), len(columns)), dtype=bool)
    for x, y, w, h in boxes:
        across = (columns >= x + left) & (columns < x + left + w)
        along = (rows >= y + top) & (rows < y + top + h)
        inside |= along[:, None] & across[None, :]
    cells = inside.reshape(grid[0], fine, grid[1], fine).mean(axis=(1, 3))
    return np.asarray(cells.ravel(), dtype=np.float64)


def object_attention(images: pd.DataFrame, *, padded: bool) -> pd.DataFrame:
    """Return how much attention each annotated category of each image gets.

    Parameters
    ----------
    images
        Rows with ``image_id, cls_attention, boxes, width, height, grid_h, grid_w, n_tokens``.
    padded
        See `box_mask`.

    Returns
    -------
    DataFrame
        ``image_id, category, share`` (attention inside its boxes), ``area`` (share of the patches)
        and ``density`` = share / area: 1 means as much as anywhere, 2 twice as much. Images whose
        tokens are no single grid, and categories outside the field of view, have no row.
    """
    rows = []
    for image in images.to_dict("records"):
        grid = (int(image["grid_h"]), int(image["grid_w"]))
        attention = np.asarray(image["cls_attention"], dtype=np.float64)
        # A missing text is None or NaN, as the reader of the table has it.
        if not isinstance(image["boxes"], str) or not attention.sum():
            continue
        if grid[0] * grid[1] != len(attention):
            continue
        attention = attention / attention.sum()
        by_category: dict[str, list[Sequence[float]]] = {}
        for box in json.loads(image["boxes"]):
            by_category.setdefault(str(box["category"]), []).append(box["bbox"])
        size = (int(image["width"]), int(image["height"]))
        for category, boxes in sorted(by_category.items()):
            mask = box_mask(boxes, size, grid, padded=padded)
            if mask.sum() > 0:
                share, area = float(attention @ mask), float(mask.mean())
                rows.append((image["image_id"], category, share, area, share / area))
    return pd.DataFrame(rows, columns=["image_id", "category", "share", "area", "density"])
