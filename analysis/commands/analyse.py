"""`agile analyse`: make the analyses of a finished run."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.extract.analyses.options import AnalyseOptions
from analysis.flags import flags, split
from analysis.options import build


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("analyse")(analyse)


@flags(what=AnalyseOptions)
def analyse(
    what: dict[str, Any],
    run: Annotated[Path, typer.Option(help="Folder of a finished run.")],
    tables: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Sweep thresholds and knobs, corrupt images, read attention; writes analysis-*.parquet.

    Uses the model and data of the run; what is there already is not made again.
    """
    from analysis.extract.analyses.loop import analyse as make

    if tables is not None:  # what --analyses was called before
        what["analyses"] = split(tables)
    for name, shards in make(run, build(AnalyseOptions, what)).items():
        state = f"{shards} new shards" if shards else "is complete"
        sys.stdout.write(f"{run}: {name} {state}.\n")
