"""Selections with a drawn dose: the randomised instruments of the dose-response design."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from analysis.measures.gram import gram_erank
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_range
from analysis.pruners.mixture import Mixture
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class RandomisedShare(Pruner):
    """The mixture of FasterVLM and DivPrune at an attention share drawn for each image.

    The share is uniform on [0, 1] and blind to the image, so whatever goes with it over
    images is caused by it. ``info["instrument"]`` records it. It moves kept diversity and
    kept attention together: read as an effect of diversity, it assumes that attention has
    none of its own.

    Parameters
    ----------
    seed
        Used when no generator is passed to `select`.
    """

    name = "randomised_share"
    signal = "a drawn share of [CLS] attention"
    needs = ("cls_attention",)
    space = "after projector"
    licence = "ours (a design, not a method)"

    seed: int = 0

    def macs(self, case: Case) -> int:
        """Count what the mixture does."""
        return Mixture().macs(case)

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        share = float(torch.rand(1, generator=_source(generator, self.seed), dtype=torch.float64))
        chosen = Mixture(attention_share=share).select(tokens, keep)
        return replace(chosen, info={**chosen.info, "instrument": share, "attention_share": share})


@dataclass(frozen=True)
class RandomisedErank(Pruner):
    """Of several random sets one whose erank lies in a stratum drawn for each image.

    ``draws`` sets of K tokens are drawn uniformly and ordered by effective rank, the order
    is cut into ``strata`` equal parts, one part is drawn, and in it one set. Every set is a
    uniform draw's, attention plays no part, and the stratum is blind to the image.
    ``info["instrument"]`` records it as 0 (lowest) to 1 (highest).

    Parameters
    ----------
    draws
        Random sets to order, a multiple of ``strata``.
    strata
        Parts of the order, at least 2.
    seed
        Used when no generator is passed to `select`.
    """

    name = "randomised_erank"
    signal = "a drawn stratum of erank among random sets"
    space = "after projector"
    licence = "ours (a design, not a method)"

    draws: int = 16
    strata: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the order can be cut into equal parts."""
        check_range("strata", self.strata, 2, 1000)
        check_range("draws", self.draws, self.strata, 10_000)
        check_range("draws modulo strata", self.draws % self.strata, 0, 0)

    def macs(self, case: Case) -> int:
        """Count all inner products and the eigenvalues of every set."""
        return case.gram + self.draws * 2 * case.keep**3 // 3

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        source = _source(generator, self.seed)
        sets = torch.stack(
            [torch.randperm(tokens.n, generator=source)[:keep] for _ in range(self.draws)]
        )
        eranks = _eranks(tokens, sets)
        stratum = int(torch.randint(self.strata, (1,), generator=source))
        within = int(torch.randint(self.draws // self.strata, (1,), generator=source))
        chosen = eranks.argsort(stable=True)[stratum * (self.draws // self.strata) + within]
        info = {
            "instrument": stratum / (self.strata - 1),
            "stratum": stratum,
            "eranks": [round(float(value), 6) for value in (eranks.min(), eranks.max())],
        }
        picks = sets[chosen].to(tokens.device)
        return self.pick(picks, ["random"] * keep, tokens.n, info)


def _source(generator: torch.Generator | None, seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed) if generator is None else generator


def _eranks(tokens: VisualTokens, sets: Tensor) -> Tensor:
    """Return (S,) float64 centred effective ranks of the token sets (S, K)."""
    gram = tokens.gram.matrix.cpu()
    blocks = gram[sets[:, :, None], sets[:, None, :]]
    return gram_erank(blocks, tokens.features.shape[1])
