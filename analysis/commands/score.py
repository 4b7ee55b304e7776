"""`agile score`: the scores a run's answers allow, as a table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.errors import AgileError, UsageError
from analysis.files import write_text

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("chair", "pope", "mme", "scienceqa")


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("score")(score)


def score(
    run: Annotated[Path, typer.Option(help="Run folder.")],
    metric: Annotated[str, typer.Option(help="chair, pope, mme or scienceqa.")] = "chair",
    out: Annotated[Path | None, typer.Option(help="Write CSV here instead of a table.")] = None,
) -> None:
    """Score a run's answers without generating anything again.

    CHAIR is in the pattern dialect, pooled over images; intervals are in the figures.
    """
    if metric not in METRICS:
        raise UsageError(f"--metric {metric!r} is unknown; choose one of: {', '.join(METRICS)}.")
    from analysis.runs import Run
    from analysis.runs.shortfalls import warn

    opened = Run.open(run)
    warn(opened)
    frame = _table(metric, opened)
    if frame.empty:
        raise AgileError(f"{run} holds no answers that {metric} can score; see --tasks of extract.")
    if out is None:
        sys.stdout.write(frame.to_string(index=False, float_format="%.4f") + "\n")
        return
    write_text(out, frame.to_csv(index=False))
    sys.stdout.write(f"{out}: {len(frame)} rows.\n")


def _table(metric: str, run: object) -> "pd.DataFrame":
    """Compute one metric for every variant."""
    if metric == "chair":
        from analysis.scores.chair import chair_scores, chair_table

        return chair_table(chair_scores(run))  # type: ignore[arg-type]
    from analysis.scores.mme import mme_table
    from analysis.scores.pope import pope_table
    from analysis.scores.scienceqa import scienceqa_table

    return {"pope": pope_table, "mme": mme_table, "scienceqa": scienceqa_table}[metric](run)
