"""What happens to single rows at a stage: checks, the new order, and where merged tokens go."""

import torch
from torch import Tensor

from analysis.errors import AgileError, UsageError
from analysis.pruners.inllm.contract import Kept
from analysis.pruners.inllm.view import RowView


def check_prompt(image: Tensor, real: Tensor) -> None:
    """Check that every row holds an image, none of it padding, and ends with text.

    Raises
    ------
    ValueError
        Naming ``image_mask`` and the row.
    """
    for row in range(image.shape[0]):
        if not bool(image[row].any()):
            raise UsageError(f"image_mask must mark at least one token in row {row}.")
        if bool((image[row] & ~real[row]).any()):
            raise UsageError(f"image_mask marks padding in row {row}; attention_mask says 0 there.")
        if bool(image[row, -1]):
            raise UsageError(f"image_mask must leave text after the image in row {row}.")


def check_chosen(name: str, choice: Kept, n: int, n_keep: int) -> None:
    """Check that a method kept exactly ``n_keep`` distinct of ``n`` tokens.

    Raises
    ------
    AgileError
        If it did not: a fault of the method, reported before it can become a result.
    """
    index = choice.index.tolist()
    if choice.merged is not None:
        index += choice.merged.representative.tolist()
    in_order = choice.index.tolist() == sorted(choice.index.tolist())
    fine = len(set(index)) == len(index) == choice.count == n_keep and in_order
    if not fine or not all(0 <= i < n for i in index):
        raise AgileError(
            f"{name} kept {len(set(index))} distinct tokens of {n} instead of {n_keep}; "
            f"its choose() must return ascending, distinct indices."
        )


def new_order(view: RowView, choice: Kept, slots: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Slots of one row in their new order, and the same with merged tokens' stand-ins.

    Everything keeps its order; merged tokens (numbered from ``length`` on) stand at the
    end of the image block.
    """
    going = torch.ones(view.hidden.shape[0], dtype=torch.bool, device=slots.device)
    going[view.image] = False
    going[view.image[choice.index]] = True
    if choice.merged is None:
        return slots[going], slots[going]
    end = int(view.image[-1]) + 1
    head, tail = slots[:end][going[:end]], slots[end:]
    new = length + torch.arange(choice.merged.states.shape[0], device=slots.device)
    stand_in = slots[view.image[choice.merged.representative]]
    return torch.cat((head, new, tail)), torch.cat((head, stand_in, tail))


def with_merged(hidden: Tensor, choices: list[Kept]) -> Tensor:
    """Append each row's merged tokens behind its slots, (B, T + most merged, D)."""
    most = max(0 if c.merged is None else c.merged.states.shape[0] for c in choices)
    if most == 0:
        return hidden
    extra = hidden.new_zeros(hidden.shape[0], most, hidden.shape[2])
    for row, choice in enumerate(choices):
        if choice.merged is not None:
            extra[row, : choice.merged.states.shape[0]] = choice.merged.states.to(hidden.dtype)
    return torch.cat((hidden, extra), dim=1)


def trace(lineage: Tensor | None, choice: Kept, entering: Tensor, n_tokens: int) -> Tensor | None:
    """Weights (K, N) of the tokens after a stage over the original ones.

    Parameters
    ----------
    lineage
        (n, N) weights of the tokens entering, None while each is one original token.
    entering
        (n,) ordinals of those tokens, read only where ``lineage`` is None.

    Returns
    -------
    Tensor or None
        None as long as nothing was ever merged: plain selection.
    """
    if lineage is None:
        if choice.merged is None:
            return None
        lineage = torch.eye(n_tokens, device=entering.device)[entering]
    kept = lineage[choice.index]
    if choice.merged is None:
        return kept
    return torch.cat((kept, choice.merged.weights.to(lineage.dtype) @ lineage))
