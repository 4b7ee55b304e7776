"""What a method may look at when it prunes one row of a prompt between two layers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class RowView:
    """One row of the prompt, padding removed, at the input of a decoder layer.

    Attributes
    ----------
    hidden
        (t, D) states about to enter the layer.
    image
        (n,) long, ascending: which of the t tokens are image tokens.
    cos, sin
        (t, d) rotary embedding of the tokens' positions up to here.
    marked
        (t,) bool made by `InsidePruner.mark` for the tokens still here, or None.
    previous, following
        The decoder layer that has just run (None at the embedding) and the next one.
    before
        (t, D) states that entered ``previous``.
    cached_keys
        (G, t, d) keys of ``previous`` after RoPE, for G key/value heads.
    final_norm
        The model's output norm.
    """

    hidden: Tensor
    image: Tensor
    cos: Tensor
    sin: Tensor
    final_norm: Callable[[Tensor], Tensor]
    following: Any
    previous: Any = None
    before: Tensor | None = None
    cached_keys: Tensor | None = None
    marked: Tensor | None = None

    @property
    def n(self) -> int:
        """Image tokens in this row."""
        return int(self.image.shape[0])

    @property
    def last(self) -> Tensor:
        """(1,) slot of the last prompt token."""
        return torch.tensor([self.hidden.shape[0] - 1], device=self.hidden.device)

    @property
    def text(self) -> Tensor:
        """Slots of the text after the (last) image, ascending."""
        start = int(self.image[-1]) + 1
        return torch.arange(start, self.hidden.shape[0], device=self.hidden.device)

    @cached_property
    def keys(self) -> Tensor:
        """(G, t, d) keys of the layer that has just run, after RoPE."""
        if self.cached_keys is not None:
            return self.cached_keys
        return layer_keys(self.previous, self._entered, self.cos, self.sin)

    def attention(self, rows: Tensor) -> Tensor:
        """Attention inside the layer that has just run, only for the query ``rows`` (R,).

        Returns
        -------
        Tensor
            (H, R, t) float32 probabilities, causal. Equal to the layer's own (eager)
            attention; costs R rows instead of a second pass.
        """
        return _attention(self.previous, self._entered, self.keys, self.cos, self.sin, rows)

    def next_attention(self, rows: Tensor) -> Tensor:
        """Attention that the *next* layer would pay on all current tokens, (H, R, t)."""
        keys = layer_keys(self.following, self.hidden, self.cos, self.sin)
        return _attention(self.following, self.hidden, keys, self.cos, self.sin, rows)

    def rotary_bias(self, rows: Tensor) -> Tensor:
        """Scaled dot products (R, t) of all-ones queries and keys: what RoPE alone prefers."""
        cos, sin = self.cos.float(), self.sin.float()
        ones = rotate(torch.ones_like(cos), cos, sin)
        return ones[rows] @ ones.T * cos.shape[-1] ** -0.5

    @property
    def _entered(self) -> Tensor:
        if self.before is None:
            raise ValueError("attention needs a layer that has run; stages start at layer 1")
        return self.before


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary position embedding in the half-split form of Llama to ``x`` (…, t, d)."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def layer_keys(layer: Any, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return keys (G, t, d) after RoPE that ``layer`` computes from its input (t, D)."""
    return rotate(_heads(layer, layer.self_attn.k_proj, states), cos, sin)


def _heads(layer: Any, projection: nn.Module, states: Tensor) -> Tensor:
    """Project normed ``states`` (r, D) and split into (heads, r, d)."""
    out: Tensor = projection(layer.input_layernorm(states))
    return out.view(out.shape[0], -1, layer.self_attn.head_dim).transpose(0, 1)


def _attention(
    layer: Any, states: Tensor, keys: Tensor, cos: Tensor, sin: Tensor, rows: Tensor
) -> Tensor:
    """Softmax rows (H, R, t) of ``layer`` in float32, grouped-query heads repeated."""
    query = rotate(_heads(layer, layer.self_attn.q_proj, states[rows]), cos[rows], sin[rows])
    key = keys.repeat_interleave(query.shape[0] // keys.shape[0], dim=0)
    logits = query.float() @ key.float().transpose(1, 2) * layer.self_attn.scaling
    future = torch.arange(keys.shape[1], device=rows.device) > rows[:, None]
    return logits.masked_fill(future, float("-inf")).softmax(-1)
