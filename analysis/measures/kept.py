"""Measures of what a pruner kept, and of how much two pruners agree."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from analysis.measures.gram import gram_erank
from analysis.selection import Selection
from analysis.tokens import VisualTokens

# A cell is covered when a kept token lies on it or on one of its 8 neighbours.
_RADIUS = 1


def kept_measures(
    tokens: VisualTokens, selection: Selection, outputs: Tensor | None = None
) -> dict[str, float]:
    """Return every measure of one kept set.

    Parameters
    ----------
    tokens
        The image the selection was made from.
    selection
        What a pruner returned for it.
    outputs
        (K, D) tokens the language model really receives. Merging methods merge before
        the projector; without ``outputs`` their rows are taken as the same weights on
        the projected tokens, rows that draw on [CLS] alone left out.

    Returns
    -------
    dict
        ``erank``: effective rank of the kept tokens, centred, in [1, K];
        ``erank_plain``: the same without centring;
        ``attention_mass``: share of the patches' [CLS] attention the kept tokens hold,
        in [0, 1]; ``attention_mean``: their mean attention, not renormalised (uniform
        would be about 1/N); ``pairwise_distance``: mean 1 - cosine over pairs, in
        [0, 2]; ``coverage``: see `coverage`.
        NaN where a measure has no value: no attention collected, a single token
        (distance), no grid. For merging methods attention and coverage count the
        tokens that stand for an output row.
    """
    gram = _output_gram(tokens, selection, outputs)
    dimension = tokens.features.shape[1]
    mass, mean = _attention(tokens, selection)
    return {
        "erank": float(gram_erank(gram, dimension, True)),
        "erank_plain": float(gram_erank(gram, dimension, False)),
        "attention_mass": mass,
        "attention_mean": mean,
        "pairwise_distance": _mean_distance(gram),
        "coverage": coverage(tokens, selection),
    }


def coverage(tokens: VisualTokens, selection: Selection) -> float:
    """Return the share of grid cells with a kept token on or beside them, in [0, 1].

    Beside means one of the 8 neighbours, so 64 of 576 tokens can cover everything at
    best, K tokens in one clump cover little more than K cells. NaN without a grid.
    """
    if tokens.grid is None:
        return float("nan")
    mask = torch.zeros(tokens.n, dtype=torch.float64, device=selection.indices.device)
    mask[selection.kept] = 1.0
    size = 2 * _RADIUS + 1
    return float(max_pool2d(mask.view(1, 1, *tokens.grid), size, 1, _RADIUS).mean())


def jaccard(a: Selection, b: Selection) -> float:
    """Return the overlap of two kept sets, intersection over union, in [0, 1].

    Tokens that stand for themselves count; NaN when neither set has any.

    Raises
    ------
    ValueError
        If the selections come from images of different size.
    """
    if a.n_tokens != b.n_tokens:
        raise ValueError(f"b must select among {a.n_tokens} tokens as a does, got {b.n_tokens}")
    first, second = set(a.kept.tolist()), set(b.kept.tolist())
    union = first | second
    return len(first & second) / len(union) if union else float("nan")


def _output_gram(tokens: VisualTokens, selection: Selection, outputs: Tensor | None) -> Tensor:
    """Return the (K, K) float64 Gram matrix of the output tokens."""
    if outputs is not None:
        wide = outputs.double()
        return wide @ wide.mT
    matrix = tokens.gram.matrix
    if selection.weights is None:
        rows = selection.indices.to(matrix.device)
        return matrix[rows][:, rows]
    weights = selection.weights[:, 1:].to(matrix)
    weights = weights[(weights != 0).any(dim=1)]
    if not len(weights):
        return matrix.new_zeros(1, 1)
    return weights @ matrix @ weights.mT


def _attention(tokens: VisualTokens, selection: Selection) -> tuple[float, float]:
    if tokens.cls_attention is None:
        return float("nan"), float("nan")
    attention = tokens.cls_attention.double()
    kept = attention[selection.kept.to(attention.device)]
    total = float(attention.sum())
    mass = float(kept.sum()) / total if total else float("nan")
    return mass, float(kept.mean()) if len(kept) else float("nan")


def _mean_distance(gram: Tensor) -> float:
    """Return the mean cosine distance over pairs; zero vectors are at distance 1."""
    k = gram.shape[0]
    if k < 2:
        return float("nan")
    norms = gram.diagonal().clamp_min(0.0).sqrt()
    cosine = gram / (norms[:, None] * norms).clamp_min(torch.finfo(gram.dtype).tiny)
    cosine = torch.where((norms > 0)[:, None] & (norms > 0), cosine, 0.0)
    pairs = cosine.sum() - cosine.diagonal().sum()
    return float(1.0 - pairs / (k * (k - 1)))
