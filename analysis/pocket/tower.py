"""The CLIP vision tower: its shape, its pixels, and a forward pass that shows [CLS] attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModel

from analysis.scenes.world import PATCH, SIZE

MEAN = (0.48145466, 0.4578275, 0.40821073)
"""CLIP's pixel means, RGB in 0..1."""
STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's pixel standard deviations, RGB in 0..1."""


@dataclass(frozen=True)
class TowerShape:
    """Width, depth and heads of the tower; the defaults are the shipped ones."""

    width: int = 128
    layers: int = 5
    heads: int = 4


def build_tower(shape: TowerShape) -> CLIPVisionModel:
    """Return a freshly initialised tower for 144 x 144 pixels in patches of 12."""
    config = CLIPVisionConfig(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        image_size=SIZE,
        patch_size=PATCH,
        projection_dim=shape.width,
    )
    return CLIPVisionModel(config)


def to_pixels(images: np.ndarray) -> Tensor:
    """Normalise (n, 144, 144, 3) uint8 images to (n, 3, 144, 144) float32 as CLIP does."""
    tensor = torch.from_numpy(np.array(images, order="C")).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (tensor - mean) / std


@dataclass(frozen=True)
class TowerStates:
    """What one pass shows.

    Attributes
    ----------
    penultimate
        (n, 1 + m, C) hidden states [-2], [CLS] first: what LLaVA reads.
    last_cls
        (n, C) layer-normalised [CLS] of the last layer.
    attention
        (n, m) head-mean [CLS] attention of the layer that wrote `penultimate`, its [CLS] column
        dropped and renormalised to sum 1.
    """

    penultimate: Tensor
    last_cls: Tensor
    attention: Tensor


def tower_pass(tower: CLIPVisionModel, pixels: Tensor, kept: Tensor | None = None) -> TowerStates:
    """Run the tower, on all patches or on the kept ones only.

    Parameters
    ----------
    tower
        The vision tower.
    pixels
        (n, 3, 144, 144) normalised pixels.
    kept
        (n, m) long patch indices, or None for all 144.
    """
    hidden = tower.embeddings(pixels)
    if kept is not None:
        rows = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], 1)
        hidden = hidden.gather(1, rows[:, :, None].expand(-1, -1, hidden.shape[-1]))
    hidden = tower.pre_layrnorm(hidden)
    *early, penultimate_layer, last_layer = tower.encoder.layers
    for layer in early:
        hidden = layer(hidden, None)
    attention = _cls_attention(penultimate_layer, hidden)
    penultimate = penultimate_layer(hidden, None)
    last = last_layer(penultimate, None)
    return TowerStates(penultimate, tower.post_layernorm(last[:, 0]), attention)


def _cls_attention(layer: Any, hidden: Tensor) -> Tensor:
    attention = layer.self_attn
    normed = layer.layer_norm1(hidden)
    count, tokens, _ = normed.shape
    shape = (count, -1, attention.num_heads, attention.head_dim)
    query = attention.q_proj(normed[:, :1]).view(shape).transpose(1, 2)
    keys = attention.k_proj(normed).view(shape).transpose(1, 2)
    scores = (query @ keys.transpose(-1, -2)).float() * attention.scale
    row = scores.softmax(-1)[:, :, 0, 1:].mean(1)
    return row.view(count, tokens - 1) / row.sum(-1, keepdim=True)
