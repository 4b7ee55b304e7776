"""The visual tokens of one image: everything a measure or a pruner may read."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from analysis.measures.gram import Gram

# First dimension of each per-token field, relative to N.
_ROWS = {
    "features": 0,
    "encoder_features": 0,
    "cls_attention": 0,
    "keys": 1,
    "last_keys": 1,
    "object_attention": 0,
    "received_attention": 0,
    "image_embeds": 0,
    "crop": 0,
    "newline": 0,
}
_NDIM = {
    "features": 2,
    "encoder_features": 2,
    "cls_attention": 1,
    "cls_feature": 1,
    "keys": 2,
    "last_keys": 2,
    "last_query": 1,
    "object_attention": 1,
    "received_attention": 1,
    "image_embeds": 2,
    "text_embeds": 2,
    "crop": 1,
    "newline": 1,
}


@dataclass(frozen=True, eq=False)
class VisualTokens:
    """The N visual tokens of one image and the evidence gathered about them.

    Fields a model does not offer (or that no pruner of the run needs) are None.

    Attributes
    ----------
    features
        (N, D) tokens after the projector, in the language model's space.
    encoder_features
        (N, C) the same tokens before the projector, [CLS] dropped: the output of
        the selected encoder layer (-2 in LLaVA-1.5).
    cls_attention
        (N,) attention probabilities from [CLS] to each patch inside the layer that
        produced ``encoder_features``, mean over heads, the [CLS] column dropped and
        the rest *not* renormalised, so the sum is below 1.
    cls_feature
        (C,) the [CLS] state that stands beside ``encoder_features``.
    keys
        (N+1, d) keys of that layer averaged over heads, [CLS] first.
    last_keys, last_query
        (N+1, C) keys of the last layer with heads concatenated, [CLS] first, and the
        (C,) [CLS] query that goes with them.
    object_attention, received_attention
        (N,) attention each patch receives, mean over heads and over all N+1 query
        rows, in a middle layer and in the selected layer.
    image_embeds, text_embeds
        (N, P) and (M, P) patches and question in CLIP's joint space.
    grid
        (rows, columns) of the patch grid, None when tokens are not on one grid.
    crop
        (N,) index of the crop (tile) each token comes from.
    newline
        (N,) True where a token is LLaVA-NeXT's learned row separator.
    """

    features: Tensor
    encoder_features: Tensor | None = None
    cls_attention: Tensor | None = None
    cls_feature: Tensor | None = None
    keys: Tensor | None = None
    last_keys: Tensor | None = None
    last_query: Tensor | None = None
    object_attention: Tensor | None = None
    received_attention: Tensor | None = None
    image_embeds: Tensor | None = None
    text_embeds: Tensor | None = None
    grid: tuple[int, int] | None = None
    crop: Tensor | None = None
    newline: Tensor | None = None

    def __post_init__(self) -> None:
        """Check shapes; values are checked by who reads them, once.

        Raises
        ------
        ValueError
            Naming the first field whose shape does not fit ``features``.
        """
        for name, ndim in _NDIM.items():
            value = getattr(self, name)
            if value is None:
                continue
            if value.ndim != ndim:
                raise ValueError(f"{name} must have {ndim} dimensions, got {tuple(value.shape)}")
            if name in _ROWS and value.shape[0] != self.n + _ROWS[name]:
                raise ValueError(
                    f"{name} must have {self.n + _ROWS[name]} rows to fit "
                    f"features {tuple(self.features.shape)}, got {value.shape[0]}"
                )
        if self.n == 0:
            raise ValueError("features must hold at least one token, got 0 rows")
        if self.grid is not None and self.grid[0] * self.grid[1] != self.n:
            raise ValueError(f"grid {self.grid} does not hold the {self.n} rows of features")

    @property
    def n(self) -> int:
        """Number of visual tokens N."""
        return int(self.features.shape[0])

    @property
    def device(self) -> torch.device:
        """Device the features live on."""
        return self.features.device

    @cached_property
    def gram(self) -> "Gram":
        """Gram matrix of ``features``, computed once and shared by all who need it."""
        from analysis.measures.gram import Gram

        return Gram.of(self.features)

    def to(self, device: torch.device | str) -> "VisualTokens":
        """Return the same tokens on another device."""
        moved: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in moved.items():
            if isinstance(value, Tensor):
                moved[name] = value.to(device)
        return VisualTokens(**moved)
