"""Effective rank: how many directions a set of tokens really spans."""

import torch
from torch import Tensor


def effective_rank(features: Tensor, centred: bool = True) -> Tensor:
    r"""Return the effective rank of a set of tokens by singular values.

    :math:`\mathrm{erank}(A) = \exp(-\sum_i q_i \ln q_i)` with
    :math:`q_i = \sigma_i / \sum_j \sigma_j` over the singular values, not squared
    (Roy & Vetterli 2007; Eqs. 3 and 4 of the paper). This is the direct way, in
    float64; `analysis.measures.gram.Gram.erank` gives the same number far faster when
    several are wanted for one image.

    Parameters
    ----------
    features
        (..., N, D) tokens, any dtype.
    centred
        Subtract the mean token first, as the official release does; False is the
        formula as printed. Centring bounds the result by N - 1.

    Returns
    -------
    Tensor
        (...) float64 in [1, min(N, D)]. Rank one gives 1; so does a matrix without any
        variation (all tokens equal after centring, or all zero), by convention.

    Raises
    ------
    ValueError
        If ``features`` is not a non-empty matrix or holds NaN or infinite values.
    """
    if features.ndim < 2 or 0 in features.shape[-2:]:
        raise ValueError(f"features must be (..., N, D) and not empty, got {features.shape}")
    matrix = features.double()
    if not bool(torch.isfinite(matrix).all()):
        raise ValueError("features must be finite, got NaN or infinite entries")
    scale = matrix.abs().amax(dim=(-2, -1), keepdim=True)
    if centred:
        matrix = matrix - matrix.mean(dim=-2, keepdim=True)
    sigma = torch.linalg.svdvals(matrix)
    # What rounding leaves of a matrix without variation is not variation.
    noise = scale[..., 0] * max(features.shape[-2:]) * torch.finfo(torch.float64).eps
    return spectrum_erank(torch.where(sigma > noise, sigma, 0.0))


def spectrum_erank(sigma: Tensor) -> Tensor:
    """Return the effective rank for (..., L) singular values; 1 where all are zero."""
    total = sigma.sum(dim=-1, keepdim=True)
    shares = sigma / total.clamp_min(torch.finfo(sigma.dtype).tiny)
    return torch.special.entr(shares).sum(dim=-1).exp()
