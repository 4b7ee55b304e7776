"""``agile stats``: every estimate of a run as CSV, one row a number with interval, n and seed."""

from pathlib import Path

import typer

from analysis.files import write_text
from analysis.flags import EMBEDDED_RUN, Out, Resamples, RunFolder, Seed


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("stats")(stats)


def stats(
    run: RunFolder = EMBEDDED_RUN, out: Out = None, seed: Seed = 0, resamples: Resamples = 10_000
) -> None:
    """Estimate everything a run's records hold, with intervals over images."""
    from analysis.figures.inputs import Inputs
    from analysis.figures.save import numbers
    from analysis.figures.statistics import STATISTICS
    from chair_eval.bootstrap import Bootstrap

    inputs = Inputs(run, Bootstrap(resamples, seed=seed))
    folder = out or Path("figures") / run.name / "stats"
    for name, make in STATISTICS.items():
        frame = make(inputs)
        write_text(folder / f"{name}.csv", numbers(frame))
        typer.echo(f"{folder / name}.csv: {len(frame)} estimates")
