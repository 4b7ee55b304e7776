"""Attention rows read while a model runs on its own attention implementation.

No layer runs twice and none needs eager attention: a hook at the input of a layer has all
that makes one row of its attention, and one row costs (heads x tokens) products.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models.clip import TowerCapture, capture_tower, encoder_layers
from analysis.pruners.inllm.decoder import Decoder, find_decoder
from analysis.pruners.inllm.view import RowView


@contextmanager
def capture_every_layer(tower: nn.Module) -> Iterator[list[TowerCapture]]:
    """Capture the [CLS] attention of every layer of a CLIP-like tower in its next pass.

    Yields
    ------
    list of TowerCapture
        One a layer, first layer first; filled once the tower has run.
    """
    n_layers = len(encoder_layers(tower))
    with ExitStack() as stack:
        yield [
            stack.enter_context(capture_tower(tower, index - n_layers)) for index in range(n_layers)
        ]


@contextmanager
def capture_last_row(model: nn.Module, image: Tensor) -> Iterator[list[Tensor]]:
    """Read the last prompt token's attention in every decoder layer of the next pass.

    Parameters
    ----------
    model
        A LLaVA or Llama-like model.
    image
        (t,) bool, True on the image tokens of the one, unpadded prompt.

    Yields
    ------
    list of Tensor
        Filled by the pass: one (N,) float32 per layer, mean over heads, the softmax taken
        over all t tokens. Equal to eager attention.

    Raises
    ------
    ValueError
        If the model does not attend as Llama does.
    """
    decoder = find_decoder(model)
    places = image.nonzero().flatten()
    rows: list[Tensor] = []

    def read(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden: Tensor = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        rows.append(_last_row(decoder, layer, hidden, kwargs["position_embeddings"], places))

    with ExitStack() as stack:
        for layer in decoder.layers:
            stack.callback(layer.register_forward_pre_hook(read, with_kwargs=True).remove)
        yield rows


def _last_row(
    decoder: Decoder, layer: Any, hidden: Tensor, rotary: tuple[Tensor, Tensor], places: Tensor
) -> Tensor:
    """Return the (N,) attention that a layer about to run pays from the last token."""
    if hidden.shape[0] != 1:
        raise ValueError(f"the prompt must be alone in its batch, got {hidden.shape[0]} rows")
    cos, sin = (part[0] if part.ndim == 3 else part for part in rotary)
    view = RowView(hidden[0], places, cos, sin, decoder.module.norm, following=layer)
    with torch.no_grad():
        return view.next_attention(view.last).mean(0)[0, places.to(hidden.device)]
