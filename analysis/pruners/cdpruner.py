"""CDPruner: a determinantal set weighted by the question (Zhang et al., NeurIPS 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.measures.gram import unit_rows
from analysis.pruners import Case, Pruner, Selection
from analysis.pruners.checks import check_width
from analysis.tokens import VisualTokens

# Width P of CLIP-L's joint space, for the cost.
_JOINT = 768


@dataclass(frozen=True)
class CDPruner(Pruner):
    """Greedy MAP of a DPP with kernel relevance x cosine x relevance.

    Relevance is the *negated* mean CLIP similarity of a patch to the question's text
    segments, scaled to about [0, 1] with 1e-6 added before the division: CLIP's patch
    similarities are inversely localised. Cosines are of the projected tokens. All in
    float32, as official code rounds.
    """

    name = "cdpruner"
    signal = "question relevance x cosine kernel (DPP)"
    needs = ("image_embeds", "text_embeds")
    space = "after projector"
    licence = "Apache-2.0"
    deviations = (
        "Once the kernel's rank is used up, the most relevant tokens fill up; official code "
        "repeats an index.",
        "Equal relevance everywhere counts as 1; official code divides by zero.",
    )

    def macs(self, case: Case) -> int:
        """Count relevance, kernel, and K steps of the greedy determinant."""
        relevance = case.n_tokens * _JOINT * (case.vision.hidden + 1)
        return relevance + case.gram + case.keep * (case.keep - 1) // 2 * case.n_tokens

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        check_width(tokens, "text_embeds", "image_embeds")
        embeds = tokens.require("image_embeds").float(), tokens.require("text_embeds").float()
        relevance = question_relevance(*embeds)
        unit = unit_rows(tokens.features.float())[None]
        kernel = relevance[:, None] * (unit @ unit.mT)[0] * relevance[None, :]
        picks = greedy_map(kernel, keep)
        found = len(picks)
        free = relevance.index_fill(0, picks, -torch.inf)
        fill = free.argsort(descending=True, stable=True)[: keep - found]
        labels = ["diverse"] * found + ["topup"] * (keep - found)
        info = {"pick_order": picks.tolist() + fill.tolist(), "topped_up": keep - found}
        return self.pick(torch.cat([picks, fill]), labels, tokens.n, info)


def question_relevance(image_embeds: Tensor, text_embeds: Tensor) -> Tensor:
    """Return (N,) relevance in about (0, 1] of (N, P) patches to (M, P) text segments."""
    score = (-(unit_rows(image_embeds) @ unit_rows(text_embeds).mT)).mean(dim=-1)
    spread = score.max() - score.min()
    if float(spread) == 0.0:
        return torch.ones_like(score)
    return (score - score.min() + 1e-6) / spread


def greedy_map(kernel: Tensor, keep: int) -> Tensor:
    """Return up to ``keep`` indices that greedily maximise the determinant of (N, N).

    The incremental Cholesky form: each step adds the token with the largest remaining
    variance and removes what it explains. Stops early when no variance is left, after
    the first token without any, as official code does before its indices repeat.
    """
    variance = kernel.diagonal().clone()
    factors = kernel.new_zeros(keep, 1, kernel.shape[0])
    picks: list[int] = []
    for step in range(keep):
        pick = int(variance.argmax())
        if not float(variance[pick]) > -torch.inf:
            break
        picks.append(pick)
        # Official code picks this one still; what follows in it is NaN.
        if float(variance[pick]) <= 0.0:
            break
        # The sum in the official order of operations, a batch of one.
        known = torch.einsum("tb,tbn->bn", factors[:step, :, pick], factors[:step])[0]
        row = (kernel[pick] - known) / variance[pick].sqrt()
        factors[step, 0] = row
        variance = torch.nan_to_num(variance - row.square(), nan=-torch.inf)
        variance[picks] = -torch.inf
    return torch.tensor(picks, dtype=torch.long, device=kernel.device)
