"""Corruption: how entropy and erank of an image move when its pixels are corrupted (Table 17)."""

from typing import Any

from PIL import Image

from analysis.extract.analyses.base import Bench, Item
from analysis.extract.analyses.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from analysis.measures.entropy import attention_entropy

# Corrupted copies of one image that go through the tower together.
_BATCH = 16


def rows(bench: Bench, item: Item) -> list[dict[str, Any]]:
    """Measure one image clean and under every corruption and severity.

    Returns
    -------
    list of dict
        The clean image first, then corruption by corruption; columns as in ``runs/schemas.csv``.
    """
    kinds = [("clean", 0), *((name, level) for name in CORRUPTIONS for level in SEVERITIES)]
    copies = [_copy(bench, item, name, level) for name, level in kinds]
    found = []
    for start in range(0, len(copies), _BATCH):
        encoded = bench.adapter.encode(copies[start : start + _BATCH])
        for (name, level), tokens in zip(kinds[start : start + _BATCH], encoded, strict=True):
            attention = tokens.cls_attention
            found.append(
                {
                    "image_id": item.sample.image_id,
                    "corruption": name,
                    "severity": level,
                    "entropy": None if attention is None else float(attention_entropy(attention)),
                    "erank": tokens.gram.erank(centred=True),
                    "erank_plain": tokens.gram.erank(centred=False),
                }
            )
    return found


def _copy(bench: Bench, item: Item, name: str, level: int) -> Image.Image:
    if level == 0:
        return item.image
    return corrupt(item.image, name, level, bench.seed, item.sample.image_id)
