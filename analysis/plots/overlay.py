"""Kept tokens over their image: kept patches in colour, pruned ones faded."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle


def square(image: Any) -> np.ndarray:
    """Return the image centred on a grey square, as LLaVA pads it; (s, s, 3) in 0…1."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    height, width = pixels.shape[:2]
    side = max(height, width)
    canvas = np.full((side, side, 3), 0.5)
    top, left = (side - height) // 2, (side - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def kept_mask(indices: Sequence[int], grid: tuple[int, int]) -> np.ndarray:
    """Return which cells of the grid are kept, bool (h, w); merged tokens (-1) mark no cell."""
    mask = np.zeros(grid[0] * grid[1], dtype=bool)
    chosen = np.asarray([i for i in indices if 0 <= i < mask.size], dtype=int)
    mask[chosen] = True
    return mask.reshape(grid)


def token_overlay(
    image: Any,
    indices: Sequence[int] | None,
    grid: tuple[int, int],
    ax: Axes,
    *,
    edge: str = "#000000",
) -> Axes:
    """Draw an image with its kept tokens.

    Parameters
    ----------
    image
        PIL image; padded to a square as the model sees it.
    indices
        Kept tokens in raster order of the grid; ``None`` draws the plain image.
    grid
        Rows and columns of patches.
    ax
        Axes to draw on.
    edge
        Colour of the frame.
    """
    pixels = square(image)
    side = pixels.shape[0]
    if indices is not None:
        mask = kept_mask(indices, grid)
        rows = np.arange(side) * grid[0] // side
        columns = np.arange(side) * grid[1] // side
        kept = mask[rows[:, None], columns[None, :]][..., None]
        grey = pixels.mean(axis=2, keepdims=True)
        pixels = np.where(kept, pixels, 0.76 + 0.21 * grey)
    ax.imshow(pixels, interpolation="nearest", extent=(0, grid[1], grid[0], 0))
    if indices is not None:
        _outline(kept_mask(indices, grid), ax, edge)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.8, edgecolor=edge)
    return ax


def _outline(mask: np.ndarray, ax: Axes, colour: str) -> None:
    """Draw the border between kept and pruned cells."""
    padded = np.pad(mask, 1)
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]
    along = padded[1:-1, 1:] != padded[1:-1, :-1]
    for row, column in np.argwhere(across):
        ax.plot([column, column + 1], [row, row], color=colour, lw=0.6)
    for row, column in np.argwhere(along):
        ax.plot([column, column], [row, row + 1], color=colour, lw=0.6)


def boxed_image(image: Any, boxes: str | None, objects: Sequence[str], ax: Axes) -> Axes:
    """Draw an image with its annotated boxes, and list its categories beneath.

    Parameters
    ----------
    image
        PIL image as the data set has it.
    boxes
        The records' JSON list of ``{category, bbox [x, y, w, h]}``; what is no text draws no box.
    objects
        Names of the categories in the image.
    ax
        Axes to draw on.
    """
    ax.imshow(image, interpolation="nearest")
    for box in json.loads(boxes if isinstance(boxes, str) else "[]"):
        left, top, width, height = box["bbox"]
        ax.add_patch(Rectangle((left, top), width, height, fill=False, ec="#000000", lw=0.7))
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel("in the image:\n" + wrapped([str(name) for name in objects]), fontsize=8)
    return ax


def wrapped(names: list[str], limit: int = 36) -> str:
    """Join names with commas, broken into lines of at most ``limit`` letters."""
    lines = [""]
    for place, name in enumerate(names):
        word = name + ("," if place < len(names) - 1 else "")
        fits = len(lines[-1]) + len(word) < limit
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits else [*lines, word]
    return "\n".join(lines)
