"""Hooks that read attention evidence from a CLIP-like tower while it runs on sdpa.

Nothing is recomputed: the linear layers that make queries and keys already produce
what is needed, so the [CLS] row costs one (1 x N) product a head. Facts: hidden
states at index -2 are the *output* of layer -2, and the attention that produced them
is the one *inside* that layer.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from analysis.errors import UsageError


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
    """Translate an index into ``hidden_states`` into the layer that outputs it.

    Parameters
    ----------
    selected
        Index into the n_layers + 1 hidden states, negative or positive.
    n_layers
        Number of encoder layers.

    Returns
    -------
    int
        Index from 0 to n_layers - 1.

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


def received_attention(queries: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Attention every patch receives, mean over heads and all N+1 query rows.

    Parameters
    ----------
    queries, keys
        (B, N+1, C) rows of ``q_proj`` and ``k_proj``, [CLS] first.
    heads
        Number of heads that C divides into.

    Returns
    -------
    Tensor
        (B, N) float32. One image's maps are held at a time (21 MB of CLIP-L's).
    """
    _, rows, width = keys.shape
    dim = width // heads
    found = []
    for query, key in zip(queries.float(), keys.float(), strict=True):
        q = query.view(rows, heads, dim).transpose(0, 1)
        k = key.view(rows, heads, dim).permute(1, 2, 0)
        found.append((q @ k * dim**-0.5).softmax(-1).mean((0, 1)))
    return torch.stack(found)[:, 1:]


@dataclass
class TowerCapture:
    """What the hooks saw during one forward pass of the tower.

    Attributes
    ----------
    hidden
        (B, N+1, C) output of the selected layer, [CLS] first.
    queries, keys
        Layer index → (B, N+1, C) or, for [CLS]-only layers, (B, C) queries.
    """

    heads: int
    selected: int
    hidden: Tensor | None = None
    queries: dict[int, Tensor] = field(default_factory=dict)
    keys: dict[int, Tensor] = field(default_factory=dict)

    def cls_attention(self) -> Tensor:
        """[CLS] attention of the selected layer, (B, N) float32."""
        query = self.queries[self.selected]
        return cls_attention(
            query[:, 0] if query.ndim == 3 else query, self.keys[self.selected], self.heads
        )


def _keep_output(store: dict[int, Tensor], index: int, cls_only: bool) -> Any:
    def hook(_module: nn.Module, _args: Any, output: Tensor) -> None:
        store[index] = output[:, 0] if cls_only else output

    return hook


@contextmanager
def capture_tower(
    tower: nn.Module, selected: int, needs: frozenset[str] = frozenset(), object_layer: int = 9
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
    object_layer
        1-based middle layer of HiPrune's object attention (9 of CLIP-L's 24), scaled
        to the depth of smaller towers by the caller.

    Yields
    ------
    TowerCapture
        Filled once the tower has run inside the context.
    """
    layers = encoder_layers(tower)
    index = layer_index(selected, len(layers))
    heads = int(tower.config.num_attention_heads)  # type: ignore[union-attr,arg-type]
    seen = TowerCapture(heads=heads, selected=index)
    full = set()
    if "received_attention" in needs:
        full.add(index)
    if "object_attention" in needs:
        full.add(object_layer - 1)
    wanted = {index} | full | ({len(layers) - 1} if "last_keys" in needs else set())

    def keep_hidden(_module: nn.Module, _args: Any, output: Any) -> None:
        seen.hidden = output[0] if isinstance(output, tuple) else output

    with ExitStack() as stack:

        def hook(module: nn.Module, function: Any) -> None:
            stack.callback(module.register_forward_hook(function).remove)

        hook(layers[index], keep_hidden)
        for i in sorted(wanted):
            attention: Any = layers[i].self_attn
            hook(attention.q_proj, _keep_output(seen.queries, i, cls_only=i not in full))
            hook(attention.k_proj, _keep_output(seen.keys, i, cls_only=False))
        yield seen


def head_mean(keys: Tensor, heads: int) -> Tensor:
    """Average (B, N+1, C) keys over heads into (B, N+1, C / heads)."""
    batch, rows, width = keys.shape
    return keys.view(batch, rows, heads, width // heads).mean(2)


def evidence(
    seen: TowerCapture, needs: frozenset[str], n_layers: int, object_layer: int
) -> dict[str, Tensor]:
    """Turn what the hooks saw into per-image fields, batch first.

    Parameters
    ----------
    seen
        A capture whose tower has run.
    needs
        Fields wanted beyond features and [CLS] attention.
    n_layers
        Number of encoder layers.
    object_layer
        1-based layer of the object attention.

    Returns
    -------
    dict
        Field name of VisualTokens → tensor with leading dimension B.
    """
    if seen.hidden is None:
        raise RuntimeError("the tower has not run inside the capture")
    out = {
        "encoder_features": seen.hidden[:, 1:],
        "cls_feature": seen.hidden[:, 0],
        "cls_attention": seen.cls_attention(),
    }
    keys = seen.keys[seen.selected]
    if "keys" in needs:
        out["keys"] = head_mean(keys, seen.heads)
    if "last_keys" in needs:
        last = n_layers - 1
        query = seen.queries[last]
        out["last_keys"] = seen.keys[last]
        out["last_query"] = query[:, 0] if query.ndim == 3 else query
    if "received_attention" in needs:
        out["received_attention"] = received_attention(
            seen.queries[seen.selected], keys, seen.heads
        )
    if "object_attention" in needs:
        middle = object_layer - 1
        out["object_attention"] = received_attention(
            seen.queries[middle], seen.keys[middle], seen.heads
        )
    return {name: torch.as_tensor(value) for name, value in out.items()}
