"""Quartile: only tokens of one quarter of the raster positions (after VisPruner's ablation)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.ranking import by_attention
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class Quartile(Pruner):
    """The best tokens by [CLS] attention among those of one quarter of the positions.

    Quarter q of N raster positions is ``q * N // 4`` up to, not including,
    ``(q + 1) * N // 4``: for a square image the top band, two middle bands and the
    bottom band. Where K exceeds the quarter, the best-attention tokens outside it fill
    up (group ``fill``), so that exactly K tokens are kept for any K.

    Parameters
    ----------
    quartile
        Which quarter, 0 (first positions) to 3 (last).
    """

    name = "quartile"
    signal = "[CLS] attention within a quarter of positions"
    needs = ("cls_attention",)
    licence = "ours (an ablation, not a method)"
    deviations = (
        "How VisPruner's ablation ranks inside a quarter is not on record; ours is stated.",
    )

    quartile: int = 0

    def __post_init__(self) -> None:
        """Check the quarter."""
        check_range("quartile", self.quartile, 0, 3)

    def macs(self, case: Case) -> int:
        """Count one [CLS] row."""
        return case.cls_row

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        n = batch[0].n
        order = by_attention(batch)
        outside = ~self._inside(order, n)
        # A stable sort on "outside" puts the quarter first and keeps attention order.
        picks = order.gather(1, outside.long().argsort(dim=1, stable=True))[:, :keep]
        return [self._report(row, n) for row in picks]

    def _inside(self, indices: Tensor, n: int) -> Tensor:
        """Tell for each index whether it lies in the quarter."""
        low, high = self.quartile * n // 4, (self.quartile + 1) * n // 4
        return torch.logical_and(indices >= low, indices < high)

    def _report(self, picks: Tensor, n: int) -> Selection:
        inside = self._inside(picks, n).tolist()
        labels = ["important" if held else "fill" for held in inside]
        return self.pick(picks, labels, n, {"filled": labels.count("fill")})
