"""Budgets over crops: how a number of tokens is shared by the tiles of one image.

LLaVA-NeXT looks at an image as a whole (crop 0) and in tiles. Methods that prune
before the language model were published with one budget per crop (FasterVLM,
VisPruner, VisionZip, HiPrune, CDPruner) or with one for the whole image (DivPrune).
Pruners know nothing of this: they are handed one `VisualTokens` per crop, or all
patches as one, and the answers are joined here. Official per-crop code never cuts the
tiles' padding; here a pruner only sees tokens that the unpruned model sees too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.models.anyres import AnyresTokens, CropSelection, subset
from analysis.pruners.base import Pruner
from analysis.selection import Selection
from analysis.tokens import VisualTokens

BUDGETS = ("crop", "global")
NEWLINES = ("drop", "keep", "pool")


@dataclass(frozen=True)
class CropPolicy:
    """How the budget of an image in crops is spent.

    Parameters
    ----------
    budget
        ``crop``: every crop keeps an equal share (see `shares`), chosen within the
        crop; ``global``: all patches compete.
    newline
        What becomes of the learned row separators when tokens are pruned. ``drop``
        removes them, as the official per-crop methods do; ``keep`` keeps all of them,
        counted in the budget; ``pool`` lets them compete (official DivPrune), for
        global budgets and rules that read nothing but ``features``.
    """

    budget: str = "crop"
    newline: str = "drop"

    def __post_init__(self) -> None:
        """Check both choices.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        for name, allowed in (("budget", BUDGETS), ("newline", NEWLINES)):
            value = getattr(self, name)
            if value not in allowed:
                raise UsageError(f"{name} is {value!r}; choose one of: {', '.join(allowed)}.")
        if self.newline == "pool" and self.budget == "crop":
            raise UsageError("newline='pool' needs budget='global': separators lie in no crop.")


def shares(keep: int, sizes: Sequence[int]) -> list[int]:
    """Split ``keep`` over crops as evenly as their sizes allow.

    Parameters
    ----------
    keep
        Tokens to keep in all.
    sizes
        Tokens there are in each crop.

    Returns
    -------
    list of int
        One count per crop; they sum to ``keep``. What does not divide goes to the
        first crops, what does not fit into a small crop to the others.

    Raises
    ------
    UsageError
        If ``keep`` is not in 1…sum of sizes.
    """
    if not 1 <= keep <= sum(sizes):
        raise UsageError(f"keep must be in [1, {sum(sizes)}] patches of all crops, got {keep}.")
    counts = [0] * len(sizes)
    while (left := keep - sum(counts)) > 0:
        room = [i for i, size in enumerate(sizes) if counts[i] < size]
        each, over = divmod(left, len(room))
        for rank, i in enumerate(room):
            counts[i] += min(sizes[i] - counts[i], each + (rank < over))
    return counts


def select(
    pruner: Pruner,
    tokens: VisualTokens,
    keep: int | None,
    generator: torch.Generator | None = None,
    policy: CropPolicy | None = None,
) -> Selection:
    """Let a pruner choose in an image, in crops or not.

    Parameters
    ----------
    pruner
        Any rule that prunes before the language model.
    tokens
        Tokens of one image; anything but `AnyresTokens` goes to the pruner as it is.
    keep
        K over the whole image; None where the method sets the count itself.
    generator
        Source of randomness.
    policy
        How the budget is spent; None is one budget per crop without separators.

    Returns
    -------
    Selection
        Indices into the packed list. ``keep = N`` keeps all, separators included. A rule that
        needs a grid shares the budget among crops under either policy: together they have none.

    Raises
    ------
    UsageError
        If ``keep`` is out of range or the policy does not fit the method.
    """
    policy = policy or CropPolicy()
    if not isinstance(tokens, AnyresTokens) or keep == tokens.n:
        return pruner.select(tokens, keep, generator)
    if tokens.newline is None:
        raise ValueError("newline must be given with tokens in crops, got None")
    marks = tokens.newline.nonzero().flatten()
    if policy.newline == "pool" and pruner.needs:
        raise UsageError(
            f"{pruner.name} reads {', '.join(pruner.needs)}, which separators do not have; "
            "use newline='drop' or 'keep'."
        )
    if policy.newline == "keep" and pruner.merges:
        raise UsageError(f"{pruner.name} merges tokens, so rows end nowhere; use newline='drop'.")
    patches = _budget(keep, tokens.n, marks, policy)
    if policy.budget == "global" and not pruner.on_grid:
        pooled = torch.ones_like(tokens.newline) if policy.newline == "pool" else ~tokens.newline
        rows = pooled.nonzero().flatten()
        chosen = pruner.select(subset(tokens, rows), patches, generator)
        return _place(tokens, [chosen], [rows], (), marks, policy)
    sizes = [part.n for part in tokens.parts]
    counts = [None] * len(sizes) if patches is None else shares(patches, sizes)
    crops = tuple(i for i, count in enumerate(counts) if count != 0)
    parts = [pruner.select(tokens.parts[i], counts[i], generator) for i in crops]
    return _place(tokens, parts, [tokens.places[i] for i in crops], crops, marks, policy)


