"""FasterVLM: the tokens [CLS] looks at most (Zhang et al., arXiv 2412.01818v1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.ranking import by_attention
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class FasterVLM(Pruner):
    """The K tokens with the highest head-mean [CLS] attention of the selected layer.

    The question plays no part. Official code projects all N tokens and masks them
    afterwards; the kept values are the same.
    """

    name = "fastervlm"
    signal = "[CLS] attention"
    needs = ("cls_attention",)
    licence = "Apache-2.0"
    deviations = ("Equal scores go to the lowest index.",)

    def macs(self, case: Case) -> int:
        """Count one [CLS] row."""
        return case.cls_row

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        ranked = by_attention(batch)[:, :keep]
        return [self.pick(row, ["important"] * keep, batch[0].n) for row in ranked]
