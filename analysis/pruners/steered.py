"""Image-aware steering of any method with an attention share (Tables 5 and 6)."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch

from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.pruners import Case, Pruner, Selection, make_pruner
from analysis.pruners.agilepruner import steering
from analysis.pruners.checks import check_choice, check_range
from analysis.selection import PositionPolicy
from analysis.tokens import VisualTokens

RULES = ("adaptive", "inverse", "fixed")


@dataclass(frozen=True)
class Steered(Pruner):
    r"""Set the attention share r of another method by the image.

    With the method's share :math:`r_0` and the ratio :math:`x = s / \bar s` of the
    image's erank (or entropy) to its average: ``adaptive`` :math:`r_0 (2 - x)`, fewer
    attention tokens in complex images; ``inverse`` :math:`r_0 x`, the control;
    ``fixed`` :math:`r_0`. The first two are clipped to [low, high]. The paper says
    "linear mapping" and its direction; slope and clipping are ours.

    Parameters
    ----------
    method
        Spec of the steered method with ``/`` between parameters, such as ``bat`` or
        ``mixture/seeded=false``; it must have an ``attention_share``.
    rule
        ``adaptive``, ``inverse`` or ``fixed``.
    share
        r0; None takes the method's own.
    steer, erank_avg, entropy_avg
        What steers, and its averages, as in AgilePruner.
    low, high
        Bounds of the share.
    """

    name = "steered"
    signal = "erank sets the share of [CLS] attention"
    space = "of its method"
    licence = "no code published"
    deviations = (
        "Slope, intercept and clipping of the linear map are not on record; ours are stated.",
    )

    method: str = "mixture"
    rule: str = "adaptive"
    share: float | None = None
    steer: str = "erank"
    erank_avg: float = 90.0
    entropy_avg: float = 4.67
    low: float = 0.1
    high: float = 0.9

    def __post_init__(self) -> None:
        """Check every parameter."""
        check_choice("rule", self.rule, RULES)
        check_choice("steer", self.steer, ("erank", "entropy"))
        check_range("low", self.low, 0.0, 1.0)
        check_range("high", self.high, self.low, 1.0)
        check_range("share", self.share or 0.0, 0.0, 1.0)
        check_range("erank_avg", self.erank_avg, 1e-9, 1e9)
        check_range("entropy_avg", self.entropy_avg, 1e-9, 1e9)
        if not has_share(type(self._inner)):
            able = [name for name in METHODS if has_share(METHODS.get(name).cls)]
            raise UsageError(
                f"method must have an attention_share, {self.method!r} has none; "
                f"choose one of: {', '.join(able)}."
            )

    @cached_property
    def _inner(self) -> Any:
        """The steered method at its own share."""
        return make_pruner(self.method.replace("/", ":"))

    @property
    def needs(self) -> tuple[str, ...]:
        """[CLS] attention, and what its method reads."""
        return tuple(dict.fromkeys(("cls_attention", *self._inner.needs)))

    @property
    def prunes(self) -> str:
        """Where its method does."""
        return str(self._inner.prunes)

    @property
    def merges(self) -> bool:
        """Whether its method merges."""
        return bool(self._inner.merges)

    @property
    def position_policy(self) -> PositionPolicy:
        """The policy of its method."""
        policy: PositionPolicy = self._inner.position_policy
        return policy

    def macs(self, case: Case) -> int:
        """Count the method and, for erank, eigenvalues and cosines it has not got itself."""
        total = int(self._inner.macs(case))
        if self.steer == "erank":
            shared = self._inner.space == "after projector"
            total += case.spectrum + (0 if shared else case.gram)
        return total

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        inner = self._inner
        base = inner.attention_share if self.share is None else self.share
        signal = float(steering([tokens], self.steer)[0])
        ratio = signal / (self.erank_avg if self.steer == "erank" else self.entropy_avg)
        share = {"adaptive": base * (2.0 - ratio), "inverse": base * ratio}.get(self.rule)
        share = base if share is None else min(max(share, self.low), self.high)
        chosen = replace(inner, attention_share=share).select(tokens, keep, generator)
        info = {"rule": self.rule, "attention_share": share, self.steer: signal}
        return replace(chosen, info={**chosen.info, **info})


def has_share(method: type[Pruner]) -> bool:
    """Whether a method has an attention share that can be steered."""
    return any(f.name == "attention_share" for f in fields(method))
