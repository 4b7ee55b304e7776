"""`agile extract`: make a run, or what is missing of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.flags import flags
from analysis.options import build

if TYPE_CHECKING:
    from analysis.extract.loop import Report


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("extract")(extract)


@flags(what=ExtractConfig, how=Runtime)
def extract(
    what: dict[str, Any],
    how: dict[str, Any],
    out: Annotated[Path | None, typer.Option(help="Run folder, such as data/runs/NAME.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML with any of these; flags win.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and stop.")] = False,
) -> None:
    """Encode every image once, prune it in many ways, answer, and write records.

    Killed at any moment and started again, it ends with the rows of an uninterrupted run.
    """
    wanted = build(ExtractConfig, {**_file(config), **what})
    runtime = build(Runtime, how)
    if dry_run:
        from analysis.extract.plan import plan

        sys.stdout.write(plan(wanted, out, runtime).text() + "\n")
        return
    if out is None:
        raise UsageError("--out is missing; give a run folder such as data/runs/NAME.")
    from analysis.extract.loop import run_extraction

    sys.stdout.write(_sentence(run_extraction(wanted, out, runtime), out) + "\n")


def _file(path: Path | None) -> dict[str, Any]:
    """Read a YAML configuration."""
    if path is None:
        return {}
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"--config {path} cannot be read ({error}); check the file.") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"--config {path} must hold key: value pairs.")
    return values


def _sentence(report: "Report", out: Path) -> str:
    """Say what was done."""
    if not report.made:
        missing = len(report.run.missing)
        state = "is complete" if not missing else f"lacks {missing} shards of other workers"
        return f"{out}: {state} ({report.images} images, {report.failed} unusable)."
    return (
        f"{out}: {report.images} images, {report.failed} unusable, "
        f"{report.made} new shards in {report.seconds:.1f} s."
    )
