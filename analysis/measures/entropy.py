"""Attention entropy: how widely [CLS] spreads its attention over the image."""

import torch
from torch import Tensor


def attention_entropy(cls_attention: Tensor) -> Tensor:
    r"""Return the entropy of [CLS] attention over the visual tokens, in nats.

    :math:`H(p) = -\sum_i p_i \ln p_i` with
    :math:`p_i = \alpha_i / \sum_j \alpha_j` (Eqs. 1 and 2 of the paper): the head-mean
    probabilities to the patches are renormalised after the [CLS] column was dropped.

    Parameters
    ----------
    cls_attention
        (..., N) non-negative attention, any dtype; only the proportions matter.

    Returns
    -------
    Tensor
        (...) float64 in [0, ln N]: 0 when one token takes all, ln N when it is uniform.

    Raises
    ------
    ValueError
        If an entry is NaN, infinite or negative, or a row sums to zero.
    """
    attention = cls_attention.double()
    if attention.ndim == 0 or attention.shape[-1] == 0:
        raise ValueError(f"cls_attention must be (..., N) with N >= 1, got {attention.shape}")
    if not bool(torch.isfinite(attention).all()) or bool((attention < 0).any()):
        raise ValueError("cls_attention must be finite and non-negative")
    total = attention.sum(dim=-1, keepdim=True)
    if bool((total == 0).any()):
        raise ValueError("cls_attention must not be zero everywhere: it has no distribution")
    return torch.special.entr(attention / total).sum(dim=-1)
