"""``agile ls``: what there is to choose from, read off the registries."""

from collections.abc import Callable
from inspect import getdoc
from typing import Annotated, Any

import typer

from analysis.errors import UsageError

Table = tuple[tuple[str, ...], list[dict[str, str]]]
# Narrower than this, nine columns become unreadable; a pipe has no width of its own.
_PIPE_WIDTH = 220


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("ls")
    def ls(
        kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")],
        markdown: Annotated[
            bool, typer.Option(help="Print the page of the docs (pruners only).")
        ] = False,
    ) -> None:
        """List pruners, measures, models, datasets or figures as a table."""
        if kind not in KINDS:
            raise UsageError(f"there is no list of {kind!r}; choose one of: {', '.join(KINDS)}.")
        if markdown:
            typer.echo(_page(kind), nl=False)
            return
        show(*KINDS[kind]())


def show(columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    """Print rows as a table as wide as the terminal, or wide enough for a pipe."""
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    table = RichTable(*columns, row_styles=["", "dim"] if console.is_terminal else None)
    for row in rows:
        table.add_row(*(row[column].replace("[", r"\[") for column in columns))
    console.print(table)


def pruners() -> Table:
    """Return the table of pruners."""
    from analysis.pruners.document import COLUMNS, pruner_rows

    return COLUMNS, pruner_rows()


def measures() -> Table:
    """Return the table of measures."""
    from analysis.measures import MEASURES

    columns = ("name", "about", "unit", "range", "what it is", "source")
    rows = [
        dict(zip(columns, _measure(MEASURES.get(name)), strict=True)) for name in MEASURES.names()
    ]
    return columns, rows


def models() -> Table:
    """Return the table of model families."""
    from analysis.models import MODELS, register_all

    register_all()
    return _summaries({name: MODELS.get(name) for name in MODELS})


def datasets() -> Table:
    """Return the table of data sets."""
    from analysis.datasets import DATASETS

    return _summaries({name: DATASETS.get(name) for name in DATASETS})


def figures() -> Table:
    """Return the table of figures and tables of the study."""
    from analysis.figures import FIGURES

    columns = ("name", "kind", "needs", "what it shows")
    found = [FIGURES.get(name) for name in FIGURES]
    rows = [(f.name, f.kind, ", ".join(f.needs), f.shows) for f in found]
    return columns, [dict(zip(columns, row, strict=True)) for row in rows]


KINDS: dict[str, Callable[[], Table]] = {
    "pruners": pruners,
    "measures": measures,
    "models": models,
    "datasets": datasets,
    "figures": figures,
}


def _measure(entry: Any) -> tuple[str, ...]:
    span = f"{entry.low} to {entry.high}"
    return entry.name, entry.about, entry.unit, span, entry.summary, entry.source


def _summaries(entries: dict[str, Any]) -> Table:
    """Return name and first sentence of each entry of a registry."""
    columns = ("name", "what it is")
    return columns, [{"name": n, "what it is": _summary(e)} for n, e in entries.items()]


def _summary(entry: Any) -> str:
    text = getattr(entry, "summary", None) or getdoc(entry) or ""
    return str(text).strip().partition("\n\n")[0].replace("\n", " ")


def _page(kind: str) -> str:
    from analysis.pruners.document import page

    if kind != "pruners":
        raise UsageError(f"only pruners have a page in the docs, got {kind!r}.")
    return page()
