"""Sentences computed from estimates: what is seen in this run, and no more."""

from typing import Any

import numpy as np

# One estimate: a row of a frame, or any mapping with its columns.
Row = Any


def number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """Print a number with a real minus sign; ``"n/a"`` for NaN."""
    if not np.isfinite(value):
        return "n/a"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def interval(row: Row, digits: int = 2, *, signed: bool = False) -> str:
    """Print ``estimate [low, high]``, or say that there is no interval."""
    centre = number(row["estimate"], digits, signed=signed)
    if not (np.isfinite(row["low"]) and np.isfinite(row["high"])):
        return f"{centre} (no interval)"
    low, high = (number(row[name], digits, signed=signed) for name in ("low", "high"))
    return f"{centre} [{low}, {high}]"


def seen(row: Row, null: float = 0.0) -> bool:
    """Tell whether the interval excludes ``null``."""
    return bool(row["low"] > null or row["high"] < null)


def images(row: Row) -> str:
    """Print the number of images behind an estimate."""
    count = int(row["n"])
    return f"n = {count:,} image{'s' if count != 1 else ''}"


def correlation_sentence(row: Row, first: str, second: str, *, symbol: str = "r") -> str:
    """Say how two measures go together in this run."""
    text = f"{symbol} = {interval(row)}, {images(row)}"
    if not np.isfinite(row["estimate"]):
        return f"The correlation of {first} and {second} is undefined here ({images(row)})."
    if not seen(row):
        return f"No correlation of {first} and {second} seen ({text})."
    way = "rises" if row["estimate"] > 0 else "falls"
    return f"{capital(second)} {way} with {first} ({text})."


def difference_sentence(row: Row, first: str, second: str, what: str, digits: int = 1) -> str:
    """Say how the first method differs from the second on the same images."""
    text = f"{interval(row, digits, signed=True)}, {images(row)}"
    if not np.isfinite(row["estimate"]):
        return f"{first} and {second} cannot be compared in {what} ({images(row)})."
    if not seen(row):
        return f"No difference in {what} seen between {first} and {second} ({text})."
    way = "higher" if row["estimate"] > 0 else "lower"
    return f"{first} has {way} {what} than {second} ({text})."


def interaction_sentence(row: Row, what: str) -> str:
    """Say whether diversity's advantage depends on complexity."""
    text = f"{interval(row, 1, signed=True)} points, {images(row)}"
    if not np.isfinite(row["estimate"]):
        return f"Whether complexity decides the winner in {what} is undefined here."
    if seen(row):
        way = "higher" if row["estimate"] > 0 else "lower"
        return (
            f"The gap diversity minus attention in {what} is {way} on complex than on simple "
            f"images ({text})."
        )
    least = number(row["detectable"], 1)
    return (
        f"No interaction of family and complexity seen in {what} ({text}; an effect below "
        f"{least} would probably be missed)."
    )


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
