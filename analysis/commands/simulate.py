"""``agile simulate``: how often verdicts are right and intervals cover, over planted truths."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from analysis.flags import flags
from analysis.options import build
from analysis.stats.simulation.options import SimulateOptions

if TYPE_CHECKING:
    import pandas as pd


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("simulate")(simulate)


@flags(what=SimulateOptions)
def simulate(what: dict[str, Any]) -> None:
    """Plant truths in simulated studies; count verdicts and the intervals that cover.

    Writes verdicts.csv and coverage.csv, a row whenever one is known, and puts both tables in
    the page. Use `nice` on a machine that others use.
    """
    from analysis.report.simulations import coverage_table, fill, verdict_table
    from analysis.stats.simulation.coverage import covered
    from analysis.stats.simulation.power import rates

    options = build(SimulateOptions, what)
    if options.studies:
        _write(rates(options.plan, options.processes), options.out / "verdicts.csv")
    if options.samples:
        _write(covered(options.coverage, options.processes), options.out / "coverage.csv")
    for name, table in (("verdicts", verdict_table), ("coverage", coverage_table)):
        if (file := options.out / f"{name}.csv").exists() and options.page:
            import pandas as pd

            text = table(pd.read_csv(file, keep_default_na=False))
            fill(Path(options.page), name, text)
            sys.stdout.write(f"{options.page}: {name} from {file}\n")


def _write(tables: "Iterator[pd.DataFrame]", path: Path) -> None:
    """Write a growing table and print what is new in it."""
    from analysis.bench.output import write_tables

    write_tables(_told(tables), path)


def _told(tables: "Iterator[pd.DataFrame]") -> "Iterator[pd.DataFrame]":
    """Pass tables on, each new row printed."""
    done = 0
    for table in tables:
        for row in table.iloc[done:].to_dict("records"):
            said = (f"{key} {value}" for key, value in row.items() if value and value == value)
            sys.stdout.write(", ".join(said) + "\n")
        sys.stdout.flush()
        done = len(table)
        yield table
