"""The gallery of ``figures/README.md``: a run's figures, small, each with caption and command."""

from pathlib import Path
from typing import Any

from PIL import Image

from analysis.figures import FIGURES, Recipe
from analysis.figures.base import DEMONSTRATION
from analysis.figures.inputs import Inputs
from analysis.files import write_atomically, write_text
from analysis.report.page import some_drawn
from analysis.report.pictures import small

# Bytes a small picture may take; they have about 30,000.
_MOST_BYTES = 200_000
_HEAD = """\
# Figures

Drawn by `make figures` from the run `{run}` ({model} on {data}, {n} images). {demonstration}

`make figures` writes one folder a run here, outside git: each figure as PDF, PNG and SVG, each
table as LaTeX, with its numbers as CSV, its caption and where it came from. This page is made
from such a folder by `make gallery`; `agile figures ls` says what each figure reads.
"""


def write_gallery(inputs: Inputs, drawn: Path, out: Path) -> Path:
    """Write ``README.md`` and small pictures in ``gallery/`` from the drawn figures of a run.

    Parameters
    ----------
    inputs
        The run.
    drawn
        Folder `agile figures` wrote for it.
    out
        Folder of the page; pictures of an earlier gallery are replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    AgileError
        If ``drawn`` holds no figure.
    """
    found = {each["name"]: each for each in some_drawn(inputs, drawn)}
    pictures = out / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.png"):
        old.unlink()
    head = _HEAD.format(
        run=inputs.path.name,
        model=inputs.model,
        data=inputs.data,
        n=len(inputs.images),
        demonstration=DEMONSTRATION if inputs.is_embedded else "",
    )
    parts = [head]
    for recipe in map(FIGURES.get, FIGURES):
        each = found.get(recipe.name)
        if each and each["picture"]:
            _shrink(drawn / each["picture"], pictures / each["picture"])
        parts.append(_entry(recipe, each))
    return write_text(out / "README.md", "\n".join(parts))


def _entry(recipe: Recipe, drawn: dict[str, Any] | None) -> str:
    """Return the section of one figure or table: what it shows, the picture, what is seen."""
    lines = [f"## {recipe.name}", "", f"{recipe.shows[0].upper()}{recipe.shows[1:]}.", ""]
    if drawn and drawn["picture"]:
        lines += [f"![{recipe.shows}](gallery/{drawn['picture']})", ""]
    seen = first_sentence(drawn["caption"]) if drawn else "Not drawn from this run."
    return "\n".join([*lines, f"*{seen}*", "", f"`agile figures {recipe.name}`", ""])


def first_sentence(caption: str) -> str:
    """Return a caption up to its first full stop that ends a sentence."""
    return caption.replace("\n", " ").partition(". ")[0].rstrip(".") + "."


def _shrink(picture: Path, small_one: Path) -> None:
    with Image.open(picture) as image:
        data = small(image, _MOST_BYTES)
    write_atomically(small_one, lambda file: file.write_bytes(data))
