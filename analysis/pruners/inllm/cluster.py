"""Density-peak clustering on nearest neighbours (DPC-kNN), without noise."""

import torch
from torch import Tensor


def density_peaks(points: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    """Cluster ``points`` (m, C) around their ``n_clusters`` density peaks.

    The density of a point is exp(-mean of the squared distances to its ``n_clusters``
    nearest points, itself included), distances being Euclidean over sqrt(C). A centre
    has a high product of density and distance to the nearest denser point (for the
    densest: the largest distance of all). Others join their nearest centre.

    Ties: of two equally dense points the one with the lower index counts as denser, and
    equal products or distances go to the lower index.

    Parameters
    ----------
    points
        (m, C), any float dtype; computed in float32.
    n_clusters
        1…m.

    Returns
    -------
    assignment
        (m,) long, cluster of each point; every cluster holds at least its centre.
    centres
        (n_clusters,) long, distinct indices of the centres, best first.

    References
    ----------
    Du et al. (2016), DPC-KNN; used by SparseVLM (Zhang et al., ICML 2025) with uniform
    noise instead of the tie rule.
    """
    x = points.float()
    distance = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") / x.shape[1] ** 0.5
    nearest = distance.sort(dim=1).values[:, :n_clusters]
    density = (-nearest.square().mean(1)).exp()
    rank = torch.sort(density, descending=True, stable=True).indices.argsort()
    denser = rank[None, :] < rank[:, None]
    gap = torch.where(denser, distance, distance.max()).min(1).values
    peaks = torch.sort(gap * density, descending=True, stable=True).indices
    centres = peaks[:n_clusters]
    assignment = distance[:, centres].argmin(1)
    assignment[centres] = torch.arange(n_clusters, device=x.device)
    return assignment, centres
