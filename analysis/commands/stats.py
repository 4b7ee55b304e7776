"""``agile stats``: every estimate of a run as CSV, one row a number with interval, n and seed."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("stats")
    def stats(
        run: Annotated[Path, typer.Option(help="Run folder to estimate from.")] = Path(
            "data/runs/pocket-scenes"
        ),
        out: Annotated[
            Path | None, typer.Option(help="Where to write; figures/RUN/stats when not given.")
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
        resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 10_000,
    ) -> None:
        """Estimate everything a run's records hold, with intervals over images."""
        from analysis.figures.inputs import Inputs
        from analysis.figures.save import numbers
        from analysis.figures.statistics import STATISTICS
        from chair_eval.bootstrap import Bootstrap

        inputs = Inputs(run, Bootstrap(resamples, seed=seed))
        folder = out or Path("figures") / run.name / "stats"
        folder.mkdir(parents=True, exist_ok=True)
        for name, make in STATISTICS.items():
            frame = make(inputs)
            (folder / f"{name}.csv").write_text(numbers(frame), encoding="utf-8")
            typer.echo(f"{folder / name}.csv: {len(frame)} estimates")
