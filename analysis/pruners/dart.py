"""DART: keep pivots and what is least like them (Wen et al., EMNLP 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.measures.gram import unit_rows
from analysis.pruners import Case
from analysis.pruners.checks import check_choice, check_range
from analysis.pruners.inllm.contract import InsidePruner, Kept
from analysis.pruners.inllm.view import RowView
from analysis.pruners.ranking import rank


@dataclass(frozen=True)
class DART(InsidePruner):
    """One stage after ``full_layers`` layers; no attention is read at all.

    Pivots are the image tokens and the words after the image whose keys (layer K-1,
    after RoPE, heads concatenated) have the largest L1 norm. Each pivot in turn takes
    the remaining image tokens with the lowest cosine similarity to it, in the hidden
    states after the model's output norm. Positions are kept.

    Parameters
    ----------
    full_layers
        K, decoder layers that run on all tokens before the pruning.
    reduction
        Share of the image tokens that the original schedule drops; officially
        4 + 8 * int((1 - reduction) * N / 8) tokens stay.
    image_pivots, text_pivots
        Numbers of pivots.
    order
        Order of the pivots: ``cpython`` for the order in which a CPython set of
        positions iterates, as the official code has it, or ``sorted`` by position.
    """

    full_layers: int = 2
    reduction: float = 0.778
    image_pivots: int = 4
    text_pivots: int = 4
    order: str = "cpython"

    name = "dart"
    needs = (
        "llm_keys",
        "llm_word_keys",
        "llm_normed",
        "llm_word_normed",
    )
    signal = "key-norm pivots, least similar hidden states"
    position_policy = "keep"
    licence = "Apache-2.0 (by its README)"
    deviations = (
        "Exactly as many tokens as the schedule says: what 8 pivots cannot share evenly goes one "
        "each to the first pivots. Equal to the official set where the count is 4 + 8 * per.",
        "With order=sorted pivots are visited by position; the official result in 12 of 80 cases.",
        "With fewer words after the image than text pivots, all of them are pivots.",
    )

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Naming the one that is out of range.
        """
        check_range("full_layers", self.full_layers, 1, float("inf"))
        check_range("reduction", self.reduction, 0, 1)
        check_range("image_pivots", self.image_pivots, 1, float("inf"))
        check_range("text_pivots", self.text_pivots, 0, float("inf"))
        check_choice("order", self.order, ("sorted", "cpython"))

    def stages(self, n_layers: int) -> list[tuple[int, float]]:
        """Return the one stage, at layer K."""
        layer = min(self.full_layers, n_layers - 1)
        return [(layer, max(1e-6, 1 - self.reduction))] if layer else []

    def original_count(self, n_tokens: int, ratio: float) -> int:
        """Return the pivots and an equal whole number for each pivot."""
        del ratio
        pivots = self.image_pivots + self.text_pivots
        share = int((1 - self.reduction) * n_tokens / pivots)
        return min(n_tokens, self.image_pivots + pivots * share)

    def macs(self, case: Case) -> int:
        """Count eight pivots against all image tokens."""
        return sum(8 * n * case.shape.hidden for _, n, _ in case.stages)

    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Keep the image pivots and what is least similar to the pivots."""
        index = pivots_and_unlike(
            view.keys.float().abs().sum((0, 2)),
            view.final_norm(view.hidden),
            view.image,
            view.text,
            n_keep,
            n_image=self.image_pivots,
            n_text=self.text_pivots,
            order=self.order,
        )
        return Kept(index)


def pivots_and_unlike(
    norms: Tensor,
    states: Tensor,
    image: Tensor,
    text: Tensor,
    n_keep: int,
    *,
    n_image: int = 4,
    n_text: int = 4,
    order: str = "cpython",
) -> Tensor:
    """Choose ``n_keep`` of the image tokens as DART does.

    Parameters
    ----------
    norms
        (t,) L1 norms of the tokens' keys.
    states
        (t, D) hidden states after the output norm.
    image, text
        (n,) and (m,) ascending slots of the image tokens and of the words after them.
    n_keep
        1…n.
    n_image, n_text, order
        As the fields of `DART`.

    Returns
    -------
    Tensor
        (n_keep,) ascending indices into ``image``. Ties go to the lowest index.
    """
    n_image = min(n_image, n_keep)
    image_pivots = image[rank(norms[image])[:n_image]]
    text_pivots = text[rank(norms[text])[:n_text]]
    pivots = [*image_pivots.tolist(), *text_pivots.tolist()]
    # A set of ints iterates in hash-table order, which is what the official code runs on.
    visited = sorted(pivots) if order == "sorted" else list(set(pivots))
    units = unit_rows(states.float())
    pool = torch.isin(image, image_pivots, invert=True)
    taken = ~pool
    share, extra = divmod(n_keep - n_image, len(visited))
    for turn, pivot in enumerate(visited):
        n_take = share + (turn < extra)
        similarity = (units[image] @ units[pivot]).masked_fill(~pool, float("inf"))
        unlike = torch.sort(similarity, stable=True).indices[:n_take]
        pool[unlike] = False
        taken[unlike] = True
    return taken.nonzero().flatten()
