"""BAT-style: attended tokens and density-peak clusters of the rest (after Long et al., 2023)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.clusters import density_peaks
from analysis.pruners.ranking import by_attention
from analysis.selection import one_hot
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
        order = by_attention([tokens])[0]
        important = int(keep * self.attention_share)
        info = {"important": important}
        if important == keep:
            return self.pick(order[:keep], ["important"] * keep, tokens.n, info)
        rest = order[important:].sort().values
        distance = _distances(tokens.require("encoder_features")[rest])
        density, farthest = _density(distance, self.neighbours), distance.amax(1, keepdim=True)
        owner, centres = density_peaks(distance, density, keep - important, farthest)
        picks = torch.cat([order[:important], rest[centres]])
        labels = ["important"] * important + ["diverse"] * (keep - important)
        selection = self.pick(picks, labels, tokens.n, info)
        if not self.merge:
            return selection
        clusters = _cluster_weights(tokens.require("cls_attention").float(), rest, owner)
        weights = torch.cat([one_hot(order[:important], tokens.n), pad(clusters, (1, 0))])
        return replace(selection, weights=weights[picks.argsort(stable=True)])


def _distances(features: Tensor) -> Tensor:
    """Return (R, R) float64 Euclidean distances over sqrt(C)."""
    wide = features.double()
    return torch.cdist(wide, wide) / wide.shape[1] ** 0.5


def _density(distance: Tensor, neighbours: int) -> Tensor:
    """Return (R,) exp(-mean squared distance to the nearest neighbours)."""
    k = min(neighbours, len(distance) - 1)
    near = distance.topk(k + 1, largest=False).values[:, 1:]
    return torch.exp(-near.square().sum(dim=1) / max(k, 1))


def _cluster_weights(attention: Tensor, rest: Tensor, owner: Tensor) -> Tensor:
    """Return (clusters, N) attention-weighted means of the tokens each cluster owns."""
    clusters = int(owner.max()) + 1
    members = torch.zeros(clusters, len(rest), device=attention.device)
    members.scatter_(0, owner[None], 1.0)
    shares = members * attention[rest].clamp_min(0.0)
    total = shares.sum(dim=1, keepdim=True)
    even = members / members.sum(dim=1, keepdim=True)
    weights = torch.zeros(clusters, len(attention), device=attention.device)
    weights[:, rest] = torch.where(total > 0, shares / torch.where(total > 0, total, 1.0), even)
    return weights
