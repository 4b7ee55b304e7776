"""``agile ls``: what there is to choose from, read off the registries."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

# A pipe has no width of its own; this one holds every row on one or two lines.
_PIPE_WIDTH = 180
# Columns are at least so wide on average, or entries are shown as paragraphs.
_COLUMN_WIDTH = 12


@dataclass(frozen=True)
class Listing:
    """What a registry holds, as text.

    Attributes
    ----------
    columns
        Keys of every row, in the order in which they are shown.
    rows
        One dict per entry.
    notes
        Sentences below the table; rows refer to them by number, from 1.
    """

    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    notes: tuple[str, ...] = ()


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("ls")
    def ls(
        kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")],
        markdown: Annotated[bool, typer.Option(help="Print the page of the docs.")] = False,
    ) -> None:
        """List pruners, measures, models, datasets or figures as a table."""
        if kind not in KINDS:
            raise UsageError(f"there is no list of {kind!r}; choose one of: {', '.join(KINDS)}.")
        if markdown:
            typer.echo(page(kind), nl=False)
            return
        show(KINDS[kind]())


def show(listing: Listing) -> None:
    """Print a table as wide as the terminal, or wide enough for a pipe, and its notes."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    if console.width < _COLUMN_WIDTH * len(listing.columns):
        _paragraphs(listing, console)
    else:
        _table(listing, console)
    for number, note in enumerate(listing.notes, 1):
        console.print(f"{number:>3}  {note}", highlight=False, markup=False, soft_wrap=True)


def _paragraphs(listing: Listing, console: "Console") -> None:
    """Print one paragraph per entry: its name, then every other column by name."""
    for row in listing.rows:
        rest = "; ".join(f"{column}: {row[column]}" for column in listing.columns[1:])
        text = fill(rest, console.width, initial_indent="    ", subsequent_indent="    ")
        console.print(
            f"{row[listing.columns[0]]}\n{text}", highlight=False, markup=False, soft_wrap=True
        )
    console.print()


def _table(listing: Listing, console: "Console") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in listing.columns:
        # The first column is what one types: it is never cut or broken.
        table.add_column(column, no_wrap=column == listing.columns[0])
    for row in listing.rows:
        table.add_row(*(row[column].replace("[", r"\[") for column in listing.columns))
    console.print(table)


def page(kind: str) -> str:
    """Return the page of the docs: the table, and for pruners every method."""
    from analysis.pruners.document import markdown_table
    from analysis.pruners.document import page as pruner_page

    if kind == "pruners":
        return pruner_page()
    listing, after = KINDS[kind](), ""
    if kind == "datasets":
        from analysis.datasets import hf

        after = f"\n## hf\n\n{getdoc(hf)}\n"
    return (
        f"# {kind.capitalize()}\n\n"
        f"Made from the registry by `agile ls {kind} --markdown > docs/{kind}.md`; a test keeps "
        f"the two in step.\n\n{markdown_table(listing.columns, listing.rows)}{after}"
    )


def pruners() -> Listing:
    """Return the table of pruners, deviations as numbers of notes."""
    from analysis.catalogue import METHODS
    from analysis.pruners.document import COLUMNS, pruner_rows

    notes = dict.fromkeys(note for name in METHODS for note in METHODS.get(name).cls.deviations)
    number = {note: str(i) for i, note in enumerate(notes, 1)}
    rows = [
        {
            **row,
            "deviations": " ".join(number[note] for note in METHODS.get(row["name"]).cls.deviations)
            or "none",
        }
        for row in pruner_rows()
    ]
    return Listing(COLUMNS, rows, tuple(notes))


def measures() -> Listing:
    """Return the table of measures."""
    from analysis.measures import measure_table

    columns = ("name", "about", "unit", "range", "what it is", "source")
    found = measure_table().values()
    return Listing(columns, [dict(zip(columns, _measure(m), strict=True)) for m in found])


def models() -> Listing:
    """Return the table of model families."""
    from analysis.models import FAMILIES, family

    return _summaries({name: family(name) for name in FAMILIES})


def datasets() -> Listing:
    """Return the table of data sets."""
    from analysis.datasets import DATASETS

    return _summaries({name: DATASETS.get(name) for name in DATASETS})


def figures() -> Listing:
    """Return the table of figures and tables of the study."""
    from analysis.figures import FIGURES

    columns = ("name", "kind", "needs", "what it shows")
    found = [FIGURES.get(name) for name in FIGURES]
    rows = [(f.name, f.kind, ", ".join(f.needs), f.shows) for f in found]
    return Listing(columns, [dict(zip(columns, row, strict=True)) for row in rows])


KINDS: dict[str, Callable[[], Listing]] = {
    "pruners": pruners,
    "measures": measures,
    "models": models,
    "datasets": datasets,
    "figures": figures,
}


def _measure(entry: Any) -> tuple[str, ...]:
    span = f"{entry.low} to {entry.high}"
    return entry.name, entry.about, entry.unit, span, entry.summary, entry.source


def _summaries(entries: dict[str, Any]) -> Listing:
    """Return name and first sentence of each entry of a registry."""
    columns = ("name", "what it is")
    return Listing(columns, [{"name": n, "what it is": _summary(e)} for n, e in entries.items()])


def _summary(entry: Any) -> str:
    text = getattr(entry, "summary", None) or getdoc(entry) or ""
    return str(text).strip().partition("\n\n")[0].replace("\n", " ")
