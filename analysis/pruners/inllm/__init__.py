"""Pruning inside the language model: schedules, the hook engine, and its contract.

::

    with prune_inside(model, FastV(), image_mask, keep=192) as session:
        ids = model.generate(inputs_embeds=embeds, attention_mask=mask)
    session.selections()[0].info["mean_tokens"]  # 191.625

Works on stock transformers models with ids or embeddings, the (dynamic) KV cache, sdpa
or eager attention, grouped-query heads and left-padded batches, greedy or sampled (beams
of one). Not with static caches, compiled graphs, assisted decoding or chunked prefill.
"""

from analysis.pruners.inllm.contract import InsidePruner, Kept, Merged
from analysis.pruners.inllm.inside import prune_inside
from analysis.pruners.inllm.schedule import Schedule
from analysis.pruners.inllm.session import InsideSession, Stage

__all__ = [
    "InsidePruner",
    "InsideSession",
    "Kept",
    "Merged",
    "Schedule",
    "Stage",
    "prune_inside",
]
