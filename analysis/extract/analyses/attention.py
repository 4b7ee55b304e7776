"""Attention: where [CLS] and the last prompt token look, layer by layer (VisPruner's analyses).

Everything is read from one tower pass and one prefill over all N tokens of the image.
"""

import logging
from typing import Any

import torch
from torch import Tensor

from analysis.datasets.base import DETAIL_PROMPT, Sample
from analysis.extract.analyses.base import Bench, Item
from analysis.extract.analyses.prefill import capture_every_layer, capture_last_row
from analysis.measures.entropy import attention_entropy
from analysis.models import Request
from analysis.pruners.inllm.decoder import find_decoder
from analysis.pruners.ranking import rank
from analysis.runs.schemas import CUMULATIVE_POINTS, PROFILE_BINS
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)
_QUARTERS = 4


def attention_rows(bench: Bench, item: Item) -> list[dict[str, Any]]:
    """Describe the attention of every layer to the image's tokens.

    Returns
    -------
    list of dict
        Vision layers first, then layers of the language model; see `runs.schemas.ATTENTION`.
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
        ``top_share``: of the ``max(1, round(N / 4))`` most attended tokens the share in
        each quarter of positions (quarter q holds ``q N // 4`` … ``(q + 1) N // 4``);
        ``cumulative``: attention on the most attended 0 %, 2 %, … of the tokens, parts of
        a token counted in proportion; ``profile``: attention in 16 equal position bins.

    Raises
    ------
    ValueError
        As `attention_entropy`.
    """
    n = len(attention)
    entropy = float(attention_entropy(attention))
    share = attention.double().cpu()
    share = share / share.sum()
    order = rank(share)
    top = order[: max(1, round(n / _QUARTERS))]
    places = torch.arange(n)
    return {
        "n_tokens": n,
        "entropy": entropy,
        "top_share": (_binned(torch.ones(len(top)), top, n, _QUARTERS) / len(top)).tolist(),
        "cumulative": _cumulative(share[order]).tolist(),
        "profile": _binned(share, places, n, PROFILE_BINS).tolist(),
    }


def _binned(values: Tensor, places: Tensor, n: int, bins: int) -> Tensor:
    """Return (bins,) sums of ``values`` by raster position; bin b starts at b N // bins."""
    edges = torch.tensor([b * n // bins for b in range(1, bins)])
    owner = torch.bucketize(places, edges, right=True)
    return torch.zeros(bins, dtype=torch.float64).index_add_(0, owner, values.double())


def _cumulative(ranked: Tensor) -> Tensor:
    """Return attention on growing shares of the tokens, most attended first."""
    n = len(ranked)
    curve = torch.cat([ranked.new_zeros(1), ranked.cumsum(0)])
    at = torch.linspace(0, n, CUMULATIVE_POINTS, dtype=torch.float64)
    low = at.floor().long().clamp(max=n - 1)
    return torch.lerp(curve[low], curve[low + 1], at - low).clamp(0.0, 1.0)
