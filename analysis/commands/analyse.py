"""`agile analyse`: make the analyses of a finished run."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("analyse")(analyse)


def analyse(
    run: Annotated[Path, typer.Option(help="Folder of a finished run.")],
    analyses: Annotated[
        str, typer.Option(help="threshold, sensitivity, corruption, attention; comma-separated.")
    ] = "threshold,sensitivity,corruption,attention",
    tables: Annotated[str | None, typer.Option(hidden=True)] = None,
    limit: Annotated[int, typer.Option(help="Use this many images of the run.")] = 100,
    keep: Annotated[
        int | None, typer.Option(help="Tokens kept by threshold and sensitivity; default N/4.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the corruptions.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "auto",
) -> None:
    """Sweep thresholds and knobs, corrupt images, read attention; writes analysis-*.parquet.

    Uses the model and data of the run; what is there already is not made again.
    """
    from analysis.extract.analyses.loop import AnalyseOptions
    from analysis.extract.analyses.loop import analyse as make

    names = tuple(
        dict.fromkeys(part.strip() for part in (tables or analyses).split(",") if part.strip())
    )
    made = make(run, AnalyseOptions(names, limit, keep, seed, device))
    for name, shards in made.items():
        state = f"{shards} new shards" if shards else "is complete"
        sys.stdout.write(f"{run}: {name} {state}.\n")
