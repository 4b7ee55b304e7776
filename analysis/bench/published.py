"""The work as the published code does it, written down for comparison of speed only."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from analysis.measures.erank import spectrum_erank
from analysis.pruners import Selection
from analysis.pruners.prumerge import single_head_attention
from analysis.tokens import VisualTokens


def distance_matrix(features: Tensor) -> Tensor:
    """Return (N, N) cosine distances: unit rows, one product."""
    unit = features / features.norm(dim=1, keepdim=True)
    return 1.0 - unit @ unit.mT


def divprune(features: Tensor, keep: int) -> Tensor:
    """DivPrune that takes the minimum over the rows chosen so far anew in each step."""
    distance = distance_matrix(features)
    picks = torch.topk(distance, 2, dim=0, largest=False).values[1].argmax()[None]
    for _ in range(keep - 1):
        nearest = distance.index_select(0, picks).amin(dim=0)
        picks = torch.cat([picks, nearest.argmax()[None]])
    return picks


def divprune_all_rows(features: Tensor, keep: int) -> Tensor:
    """DivPrune that takes the minimum over all N rows, masked, anew in each step."""
    distance = distance_matrix(features)
    picks = torch.topk(distance, 2, dim=0, largest=False).values[1].argmax()[None]
    free = torch.ones(len(distance), dtype=torch.bool, device=distance.device)
    for _ in range(keep - 1):
        free[picks[-1]] = False
        nearest = distance.masked_fill(free[:, None], torch.inf).amin(dim=0)
        picks = torch.cat([picks, nearest.argmax()[None]])
    return picks


def erank_svd(features: Tensor, centred: bool = True) -> Tensor:
    """Effective rank by a float32 SVD of the tokens themselves."""
    if centred:
        features = features - features.mean(dim=0, keepdim=True)
    return spectrum_erank(torch.linalg.svdvals(features))


def measures_alone(tokens: VisualTokens, selection: Selection) -> tuple[float, ...]:
    """Measures of one kept set without anything shared: two SVDs and its own distances."""
    kept = tokens.features[selection.indices]
    distance = distance_matrix(kept)
    k = max(2, len(kept))
    return (
        float(erank_svd(kept)),
        float(erank_svd(kept, centred=False)),
        float(distance.sum()) / (k * (k - 1)),
    )


def prumerge_loop(tokens: VisualTokens, picks: list[int]) -> Tensor:
    """PruMerge token by token: each puts its others together, finds and sums its neighbours.

    Kept tokens stand before the others, as a batch of one, as in the published loop.
    """
    keys, query, features = tokens.last_keys, tokens.last_query, tokens.encoder_features
    if keys is None or query is None or features is None:
        raise ValueError("last_keys, last_query and encoder_features must be given")
    score = single_head_attention(keys, query)
    kept = torch.tensor(picks, device=score.device)
    rest = torch.ones_like(score, dtype=torch.bool).index_fill(0, kept, False).nonzero()[:, 0]
    order = torch.cat([kept, rest])
    unit, x, weight = normalize(keys[1:], dim=1)[order], features[order], score[order]
    rows = []
    for i in range(len(picks)):
        other_keys = torch.cat([unit[:i], unit[i + 1 : len(picks)], unit[len(picks) :]])
        other_tokens = torch.cat([x[:i], x[i + 1 : len(picks)], x[len(picks) :]])
        other_weight = torch.cat([weight[:i], weight[i + 1 : len(picks)], weight[len(picks) :]])
        similarity = torch.bmm(unit[i][None, None], other_keys[None].mT)[0, 0]
        near = similarity.topk(min(32, len(order) - 1)).indices
        rows.append(x[i] + (other_weight[near, None] * other_tokens[near]).sum(dim=0))
    rows.append((weight[len(picks) :, None] * x[len(picks) :]).sum(dim=0))
    return torch.stack(rows)
