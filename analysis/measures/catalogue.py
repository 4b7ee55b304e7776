"""Every measure by name: what it is about, its unit and its range."""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """What a measure is, for menus, tables and axis labels.

    Attributes
    ----------
    name
        Column of the records that holds it.
    about
        ``image``: one number per image; ``kept``: per kept set; ``pair``: per two sets.
    unit, low, high
        Unit and range in words, so that N, K and D may stand in it.
    summary
        One sentence.
    source
        Where it is implemented.
    """

    name: str
    about: Literal["image", "kept", "pair"]
    unit: str
    low: str
    high: str
    summary: str
    source: str


def measure_table() -> dict[str, Measure]:
    """Return every measure by name, as ``measures.csv`` beside this file lists them."""
    table = files(__package__).joinpath("measures.csv").read_text(encoding="utf-8")
    return {row["name"]: Measure(**row) for row in csv.DictReader(table.splitlines())}  # type: ignore[arg-type]
