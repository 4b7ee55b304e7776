"""Random tokens, the floor every method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from analysis.pruners.base import PRUNERS, Family, Pruner, Selection
from analysis.tokens import VisualTokens


@PRUNERS.register("random")
@dataclass(frozen=True)
class Random(Pruner):
    """K tokens drawn uniformly without replacement.

    Parameters
    ----------
    seed
        Used when no generator is passed to `select`: equal seeds give equal sets, and
        images with the same N the same positions.
    """

    name: ClassVar[str] = "random"
    family: ClassVar[Family] = "random"
    signal: ClassVar[str] = "none"

    seed: int = 0

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        if generator is None:
            generator = torch.Generator().manual_seed(self.seed)
        picks = torch.randperm(tokens.n, generator=generator, device=generator.device)[:keep]
        return self.pick(picks.to(tokens.device), ["random"] * keep, tokens.n)
