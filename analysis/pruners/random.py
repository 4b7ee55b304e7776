"""Random tokens, the floor every method has to beat."""

from dataclasses import dataclass

import torch

from analysis.pruners import Case, Pruner, Selection
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class Random(Pruner):
    """K tokens drawn uniformly without replacement.

    Parameters
    ----------
    seed
        Used when no generator is passed to `select`: equal seeds give equal sets, and
        images with the same N the same positions.
    """

    name = "random"
    signal = "none"

    seed: int = 0

    def macs(self, case: Case) -> int:
        """Count nothing."""
        del case
        return 0

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        if generator is None:
            generator = torch.Generator().manual_seed(self.seed)
        picks = torch.randperm(tokens.n, generator=generator, device=generator.device)[:keep]
        return self.pick(picks.to(tokens.device), ["random"] * keep, tokens.n)
