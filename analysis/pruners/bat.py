"""BAT-style: attended tokens and density-peak clusters of the rest (after Long et al., 2023)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.pruners.base import Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.cost import Case
from analysis.pruners.ranking import by_attention
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class BATStyle(Pruner):
    """``int(K * share)`` tokens by [CLS] attention, K minus that clusters of the others.

    "Beyond Attentive Tokens" (CVPR 2023) trains pruning inside a classifier and never
    released code; this is a training-free port of its idea. The others are clustered by
    DPC-kNN on the encoder features (distance / sqrt(C), density from ``neighbours``
    nearest tokens, ties by index); a cluster becomes its attention-weighted mean or,
    with ``merge=false``, its centre. Rows stand at the position of token or centre.

    Parameters
    ----------
    attention_share
        Share of K taken by attention, in [0, 1].
    merge
        Merge the clusters, or drop all but their centres.
    neighbours
        k of the density estimate, at least 1.
    """

    name = "bat"
    signal = "[CLS] attention + DPC-kNN"
    needs = ("cls_attention", "encoder_features")
    space = "before projector"
    licence = "no code published"
    deviations = (
        "Training-free and applied once, before the projector; the original is trained in a ViT.",
        "Attended tokens are kept as they are; the original fuses similar pairs.",
    )

    attention_share: float = 0.5
    merge: bool = True
    neighbours: int = 5

    def __post_init__(self) -> None:
        """Check share and neighbours."""
        check_range("attention_share", self.attention_share, 0.0, 1.0)
        check_range("neighbours", self.neighbours, 1, 10**6)

    @property
    def merges(self) -> bool:
        """Whether clusters are merged."""
        return self.merge

    def macs(self, case: Case) -> int:
        """Count one [CLS] row, distances of the rest, and the averages where clusters merge."""
        rest = case.n_tokens - int(case.keep * self.attention_share)
        return case.cls_row + (rest**2 + rest * self.merge) * case.vision.hidden

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        if tokens.encoder_features is None or tokens.cls_attention is None:
            raise ValueError("encoder_features and cls_attention must be given")
        order = by_attention([tokens])[0]
        important = int(keep * self.attention_share)
        rest = order[important:].sort().values
        distance = _distances(tokens.encoder_features[rest])
        centres = _peaks(distance, self.neighbours, keep - important)
        picks = torch.cat([order[:important], rest[centres]])
        labels = ["important"] * important + ["diverse"] * (keep - important)
        selection = self.pick(picks, labels, tokens.n, {"important": important})
        if not self.merge or important == keep:
            return selection
        owner = _owners(distance, centres)
        weights = _cluster_weights(tokens.cls_attention.float(), picks, rest, owner, important)
        return Selection(
            indices=selection.indices,
            groups=selection.groups,
            n_tokens=tokens.n,
            weights=weights[picks.argsort(stable=True)],
            position_policy=self.position_policy,
            info=selection.info,
        )


def _distances(features: Tensor) -> Tensor:
    """Return (R, R) float64 Euclidean distances over sqrt(C)."""
    wide = features.double()
    return torch.cdist(wide, wide) / wide.shape[1] ** 0.5


def _peaks(distance: Tensor, neighbours: int, count: int) -> Tensor:
    """Return the ``count`` tokens with the highest density times distance to a denser one.

    Density is exp(-mean squared distance to the nearest neighbours); of equally dense
    tokens the lower index counts as denser. The densest takes its largest distance.
    """
    size = len(distance)
    k = min(neighbours, size - 1)
    near = distance.topk(k + 1, largest=False).values[:, 1:]
    density = torch.exp(-near.square().sum(dim=1) / max(k, 1))
    place = torch.arange(size, device=distance.device)
    earlier = (density[None] == density[:, None]) & (place[None] < place[:, None])
    denser = (density[None] > density[:, None]) | earlier
    gap = distance.masked_fill(~denser, torch.inf).amin(dim=1)
    gap = torch.where(gap.isinf(), distance.amax(dim=1), gap)
    return (density * gap).argsort(descending=True, stable=True)[:count]


def _owners(distance: Tensor, centres: Tensor) -> Tensor:
    """Return for each of R tokens the number of the cluster it belongs to."""
    owner = distance[:, centres].argmin(dim=1)
    owner[centres] = torch.arange(len(centres), device=distance.device)
    return owner


def _cluster_weights(
    attention: Tensor, picks: Tensor, rest: Tensor, owner: Tensor, important: int
) -> Tensor:
    """Return (K, N+1): one-hot rows for attended tokens, then attention-weighted means."""
    weights = torch.zeros(len(picks), len(attention) + 1, device=attention.device)
    weights[torch.arange(important, device=picks.device), picks[:important] + 1] = 1.0
    clusters = torch.zeros(len(picks) - important, len(rest), device=attention.device)
    members = torch.zeros_like(clusters).scatter_(0, owner[None], 1.0)
    shares = members * attention[rest].clamp_min(0.0)
    total = shares.sum(dim=1, keepdim=True)
    even = members / members.sum(dim=1, keepdim=True)
    clusters = torch.where(total > 0, shares / torch.where(total > 0, total, 1.0), even)
    weights[important:, rest + 1] = clusters
    return weights
