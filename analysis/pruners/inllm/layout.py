"""Where tokens lie after a stage: gathering, left padding and masks, as pure functions."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from analysis.errors import UsageError


@dataclass(frozen=True, eq=False)
class Layout:
    """Order of the tokens of a batch between two stages.

    Attributes
    ----------
    real
        (B, T) bool, False on padding, which is on the left.
    ordinal
        (B, T) long: which of its row's N image tokens a slot holds (for merged tokens:
        stands for), -1 for text and padding.
    cos, sin
        (B, T, d) rotary embedding.
    positions
        (B, T) long position ids.
    dropped
        (B,) long, tokens gone from each row since the prompt: decoding at re-indexed
        positions subtracts it.
    marked
        (B, T) bool marks of the method (SparseVLM: its raters), or None.
    """

    real: Tensor
    ordinal: Tensor
    cos: Tensor
    sin: Tensor
    positions: Tensor
    dropped: Tensor
    marked: Tensor | None = None

    @property
    def length(self) -> int:
        """Slots T, padding included."""
        return int(self.real.shape[1])

    @cached_property
    def padded(self) -> bool:
        """Whether any slot is padding; a GPU is waited for once, not at every layer."""
        return not bool(self.real.all())

    @cached_property
    def shortened(self) -> bool:
        """Whether any row lost tokens; asked once, as `padded`."""
        return bool(self.dropped.any())

    def slots(self, row: int) -> Tensor:
        """Slots of the real tokens of a row, ascending."""
        return self.real[row].nonzero().flatten()


def pack(orders: list[Tensor], layout: Layout) -> tuple[Tensor, Tensor]:
    """Lay rows of different lengths side by side, padded on the left.

    Parameters
    ----------
    orders
        Per row the slots that go on, in their new order; numbers from T on are merged
        tokens.

    Returns
    -------
    source
        (B, T') slot that fills each new slot; old padding stays, new padding repeats slot 0.
    real
        (B, T') bool.

    Notes
    -----
    The batch shrinks by what its least pruned row lost, so keeping everything changes
    nothing, padding included.
    """
    old = layout.real.sum(1).tolist()
    lost = [count - len(order) for count, order in zip(old, orders, strict=True)]
    length = layout.length - min(lost)
    source = torch.zeros(len(orders), length, dtype=torch.long, device=layout.real.device)
    real = torch.zeros_like(source, dtype=torch.bool)
    for row, order in enumerate(orders):
        start = length - len(order)
        padding = layout.length - old[row]
        source[row, :padding] = torch.arange(padding, device=source.device)
        source[row, start:] = order
        real[row, start:] = True
    return source, real


def take(x: Tensor, source: Tensor) -> Tensor:
    """Gather slots ``source`` (B, T') of ``x`` (B, T) or (B, T, d)."""
    index = source if x.ndim == 2 else source[..., None].expand(-1, -1, x.shape[-1])
    return x.gather(1, index)


def advance(layout: Layout, source: Tensor, real: Tensor, *, reindex: bool) -> Layout:
    """Return the layout after a stage.

    Parameters
    ----------
    source, real
        As `pack` returns them, with merged tokens replaced by their representative slot.
    reindex
        Real tokens take their row's first positions instead of keeping their own, as if
        the position list were cut to the new length.
    """
    where = source
    if reindex:
        gone = layout.length - source.shape[1]
        where = source.clone()
        # The i-th real token of a row takes the position of its i-th real token before.
        step = torch.arange(source.shape[1], device=source.device)
        lost = layout.real.sum(1) - real.sum(1)
        where = torch.where(real, step[None] - (lost - gone)[:, None], where)
    return replace(
        layout,
        real=real,
        ordinal=torch.where(real, take(layout.ordinal, source), -1),
        cos=take(layout.cos, where),
        sin=take(layout.sin, where),
        positions=take(layout.positions, where),
        dropped=layout.dropped + layout.real.sum(1) - real.sum(1),
        marked=None if layout.marked is None else take(layout.marked, source) & real,
    )


def like_mask(
    given: Tensor | None, real: Tensor, n_query: int, implementation: str, *, padded: bool = True
) -> Tensor | None:
    """Build the attention mask for ``real`` (B, columns) in the form the model was given.

    None stays None where nothing is ``padded``; otherwise boolean 4-D (sdpa), additive 4-D
    (eager) or 2-D (flash) as the given mask, or as ``implementation`` wants it.
    """
    if given is None and not padded:
        return None
    if (given is not None and given.ndim == 2) or (given is None and "flash" in implementation):
        return real if given is None else real.to(given.dtype)
    columns = torch.arange(real.shape[1], device=real.device)
    causal = columns <= columns[-n_query:, None]
    allowed = (causal & real[:, None])[:, None]
    if given is None or given.dtype == torch.bool:
        return allowed
    zero = torch.zeros((), dtype=given.dtype, device=given.device)
    return torch.where(allowed, zero, torch.finfo(given.dtype).min)


def read_padding(mask: Tensor | None, batch: int, length: int, device: torch.device) -> Tensor:
    """Return which of the prompt's tokens are real, (B, T) bool, from the mask of a layer.

    Raises
    ------
    ValueError
        If the mask is anything but causal attention over left-padded rows.
    """
    if mask is None:
        return torch.ones(batch, length, dtype=torch.bool, device=device)
    if mask.ndim == 2:
        real = mask.bool()
    else:
        allowed = mask if mask.dtype == torch.bool else mask == 0
        real = allowed[:, 0, -1].expand(batch, -1)
        plain = like_mask(torch.ones(1, 1, 1, 1, dtype=torch.bool), real, length, "")
        if plain is None or bool(((allowed ^ plain) & real[:, None, :, None]).any()):
            raise UsageError("attention_mask must be causal with padding; pass a (B, T) mask.")
    if bool((real[:, 1:] < real[:, :-1]).any()) or not bool(real[:, -1].all()):
        raise UsageError("attention_mask must pad on the left; set padding_side='left'.")
    return real