def select_batch(
    pruner: Pruner,
    batch: Sequence[VisualTokens],
    keep: int | None,
    generators: Sequence[torch.Generator | None] | None = None,
    policy: CropPolicy | None = None,
) -> list[Selection]:
    """Let a pruner choose in several images; equal to `select` on each of them.

    Images that are not in crops go through `Pruner.select_batch` together.
    """
    if not any(isinstance(tokens, AnyresTokens) for tokens in batch):
        return pruner.select_batch(batch, keep, generators)
    sources = [None] * len(batch) if generators is None else generators
    pairs = zip(batch, sources, strict=True)
    return [select(pruner, tokens, keep, source, policy) for tokens, source in pairs]


def _budget(keep: int | None, n: int, marks: Tensor, policy: CropPolicy) -> int | None:
    """Patches to choose once separators have taken their part of the budget."""
    if keep is None:
        return None
    separators = len(marks) if policy.newline != "pool" else 0
    kept = policy.newline == "keep"
    low, high = (separators + 1, n) if kept else (1, n - separators)
    if not low <= keep <= high:
        raise UsageError(
            f"keep must be in [{low}, {high}] with "
            f"newline={policy.newline!r} for an image of {n - len(marks)} patches and "
            f"{len(marks)} separators, got {keep}."
        )
    return keep - separators if kept else keep


def _place(
    tokens: AnyresTokens,
    parts: list[Selection],
    places: list[Tensor],
    crops: tuple[int, ...],
    marks: Tensor,
    policy: CropPolicy,
) -> CropSelection:
    """Join selections made in parts of the packed list."""
    located = []
    for part, place in zip(parts, places, strict=True):
        own = part.indices.to(place.device)
        located.append(torch.where(own >= 0, place[own.clamp_min(0)], -1))  # nowhere stays -1
    indices = torch.cat(located)
    groups = [label for part in parts for label in part.groups]
    weights = _joined_weights(tokens.n, parts, places)
    if policy.newline == "keep":
        indices = torch.cat([indices, marks])
        groups += ["newline"] * len(marks)
    if weights is None:
        order = indices.argsort(stable=True)
        indices, groups = indices[order], [groups[i] for i in order.tolist()]
    info = {
        "budget": policy.budget,
        "newline": policy.newline,
        "crops": list(crops),
        "counts": [part.n_kept for part in parts],
        "parts": [part.info for part in parts],
    }
    first = parts[0].position_policy
    return CropSelection(
        indices, tuple(groups), tokens.n, weights, first, info, crops, tuple(parts) if crops else ()
    )


def _joined_weights(n: int, parts: list[Selection], places: list[Tensor]) -> Tensor | None:
    """Stack (k, n_crop + 1) weights into (K, N + 1); None when nothing was merged."""
    if all(part.weights is None for part in parts):
        return None
    rows = []
    for part, place in zip(parts, places, strict=True):
        own = part.matrix()
        wide = own.new_zeros(own.shape[0], n + 1)
        wide[:, 0] = own[:, 0]
        wide[:, place.to(own.device) + 1] = own[:, 1:]
        rows.append(wide)
    return torch.cat(rows)
