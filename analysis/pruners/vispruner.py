"""VisPruner: half by attention, half by removing duplicates (Zhang et al., ICCV 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.measures.gram import unit_rows
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.ranking import by_attention, rank
from analysis.tokens import VisualTokens

# Tokens dropped per round in the official code.
_ROUND = 8
# The official product of each round is read off one product of all tokens. That rounds
# alike above this size (0 of 336 sets differed with MKL and 1 or 2 threads; 3 did with a
# library told to use its oldest kernels); products of fewer tokens take another path.
_SMALL = 64


@dataclass(frozen=True)
class VisPruner(Pruner):
    """``int(K * share)`` tokens by [CLS] attention, the others the most distinct of the rest.

    The rest, in attention order, is split into even and odd places; the 8 even tokens
    most similar to some odd one are dropped, survivors are put first in the order of
    their similarity, and so on until K is met. That order decides the next split, so
    the result is sensitive to the last bit of the similarities: only float32 inputs can
    be compared token by token.

    Parameters
    ----------
    attention_share
        Share of K that is taken by attention, in [0, 1].
    """

    name = "vispruner"
    signal = "[CLS] attention + duplicate removal"
    needs = ("cls_attention", "encoder_features")
    space = "before projector"
    licence = "Apache-2.0"
    deviations = (
        "Odd remainders work: the even side holds ceil(R/2) tokens; official code fails.",
        "A round drops at most floor(R/2) tokens, so small diverse parts work.",
    )

    attention_share: float = 0.5

    def __post_init__(self) -> None:
        """Check the share."""
        check_range("attention_share", self.attention_share, 0.0, 1.0)

    def macs(self, case: Case) -> int:
        """Count one [CLS] row and even against odd places in each round."""
        important = int(case.keep * self.attention_share)
        left, diverse = case.n_tokens - important, case.keep - important
        total = case.cls_row
        while diverse and left > diverse:
            total += (left + 1) // 2 * (left // 2) * case.vision.hidden
            left -= min(_ROUND, left - diverse, left // 2)
        return total

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        order = by_attention([tokens])[0]
        important = int(keep * self.attention_share)
        rest, rounds = order[important:], 0
        if keep > important:
            features = tokens.require("encoder_features").float()
            rest, rounds = _distinct(features, rest, keep - important)
        picks = torch.cat([order[:important], rest[: keep - important]])
        labels = ["important"] * important + ["diverse"] * (keep - important)
        return self.pick(picks, labels, tokens.n, {"important": important, "rounds": rounds})


def _distinct(features: Tensor, rest: Tensor, wanted: int) -> tuple[Tensor, int]:
    """Drop duplicates from ``rest`` until ``wanted`` are left; also the rounds it took."""
    unit = unit_rows(features)[None]
    # A batch of one, as official code has it: the product rounds the same way.
    similarity = (unit @ unit.transpose(-1, -2))[0]
    rounds = 0
    while (drop := min(_ROUND, len(rest) - wanted, len(rest) // 2)) > 0:
        even, odd = rest[0::2], rest[1::2]
        if len(rest) > _SMALL:
            block = similarity[even].index_select(1, odd)
        else:
            block = (unit[:, even] @ unit[:, odd].transpose(-1, -2))[0]
        rest = torch.cat([even[rank(block.amax(dim=-1))[drop:]], odd])
        rounds += 1
    return rest, rounds
