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
    "llm_keys": 0,
    "llm_states": 0,
    "llm_normed": 0,
}
# Fields whose last dimension is N, and fields with one row per word, last but one in those.
_COLUMNS = ("llm_attention", "llm_rotary_bias")
_WORDS = ("llm_words", "llm_word_keys", "llm_word_normed")
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
    "llm_attention": 3,
    "llm_rotary_bias": 2,
    "llm_words": 2,
    "llm_keys": 2,
    "llm_word_keys": 2,
    "llm_states": 2,
    "llm_normed": 2,
    "llm_word_normed": 2,
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
    llm_attention
        (H, M, N) attention probabilities, per head, of the M words after the image (the
        last is the last prompt token) to the image tokens, in the decoder layer the
        method reads. The ``llm_`` fields show one stage of a method that prunes inside
        the language model to who has arrays but no model; with a model they are read off
        it (`analysis.pruners.inllm`) and stay None.
    llm_words
        (M, D) embeddings of those words, in the space of ``features``.
    llm_rotary_bias
        (M, N) scaled dot products of all-ones queries and keys after RoPE.
    llm_keys, llm_word_keys
        (N, E) and (M, E) keys of the layer that has just run, after RoPE, heads joined.
    llm_states
        (N, E) hidden states of the image tokens entering the stage.
    llm_normed, llm_word_normed
        (N, E) and (M, E) the same states, and the words', after the model's output norm.
    llm_prefix
        Prompt tokens before the image; only DART with ``order=cpython`` reads it.
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
    llm_attention: Tensor | None = None
    llm_words: Tensor | None = None
    llm_rotary_bias: Tensor | None = None
    llm_keys: Tensor | None = None
    llm_word_keys: Tensor | None = None
    llm_states: Tensor | None = None
    llm_normed: Tensor | None = None
    llm_word_normed: Tensor | None = None
    llm_prefix: int = 0

    def __post_init__(self) -> None:
        """Check shapes; values are checked by who reads them, once.

        Raises
        ------
        ValueError
            Naming the first field whose shape does not fit ``features``.
        """
        for name, ndim in _NDIM.items():
            value = getattr(self, name)
            if value is None and name != "features":
                continue
            if not isinstance(value, Tensor) or value.is_complex():
                raise ValueError(f"{name} must be a tensor of real numbers, got {_kind(value)}")
            if value.ndim != ndim:
                raise ValueError(f"{name} must have {ndim} dimensions, got {tuple(value.shape)}")
            if name in _ROWS and value.shape[0] != self.n + _ROWS[name]:
                raise ValueError(
                    f"{name} must have {self.n + _ROWS[name]} rows to fit "
                    f"features {tuple(self.features.shape)}, got {value.shape[0]}"
                )
        self._check_prompt()
        if self.n == 0:
            raise ValueError("features must hold at least one token, got 0 rows")
        if self.grid is not None:
            _check_grid(self.grid, self.n)
        state, patches = self.cls_feature, self.encoder_features
        if state is not None and patches is not None and state.shape[0] != patches.shape[1]:
            raise ValueError(
                f"cls_feature must have {patches.shape[1]} entries to fit encoder_features "
                f"{tuple(patches.shape)}, got {state.shape[0]}"
            )

    def _check_prompt(self) -> None:
        """Check that what is known of the prompt speaks of N image tokens and of M words."""
        for name in _COLUMNS:
            value = getattr(self, name)
            if value is not None and value.shape[-1] != self.n:
                raise ValueError(
                    f"{name} must have {self.n} columns to fit "
                    f"features {tuple(self.features.shape)}, got {value.shape[-1]}"
                )
        counts = self._word_counts()
        for name, count in counts.items():
            if count != self.n_words or not count:
                raise ValueError(
                    f"{name} must have a row for each word, as {next(iter(counts))} has "
                    f"{self.n_words}, and at least one; got {count}"
                )
        if self.llm_prefix < 0:
            raise ValueError(f"llm_prefix must be at least 0, got {self.llm_prefix}")

    @property
    def n(self) -> int:
        """Number of visual tokens N."""
        return int(self.features.shape[0])

    @property
    def n_words(self) -> int:
        """Number M of words after the image the ``llm_`` fields speak of, 0 without them."""
        return next(iter(self._word_counts().values()), 0)

    def _word_counts(self) -> dict[str, int]:
        """Rows per word in each field that is given."""
        found = {name: getattr(self, name) for name in (*_COLUMNS, *_WORDS)}
        return {name: int(value.shape[-2]) for name, value in found.items() if value is not None}

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


def _kind(value: object) -> str:
    """Name what was given instead of a tensor of real numbers."""
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def _check_grid(grid: tuple[int, int], n: int) -> None:
    whole = isinstance(grid, tuple) and all(isinstance(side, int) for side in grid)
    if not whole or len(grid) != 2 or min(grid) < 1:
        raise ValueError(f"grid must be (rows, columns), two integers from 1 on, got {grid!r}")
    if grid[0] * grid[1] != n:
        raise ValueError(f"grid {grid} does not hold the {n} rows of features")
