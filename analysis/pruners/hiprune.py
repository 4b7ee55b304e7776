"""HiPrune: object anchors, their neighbours, and global registers (Liu et al., 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.ranking import grid_width, rank
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class HiPrune(Pruner):
    """Tokens by the attention they *receive* in a middle and in a deep encoder layer.

    ``round(K * alpha / 5)`` anchors (halves to even) by the object layer, their four
    grid neighbours as buffer, and registers by the deep layer for the rest. Neighbours
    are index offsets of 1 and the grid width, clamped to the image: they wrap at row
    ends as official code does. Without a known grid the width is round(sqrt(N)).

    Parameters
    ----------
    alpha
        Share of K that anchors and buffers take at most, in [0, 1].
    """

    name = "hiprune"
    signal = "received attention, two layers"
    needs = ("object_attention", "received_attention")
    licence = "MIT"
    deviations = (
        "Buffered tokens cannot become registers; official code subtracts 1 from their score.",
        "A buffer larger than K is cut, anchors first; official code fails.",
    )

    alpha: float = 0.1

    def __post_init__(self) -> None:
        """Check the share."""
        check_range("alpha", self.alpha, 0.0, 1.0)

    def macs(self, case: Case) -> int:
        """Count full attention maps of two layers, beyond what a fused tower computes."""
        return 2 * (case.n_tokens + 1) ** 2 * case.vision.hidden

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        width = grid_width(tokens)
        anchors = rank(tokens.require("object_attention"))[: round(keep * self.alpha / 5)]
        buffer = _neighbours(anchors, width, tokens.n)[: keep - len(anchors)]
        held = torch.cat([anchors, buffer])
        deep = tokens.require("received_attention").float().index_fill(0, held, -torch.inf)
        registers = rank(deep)[: keep - len(held)]
        sizes = {"anchor": len(anchors), "buffer": len(buffer), "register": len(registers)}
        labels = [name for name, size in sizes.items() for _ in range(size)]
        info = {"anchors": len(anchors), "buffers": len(buffer), "grid_width": width}
        return self.pick(torch.cat([held, registers]), labels, tokens.n, info)


def _neighbours(anchors: Tensor, width: int, n: int) -> Tensor:
    """Return the tokens beside, above and below the anchors that are no anchors."""
    around = [anchors - 1, anchors + 1, anchors - width, anchors + width]
    near = torch.cat(around).clamp(0, n - 1).unique()
    return near[~torch.isin(near, anchors)]
