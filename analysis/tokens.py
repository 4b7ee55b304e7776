"""The visual tokens of one image: everything a measure or a pruner may read."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from analysis.measures.gram import Gram

# Shapes, and the fields that have them: N image tokens, M words after the image.
_SHAPES = {
    name: shape.split()
    for shape, names in {
        "N D": "features",
        "N C": "encoder_features",
        "C": "cls_feature last_query",
        "N": "cls_attention object_attention received_attention crop newline",
        "N+1 d": "keys",
        "N+1 C": "last_keys",
        "N P": "image_embeds",
        "S P": "text_embeds",
        "H M N": "llm_attention",
        "M N": "llm_rotary_bias",
        "M D": "llm_words",
        "M E": "llm_word_keys llm_word_normed",
        "N E": "llm_keys llm_states llm_normed",
    }.items()
    for name in names.split()
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
        Prompt tokens before the image; only DART (unless ``order=sorted``) reads it.
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
        for name, shape in _SHAPES.items():
            value = getattr(self, name)
            if value is not None or name == "features":
                self._check_shape(name, value, shape)
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

    def _check_shape(self, name: str, value: Any, shape: list[str]) -> None:
        """Check dimensions, and rows where there is one for each token."""
        if not isinstance(value, Tensor) or value.is_complex():
            raise ValueError(f"{name} must be a tensor of real numbers, got {_kind(value)}")
        if value.ndim != len(shape):
            raise ValueError(f"{name} must have {len(shape)} dimensions, got {tuple(value.shape)}")
        rows = {"N": self.n, "N+1": self.n + 1}.get(shape[0], value.shape[0])
        if value.shape[0] != rows:
            raise ValueError(
                f"{name} must have {rows} rows to fit "
                f"features {tuple(self.features.shape)}, got {value.shape[0]}"
            )

    def _check_prompt(self) -> None:
        """Check that what is known of the prompt speaks of N image tokens and of M words."""
        for name in (name for name, shape in _SHAPES.items() if shape[-2:] == ["M", "N"]):
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
        found = {name: getattr(self, name) for name, shape in _SHAPES.items() if "M" in shape}
        return {name: int(value.shape[-2]) for name, value in found.items() if value is not None}

    @property
    def device(self) -> torch.device:
        """Device the features live on."""
        return self.features.device

    @cached_property
    def gram(self) -> Gram:
        """Gram matrix of ``features``, computed once and shared by all who need it."""
        return Gram.of(self.features)

    def require(self, name: str) -> Tensor:
        """Return the field called ``name``.

        Raises
        ------
        ValueError
            If it is None.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise ValueError(f"{name} must be given")
        return value

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
