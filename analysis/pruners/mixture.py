"""Mixture of FasterVLM and DivPrune with an attention share (Tables 3 and 6 of the paper)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.maxmin import distances, farthest_first, max_min, max_nn
from analysis.pruners.ranking import by_attention, round_half_up
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class Mixture(Pruner):
    """``round(K * share)`` tokens by attention (halves up), the rest by max-min distance.

    A share of 0 is DivPrune, of 1 FasterVLM.

    Parameters
    ----------
    attention_share
        R of Table 3, in [0, 1].
    seeded
        Whether the max-min part keeps its distance from the attention part too; if not,
        it is DivPrune on the tokens attention left over.
    """

    name = "mixture"
    signal = "[CLS] attention + max-min cosine distance"
    needs = ("cls_attention",)
    space = "after projector"
    licence = "no code published"
    deviations = ("Rounding and seeding are not on record; ours are stated.",)

    attention_share: float = 0.5
    seeded: bool = True

    def __post_init__(self) -> None:
        """Check the share."""
        check_range("attention_share", self.attention_share, 0.0, 1.0)

    def macs(self, case: Case) -> int:
        """Count all cosines and one [CLS] row."""
        return case.gram + case.cls_row

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        important = round_half_up(keep * self.attention_share)
        attended = by_attention(batch)[:, :important]
        picks = torch.cat([attended, self._diverse(batch, attended, keep - important)], dim=1)
        labels = ["important"] * important + ["diverse"] * (keep - important)
        return [self.pick(row, labels, batch[0].n, {"important": important}) for row in picks]

    def _diverse(self, batch: Sequence[VisualTokens], attended: Tensor, count: int) -> Tensor:
        """Return (B, count) the tokens of the max-min part in pick order."""
        if count == 0:
            return attended[:, :0]
        distance = distances(batch)
        if attended.shape[1] == 0:
            return farthest_first(distance, max_nn(distance), count)
        if self.seeded:
            return max_min(distance, attended, count)
        barred = torch.zeros(distance.shape[:2], dtype=torch.bool, device=distance.device)
        barred.scatter_(1, attended, value=True)
        return farthest_first(distance, max_nn(distance, barred), count, barred)
