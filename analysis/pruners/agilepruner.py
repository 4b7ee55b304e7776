"""AgilePruner: attention order with an image-aware distance threshold (ICLR 2026)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.measures.entropy import attention_entropy
from analysis.measures.gram import eranks
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_choice, check_range
from analysis.pruners.maxmin import distances
from analysis.pruners.ranking import by_attention, round_half_up
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class AgilePruner(Pruner):
    r"""Take the best survivor by attention, delete all closer to it than tau, repeat.

    Eq. 6: :math:`\tau_i = \min(\tau_{max}, i \cdot step \cdot s / \bar s)`, where i is the
    token's own attention rank among all N (from 1), s the image's erank (centred, of the
    projected tokens) and :math:`\bar s` its average. Distance is 1 - cosine of the
    projected tokens, deletion is strict (<). If fewer than K survive, the best-attention
    tokens not yet chosen fill up (group ``topup``).

    Parameters
    ----------
    steer
        What steers tau: ``erank`` or ``entropy`` (Table 11).
    step, tau_max
        Slope and cap of Eq. 6; 0.01 and 0.25 are the release's.
    erank_avg
        Average erank over training images: 90 in the release, 95 by another account.
    entropy_avg
        Its counterpart for ``entropy``: not on record; 4.67 is the mean of the eight
        data sets of Table 4.
    tau
        One constant threshold for all tokens instead of Eq. 6 (Table 12).
    adaptive_count
        Also let the number of tokens follow the image: ``round(K * s / s_avg)`` within
        [count_min, count_max] (Table 13; the exact rule is not on record).
    count_min, count_max
        Bounds of that number; None means 1 and N.
    """

    name = "agilepruner"
    signal = "[CLS] attention + cosine threshold by erank"
    needs = ("cls_attention",)
    space = "after projector"
    licence = "Apache-2.0"
    deviations = (
        "erank comes from a float64 Gram matrix without eigenvalues beyond the rank; the release's "
        "float32 one overstates it where D < N (by 3.3 % for 576 tokens of 64 falling dimensions).",
        "Features are left as they are; the release centres float32 ones in place.",
        "Entropy average and adaptive count are not on record; ours are stated.",
    )

    steer: str = "erank"
    step: float = 0.01
    tau_max: float = 0.25
    erank_avg: float = 90.0
    entropy_avg: float = 4.67
    tau: float | None = None
    adaptive_count: bool = False
    count_min: int | None = None
    count_max: int | None = None

    def __post_init__(self) -> None:
        """Check every parameter."""
        check_choice("steer", self.steer, ("erank", "entropy"))
        check_range("step", self.step, 0.0, 2.0)
        check_range("tau_max", self.tau_max, 0.0, 2.0)
        check_range("erank_avg", self.erank_avg, 1e-9, 1e9)
        check_range("entropy_avg", self.entropy_avg, 1e-9, 1e9)
        check_range("tau", self.tau or 0.0, 0.0, 2.0)
        most = 10**9 if self.count_max is None else self.count_max
        check_range("count_max", most, 1, 10**9)
        check_range("count_min", 1 if self.count_min is None else self.count_min, 1, most)

    def macs(self, case: Case) -> int:
        """Count all cosines, one [CLS] row and, where erank steers, its eigenvalues."""
        adapts = self.tau is None or self.adaptive_count
        spectrum = case.spectrum if adapts and self.steer == "erank" else 0
        return case.gram + case.cls_row + spectrum

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        n = batch[0].n
        signal = steering(batch, self.steer)
        counts = [self._count(keep, n, s) for s in signal.tolist()]
        order = by_attention(batch)
        taus = self._taus(signal, n)
        places, survived = _greedy(distances(batch), order, taus, max(counts))
        return [
            self._report(order[b], places[b, :k], survived[b, :k], float(signal[b]), taus[b])
            for b, k in enumerate(counts)
        ]

    def _count(self, keep: int, n: int, signal: float) -> int:
        if not self.adaptive_count:
            return keep
        low, high = self.count_min or 1, min(n, self.count_max or n)
        return max(min(round_half_up(keep * signal / self._average), high), min(low, n))

    @property
    def _average(self) -> float:
        return self.erank_avg if self.steer == "erank" else self.entropy_avg

    def _taus(self, signal: Tensor, n: int) -> Tensor:
        """Return (B, N) float32 thresholds by attention rank."""
        if self.tau is not None:
            return torch.full((len(signal), n), self.tau, device=signal.device)
        ranks = torch.arange(1, n + 1, dtype=torch.float64, device=signal.device)
        taus = ranks * (signal[:, None] / self._average * self.step)
        return taus.clamp_max(self.tau_max).float()

    def _report(
        self, order: Tensor, places: Tensor, survived: Tensor, signal: float, taus: Tensor
    ) -> Selection:
        labels = ["important" if s else "topup" for s in survived.tolist()]
        info = {
            self.steer: signal,
            "tau_first": float(taus[0]),
            "tau_last": float(taus[int(places.max())]),
            "topped_up": labels.count("topup"),
        }
        return self.pick(order[places], labels, len(order), info)


def steering(batch: Sequence[VisualTokens], steer: str) -> Tensor:
    """Return (B,) float64: each image's ``erank`` or ``entropy``."""
    if steer == "entropy":
        return attention_entropy(torch.stack([t.require("cls_attention") for t in batch]))
    return eranks(batch)


def _greedy(distance: Tensor, order: Tensor, taus: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Pick ``keep`` attention places per image and say which had survived till then.

    Places are in attention order. A deleted token waits N places behind, a picked one
    for ever, so the lowest waiting number is the best survivor and, once none is left,
    the best token not yet chosen.
    """
    images, n = order.shape
    rows = torch.arange(images, device=order.device)
    ranked = distance[rows[:, None, None], order[:, :, None], order[:, None, :]]
    close = ranked < taus[:, :, None].to(ranked.dtype)
    place = torch.arange(n, device=order.device).repeat(images, 1)
    dead = torch.zeros_like(close[:, 0])
    waiting = place.clone()
    picks = torch.empty(images, keep, dtype=torch.long, device=order.device)
    alive = torch.empty(images, keep, dtype=torch.bool, device=order.device)
    for step in range(keep):
        pick = waiting.argmin(dim=1)
        picks[:, step] = pick
        alive[:, step] = ~dead[rows, pick]
        dead |= close[rows, pick]
        waiting = torch.where(dead & (waiting < n), place + n, waiting)
        waiting[rows, pick] = 2 * n
    return picks, alive
