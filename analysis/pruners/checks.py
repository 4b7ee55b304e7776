"""Checks of what a caller asks of a pruner; each tensor is scanned once per image."""

from math import isfinite
from operator import index
from typing import SupportsIndex
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.tokens import VisualTokens

# Fields already found finite. Tensors of a VisualTokens are never written to.
_FINITE: "WeakKeyDictionary[VisualTokens, set[str]]" = WeakKeyDictionary()


def check_finite(tokens: VisualTokens, name: str) -> None:
    """Check that field ``name`` holds finite numbers only; remembered per image.

    Raises
    ------
    ValueError
        Naming the field that is empty, or how many of its entries are NaN or infinite.
    """
    seen = _FINITE.setdefault(tokens, set())
    if name not in seen:
        check_finite_values(name, getattr(tokens, name))
        seen.add(name)


def check_finite_values(name: str, value: Tensor) -> None:
    """Check that a tensor is not empty and holds numbers that are finite in float32.

    Raises
    ------
    ValueError
        Naming the field that is empty, or how many of its entries are NaN or infinite.
    """
    if not value.numel():
        raise UsageError(f"{name} must not be empty, got shape {tuple(value.shape)}.")
    # A sum is finite only if all entries are; one that overflows is looked at closely.
    # Methods compute in float32, so what leaves its range is as good as infinite.
    if not isfinite(float(value.detach().sum(dtype=torch.float32))):
        bad = int((~torch.isfinite(value.float())).sum())
        if bad:
            raise UsageError(
                f"{name} must be finite in float32, got {bad} NaN or infinite entries."
            )


def check_width(tokens: VisualTokens, name: str, other: str) -> None:
    """Check that two fields have vectors of one length.

    Raises
    ------
    ValueError
        Naming the first field and the length the second one asks for.
    """
    width, wanted = getattr(tokens, name).shape[-1], getattr(tokens, other).shape[-1]
    if width != wanted:
        raise UsageError(f"{name} must have {wanted} columns to fit {other}, got {width}.")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check a parameter of a pruner.

    Raises
    ------
    ValueError
        If ``value`` is not a number in [low, high].
    """
    if not low <= value <= high:
        raise UsageError(f"{name} must be in [{low:g}, {high:g}], got {value}.")


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Check a parameter that names one of a few ways.

    Raises
    ------
    ValueError
        If ``value`` is none of ``allowed``.
    """
    if value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {value!r}.")


def check_count(keep: SupportsIndex, n: int) -> int:
    """Check that ``keep`` is a whole number of ``n`` tokens; return it as an int.

    Raises
    ------
    ValueError
        Naming ``keep`` and its range.
    """
    if isinstance(keep, bool) or not hasattr(keep, "__index__"):
        raise UsageError(f"keep must be an integer in [1, {n}], got {keep!r}.")
    count = index(keep)
    if not 1 <= count <= n:
        raise UsageError(f"keep must be in [1, {n}] for an image of {n} tokens, got {count}.")
    return count
