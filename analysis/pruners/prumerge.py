"""LLaVA-PruMerge, PruMerge+ and a fixed-budget variant (Shang et al., ICCV 2025)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.measures.gram import unit_rows
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range, check_width
from analysis.pruners.product import largest, row_products
from analysis.pruners.ranking import rank
from analysis.tokens import VisualTokens

# Neighbours merged into every kept token in the official code.
_NEIGHBOURS = 32


@dataclass(frozen=True)
class _PruMergeBase(Pruner):
    """What the three share: the score, the neighbours that are merged, the extra token.

    The score is one softmax over the last layer's [CLS] query and keys with heads
    concatenated, scaled by sqrt(C): not CLIP's attention. Each kept token s becomes
    ``x_s + sum a_j x_j`` over its 32 most key-similar tokens, an extra row sums
    ``a_j x_j`` over all tokens not kept; neither is normalised. Rows are in score order.
    """

    signal = "[CLS] attention, last layer, one head"
    needs = ("last_keys", "last_query")
    space = "before projector"
    merges = True
    licence = "Apache-2.0"

    def macs(self, case: Case) -> int:
        """Count the scores, K·N key similarities, sums of 32 neighbours and of the rest."""
        width = case.vision.hidden
        rows = case.keep * (case.n_tokens + _NEIGHBOURS) + case.n_tokens
        return case.cls_row + rows * width

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        check_width(tokens, "last_query", "last_keys")
        keys = tokens.require("last_keys").float()
        score = single_head_attention(keys, tokens.require("last_query").float())
        if not math.isfinite(float(score.sum())):
            raise UsageError("last_keys and last_query are too large: their products overflow.")
        picks, labels, info = self._choose(score, keep)
        weights = _weights(picks, score, keys[1:])
        # One more row than picked, unless the budget has none; zeros where all are picked.
        rows = len(picks) + 1 if self.sets_count else min(len(picks) + 1, keep)
        indices = torch.cat([picks, picks.new_full((1,), -1)])[:rows]
        return self.merge_into(indices, [*labels, "extra"][:rows], weights[:rows], dict(info))

    @property
    def sets_count(self) -> bool:
        """Always: the number of outliers decides."""
        return True

    def _choose(self, score: Tensor, keep: int) -> tuple[Tensor, list[str], dict[str, float]]:
        """Return the tokens that get a row, their labels and what was decided."""
        del keep
        count = outlier_count(score)
        picks = rank(score)[: max(count, 1)]
        return picks, ["important"] * len(picks), {"outliers": count}


@dataclass(frozen=True)
class PruMerge(_PruMergeBase):
    """As many tokens as have outlying scores (above Q3 + 1.5 IQR), plus one extra.

    The method sets its own count: ``keep`` does not steer it.
    """

    name = "prumerge"
    deviations = (
        "At least one token is kept; without outliers official code returns the extra row alone.",
        "Quartiles are per image; official code takes them over the batch, which is one image.",
    )


@dataclass(frozen=True)
class PruMergePlus(_PruMergeBase):
    """PruMerge and, in addition, evenly strided tokens of the whole image.

    The stride is ``int(int(N / outliers) / 3)``, so the count is a step function of the
    outliers: about four times as many. ``keep`` does not steer it.
    """

    name = "prumerge_plus"
    deviations = (
        "At least one outlier and a stride of at least 1; official code divides by zero.",
        "The last token is never sampled, as in official code (575 of 576).",
    )

    def _choose(self, score: Tensor, keep: int) -> tuple[Tensor, list[str], dict[str, float]]:
        top, labels, info = super()._choose(score, keep)
        n, chosen = len(score), set(top.tolist())
        stride = max(1, int(int(1 / (len(top) / n)) / 3))
        spread = [t for t in range(0, n - 1, stride) if t not in chosen]
        picks = torch.cat([top, top.new_tensor(spread)])
        return picks, labels + ["spatial"] * len(spread), {**info, "stride": stride}


@dataclass(frozen=True)
class PruMergePlusFixed(_PruMergeBase):
    """PruMerge+ with exactly K rows; the rule is ours, no official one is public.

    One row is the extra token (for K >= 2); of K, ``floor(K * attention_share)`` tokens
    (at least one) are the best by score, the others are evenly strided over the rest.

    Parameters
    ----------
    attention_share
        Share of K taken by score; 0.25 as the outliers have in PruMerge+.
    """

    name = "prumerge_plus_fixed"
    licence = "ours"
    deviations = ("Not official: a fixed budget replaces the outlier rule.",)

    attention_share: float = 0.25

    @property
    def sets_count(self) -> bool:
        """Never: the budget does."""
        return False

    def __post_init__(self) -> None:
        """Check the share."""
        check_range("attention_share", self.attention_share, 0.0, 1.0)

    def _choose(self, score: Tensor, keep: int) -> tuple[Tensor, list[str], dict[str, float]]:
        own = max(1, keep - 1)
        top = min(own, max(1, math.floor(keep * self.attention_share)))
        order = rank(score)
        rest = order[top:].sort().values
        spread = rest[
            (torch.arange(own - top, device=rest.device) * len(rest)) // max(1, own - top)
        ]
        labels = ["important"] * top + ["spatial"] * (own - top)
        return torch.cat([order[:top], spread]), labels, {"important": top}


def single_head_attention(keys: Tensor, query: Tensor) -> Tensor:
    """Return (N,) softmax of one C-wide head from [CLS] to (N+1, C) keys, [CLS] dropped."""
    logits = keys @ query / math.sqrt(keys.shape[1])
    return logits.softmax(dim=0)[1:]


def outlier_count(score: Tensor) -> int:
    """Count the scores above the third quartile by more than 1.5 interquartile ranges."""
    values = score.cpu().numpy()
    low, high = np.percentile(values, [25, 75])
    return int((values > high + 1.5 * (high - low)).sum())


def _weights(picks: Tensor, score: Tensor, keys: Tensor) -> Tensor:
    """Return (K+1, N+1): picked tokens with their neighbours, then the extra row."""
    kept, n = len(picks), len(score)
    weights = torch.zeros(kept + 1, n + 1, device=score.device)
    torch.mul(_nearest(keys, picks), score, out=weights[:kept, 1:])
    weights[torch.arange(kept, device=picks.device), picks + 1] = 1.0
    weights[kept, 1:] = score.index_fill(0, picks, 0.0)
    return weights


def _nearest(keys: Tensor, picks: Tensor) -> Tensor:
    """Mark (K, N) the 32 tokens most similar to each pick by key cosine, itself excluded."""
    length = keys.norm(dim=1)
    shortest, longest = torch.aminmax(length)
    if float(shortest) < 1e-15 or float(longest) > 1e15:
        keys = unit_rows(keys)
        length = torch.ones_like(length)
    # The order within a row does not depend on the length of its own pick.
    similarity = row_products(keys[picks], keys).div_(length)
    similarity[torch.arange(len(picks), device=picks.device), picks] = -torch.inf
    return largest(similarity, min(_NEIGHBOURS, len(keys) - 1))
