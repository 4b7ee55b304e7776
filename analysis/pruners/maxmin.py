"""Greedy max-min selection: the loop under DivPrune, FPS and the mixture."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.tokens import VisualTokens


def distances(batch: Sequence[VisualTokens]) -> Tensor:
    """Return (B, N, N) cosine distances of ``features``, each image's cached ones reused.

    One product per image, also on a GPU: a batched product may round otherwise there, and
    a batch would part from its images alone at near-ties. All steps after it are exact.
    """
    if len(batch) == 1:
        return batch[0].gram.cosine_distance()[None]
    return torch.stack([t.gram.cosine_distance() for t in batch])


def max_nn(distance: Tensor, barred: Tensor | None = None) -> Tensor:
    """Return (B,) the token with the largest distance to its nearest neighbour.

    Tokens where (B, N) ``barred`` is True are neither chosen nor anyone's neighbour.
    """
    apart = distance.clone()
    apart.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    if barred is None:
        return apart.amin(dim=-1).argmax(dim=-1)
    apart.masked_fill_(barred[:, None, :], torch.inf)
    return apart.amin(dim=-1).masked_fill(barred, -torch.inf).argmax(dim=-1)


def max_min(distance: Tensor, seeds: Tensor, picks: int, barred: Tensor | None = None) -> Tensor:
    """Add tokens one by one, each the farthest from everything chosen so far.

    Keeping a running minimum makes one step O(N); it picks what re-minimising over all
    chosen rows picks.

    Parameters
    ----------
    distance
        (B, N, N) pairwise distances.
    seeds
        (B, S) tokens chosen already, S >= 1; they are not returned.
    picks
        Number of tokens to add, at most N - S.
    barred
        (B, N) True for further tokens that may not be chosen.

    Returns
    -------
    Tensor
        (B, picks) indices in the order they were picked; ties go to the lowest index.
    """
    rows = torch.arange(distance.shape[0], device=distance.device)
    nearest = distance[rows[:, None], seeds].amin(dim=1)
    nearest.scatter_(1, seeds, -torch.inf)
    if barred is not None:
        nearest.masked_fill_(barred, -torch.inf)
    chosen = torch.empty(distance.shape[0], picks, dtype=torch.long, device=distance.device)
    if distance.shape[0] == 1 and distance.device.type == "cpu":
        _grow_one(distance[0], nearest[0], chosen[0])
        return chosen
    for step in range(picks):
        pick = nearest.argmax(dim=1)
        chosen[:, step] = pick
        torch.minimum(nearest, distance[rows, pick], out=nearest)
        nearest[rows, pick] = -torch.inf
    return chosen


def _grow_one(distance: Tensor, nearest: Tensor, chosen: Tensor) -> None:
    """Do the loop of `max_min` for one image in NumPy, whose calls cost a tenth."""
    matrix, best, out = distance.numpy(), nearest.numpy(), chosen.numpy()
    for step in range(out.shape[0]):
        pick = int(best.argmax())
        out[step] = pick
        np.minimum(best, matrix[pick], out=best)
        best[pick] = -np.inf


def farthest_first(
    distance: Tensor, start: Tensor, keep: int, barred: Tensor | None = None
) -> Tensor:
    """Return (B, keep) tokens in pick order, beginning with ``start`` (B,)."""
    grown = max_min(distance, start[:, None], keep - 1, barred)
    return torch.cat([start[:, None], grown], dim=1)
