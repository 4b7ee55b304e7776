"""Pruned generation on stock models: splice tokens, pad left, generate, decode.

Text ids and visual tokens become ``inputs_embeds``, so no model code is touched and
any number of kept tokens works. Rows of different length are padded on the left; the
mask makes positions contiguous again (the *reindex* policy), and the *keep* policy
passes the original positions of the kept tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from analysis.errors import AgileError
from analysis.models.exchange import Answer


@dataclass(frozen=True, eq=False)
class Row:
    """One prompt of a batch.

    Attributes
    ----------
    before, after
        Text ids before and after the image.
    visual
        (K, D) tokens fed in place of the image.
    positions
        (before + K + after,) explicit positions, or (3, before + K + after) for models
        with M-RoPE, or None for contiguous ones.
    """

    before: list[int]
    visual: Tensor
    after: list[int]
    positions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.before) + self.visual.shape[0] + len(self.after)


@dataclass(frozen=True, eq=False)
class Batch:
    """Left-padded model inputs of several rows.

    Attributes
    ----------
    embeds
        (B, T, D) input embeddings; padding rows are zero.
    mask
        (B, T) 1 where a position is real.
    positions
        (B, T) or (3, B, T) explicit positions, or None.
    image
        (B, T) True where a visual token stands.
    """

    embeds: Tensor
    mask: Tensor
    positions: Tensor | None
    image: Tensor

    def inputs(self) -> dict[str, Tensor]:
        """Return what the model takes, by argument name."""
        explicit = {} if self.positions is None else {"position_ids": self.positions}
        return {"inputs_embeds": self.embeds, "attention_mask": self.mask, **explicit}


def kept_positions(before: int, after: int, n: int, indices: Tensor) -> Tensor:
    """Positions of a pruned prompt under the *keep* policy.

    Parameters
    ----------
    before, after
        Number of text tokens before and after the image.
    n
        Visual tokens before pruning.
    indices
        (K,) kept indices in the order they are fed.

    Returns
    -------
    Tensor
        (before + K + after,) positions in the unpruned prompt.
    """
    tail = torch.arange(before + n, before + n + after, device=indices.device)
    head = torch.arange(before, device=indices.device)
    return torch.cat([head, before + indices, tail])


def collate(rows: Sequence[Row], embedding: torch.nn.Module) -> Batch:
    """Embed, splice and left-pad rows.

    Parameters
    ----------
    rows
        Prompts of any length.
    embedding
        The language model's input embedding.

    Returns
    -------
    Batch
    """
    weight: Tensor = embedding.weight  # type: ignore[assignment]
    length = max(len(row) for row in rows)
    embeds = weight.new_zeros(len(rows), length, weight.shape[1])
    mask = torch.zeros(len(rows), length, dtype=torch.long, device=weight.device)
    image = torch.zeros(len(rows), length, dtype=torch.bool, device=weight.device)
    for i, row in enumerate(rows):
        start = length - len(row)
        at = start + len(row.before)
        ids = torch.tensor(row.before + row.after, device=weight.device)
        text = embedding(ids)
        embeds[i, start:at] = text[: len(row.before)]
        embeds[i, at : at + row.visual.shape[0]] = row.visual.to(weight.device, weight.dtype)
        embeds[i, at + row.visual.shape[0] :] = text[len(row.before) :]
        mask[i, start:] = 1
        image[i, at : at + row.visual.shape[0]] = True
    return Batch(embeds, mask, _padded_positions(rows, length, weight.device), image)


def _padded_positions(rows: Sequence[Row], length: int, device: torch.device) -> Tensor | None:
    """Stack explicit positions, padded with 1 on the left; None when no row has any."""
    given = [row.positions for row in rows if row.positions is not None]
    if not given:
        return None
    leading = given[0].shape[:-1]
    positions = torch.ones(*leading, len(rows), length, dtype=torch.long, device=device)
    for i, row in enumerate(rows):
        own = torch.arange(len(row)) if row.positions is None else row.positions
        positions[..., i, length - len(row) :] = own.to(device)
    return positions


def stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end an answer: the generation config's, or the tokenizer's EOS."""
    configured = model.generation_config.eos_token_id
    if configured is None:
        configured = tokenizer.eos_token_id
    return tuple(configured) if isinstance(configured, list | tuple) else (int(configured),)


@torch.no_grad()
def greedy(model: Any, tokenizer: Any, batch: Batch, max_new_tokens: int) -> list[Answer]:
    """Decode greedily from prepared inputs.

    Parameters
    ----------
    model
        A causal model with ``generate``.
    tokenizer
        Its tokenizer.
    batch
        Prepared inputs.
    max_new_tokens
        Upper limit of new tokens.

    Returns
    -------
    list of Answer
        One per row, in order.

    Raises
    ------
    AgileError
        When a row's logits are not finite.
    """
    watch = _Watch()
    stops = stop_ids(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    out = model.generate(
        **batch.inputs(),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        temperature=None,
        top_p=None,
        top_k=None,
        eos_token_id=list(stops),
        pad_token_id=pad,
        use_cache=True,
        logits_processor=LogitsProcessorList([watch]),
    )
    watch.check()
    return [_answer(row, stops, tokenizer) for row in out.tolist()]


class _Watch(LogitsProcessor):
    """Watches the largest logit of every row and step; waits for the device only at the end."""

    def __init__(self) -> None:
        self._largest: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Take note of the logits (rows, vocabulary) and return them as they are."""
        self._largest.append(scores.amax(-1))  # NaN goes through amax
        return scores

    def check(self) -> None:
        """Refuse answers made from logits that are not finite."""
        if self._largest and not bool(torch.isfinite(torch.stack(self._largest)).all()):
            raise AgileError(
                "the language model returns logits that are not finite (damaged weights, or an "
                "overflow of float16), so its answers mean nothing; check the checkpoint, or start "
                "anew with --dtype float32 and another --out."
            )


def _answer(ids: list[int], stops: tuple[int, ...], tokenizer: Any) -> Answer:
    """Cut one row after its first stop token and decode it."""
    end = next((i for i, token in enumerate(ids) if token in stops), None)
    kept = ids if end is None else ids[: end + 1]
    text = tokenizer.decode(kept, skip_special_tokens=True).strip()
    return Answer(text, tuple(kept), truncated=end is None)
