"""VisionZip: attended tokens, and the others merged by their keys (Yang et al., CVPR 2025)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis.errors import UsageError
from analysis.measures.gram import unit_rows
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.ranking import by_attention
from analysis.selection import one_hot
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class VisionZip(Pruner):
    """[CLS], the most attended patches, and contextual tokens merged from the rest.

    ``dominant`` counts [CLS]: the first row is [CLS] itself, then ``dominant - 1``
    patches by attention in position order, then ``contextual`` rows. The rest, in
    position order, gives evenly spaced targets; every other token joins its most
    similar target (cosine of head-mean keys); a row is the target *plus* the mean of
    those that joined. Only the order of rows differs from position order.

    Parameters
    ----------
    dominant, contextual
        The two parts of K, dominant >= 1. One given, the other fills up K. Both None:
        ``contextual = floor(10 K / 64)``, which is the published 54/10, 108/20 and
        162/30 at 64, 128 and 192, and our rule in between.
    """

    name = "visionzip"
    signal = "[CLS] attention + key similarity"
    needs = ("cls_attention", "keys")
    space = "before projector"
    merges = True
    licence = "Apache-2.0"
    deviations = (
        "Budgets other than 64, 128 and 192 are split in the same proportion.",
        "Equal scores go to the lowest index.",
    )

    dominant: int | None = None
    contextual: int | None = None

    def __post_init__(self) -> None:
        """Check the two parts as far as they are known without K."""
        if self.dominant is not None and self.dominant < 1:
            raise UsageError(f"dominant must be at least 1, [CLS], got {self.dominant}.")
        if self.contextual is not None and self.contextual < 0:
            raise UsageError(f"contextual must be at least 0, got {self.contextual}.")

    def macs(self, case: Case) -> int:
        """Count one [CLS] row, keys of the rest against the targets, and the averages."""
        dominant, contextual = self._split(case.keep)
        rest = case.n_tokens + 1 - dominant
        head = case.vision.hidden // case.vision.heads
        return case.cls_row + (rest - contextual) * (contextual * head + case.vision.hidden)

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        dominant, contextual = self._split(keep)
        n = batch[0].n
        patches = by_attention(batch)[:, : dominant - 1].sort(dim=1).values
        rest = _others(patches, n)
        keys = torch.stack([t.require("keys") for t in batch])[:, 1:].float()
        target = torch.zeros(rest.shape[1], dtype=torch.bool, device=rest.device)
        step = max(1, rest.shape[1] // max(1, contextual))
        target[: step * contextual : step] = True
        merged = _merge(keys, rest[:, target], rest[:, ~target])
        return [self._rows(patches[b], rest[b, target], merged[b]) for b in range(len(batch))]

    def _split(self, keep: int) -> tuple[int, int]:
        """Return dominant (with [CLS]) and contextual, which add up to ``keep``."""
        dominant, contextual = self.dominant, self.contextual
        if contextual is None:
            contextual = keep * 10 // 64 if dominant is None else keep - dominant
        if dominant is None:
            dominant = keep - contextual
        if dominant + contextual != keep or dominant < 1 or contextual < 0:
            raise UsageError(
                f"dominant and contextual must add up to keep = {keep} with dominant >= 1, "
                f"got {dominant} and {contextual}."
            )
        return dominant, contextual

    def _rows(self, patches: Tensor, targets: Tensor, merged: Tensor) -> Selection:
        """Put [CLS], patches and merged rows (ctx, N) below each other."""
        dominant = torch.cat([patches.new_full((1,), -1), patches])
        weights = torch.cat([one_hot(dominant, merged.shape[1]), pad(merged, (1, 0))])
        groups = ["cls"] + ["important"] * len(patches) + ["contextual"] * len(targets)
        info = {"dominant": len(dominant), "contextual": len(targets)}
        return self.merge_into(torch.cat([dominant, targets]), groups, weights, info)


def _others(chosen: Tensor, n: int) -> Tensor:
    """Return (B, N - k) the tokens not in (B, k) ``chosen``, in position order."""
    free = torch.ones(chosen.shape[0], n, dtype=torch.bool, device=chosen.device)
    free.scatter_(1, chosen, value=False)
    return free.nonzero()[:, 1].view(chosen.shape[0], -1)


def _merge(keys: Tensor, targets: Tensor, others: Tensor) -> Tensor:
    """Return (B, ctx, N) weights: each target plus the mean of the tokens that join it."""
    images, n, size = keys.shape
    unit = unit_rows(keys)
    weights = torch.zeros(images, targets.shape[1], n, device=keys.device)
    if not targets.shape[1]:
        return weights
    at, to = (i[:, :, None].expand(-1, -1, size) for i in (others, targets))
    # One product per image: a batched one may round otherwise on a GPU, and a batch would
    # part from its images alone at near-ties.
    pairs = zip(unit.gather(1, at), unit.gather(1, to), strict=True)
    joins = torch.stack([(rest @ target.mT).argmax(dim=-1) for rest, target in pairs])
    images_of = torch.arange(images, device=keys.device)[:, None]
    weights[images_of, joins, others] = 1.0
    weights /= weights.sum(dim=-1, keepdim=True).clamp_min(1.0)
    return weights.scatter_(2, targets[:, :, None], 1.0)
