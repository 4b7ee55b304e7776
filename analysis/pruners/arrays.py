"""Visual tokens from one's own arrays: ``.npz`` or safetensors, named as the contract names."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.tokens import VisualTokens

FIELDS = tuple(f.name for f in fields(VisualTokens))
_WHOLE = {"crop": torch.long, "newline": torch.bool}
# Fields that are plain numbers, not tensors.
_NUMBERS = ("grid", "llm_prefix")


def load_tokens(path: Path) -> tuple[VisualTokens, tuple[str, ...]]:
    """Read the visual tokens of one image.

    Parameters
    ----------
    path
        A ``.npz`` file (anything else is read as safetensors) with ``features`` (N, D)
        and any other field of `VisualTokens` by its name; ``grid`` holds two integers,
        ``llm_prefix`` one. Without a grid, N tokens with N a square are taken as a square grid.

    Returns
    -------
    tuple
        The tokens and the names of arrays in the file that are no field (ignored).

    Raises
    ------
    UsageError
        If the file is missing or unreadable, ``features`` is not in it, or a shape does
        not fit; the message names the field.
    """
    arrays = _read(path)
    if "features" not in arrays:
        close = get_close_matches("features", arrays, n=1)
        hint = f" (is it {close[0]}?)" if close else ""
        raise UsageError(
            f"{path} holds no array named features{hint}; it must hold features (N, D) and "
            f"what the pruner reads, of: {', '.join(FIELDS)}."
        )
    numbers = {name: arrays[name] for name in _NUMBERS if name in arrays}
    known = {
        name: _field(name, value)
        for name, value in arrays.items()
        if name in FIELDS and name not in numbers
    }
    n = known["features"].shape[0] if known["features"].ndim else 0
    prefix = numbers.get("llm_prefix", torch.tensor(0))
    if prefix.numel() != 1:
        raise UsageError(f"{path}: llm_prefix must be one integer, got {prefix.numel()} numbers.")
    try:
        tokens = VisualTokens(**known, grid=_grid(numbers.get("grid"), n), llm_prefix=int(prefix))  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: {_sentence(error)}") from error
    return tokens, tuple(sorted(set(arrays) - set(FIELDS)))


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}; give a .npz or safetensors file.")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                # What is no field is named, never opened: it may be text or objects.
                known = [name for name in archive.files if name in FIELDS]
                rest = {name: torch.empty(0) for name in archive.files if name not in FIELDS}
                return rest | {name: _numbers(name, archive) for name in known}
        from safetensors.torch import load_file

        loaded: dict[str, Tensor] = load_file(path)
        return loaded
    except UsageError:
        raise
    except Exception as error:  # NumPy, zipfile, zlib and safetensors share no base class
        raise UsageError(
            f"{path} cannot be read as .npz or safetensors: {_sentence(error)}"
        ) from error


def _numbers(name: str, archive: Mapping[str, "np.ndarray[Any, Any]"]) -> Tensor:
    """Return numbers in a type torch has, whatever their byte order or width."""
    try:
        array = archive[name]
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        raise UsageError(f"{name} must hold numbers, got Python objects.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
        raise UsageError(f"{name} must hold numbers, got {getattr(array, 'dtype', 'bytes')}.")
    native = array.dtype.newbyteorder("=")
    wide = np.dtype(np.float64) if array.dtype.kind == "f" and array.dtype.itemsize > 8 else native
    return torch.from_numpy(np.ascontiguousarray(array, dtype=wide).reshape(array.shape))


def _sentence(error: Exception) -> str:
    """End what another library says with one full stop."""
    if "pickle" in str(error):
        return "it is no archive of arrays."
    return " ".join(str(error).split()).rstrip(".") + "."


def _field(name: str, value: Tensor) -> Tensor:
    """Return an array as the type its field has."""
    if value.is_complex():
        raise UsageError(f"{name} must hold real numbers, got {value.dtype}.")
    if name in _WHOLE:
        whole = value.to(_WHOLE[name])
        if not torch.equal(whole.to(value.dtype), value):
            raise UsageError(f"{name} must hold whole numbers (newline: 0 or 1).")
        return whole
    return value if value.is_floating_point() else value.float()


def _grid(value: Tensor | None, n: int) -> tuple[int, int] | None:
    """Return the grid given, or the square one when N is a square."""
    if value is not None:
        sides = value.flatten().tolist()
        if len(sides) != 2 or any(side != int(side) for side in sides):
            raise UsageError(f"grid must hold two integers, got {sides[:8]}.")
        return int(sides[0]), int(sides[1])
    side = round(n**0.5)
    return (side, side) if side * side == n and n else None
