"""Attention evidence of a CLIP-like tower, read by hooks while it runs on sdpa.

Nothing is recomputed: the linear layers that make queries and keys already produce
what is needed, so the [CLS] row costs one (1 x N) product a head. Facts: hidden
states at index -2 are the *output* of layer -2, and the attention that produced them
is the one *inside* that layer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from analysis.errors import UsageError
from analysis.models.hooks import Recorder, recording

# HiPrune's object layer: the 9th of CLIP-L's 24, scaled to other depths.
_OBJECT_LAYER = 9 / 24
# Probabilities held at a time while received attention is summed, as float32 64 MiB.
_HELD = 1 << 24

#: Fields of `VisualTokens` that a capture can fill, besides ``features``.
EVIDENCE = frozenset(
    {
        "encoder_features",
        "cls_attention",
        "cls_feature",
        "keys",
        "last_keys",
        "last_query",
        "object_attention",
        "received_attention",
    }
)


def encoder_layers(tower: nn.Module) -> nn.ModuleList:
    """Return the list of encoder layers of a CLIP-like vision tower.

    Raises
    ------
    UsageError
        When neither ``encoder.layers`` nor ``vision_model.encoder.layers`` exists.
    """
    for root in (tower, getattr(tower, "vision_model", None)):
        layers = getattr(getattr(root, "encoder", None), "layers", None)
        if isinstance(layers, nn.ModuleList):
            return layers
    raise UsageError(
        f"vision tower {type(tower).__name__} has no encoder.layers; use a CLIP-like tower."
    )


def layer_index(selected: int, n_layers: int) -> int:
    """Translate an index into the n_layers + 1 ``hidden_states`` into the layer that outputs it.

    Raises
    ------
    UsageError
        For index 0 (the embeddings) and indices outside the encoder.
    """
    index = selected + n_layers if selected < 0 else selected - 1
    if not 0 <= index < n_layers:
        raise UsageError(
            f"vision_feature_layer {selected} names no output of the {n_layers} encoder layers; "
            f"choose -{n_layers} to -1 or 1 to {n_layers}."
        )
    return index


def cls_attention(query: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Attention probabilities from [CLS] to every patch, mean over heads.

    Parameters
    ----------
    query
        (B, C) [CLS] rows of ``q_proj``.
    keys
        (B, N+1, C) rows of ``k_proj``, [CLS] first.
    heads
        Number of heads that C divides into.

    Returns
    -------
    Tensor
        (B, N) float32, not renormalised after the [CLS] column is dropped. Products are
        float32 too: rounded to bfloat16, logits tie by the dozen and an index decides.
    """
    batch, rows, width = keys.shape
    dim = width // heads
    q = query.float().view(batch, heads, 1, dim)
    k = keys.float().view(batch, rows, heads, dim).permute(0, 2, 3, 1)
    logits = (q @ k).squeeze(2) * dim**-0.5
    return logits.softmax(-1)[..., 1:].mean(1)


def received_attention(queries: Tensor, keys: Tensor) -> Tensor:
    """Attention every token of one image receives, mean over heads and query rows.

    Parameters
    ----------
    queries, keys
        (S, heads, head width), any rotary embedding applied.

    Returns
    -------
    Tensor
        (S,) float32, sums to 1. Query rows go in blocks, so no large map is ever held.
    """
    rows, heads, width = queries.shape
    q, k = queries.float().transpose(0, 1), keys.float().permute(1, 2, 0)
    total = torch.zeros(rows, dtype=torch.float32, device=queries.device)
    for block in q.split(max(1, _HELD // (heads * rows)), dim=1):
        total += (block @ k * width**-0.5).softmax(-1).sum((0, 1))
    return total / (rows * heads)


@dataclass(frozen=True, eq=False)
class TowerCapture:
    """What the hooks saw during one forward pass of the tower.

    Attributes
    ----------
    selected, object_layer, last
        Layers, from 0: the one that makes the features, HiPrune's middle one, the last.
    heads
        Of each layer.
    seen
        ``("hidden", i)`` → (B, N+1, C) output of a layer, [CLS] first; ``("q", i)`` and
        ``("k", i)`` → (B, N+1, C) queries, or (B, 1, C) of [CLS] alone, and keys.
    """

    selected: int
    object_layer: int
    last: int
    heads: int
    seen: Recorder

    def cls_attention(self) -> Tensor:
        """[CLS] attention of the selected layer, (B, N) float32."""
        query, keys = self.seen["q", self.selected], self.seen["k", self.selected]
        return cls_attention(query[:, 0], keys, self.heads)

    def received(self, layer: int) -> Tensor:
        """Attention every patch receives in a layer from all N+1 rows, (B, N) float32."""
        queries, keys = self.seen["q", layer], self.seen["k", layer]
        images = zip(queries.unflatten(2, (self.heads, -1)), keys.unflatten(2, (self.heads, -1)),
                     strict=True)  # fmt: skip
        return torch.stack([received_attention(q, k)[1:] for q, k in images])

    def evidence(self, needs: frozenset[str] = frozenset()) -> dict[str, Tensor]:
        """Turn what was seen into per-image fields, batch first.

        Parameters
        ----------
        needs
            Fields of `VisualTokens` wanted beyond encoder features and [CLS] attention.

        Returns
        -------
        dict
            Field name → tensor with leading dimension B.
        """
        hidden, keys = self.seen["hidden", self.selected], self.seen["k", self.selected]
        found = {
            "encoder_features": hidden[:, 1:],
            "cls_feature": hidden[:, 0],
            "cls_attention": self.cls_attention(),
        }
        if "keys" in needs:
            found["keys"] = keys.unflatten(2, (self.heads, -1)).mean(2)
        if "last_keys" in needs:
            found["last_keys"] = self.seen["k", self.last]
            found["last_query"] = self.seen["q", self.last][:, 0]
        if "received_attention" in needs:
            found["received_attention"] = self.received(self.selected)
        if "object_attention" in needs:
            found["object_attention"] = self.received(self.object_layer)
        return found


@contextmanager
def capture_tower(
    tower: nn.Module, selected: int, needs: frozenset[str] = frozenset()
) -> Iterator[TowerCapture]:
    """Collect evidence from the tower's next forward pass; remove all hooks after.

    Parameters
    ----------
    tower
        CLIP-like vision tower.
    selected
        ``vision_feature_layer`` of the model.
    needs
        Fields of :class:`analysis.tokens.VisualTokens` wanted beyond the basic ones.

    Yields
    ------
    TowerCapture
        Filled once the tower has run inside the context.
    """
    layers = encoder_layers(tower)
    index, last = layer_index(selected, len(layers)), len(layers) - 1
    middle = max(1, round(_OBJECT_LAYER * len(layers))) - 1
    asked = {"received_attention": index, "object_attention": middle}
    full = {layer for name, layer in asked.items() if name in needs}
    heads = int(tower.config.num_attention_heads)  # type: ignore[union-attr,arg-type]
    with recording() as seen:
        seen.output(("hidden", index), layers[index])
        for i in sorted({index} | full | ({last} if "last_keys" in needs else set())):
            attention: Any = layers[i].self_attn
            seen.output(("q", i), attention.q_proj, None if i in full else 1)
            seen.output(("k", i), attention.k_proj)
        yield TowerCapture(index, middle, last, heads, seen)
