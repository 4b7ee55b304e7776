"""Attention: where [CLS] and the last prompt token look, layer by layer (VisPruner's analyses).

Everything is read from one tower pass and one prefill over all N tokens of the image.
"""

import logging
from typing import Any

import numpy as np
from torch import Tensor

from analysis.datasets.base import DETAIL_PROMPT, Sample
from analysis.extract.analyses.base import Bench, Item
from analysis.extract.analyses.prefill import capture_every_layer, capture_last_row
from analysis.measures.entropy import attention_entropy
from analysis.models.exchange import Request
from analysis.pruners.inllm.decoder import find_decoder
from analysis.stats.attention import binned, cumulative, stack, top_share
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)
# Bins of raster position in the attention profile.
_PROFILE_BINS = 16


def rows(bench: Bench, item: Item) -> list[dict[str, Any]]:
    """Describe the attention of every layer to the image's tokens.

    Returns
    -------
    list of dict
        Vision layers first, then layers of the language model; columns as in ``runs/schemas.csv``.
        Sources a model does not have (no [CLS] tower, no Llama-like decoder) are absent.
    """
    tokens, cls = cls_rows(bench, item)
    text = text_rows(bench, tokens, question(item.sample))
    found = [("cls", layer, row) for layer, row in enumerate(cls)]
    found += [("text", layer, row) for layer, row in enumerate(text)]
    return [
        {"image_id": item.sample.image_id, "source": source, "layer": layer, **describe(row)}
        for source, layer, row in found
    ]


def question(sample: Sample) -> str:
    """Return the caption question of a sample, else its first, else the detail prompt."""
    captions = [q.text for q in sample.questions if q.task == "caption"]
    return next(iter([*captions, *(q.text for q in sample.questions)]), DETAIL_PROMPT)


def cls_rows(bench: Bench, item: Item) -> tuple[VisualTokens, list[Tensor]]:
    """Encode an image; also the (N,) head-mean [CLS] attention of every vision layer.

    Crops of a tiled image follow one another. Empty where the tower has no [CLS] layers.
    """
    tower = bench.adapter.tower
    if tower is None:
        return bench.encode(item), []
    with capture_every_layer(tower) as seen:
        tokens = bench.encode(item)
    return tokens, [layer.cls_attention().flatten() for layer in seen]


def text_rows(bench: Bench, tokens: VisualTokens, asked: str) -> list[Tensor]:
    """Return per decoder layer the (N,) attention from the last prompt token.

    Empty, and logged, for models whose decoder is not Llama's.
    """
    adapter = bench.adapter
    try:
        find_decoder(adapter.model)
    except ValueError as error:
        log.warning("no attention of the language model is read: %s", error)
        return []
    batch = adapter.collate([Request(asked, tokens)])
    with capture_last_row(adapter.model, batch.image[0]) as rows:
        adapter.forward(batch, use_cache=False)
    return rows


def describe(attention: Tensor) -> dict[str, Any]:
    """Turn the (N,) attention to the image tokens into the columns of one row.

    Parameters
    ----------
    attention
        (N,) non-negative, renormalised here; tokens in raster order.

    Returns
    -------
    dict
        ``n_tokens``, ``entropy``, ``top_share`` and ``cumulative`` of `analysis.stats.attention`,
        and ``profile``: attention in 16 equal bins of raster position.

    Raises
    ------
    ValueError
        As `attention_entropy`.
    """
    entropy = float(attention_entropy(attention))
    share = stack([attention.double().cpu().numpy()])
    n = share.shape[1]
    places = binned(np.arange(n), n, _PROFILE_BINS)
    return {
        "n_tokens": n,
        "entropy": entropy,
        "top_share": top_share(share)[0].tolist(),
        "cumulative": cumulative(share)[0].clip(0.0, 1.0).tolist(),
        "profile": np.bincount(places, share[0], _PROFILE_BINS).tolist(),
    }
