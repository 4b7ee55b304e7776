"""What a figure or table is: a name, what it shows, and a function that draws it from a run."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.inputs import Inputs

DEMONSTRATION = (
    "Embedded model: this demonstrates the toolkit and is no evidence about LLaVA or the paper."
)


@dataclass(frozen=True)
class Drawn:
    """What a recipe hands to be saved.

    Parameters
    ----------
    figure
        The picture; ``None`` for a table.
    data
        The plotted numbers: part name → frame. The part ``""`` is the figure's own CSV, every
        other part a file NAME-PART.csv.
    caption
        What is seen in this run, computed.
    latex
        The table as booktabs LaTeX; ``None`` for a picture.
    """

    figure: Figure | None
    data: dict[str, pd.DataFrame]
    caption: str
    latex: str | None = None


@dataclass(frozen=True)
class Recipe:
    """One figure or table of the study.

    Parameters
    ----------
    name
        File name, and name on the command line.
    shows
        One line for ``agile figures ls``.
    needs
        What it reads: ``images``, ``kept``, ``captions``, ``yesno``, ``pixels``, or a command's
        product such as ``analysis:threshold``.
    build
        Draws it from a run.
    place
        Where it stands in ``agile figures ls`` and on the page: the order of the study.
    kind
        ``"figure"`` or ``"table"``.
    optional
        Whether it is left out, with the reason, when its inputs were never made: benchmarks of a
        machine are no part of a run, and most data sets have no subtasks.
    """

    name: str
    shows: str
    needs: tuple[str, ...]
    build: Callable[[Inputs], Drawn]
    place: int = 1000
    kind: str = "figure"
    optional: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files it always writes."""
        pictures = (".pdf", ".png", ".svg") if self.kind == "figure" else (".tex",)
        return (*pictures, ".csv", ".md")


# What the files of ``recipes/`` have filed so far; `analysis.figures.FIGURES` lists it by place.
FILED: list[Recipe] = []


def recipe(
    *,
    shows: str,
    needs: tuple[str, ...],
    place: int = 1000,
    kind: str = "figure",
    optional: bool = False,
) -> Callable[[Callable[[Inputs], Drawn]], Callable[[Inputs], Drawn]]:
    """Return a decorator that files a drawing function under the name of its file."""

    def add(build: Callable[[Inputs], Drawn]) -> Callable[[Inputs], Drawn]:
        name = build.__module__.rpartition(".")[2]
        FILED.append(Recipe(name, shows, needs, build, place, kind, optional))
        return build

    return add
