"""FasterVLM: the tokens [CLS] looks at most (Zhang et al., arXiv 2412.01818v1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from analysis.pruners.base import PRUNERS, Family, Pruner, Selection
from analysis.pruners.ranking import by_attention
from analysis.tokens import VisualTokens


@PRUNERS.register("fastervlm")
@dataclass(frozen=True)
class FasterVLM(Pruner):
    """The K tokens with the highest head-mean [CLS] attention of the selected layer.

    The question plays no part. Official code projects all N tokens and masks them
    afterwards; the kept values are the same.
    """

    name: ClassVar[str] = "fastervlm"
    family: ClassVar[Family] = "attention"
    signal: ClassVar[str] = "[CLS] attention"
    needs: ClassVar[tuple[str, ...]] = ("cls_attention",)
    prunes: ClassVar[str] = "before projector"
    licence: ClassVar[str] = "Apache-2.0"
    deviations: ClassVar[tuple[str, ...]] = ("Equal scores go to the lowest index.",)

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        ranked = by_attention(batch)[:, :keep]
        return [self.pick(row, ["important"] * keep, batch[0].n) for row in ranked]
