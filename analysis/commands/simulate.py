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

    Writes verdicts.csv and coverage.csv, each row as soon as it is known and over the rows of the
    same truth or size that are there, and puts both tables in the page.
    """
    from analysis.report.simulations import coverage_table, fill, verdict_table
    from analysis.stats.simulation.coverage import covered
    from analysis.stats.simulation.power import rates

    options = build(SimulateOptions, what)
    if options.studies:
        found = rates(options.plan, options.processes)
        _write(found, options.out / "verdicts.csv", ["truth", "claim"])
    if options.samples:
        found = covered(options.coverage, options.processes)
        _write(found, options.out / "coverage.csv", ["interval", "n_images"])
    for name, table in (("verdicts", verdict_table), ("coverage", coverage_table)):
        if (file := options.out / f"{name}.csv").exists() and options.page:
            import pandas as pd

            text = table(pd.read_csv(file, keep_default_na=False))
            fill(Path(options.page), name, text)
            sys.stdout.write(f"{options.page}: {name} from {file}\n")


def _write(tables: "Iterator[pd.DataFrame]", path: Path, keys: list[str]) -> None:
    """Write a growing table over the rows of the same keys that the file holds."""
    import pandas as pd

    from analysis.bench.output import write_tables
    from analysis.report.simulations import renewed

    before = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame()
    write_tables((renewed(before, table, keys) for table in _told(tables)), path)


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
