"""FPSPruner: farthest point sampling, as AgilePruner's footnote describes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.measures.gram import in_range
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_choice
from analysis.pruners.maxmin import distances, farthest_first, max_nn
from analysis.pruners.ranking import by_attention
from analysis.tokens import VisualTokens

STARTS = ("attention", "far_from_mean", "first", "max_nn")
METRICS = ("cosine", "euclidean")


@dataclass(frozen=True)
class FPS(Pruner):
    """Repeatedly add the token farthest from all chosen ones.

    The record names neither metric, start nor space, so all are choices of ours. The
    space is the projected tokens; the Euclidean metric follows their norms, which
    vary widely, and so picks visibly different sets.

    Parameters
    ----------
    metric
        ``cosine`` or ``euclidean``.
    start
        First token: the one with the highest [CLS] attention (``attention``), the one
        farthest from the mean token (``far_from_mean``), token 0 (``first``), or the
        one farthest from its nearest neighbour (``max_nn``, as DivPrune starts).
    """

    name = "fps"
    signal = "farthest point"
    space = "after projector"
    licence = "no code published"
    deviations = ("Metric, start and space are not on record; ours are the defaults shown.",)

    metric: str = "cosine"
    start: str = "attention"

    def __post_init__(self) -> None:
        """Check the two choices."""
        check_choice("metric", self.metric, METRICS)
        check_choice("start", self.start, STARTS)

    @property
    def needs(self) -> tuple[str, ...]:
        """Only one start reads attention."""
        return ("cls_attention",) if self.start == "attention" else ()

    def macs(self, case: Case) -> int:
        """Count all distances."""
        return case.gram

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        cosine = self.metric == "cosine"
        distance = distances(batch) if cosine else _euclidean(batch)
        picked = farthest_first(distance, self._first(batch, distance), keep)
        return [
            self.pick(row, ["diverse"] * keep, batch[0].n, {"pick_order": row.tolist()})
            for row in picked
        ]

    def _first(self, batch: Sequence[VisualTokens], distance: Tensor) -> Tensor:
        """Return (B,) the token each image starts from."""
        if self.start == "attention":
            return by_attention(batch)[:, 0]
        if self.start == "max_nn":
            return max_nn(distance)
        if self.start == "first":
            return torch.zeros(len(batch), dtype=torch.long, device=distance.device)
        return self._far_from_mean(batch)

    def _far_from_mean(self, batch: Sequence[VisualTokens]) -> Tensor:
        tokens = in_range(torch.stack([t.features for t in batch]).float(), (1, 2))
        mean = tokens.mean(dim=1, keepdim=True)
        if self.metric == "euclidean":
            return (tokens - mean).norm(dim=-1).argmax(dim=-1)
        return torch.cosine_similarity(tokens, mean, dim=-1).argmin(dim=-1)


def _euclidean(batch: Sequence[VisualTokens]) -> Tensor:
    """Return (B, N, N) Euclidean distances without the cancellation of the matmul form."""
    tokens = in_range(torch.stack([t.features for t in batch]).float(), (1, 2))
    return torch.cdist(tokens, tokens, compute_mode="donot_use_mm_for_euclid_dist")
