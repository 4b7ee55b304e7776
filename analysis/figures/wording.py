"""Sentences computed from estimates: what is seen in this run, and no more."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.stats.complexity import COMPLEX, INTERACTION, SIMPLE, kind_of
from analysis.stats.estimate import records

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


_CROSSING = {
    "crossover": "the families swap places",
    "reversed crossover": "the families swap places, the other way round than the paper says",
    "interaction": "the gap depends on complexity, but the families do not visibly swap places",
    "neither": "neither a crossover nor an interaction is seen",
}


def crossing_sentence(gaps: pd.DataFrame, what: str, better: int) -> str:
    """Say whether the families swap places, with both gaps and their difference.

    ``gaps`` has one row each for simple, complex and interaction; ``better`` is -1 where less is.
    """
    rows = {row["group"]: row for row in records(gaps)}
    simple, dense, both = (rows[name] for name in (SIMPLE, COMPLEX, INTERACTION))
    if not np.isfinite([each["low"] for each in (simple, dense)]).all():
        return f"Whether complexity decides the winner in {what} is undefined here."
    text = (
        f"In {what} {_CROSSING[kind_of(gaps, better)]}: diversity minus attention is "
        f"{interval(simple, 1, signed=True)} points on simple and "
        f"{interval(dense, 1, signed=True)} on complex images, {interval(both, 1, signed=True)} "
        f"apart ({images(both)}"
    )
    if seen(both):
        return f"{text})."
    least = number(both["detectable"], 1)
    return f"{text}; an interaction below {least} would probably be missed)."


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
