"""Attention order and the even arithmetic of budgets, shared by several methods."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.tokens import VisualTokens


def rank(scores: Tensor) -> Tensor:
    """Return indices along the last axis from highest to lowest score, ties by index.

    Scores are compared in float32 (or float64 where they are given so).
    """
    scores = scores if scores.dtype == torch.float64 else scores.float()
    return scores.argsort(dim=-1, descending=True, stable=True)


def by_attention(batch: Sequence[VisualTokens]) -> Tensor:
    """Return (B, N) token indices by descending [CLS] attention, ties by index."""
    return rank(torch.stack([t.require("cls_attention") for t in batch]))


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves upwards (Python rounds them to even)."""
    return math.floor(value + 0.5)


def grid_width(tokens: VisualTokens) -> int:
    """Width of the patch grid; where it is unknown the nearest integer to sqrt(N)."""
    return tokens.grid[1] if tokens.grid is not None else max(1, round(math.sqrt(tokens.n)))
