"""What a pruner returns: the tokens handed to the language model, and why (`Selection`)."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

PositionPolicy = Literal["reindex", "keep"]


@dataclass(frozen=True, eq=False)
class Selection:
    """The tokens a pruner hands to the language model, and why.

    Attributes
    ----------
    indices
        (K,) long, in position order. For merging methods the representative token of
        each output row in the method's own order, -1 where a row has none ([CLS], extra).
    groups
        K labels, one per output token: important, diverse, contextual, cls, …
    n_tokens
        N, the number of tokens there were.
    weights
        (K, N+1) float32 rows over ``[CLS; tokens]`` for merging methods, else None: a
        plain selection is the same thing with one-hot rows (see `matrix`).
    position_policy
        ``"reindex"`` gives kept tokens positions 0..K-1, ``"keep"`` their old ones.
    info
        What the method decided (tau, share, pick order, …); JSON-able values only.
    """

    indices: Tensor
    groups: tuple[str, ...]
    n_tokens: int
    weights: Tensor | None = None
    position_policy: PositionPolicy = "reindex"
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def n_kept(self) -> int:
        """Number of output tokens K."""
        return int(self.indices.shape[0])

    @property
    def kept(self) -> Tensor:
        """Indices of the tokens that stand for themselves: ``indices`` without -1."""
        return self.indices[self.indices >= 0]

    def matrix(self) -> Tensor:
        """Return W (K, N+1) with output = ``W @ [CLS; tokens]``, one-hot for selections."""
        if self.weights is not None:
            return self.weights
        return one_hot(self.indices, self.n_tokens)

    def apply(self, features: Tensor, cls: Tensor | None = None) -> Tensor:
        """Return the (K, D) output tokens.

        Parameters
        ----------
        features
            (N, D) tokens in the space the method works in: before the projector for
            VisionZip, PruMerge and BAT, either one for plain selections.
        cls
            (D,) [CLS] state in the same space; needed when a row draws on it.

        Raises
        ------
        ValueError
            If ``features`` has not N rows, or a row needs ``cls`` and it is None.
        """
        if features.ndim != 2 or features.shape[0] != self.n_tokens:
            raise ValueError(
                f"features must be ({self.n_tokens}, D) to fit this selection, "
                f"got {tuple(features.shape)}"
            )
        if self.weights is None:
            return features[self.indices]
        weights = self.weights.to(features.device)
        merged = _weighted_sums(weights[:, 1:], features.to(weights.dtype))
        if bool((weights[:, 0] != 0).any()):
            if cls is None:
                raise ValueError("cls must be given: a row of this selection draws on [CLS]")
            merged = merged + weights[:, :1] * cls.to(weights.dtype)
        return merged.to(features.dtype)


def _weighted_sums(weights: Tensor, features: Tensor) -> Tensor:
    """Return ``weights @ features``, gathering only what has a weight where rows are sparse."""
    flat = weights.reshape(-1)
    found = flat.nonzero()[:, 0]
    if len(found) * 4 > len(flat):
        return weights @ features
    rows = found // weights.shape[1]
    starts = torch.searchsorted(rows, torch.arange(weights.shape[0], device=rows.device))
    return functional.embedding_bag(
        found - rows * weights.shape[1],
        features,
        starts,
        mode="sum",
        per_sample_weights=flat[found],
    )


def one_hot(indices: Tensor, n: int) -> Tensor:
    """Return (K, N+1) float32 rows over ``[CLS; tokens]`` that copy tokens, [CLS] for -1."""
    return functional.one_hot(indices + 1, n + 1).float()


def everything(n: int, policy: PositionPolicy, device: torch.device) -> Selection:
    """Return the selection that keeps all ``n`` tokens."""
    return Selection(
        indices=torch.arange(n, device=device),
        groups=("all",) * n,
        n_tokens=n,
        position_policy=policy,
    )
