"""``agile bench``: measure what pruning buys, what it costs, and how fast runs are made."""

from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from analysis.bench import settings
from analysis.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

# Module of `analysis.bench` (and command) → its options, and the columns that are printed.
COMMANDS: dict[str, tuple[type[settings.Settings], str]] = {
    "model": (
        settings.Model,
        "variant keep batch n_out prefill_ms ttft_ms ttft_vs_full decode_tokens_per_s "
        "kv_bytes_vs_full prefill_tflops_vs_full note",
    ),
    "overhead": (settings.Overhead, "part batch ms ms_q1 ms_q3 ms_per_image paper_ms"),
    "extract": (settings.Extract, "side seconds images_per_s ratio images variants answers"),
    "flops": (
        settings.Flops,
        "pruner keep mean_tokens prefill_tmacs_two_matrix prefill_tmacs selection_gmacs "
        "cache_mib prefill_share note",
    ),
    "pruners": (settings.Pruners, "measurement variant keep best_ms ratio goal met"),
}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    bench = typer.Typer(
        name="bench",
        help="Measure latency, memory, overhead and throughput.",
        no_args_is_help=True,
    )
    for name, (options, columns) in COMMANDS.items():
        bench.command(name)(_command(name, options, columns.split()))
    app.add_typer(bench)


def _command(
    name: str, options: type[settings.Settings], columns: list[str]
) -> Callable[..., None]:
    """Return the command whose options are the fields of a class."""

    def call(out: Path | None, **given: Any) -> None:
        from analysis.bench.output import FOLDER, write_tables

        chosen = options(**{f.name: _parsed(f, given[f.name]) for f in fields(options)})
        module = import_module(f"analysis.bench.{name}")
        path = out or FOLDER / f"{chosen.table}.csv"
        frame = write_tables(module.run(chosen), path)
        _print(frame, path, columns)
        for line in getattr(module, "remarks", lambda *_: [])(chosen, frame):
            typer.echo(line)

    csv = Annotated[Path | None, typer.Option(help="CSV to write; by default in data/bench.")]
    parameters = [
        Parameter(f.name, Parameter.KEYWORD_ONLY, default=_written(f.default), annotation=_kind(f))
        for f in fields(options)
    ]
    parameters.append(Parameter("out", Parameter.KEYWORD_ONLY, default=None, annotation=csv))
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__doc__ = options.__doc__
    return call


def _kind(field: Any) -> Any:
    """Return the option's type on the command line: lists are text with commas."""
    kind = str if isinstance(field.default, tuple) else field.type
    return Annotated[kind, typer.Option(help=field.metadata["help"])]


def _written(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def _parsed(field: Any, given: Any) -> Any:
    """Read comma-separated names or whole numbers; an empty list is the field's own default."""
    if not isinstance(field.default, tuple):
        return given
    parts = [part.strip() for part in given.split(",") if part.strip()]
    try:
        return tuple(get_args(field.type)[0](part) for part in parts) or field.default
    except ValueError as error:
        raise UsageError(
            f"{field.name} is {given!r}; give whole numbers such as 128,64."
        ) from error


def _print(frame: "pd.DataFrame", path: Path, columns: list[str]) -> None:
    """Print the main columns of a table."""
    from analysis.commands.ls import Listing, show

    shown = [name for name in columns if name in frame]
    rows = [dict(zip(shown, map(_shown, row), strict=True)) for row in frame[shown].values]
    show(Listing(tuple(shown), rows))
    typer.echo(f"{len(frame)} rows in {path}")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None else str(value)
