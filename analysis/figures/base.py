"""What a figure or table is: a name, what it shows, and a function that draws it from a run."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.inputs import Inputs
from analysis.figures.needs import check

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
    of_run
        Whether the numbers are the run's: the note that goes with the embedded model is left out
        where they are counts, timings or released captions of other models.
    """

    figure: Figure | None
    data: dict[str, pd.DataFrame]
    caption: str
    latex: str | None = None
    of_run: bool = True


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
        What it reads, each a need `analysis.figures.needs` can check: ``images``, ``captions``,
        ``analysis:threshold``, …
    draw
        Draws it from a run that has all that.
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
    draw: Callable[[Inputs], Drawn]
    place: int = 1000
    kind: str = "figure"
    optional: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files it always writes."""
        pictures = (".pdf", ".png", ".svg") if self.kind == "figure" else (".tex",)
        return (*pictures, ".csv", ".md")

    def build(self, inputs: Inputs) -> Drawn:
        """Draw it from a run.

        Raises
        ------
        MissingInput
            If the run lacks what it needs; names the command that makes it.
        """
        for need in self.needs:
            check(inputs, need)
        return self.draw(inputs)


# What the files of ``recipes/`` have filed so far; `analysis.figures.FIGURES` lists it by place.
FILED: list[Recipe] = []


def recipe(
    *needs: str, place: int = 1000, kind: str = "figure", optional: bool = False
) -> Callable[[Callable[[Inputs], Drawn]], Callable[[Inputs], Drawn]]:
    """Return a decorator that files a drawing function under the name of its file.

    The first line of the file's docstring says what it shows.
    """

    def add(draw: Callable[[Inputs], Drawn]) -> Callable[[Inputs], Drawn]:
        name = draw.__module__.rpartition(".")[2]
        shows = str(draw.__globals__["__doc__"]).partition("\n")[0].rstrip(".")
        FILED.append(Recipe(name, shows, needs, draw, place, kind, optional))
        return draw

    return add
