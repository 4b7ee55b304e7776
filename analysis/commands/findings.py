"""``agile findings``: each claim of the paper, what a run shows for it, and the verdict."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from analysis.errors import UsageError
from analysis.flags import flags
from analysis.options import build, check, option

_PAGES = {".md", ".html"}


@dataclass(frozen=True)
class FindingsOptions:
    """What is judged, by what, and what is written."""

    run: Path = option("Run folder to judge by.", Path("data/runs/pocket-scenes"))
    out: Path = option(
        "Page to write, .md with its pictures in images/findings beside it, or one .html file.",
        Path("docs/findings.md"),
    )
    html: Path | None = option("Also write the page as one HTML file.", None)
    against: Path | None = option("Second run: does it give the same verdicts?", None)
    margins: Path | None = option("YAML of smallest effects of interest.", None)
    seed: int = option("Seed of the bootstrap.", 0, low=0)
    resamples: int = option("Bootstrap samples.", 10_000, low=100)

    def __post_init__(self) -> None:
        """Check ranges, and that the page is of a kind that can be written.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        check(self)
        if self.out.suffix not in _PAGES:
            raise UsageError(f"out is {self.out}; name a page that ends in .md or .html.")


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("findings")(findings)


@flags(what=FindingsOptions)
def findings(what: dict[str, Any]) -> None:
    """Write each claim of the paper, what a run shows for it, and the verdict."""
    from analysis.figures.findings import findings as found_in
    from analysis.figures.inputs import Inputs
    from analysis.report.findings import page, write_findings
    from analysis.report.replication import replicated
    from analysis.stats.margins import Margins
    from chair_eval.bootstrap import Bootstrap

    chosen = build(FindingsOptions, what)
    margins = Margins.load(chosen.margins)
    boot = Bootstrap(chosen.resamples, seed=chosen.seed)
    inputs = Inputs(chosen.run, boot)
    against = None
    if chosen.against is not None:
        other = Inputs(chosen.against, boot)
        against = (other, replicated(inputs, other, margins))
    found = found_in(inputs, margins)
    for each in found:
        typer.echo(f"{each.verdict:12}  {each.claim.title}")
    whole = page(inputs, found, margins, against)
    single = chosen.out.suffix == ".html"
    out, standalone = (None, chosen.out) if single else (chosen.out, chosen.html)
    for path in write_findings(whole, out, standalone):
        typer.echo(f"{path}: written.")
