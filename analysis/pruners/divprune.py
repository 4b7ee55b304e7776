"""DivPrune: the set whose closest pair is far apart (Alvar et al., CVPR 2025)."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.maxmin import distances, farthest_first, max_nn
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class DivPrune(Pruner):
    """Greedy max-min diversity under cosine distance of the projected tokens.

    The first pick is the token with the largest distance to its nearest neighbour,
    each further one the token farthest from all picked. The same as
    ``fps:metric=cosine:start=max_nn``. ``info["pick_order"]`` keeps the order.
    """

    name = "divprune"
    signal = "max-min cosine distance"
    space = "after projector"
    licence = "CC BY-NC 4.0 (not copied)"
    deviations = (
        "A picked token cannot be picked again; officially its zero distance only makes it last.",
        "keep is a count; official code takes round(ratio * N).",
    )

    def macs(self, case: Case) -> int:
        """Count all cosines."""
        return case.gram

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        distance = distances(batch)
        picked = farthest_first(distance, max_nn(distance), keep)
        return [
            self.pick(row, ["diverse"] * keep, batch[0].n, {"pick_order": row.tolist()})
            for row in picked
        ]
