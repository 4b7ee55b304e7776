"""``agile figures``, ``agile report``: a run drawn and shown."""

from pathlib import Path
from typing import Annotated

import typer

from analysis.flags import EMBEDDED_RUN, Out, Resamples, RunFolder, Seed


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("figures")(figures)
    app.command("report")(report)


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Figures to draw, 'all', 'ls' to list them, or 'gallery'."),
    ] = None,
    run: RunFolder = EMBEDDED_RUN,
    out: Out = None,
    seed: Seed = 0,
    resamples: Resamples = 10_000,
    force: Annotated[bool, typer.Option(help="Draw even what is up to date.")] = False,
) -> None:
    """Draw figures and tables of a run as PDF, PNG, SVG, CSV and LaTeX.

    ``gallery`` makes OUT/README.md, figures/ when not given, of what is drawn in OUT/RUN.
    """
    from analysis.figures import FIGURES

    if names == ["ls"]:
        width = max(map(len, FIGURES))
        for name in FIGURES:
            recipe = FIGURES.get(name)
            needs = ", ".join(recipe.needs)
            typer.echo(f"{name:{width}}  {recipe.kind:6}  {recipe.shows}  [{needs}]")
        return
    if names == ["gallery"]:
        from analysis.figures.inputs import Inputs
        from analysis.report.gallery import write_gallery

        home = out or Path("figures")
        typer.echo(f"{write_gallery(Inputs(run), home / run.name, home)}: written.")
        return
    draw(names or ["all"], run, out or Path("figures") / run.name, seed, resamples, force)


def report(
    run: RunFolder = EMBEDDED_RUN,
    figures: Annotated[
        Path | None, typer.Option(help="Its drawn figures; figures/RUN when not given.")
    ] = None,
    out: Out = None,
    images: Annotated[int, typer.Option(min=1, help="Images in the explorer.")] = 200,
) -> None:
    """Write a static page: figures, and an explorer of images, kept tokens and captions."""
    from analysis.figures.inputs import Inputs
    from analysis.report.page import write_report

    drawn = figures or Path("figures") / run.name
    typer.echo(f"{write_report(Inputs(run), drawn, out or drawn / 'report', images)}: written.")


def draw(names: list[str], run: Path, out: Path, seed: int, resamples: int, force: bool) -> None:
    """Build the named figures; ends in exit code 1 with a list when some failed.

    Raises
    ------
    UsageError
        If a name is unknown or ``run`` is no run folder.
    typer.Exit
        With code 1 when a figure failed.
    """
    from analysis.figures import FIGURES
    from analysis.figures.build import Built, build
    from chair_eval.bootstrap import Bootstrap

    wanted = FIGURES.names() if names == ["all"] else list(dict.fromkeys(names))
    recipes = [FIGURES.get(name) for name in wanted]

    def report(result: Built) -> None:
        if result.state == "built":
            typer.echo(f"{out / result.name}: built")

    results = build(
        recipes,
        run,
        out,
        boot=Bootstrap(resamples, seed=seed),
        force=force,
        lenient=names == ["all"],
        report=report,
    )
    fresh = sum(result.state == "fresh" for result in results)
    built = sum(result.state == "built" for result in results)
    failed = [result for result in results if result.state == "failed"]
    skipped = [result for result in results if result.state == "skipped"]
    for result in skipped:
        typer.echo(f"{result.name}: left out, {result.reason}")
    typer.echo(f"{out}: {built} built, {fresh} up to date, {len(failed)} failed.")
    for result in failed:
        typer.echo(f"  {result.name}: {result.reason}", err=True)
    if failed:
        raise typer.Exit(1)
