"""Prune inside a stock transformers model: hooks for the length of a ``with`` block."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from analysis.errors import UsageError
from analysis.pruners.base import PositionPolicy
from analysis.pruners.checks import check_choice
from analysis.pruners.inllm.contract import InsidePruner
from analysis.pruners.inllm.decoder import Decoder, find_decoder
from analysis.pruners.inllm.rows import check_prompt
from analysis.pruners.inllm.schedule import Schedule
from analysis.pruners.inllm.session import InsideSession


@contextmanager
def prune_inside(
    model: nn.Module,
    pruner: InsidePruner,
    image_mask: Tensor | None = None,
    keep: int | None = None,
    *,
    attention_mask: Tensor | None = None,
    input_ids: Tensor | None = None,
    schedule: Schedule | None = None,
    position_policy: PositionPolicy | None = None,
) -> Iterator[InsideSession]:
    """Prune image tokens between the decoder layers of ``model`` within the block.

    Works with ``model(...)`` and ``model.generate(...)``, from ids or embeddings, with
    the KV cache, sdpa or eager attention, grouped-query heads and left-padded batches
    (beams of one). No weight, class or argument of the model is changed; the hooks are
    gone when the block ends, however it ends.

    Parameters
    ----------
    model
        A LLaVA or Llama-like model.
    pruner
        FastV, PyramidDrop, SparseVLM, DART, or another `InsidePruner`.
    image_mask
        (B, T) bool, True on the image tokens of the (left-padded) prompt.
    keep
        Mean over layers of image tokens entering each; None takes the method's
        original schedule.
    attention_mask
        (B, T), 1 on real tokens; checked against what the model is called with.
    input_ids
        (B, T) prompt ids, instead of ``image_mask``: the image tokens are those equal to
        ``model.config.image_token_id``.
    schedule
        A schedule of your own, instead of ``keep``; every row must hold its N tokens.
    position_policy
        ``"reindex"`` or ``"keep"``; None does as the method's authors did.

    Yields
    ------
    InsideSession
        Tells afterwards what was kept, per row and stage.

    Raises
    ------
    ValueError
        If an argument does not fit the model, or ``keep`` cannot be reached.

    Examples
    --------
    >>> with prune_inside(model, FastV(), image_mask, keep=192) as session:
    ...     ids = model.generate(inputs_embeds=embeds, attention_mask=mask)
    >>> session.selections()[0].info["mean_tokens"]
    191.625
    """
    decoder = find_decoder(model)
    mask = _image_mask(model, image_mask, input_ids)
    policy = position_policy or pruner.position_policy
    check_choice("position_policy", policy, ("reindex", "keep"))
    real = None if attention_mask is None else attention_mask.bool()
    if real is not None and real.shape != mask.shape:
        raise UsageError(
            f"attention_mask must have the shape of image_mask {tuple(mask.shape)}, "
            f"got {tuple(real.shape)}."
        )
    check_prompt(mask, torch.ones_like(mask) if real is None else real.to(mask.device))
    counts = mask.sum(1).tolist()
    schedules = [_schedule(pruner, keep, schedule, n, decoder.n_layers) for n in counts]
    if len({s.layers for s in schedules}) > 1:
        raise UsageError("image_mask rows differ so much that their stages do; run them apart.")
    session = InsideSession(decoder, pruner, mask, schedules, policy, real)
    _refuse_nesting(decoder)
    handles = []
    try:
        for index, layer in enumerate(decoder.layers):
            hook = partial(session.enter, index)
            handles.append(layer.register_forward_pre_hook(hook, with_kwargs=True))
        yield session
    finally:
        for handle in handles:
            handle.remove()


def _image_mask(model: nn.Module, mask: Tensor | None, input_ids: Tensor | None) -> Tensor:
    if (mask is None) == (input_ids is None):
        raise UsageError("image_mask or input_ids must be given, one of them.")
    if input_ids is not None:
        token: int | None = getattr(model.config, "image_token_id", None)
        if token is None:
            raise UsageError("input_ids need model.config.image_token_id; pass image_mask.")
        mask = input_ids == token
    if mask is None or mask.ndim != 2:
        raise UsageError(f"image_mask must be (B, T), got {None if mask is None else mask.shape}.")
    return mask.bool()


def _schedule(
    pruner: InsidePruner, keep: int | None, schedule: Schedule | None, n: int, n_layers: int
) -> Schedule:
    if schedule is None:
        if keep is None:
            return pruner.original_schedule(n, n_layers)
        return pruner.schedule(keep, n, n_layers)
    if keep is not None:
        raise UsageError(f"keep={keep} and schedule cannot both be given.")
    if (schedule.n_tokens, schedule.n_layers) != (n, n_layers):
        raise UsageError(
            f"schedule is for {schedule.n_tokens} tokens and {schedule.n_layers} layers, "
            f"but the prompt has {n} and the model {n_layers}."
        )
    return schedule


def _refuse_nesting(decoder: Decoder) -> None:
    for hook in decoder.layers[0]._forward_pre_hooks.values():
        owner = getattr(getattr(hook, "func", None), "__self__", None)
        if isinstance(owner, InsideSession):
            raise UsageError("model is already pruned inside; end that with block first.")
