"""Frames as booktabs LaTeX: escaped, intervals small, best bold only where intervals say so."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.stats.estimate import records

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": r"$-$",
    "×": r"$\times$",
}


def escape(text: object) -> str:
    """Return text that LaTeX prints as it is."""
    return "".join(_ESCAPES.get(letter, letter) for letter in str(text))


def cell(row: Mapping[str, Any], digits: int, *, bold: bool = False) -> str:
    """Return ``estimate {low, high}`` as LaTeX; an em dash where there is no number."""
    if pd.isna(row["estimate"]):
        return "---"
    centre = f"{row['estimate']:.{digits}f}"
    centre = rf"\textbf{{{centre}}}" if bold else centre
    if pd.isna(row["low"]):
        return _minus(centre)
    limits = f"[{row['low']:.{digits}f}, {row['high']:.{digits}f}]"
    return _minus(rf"{centre} {{\scriptsize {limits}}}")


def cells(
    found: pd.DataFrame, keys: Sequence[str], digits: Mapping[str, int] | None = None
) -> dict[tuple[Any, ...], str]:
    """Return estimates as `cell` prints them, by their values in the key columns.

    Parameters
    ----------
    found
        Estimates; bold where a column ``clear_best`` says so.
    keys
        Columns that tell the rows apart.
    digits
        Measure → decimals; 1 for others.
    """
    places = digits or {}
    return {
        tuple(row[key] for key in keys): cell(
            row, places.get(row["measure"], 1), bold=bool(row.get("clear_best"))
        )
        for row in records(found)
    }


def booktabs(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, rules_before: Sequence[int] = ()
) -> str:
    r"""Return a tabular; header and cells must already be LaTeX.

    Parameters
    ----------
    header
        Column titles; the first column is left-aligned, the others right-aligned.
    rows
        Cells.
    rules_before
        Rows above which a ``\midrule`` goes, besides the one under the header.
    """
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule"]
    lines += [" & ".join(header) + r" \\", r"\midrule"]
    for place, row in enumerate(rows):
        lines += [r"\midrule"] if place in rules_before else []
        lines.append(" & ".join(row) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _minus(text: str) -> str:
    return text.replace("-", r"$-$") if "-" in text else text
