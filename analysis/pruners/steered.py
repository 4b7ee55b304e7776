"""Image-aware steering of any method with an attention share (Tables 5 and 6)."""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import torch

from analysis.errors import UsageError
from analysis.measures.entropy import attention_entropy
from analysis.pruners.base import PRUNERS, Family, Pruner, Selection
from analysis.pruners.checks import check_choice, check_range
from analysis.pruners.spec import make_pruner
from analysis.tokens import VisualTokens

RULES = ("adaptive", "inverse", "fixed")


@PRUNERS.register("steered")
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

    name: ClassVar[str] = "steered"
    family: ClassVar[Family] = "hybrid"
    signal: ClassVar[str] = "erank sets the share of [CLS] attention"
    needs: ClassVar[tuple[str, ...]] = ("cls_attention",)
    space: ClassVar[str] = "of its method"
    prunes: ClassVar[str] = "where its method does"
    licence: ClassVar[str] = "no code published"
    deviations: ClassVar[tuple[str, ...]] = (
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
        """Check every parameter and take over what the steered method declares."""
        check_choice("rule", self.rule, RULES)
        check_choice("steer", self.steer, ("erank", "entropy"))
        check_range("low", self.low, 0.0, 1.0)
        check_range("high", self.high, self.low, 1.0)
        check_range("share", self.share or 0.0, 0.0, 1.0)
        check_range("erank_avg", self.erank_avg, 1e-9, 1e9)
        check_range("entropy_avg", self.entropy_avg, 1e-9, 1e9)
        inner = self._inner
        for attribute in ("space", "prunes", "merges", "position_policy"):
            object.__setattr__(self, attribute, getattr(inner, attribute))
        needs = dict.fromkeys((*self.needs, *inner.needs))
        object.__setattr__(self, "needs", tuple(needs))

    @property
    def _inner(self) -> Any:
        """The steered method at its own share."""
        inner = make_pruner(self.method.replace("/", ":"))
        if not has_share(type(inner)):
            able = [name for name in PRUNERS if has_share(PRUNERS.get(name))]
            raise UsageError(
                f"method must have an attention_share, {self.method!r} has none; "
                f"choose one of: {', '.join(able)}."
            )
        return inner

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        inner = self._inner
        base = inner.attention_share if self.share is None else self.share
        signal = self._signal(tokens)
        ratio = signal / (self.erank_avg if self.steer == "erank" else self.entropy_avg)
        share = {"adaptive": base * (2.0 - ratio), "inverse": base * ratio}.get(self.rule)
        share = base if share is None else min(max(share, self.low), self.high)
        chosen = replace(inner, attention_share=share).select(tokens, keep, generator)
        info = {"rule": self.rule, "attention_share": share, self.steer: signal}
        return replace(chosen, info={**chosen.info, **info})

    def _signal(self, tokens: VisualTokens) -> float:
        if self.steer == "entropy" and tokens.cls_attention is not None:
            return float(attention_entropy(tokens.cls_attention))
        return tokens.gram.erank()


def has_share(method: type[Pruner]) -> bool:
    """Whether a method has an attention share that can be steered."""
    return any(f.name == "attention_share" for f in fields(method))
