"""Downsampling: the token grid averaged down to K cells, as if the image had been shrunk."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.pruners import Case, Pruner, Selection
from analysis.tokens import VisualTokens

# A cell may be up to twice as wide as high, or as high as wide, to fit the grid without cutting.
_MOST_OCTAVES = 0.5
# Which part of a side, of how many equal parts.
Span = tuple[int, int]


@dataclass(frozen=True)
class Downsample(Pruner):
    """Average pooling of the token grid to exactly K cells: no token is chosen at all.

    The baseline of VTC-Bench (Liao et al., ACL 2026), which shrinks the image until the
    tower gives K tokens. A CLIP tower gives N tokens whatever the image, so its grid is
    pooled instead, before the projector; towers that take any size (Qwen2.5-VL) are
    pooled alike, because every method of a run starts from one pass of the tower and K
    is rarely a product of two sides in the image's proportions.

    The grid is cut into bands of equal height and each band into cells of equal width;
    a token counts in a cell by the share of it that lies there, and each row of weights
    sums to 1. Where the grid can be cut into K equal blocks of whole tokens with sides
    of at most 2 : 1 this is plain average pooling; else the number of bands is the one
    that makes cells most nearly square, and the last bands hold one cell more. The token
    at the centre of a cell stands for it where a method's positions or attention count.
    """

    name = "downsample"
    signal = "none"
    space = "before projector"
    needs = ("encoder_features",)
    on_grid = True
    licence = "ours (a baseline, not a method)"
    deviations = (
        "Token grids are pooled; VTC-Bench shrinks the image before a tower that takes any size.",
        "Any K is met exactly, by cells that cut tokens where K equal blocks do not fit the grid.",
    )

    @property
    def merges(self) -> bool:
        """Always."""
        return True

    def macs(self, case: Case) -> int:
        """Count each token once."""
        return case.n_tokens * case.vision.hidden

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        if tokens.grid is None:
            raise UsageError(
                f"{self.name} needs the grid of the image's tokens, and these {tokens.n} are on "
                "none; give grid = (rows, columns)."
            )
        cells = cells_of(tokens.grid, keep)
        indices = [_centre(cell, tokens.grid) for cell in cells]
        weights = torch.zeros(keep, tokens.n + 1)
        for row, (band, column) in zip(weights, cells, strict=True):
            both = torch.outer(shares(band, tokens.grid[0]), shares(column, tokens.grid[1]))
            row[1:] = both.flatten()
        return Selection(
            indices=torch.tensor(indices, device=tokens.device),
            groups=("cell",) * keep,
            n_tokens=tokens.n,
            weights=weights.to(tokens.device),
            position_policy=self.position_policy,
            info={"bands": cells[0][0][1]},
        )


def bands_of(grid: tuple[int, int], keep: int) -> int:
    """Return the number of bands that K cells of an (H, W) grid lie in; see `Downsample`."""
    height, width = grid
    square = keep * height / width

    def cost(bands: int) -> tuple[bool, float]:
        octaves = round(abs(math.log2(bands**2 / square)) / 2, 9)
        whole = keep % bands == 0 and height % bands == 0 and width % (keep // bands) == 0
        return not (whole and octaves <= _MOST_OCTAVES), octaves

    return min(range(-(-keep // width), min(height, keep) + 1), key=cost)


def cells_of(grid: tuple[int, int], keep: int) -> list[tuple[Span, Span]]:
    """Return K cells in reading order: which of how many bands, which of how many in the band.

    A span ``(place, parts)`` is part ``place`` of a side cut into ``parts`` equal ones.
    """
    bands = bands_of(grid, keep)
    each, over = divmod(keep, bands)
    counts = [each + (band >= bands - over) for band in range(bands)]
    return [
        ((band, bands), (place, count))
        for band, count in enumerate(counts)
        for place in range(count)
    ]


def shares(span: Span, size: int) -> Tensor:
    """Return (size,) how much of a span lies on each token of a side of ``size``; sums to 1."""
    place, parts = span
    low, high = place * size / parts, (place + 1) * size / parts
    edge = torch.arange(size, dtype=torch.float64)
    covered = (torch.clamp(edge + 1, max=high) - torch.clamp(edge, min=low)).clamp_min(0.0)
    return (covered / covered.sum()).float()


def _centre(cell: tuple[Span, Span], grid: tuple[int, int]) -> int:
    """Return the index of the token at a cell's centre."""
    both = zip(cell, grid, strict=True)
    row, column = ((2 * place + 1) * size // (2 * parts) for (place, parts), size in both)
    return row * grid[1] + column
