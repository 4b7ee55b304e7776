"""Density-peak clustering on nearest neighbours (DPC-kNN), without noise."""

import torch
from torch import Tensor


def density_peaks(
    distance: Tensor, density: Tensor, count: int, farthest: Tensor
) -> tuple[Tensor, Tensor]:
    """Cluster m points around their ``count`` density peaks.

    A centre has a high product of density and distance to the nearest denser point. Others join
    their nearest centre.

    Ties: of two equally dense points the one with the lower index counts as denser, and
    equal products or distances go to the lower index.

    Parameters
    ----------
    distance
        (m, m) distances.
    density
        (m,) densities.
    count
        1…m.
    farthest
        Distance that counts for the densest point, which has no denser one: () or (m, 1).

    Returns
    -------
    assignment
        (m,) long, cluster of each point; every cluster holds at least its centre.
    centres
        (count,) long, distinct indices of the centres, best first.

    References
    ----------
    Du et al. (2016), DPC-KNN; used by SparseVLM (Zhang et al., ICML 2025) with uniform
    noise instead of the tie rule.
    """
    place = density.argsort(descending=True, stable=True).argsort()
    denser = place[None, :] < place[:, None]
    gap = torch.where(denser, distance, farthest).amin(dim=1)
    centres = (gap * density).argsort(descending=True, stable=True)[:count]
    assignment = distance[:, centres].argmin(dim=1)
    assignment[centres] = torch.arange(count, device=distance.device)
    return assignment, centres
