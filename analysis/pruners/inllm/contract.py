"""The contract of methods that prune inside the language model.

A method says at which layers it prunes (`InsidePruner.stages`) and, given what one row
of the prompt looks like there (`RowView`), which image tokens go on (`choose`). It sees
one unpadded row at a time and knows nothing of hooks, caches, masks or batches.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis.errors import UsageError
from analysis.pruners.base import Pruner
from analysis.pruners.checks import check_count, check_width
from analysis.pruners.inllm.given import prompt_view, stage_view
from analysis.pruners.inllm.schedule import Schedule, shift_stages, solve_schedule
from analysis.pruners.inllm.view import RowView
from analysis.pruners.ranking import rank
from analysis.selection import Selection, one_hot
from analysis.tokens import VisualTokens

# Fields of arrays of one's own that must be equally wide, where both are given.
_SAME_WIDTH = (
    ("llm_words", "features"),
    ("llm_word_keys", "llm_keys"),
    ("llm_word_normed", "llm_normed"),
)


@dataclass(frozen=True, eq=False)
class Merged:
    """Tokens made from several image tokens; they stand at the end of the image block.

    Attributes
    ----------
    states
        (c, D) hidden states.
    weights
        (c, n) non-negative rows over the n image tokens that entered the stage.
    representative
        (c,) long, the entering image token that stands for each, all distinct and
        none of them kept.
    """

    states: Tensor
    weights: Tensor
    representative: Tensor


@dataclass(frozen=True, eq=False)
class Kept:
    """What one stage keeps of one row.

    Attributes
    ----------
    index
        (m,) long, ascending: which of the n image tokens entering the stage go on.
    merged
        Tokens added by merging dropped ones, None for plain selection.
    """

    index: Tensor
    merged: Merged | None = None

    @property
    def count(self) -> int:
        """Image tokens that leave the stage."""
        extra = 0 if self.merged is None else self.merged.states.shape[0]
        return int(self.index.shape[0] + extra)


@dataclass(frozen=True)
class InsidePruner(Pruner):
    """Base of methods that prune between decoder layers.

    In a model the engine (`prune_inside`) shows a method what it reads and ``keep`` is
    the mean over layers. `select`, on arrays, is one stage alone: the ``llm_`` fields of
    `VisualTokens` stand for the model, and ``keep`` tokens leave that stage.

    Parameters
    ----------
    shift
        Move the stages earlier when ``keep`` is out of reach with the original ones
        (ours, off by default: without it such a ``keep`` is an error).
    """

    shift: bool = False

    space = "hidden states"

    @abstractmethod
    def stages(self, n_layers: int) -> list[tuple[int, float]]:
        """Return (layer, share of the image tokens kept from there on) for L layers."""

    @abstractmethod
    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Choose what goes on, exactly ``n_keep`` of the image tokens in ``view``."""

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        """Prune one stage on arrays; ``keep`` tokens leave it."""
        for name, other in _SAME_WIDTH:
            if getattr(tokens, name) is not None and getattr(tokens, other) is not None:
                check_width(tokens, name, other)
        kept = self.choose(stage_view(tokens, self.mark(prompt_view(tokens))), keep)
        info = {"stages": "one: keep is what leaves it, not the mean over layers"}
        groups = ["kept"] * len(kept.index)
        if kept.merged is None:
            return self.pick(kept.index, groups, tokens.n, info)
        groups += ["merged"] * len(kept.merged.representative)
        rows = (one_hot(kept.index, tokens.n), pad(kept.merged.weights.float(), (1, 0)))
        indices = torch.cat((kept.index, kept.merged.representative))
        return self.merge_into(indices, groups, torch.cat(rows), info)

    def mark(self, view: RowView) -> Tensor | None:
        """Mark tokens of the embedded prompt; a (t,) bool `RowView.marked` returns later."""
        del view
        return None

    def schedule(self, keep: int, n_tokens: int, n_layers: int) -> Schedule:
        """Solve for the schedule whose mean over layers is as near ``keep`` as can be.

        Raises
        ------
        ValueError
            If ``keep`` is out of 1…N or the layers before the first stage alone
            contribute more.
        """
        stages = self.stages(n_layers)
        check_count(keep, n_tokens)
        if self.shift and stages:
            stages = shift_stages(stages, keep, n_tokens, n_layers)
        return solve_schedule(keep, n_tokens, n_layers, stages, self.name)

    def original_schedule(self, n_tokens: int, n_layers: int) -> Schedule:
        """Return the authors' default counts at their layers."""
        stages = self.stages(n_layers)
        counts = ((layer, self.original_count(n_tokens, ratio)) for layer, ratio in stages)
        return Schedule(n_tokens, n_layers, tuple(counts))

    def original_count(self, n_tokens: int, ratio: float) -> int:
        """Return what the authors keep of N at a stage of this ratio: N times it, truncated."""
        return max(1, int(n_tokens * ratio))


def top(scores: Tensor, n_keep: int) -> Tensor:
    """Return the indices of the ``n_keep`` highest ``scores`` (n,), ascending.

    Ties go to the lowest index.
    """
    return rank(scores)[:n_keep].sort().values


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Read a parameter that lists numbers, such as ``"8-16-24"``.

    Raises
    ------
    ValueError
        If a part is not a number.
    """
    try:
        return tuple(float(part) for part in text.split("-"))
    except ValueError as error:
        raise UsageError(f"{name} must be numbers joined by '-', got {text!r}.") from error


def whole_numbers(name: str, text: str) -> list[int]:
    """Read a parameter that lists whole numbers.

    Raises
    ------
    ValueError
        If a part is not a whole number.
    """
    found = numbers(name, text)
    if any(value != int(value) for value in found):
        raise UsageError(f"{name} must be whole numbers joined by '-', got {text!r}.")
    return [int(value) for value in found]
