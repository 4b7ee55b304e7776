"""Token dropping: training batches that keep only some visual tokens, as pruning will."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.pocket.dialogue import PATCHES


@dataclass(frozen=True)
class DropRecipe:
    """How often and how hard tokens are dropped.

    Attributes
    ----------
    share
        Share of batches with dropping, 0..1; 0 turns it off.
    fewest
        Kept tokens are drawn log-uniformly from `fewest` to all.
    saliency
        Each image's tokens are drawn by Gumbel top-K with weights beta x z-scored distance from
        the image's mean feature, beta uniform in this range: from evenly to object-centred.
    original_positions
        Share of dropped batches whose tokens keep their old position ids.
    """

    share: float = 0.65
    fewest: int = 6
    saliency: tuple[float, float] = (-1.0, 3.0)
    original_positions: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}, allowed is 0 to 1")
        if not 1 <= self.fewest <= PATCHES:
            raise ValueError(f"fewest is {self.fewest}, allowed is 1 to {PATCHES}")


@dataclass(frozen=True, eq=False)
class Kept:
    """Kept features (n, k, C), their places in the image (n, k), and the position policy."""

    features: Tensor
    places: Tensor
    original_positions: bool

    @property
    def count(self) -> int:
        """Number k of kept tokens."""
        return self.places.shape[1]


def drop_tokens(features: Tensor, recipe: DropRecipe, generator: torch.Generator) -> Kept:
    """Drop visual tokens of a batch, or none.

    Parameters
    ----------
    features
        (n, 144, C) visual tokens in reading order.
    recipe
        How.
    generator
        Source of every choice.
    """
    count, tokens, _ = features.shape
    chances = torch.rand(3, generator=generator)
    everything = torch.arange(tokens).expand(count, -1)
    if float(chances[0]) >= recipe.share:
        return Kept(features, everything, False)
    low, high = math.log(recipe.fewest), math.log(tokens)
    keep = round(math.exp(low + float(chances[1]) * (high - low)))
    distance = (features - features.mean(1, keepdim=True)).norm(dim=-1)
    score = (distance - distance.mean(1, keepdim=True)) / distance.std(1, keepdim=True)
    least, most = recipe.saliency
    beta = torch.rand(count, 1, generator=generator) * (most - least) + least
    uniform = torch.rand(count, tokens, generator=generator).clamp(1e-6, 1 - 1e-6)
    gumbel = -torch.log(-torch.log(uniform))
    places = (beta * score + gumbel).topk(keep, -1).indices.sort(-1).values
    kept = features.gather(1, places[:, :, None].expand(-1, -1, features.shape[-1]))
    return Kept(kept, places, float(chances[2]) < recipe.original_positions)
