"""Prune inside a stock transformers model: hooks for the length of a ``with`` block."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from analysis.errors import UsageError
from analysis.pruners.checks import check_choice
from analysis.pruners.inllm.contract import InsidePruner
from analysis.pruners.inllm.decoder import Decoder, find_decoder
from analysis.pruners.inllm.rows import check_prompt
from analysis.pruners.inllm.schedule import Schedule
from analysis.pruners.inllm.session import InsideSession
from analysis.selection import PositionPolicy


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

    Works with ``model(...)`` and ``model.generate(...)``; see the package for what that
    includes. No weight, class or argument of the model is changed, and the hooks are gone
    when the block ends, however it ends.

    Parameters
    ----------
    model
        A LLaVA or Llama-like model.
    pruner
        FastV, PyramidDrop, SparseVLM, DART, or another `InsidePruner`.
    image_mask
        (B, T) bool, True on the image tokens of the (left-padded) prompt.
    keep
        Mean over layers of image tokens entering each; None: the method's own schedule.
    attention_mask
        (B, T), 1 on real tokens; checked against what the model is called with.
    input_ids
        (B, T) instead of ``image_mask``: image tokens equal ``config.image_token_id``.
    schedule
        A schedule of your own instead of ``keep``; every row must hold its N tokens.
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
    """
    decoder = find_decoder(model)
    mask = _image_mask(model, image_mask, input_ids)
    real = _real(mask, attention_mask)
    schedules = _schedules(pruner, keep, schedule, mask.sum(1).tolist(), decoder.n_layers)
    policy = _policy(decoder, position_policy or pruner.position_policy)
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


def _policy(decoder: Decoder, policy: PositionPolicy) -> PositionPolicy:
    check_choice("position_policy", policy, ("reindex", "keep"))
    if policy == "reindex" and decoder.positions_are_spatial:
        raise UsageError(
            "position_policy must be 'keep' for a model whose image positions are spatial (M-RoPE)."
        )
    return policy


def _real(image: Tensor, attention_mask: Tensor | None) -> Tensor | None:
    """Check image against padding as early as possible."""
    if attention_mask is None:
        check_prompt(image, torch.ones_like(image))
        return None
    if attention_mask.shape != image.shape:
        raise UsageError(
            f"attention_mask must have the shape of image_mask {tuple(image.shape)}, "
            f"got {tuple(attention_mask.shape)}."
        )
    check_prompt(image, attention_mask.bool().to(image.device))
    return attention_mask.bool()


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


def _schedules(
    pruner: InsidePruner,
    keep: int | None,
    schedule: Schedule | None,
    counts: list[int],
    n_layers: int,
) -> list[Schedule]:
    """One schedule per row; rows may differ in counts, not in the layers of the stages."""
    if schedule is not None and keep is not None:
        raise UsageError(f"keep={keep} and schedule cannot both be given.")
    if schedule is not None:
        odd = [n for n in counts if (n, n_layers) != (schedule.n_tokens, schedule.n_layers)]
        if odd:
            raise UsageError(
                f"schedule is for {schedule.n_tokens} tokens and {schedule.n_layers} layers, "
                f"but a row has {odd[0]} and the model {n_layers}."
            )
        return [schedule] * len(counts)
    if keep is None:
        schedules = [pruner.original_schedule(n, n_layers) for n in counts]
    else:
        schedules = [pruner.schedule(keep, n, n_layers) for n in counts]
    if len({s.layers for s in schedules}) > 1:
        raise UsageError("image_mask rows differ so much that their stages do; run them apart.")
    return schedules


def _refuse_nesting(decoder: Decoder) -> None:
    for hook in decoder.layers[0]._forward_pre_hooks.values():
        owner = getattr(getattr(hook, "func", None), "__self__", None)
        if isinstance(owner, InsideSession):
            raise UsageError("model is already pruned inside; end that with block first.")
