"""``agile bench``: measure what pruning buys, what it costs, and how fast runs are made."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.bench import settings
from analysis.flags import flags

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
    "findings": (settings.Findings, "step cpu_s peak_gib images variants resamples"),
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

    def call(
        given: dict[str, Any],
        out: Annotated[
            Path | None, typer.Option(help="CSV to write; by default in data/bench.")
        ] = None,
    ) -> None:
        from analysis.bench.output import FOLDER, write_tables

        chosen = options(**given)
        module = import_module(f"analysis.bench.{name}")
        path = out or FOLDER / f"{chosen.table}.csv"
        frame = write_tables(module.run(chosen), path)
        _print(frame, path, columns)
        for line in getattr(module, "remarks", lambda *_: [])(chosen, frame):
            typer.echo(line)

    call.__doc__ = options.__doc__
    return flags(given=options)(call)


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
