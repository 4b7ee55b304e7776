"""Attention evidence from Qwen2.5-VL's vision tower, read by hooks while it runs.

The tower has no [CLS] and attends within windows except in a few layers. What every
patch receives in a full-attention layer takes the place of [CLS] attention: hooks keep
that layer's q/k projection and its rotary angles, and the column means of the softmax
are computed from them, rows in blocks so that no full map is ever held.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

# Query rows whose probabilities are held at a time, per head.
_ROWS = 1024


@dataclass
class VisionCapture:
    """What the hooks saw during one forward pass of the tower.

    Attributes
    ----------
    qkv
        Layer → (S, 3C) output of its joint projection, window order.
    rotary
        Layer → cos and sin, each (S, head width), window order.
    bounds
        Layer → (images + 1,) cumulative patch counts.
    merged
        (S, C) normalised patches that enter the merger, window order.
    """

    qkv: dict[int, Tensor] = field(default_factory=dict)
    rotary: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    bounds: dict[int, Tensor] = field(default_factory=dict)
    merged: Tensor | None = None

    def received(self, layer: int, heads: int) -> Tensor:
        """Attention every patch receives in a full-attention layer, (S,) float32.

        Mean over heads and over the image's query rows, so it sums to 1 per image.
        """
        from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb_vision

        states = self.qkv[layer]
        rows, width = states.shape[0], states.shape[1] // 3
        query, key, _ = states.view(rows, 3, heads, width // heads).unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *self.rotary[layer])
        edges = self.bounds[layer].tolist()
        parts = [column_means(query[low:high], key[low:high]) for low, high in pairwise(edges)]
        return torch.cat(parts)


def column_means(query: Tensor, key: Tensor) -> Tensor:
    """Attention each key receives, mean over heads and query rows.

    Parameters
    ----------
    query, key
        (S, heads, head width), rotary embedding applied.

    Returns
    -------
    Tensor
        (S,) float32, sums to 1.
    """
    rows, heads, width = query.shape
    q, k = query.float().transpose(0, 1), key.float().permute(1, 2, 0)
    total = torch.zeros(rows, dtype=torch.float32, device=query.device)
    for head in range(heads):
        for block in q[head].split(_ROWS):
            total += (block @ k[head] * width**-0.5).softmax(-1).sum(0)
    return total / (rows * heads)


@contextmanager
def capture_vision(visual: nn.Module, layers: list[int]) -> Iterator[VisionCapture]:
    """Collect evidence from the tower's next forward pass; remove all hooks after.

    Parameters
    ----------
    visual
        ``model.model.visual``.
    layers
        Full-attention layers to read.

    Yields
    ------
    VisionCapture
        Filled once the tower has run inside the context.
    """
    seen = VisionCapture()
    tower: Any = visual
    with ExitStack() as stack:
        for layer in sorted(set(layers)):
            attention = tower.blocks[layer].attn
            keep = _keep_qkv(seen, layer)
            stack.callback(attention.qkv.register_forward_hook(keep).remove)
            note = _keep_arguments(seen, layer)
            handle = attention.register_forward_pre_hook(note, with_kwargs=True)
            stack.callback(handle.remove)

        def keep_merged(_module: nn.Module, _args: Any, output: Tensor) -> None:
            seen.merged = output

        stack.callback(tower.merger.ln_q.register_forward_hook(keep_merged).remove)
        yield seen


def _keep_qkv(seen: VisionCapture, layer: int) -> Any:
    def hook(_module: nn.Module, _args: Any, output: Tensor) -> None:
        seen.qkv[layer] = output

    return hook


def _keep_arguments(seen: VisionCapture, layer: int) -> Any:
    def hook(_module: nn.Module, _args: Any, kwargs: dict[str, Any]) -> None:
        seen.rotary[layer] = kwargs["position_embeddings"]
        seen.bounds[layer] = kwargs["cu_seqlens"]

    return hook


def unwindowed(visual: Any, grid_thw: Tensor) -> Tensor:
    """Order that undoes the tower's window permutation, over merge units.

    Parameters
    ----------
    visual
        ``model.model.visual``.
    grid_thw
        (B, 3) patches in time, height and width.

    Returns
    -------
    Tensor
        (units,) long: row-major unit → its place in window order.
    """
    from transformers.vision_utils import get_vision_window_index

    index, _ = get_vision_window_index(
        grid_thw,
        spatial_merge_size=visual.spatial_merge_size,
        window_size=visual.window_size,
        patch_size=visual.patch_size,
    )
    return torch.as_tensor(index).argsort()
