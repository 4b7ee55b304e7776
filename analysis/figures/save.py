"""Writing a figure: PDF, PNG, SVG, numbers, caption; the same bytes on every build."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.figures.base import DEMONSTRATION, Drawn, Recipe
from analysis.files import write_atomically, write_text
from analysis.plots.style import drawing

# A file may say when it was made in these fields; leaving them out makes builds identical.
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {},
}


def save(drawn: Drawn, recipe: Recipe, out: Path, *, embedded: bool) -> list[Path]:
    """Write everything a recipe has drawn.

    Parameters
    ----------
    drawn
        Picture or LaTeX, numbers and caption.
    recipe
        Whose product it is; gives the file name.
    out
        Folder, made if absent.
    embedded
        Whether the run is the embedded model's; its captions say so.

    Returns
    -------
    list of Path
        The files written: NAME.pdf, .png, .svg (or .tex), .csv, .md, and NAME-PART.csv.
    """
    written = []
    if drawn.figure is not None:
        FigureCanvasAgg(drawn.figure)
        with drawing(recipe.name):
            for kind, metadata in _METADATA.items():
                draw = partial(drawn.figure.savefig, format=kind, metadata=metadata)
                written.append(out / f"{recipe.name}.{kind}")
                write_atomically(written[-1], draw)
    if drawn.latex is not None:
        written.append(write_text(out / f"{recipe.name}.tex", drawn.latex))
    for part, frame in drawn.data.items():
        name = f"{recipe.name}-{part}" if part else recipe.name
        written.append(write_text(out / f"{name}.csv", numbers(frame)))
    caption = f"{drawn.caption} {DEMONSTRATION}" if embedded and drawn.of_run else drawn.caption
    written.append(write_text(out / f"{recipe.name}.md", caption + "\n"))
    return written


def numbers(frame: pd.DataFrame) -> str:
    """Return a frame as CSV text with ten significant digits."""
    return frame.to_csv(index=False, float_format="%.10g", lineterminator="\n")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_provenance(path: Path, content: dict[str, Any]) -> None:
    """Write a provenance file; it holds no time, so equal inputs give equal bytes."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
